"""
rnnbook: the package behind the textbook *Recurrent Neural Networks, Derived and Checked*.

It holds what several pages share, and the fast form of what a page derives. Floors: imports only
point down, and within a floor only to the left.

    4   plotting notebook exercises bench          what pages draw, print, check and time
    3   models_tf models_keras models_torch        the same model, each in its framework
    2   models_numpy                               the reference model and its verbs
    1   baselines layers network inputs tasks      naive answers, sequences, data
    0   environment arrays cells initializers      one equation, one function
        losses metrics optim gradcheck training
        config convert sampling storage

`import rnnbook` needs NumPy alone and imports none of them: take what you need, as in
`from rnnbook import models_numpy`.
"""

__version__ = "0.1.0"
