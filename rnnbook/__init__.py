"""
rnnbook: the package behind the textbook *Recurrent Neural Networks, Derived and Checked*.

It holds what several pages share, and the fast form of what a page derives. Floors, imports
only point down:

    4   plotting  notebook                  what pages draw and print
    2   models_numpy                        the reference model: configuration, starting weights
    1   layers  tasks  baselines            sequences; data with its naive answers
    0   cells  losses  optim  gradcheck     one equation, one function
        metrics  training  initializers  environment

`import rnnbook` needs NumPy alone and imports none of them: take what you need, as in
`from rnnbook import models_numpy`.
"""

__version__ = "0.1.0"
