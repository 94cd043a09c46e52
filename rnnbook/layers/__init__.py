"""
Layers over whole sequences: the same mathematics as `cells`, run fast.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs. Public axes are (B, T, features).
A layer holds its parameters in `params`, by name. `forward` keeps what `backward` needs, so
`backward` belongs to the last `forward`; it returns the gradient of the input, for a recurrent
layer that of the initial state, and those of the parameters.

    checks       what every layer refuses, and in which words
    pointwise    Linear  Embedding  Dropout  LayerNorm
    recurrent    what RNN, LSTM and GRU share: axes, states, lengths
    rnn lstm gru the three, each with its equations as matrix products over a batch
    loop         Loop: any cell of `cells`, step by step
    nested       Bidirectional  Stacked
"""

from rnnbook.layers.checks import check_gradient, check_input, check_params
from rnnbook.layers.gru import GRU
from rnnbook.layers.loop import Loop
from rnnbook.layers.lstm import LSTM
from rnnbook.layers.nested import Bidirectional, Stacked, recurrent_layer
from rnnbook.layers.pointwise import Dropout, Embedding, LayerNorm, Linear
from rnnbook.layers.recurrent import Layer, Recurrent
from rnnbook.layers.rnn import RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "Dropout",
    "Embedding",
    "Layer",
    "LayerNorm",
    "Linear",
    "Loop",
    "Recurrent",
    "Stacked",
    "check_gradient",
    "check_input",
    "check_params",
    "recurrent_layer",
]
