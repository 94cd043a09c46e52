"""
Parameters, gradients and Adam's moments, between the book, PyTorch and Keras.

NumPy arrays go in, NumPy arrays come out: no framework is imported. What comes out is a contiguous
copy of the same dtype, float32 or float64, and shares no memory with what went in.

    book                   shape           PyTorch            Keras
    W_xh                   (D, G*H)        weight_ih_l0.T     kernel
    W_hh                   (H, G*H)        weight_hh_l0.T     recurrent_kernel
    b_h   (rnn, lstm)      (G*H,)          bias_ih_l0, and    bias
                                           bias_hh_l0 = 0
    b_xh, b_hh  (gru)      (3H,) each      bias_ih_l0,        bias[0], bias[1]
                                           bias_hh_l0
    b_h (gru_reset_before) (3H,)           has no such cell   bias, with reset_after=False
    gates of the lstm      i f g o         i f g o            i f c o: the same, c for g
    gates of both grus     r z n           r z n              z r h: exchanged, h for n

where
    D inputs, H hidden units, G gates: 1 in an rnn, 4 in an lstm, 3 in a gru.

In the book a layer of a stack has its number before the names, a direction of a bidirectional
layer its word: "W_xh", "1.W_xh", "backward.W_xh", "1.backward.W_xh" are weight_ih_l0, weight_ih_l1,
weight_ih_l0_reverse, weight_ih_l1_reverse in PyTorch. Keras has a list: layer by layer, the
forward net before the backward net. Whether an rnn's activation is tanh or relu does not show
in its weights: tell the framework's layer yourself.

Sources: the tables "Variables" of torch.nn.RNN, LSTM and GRU in PyTorch's documentation (2.13); the
`build` of Keras' recurrent cells and of keras.optimizers.Adam (3.15); tests/test_package_convert.py
holds both frameworks to it.
"""

from rnnbook.convert.keras_layout import (
    adam_from_keras,
    adam_to_keras,
    from_keras,
    grads_from_keras,
    grads_to_keras,
    to_keras,
)
from rnnbook.convert.torch_layout import (
    AdamState,
    adam_from_torch,
    adam_to_torch,
    from_torch,
    grads_from_torch,
    grads_to_torch,
    to_torch,
)

__all__ = [
    "AdamState",
    "adam_from_keras",
    "adam_from_torch",
    "adam_to_keras",
    "adam_to_torch",
    "from_keras",
    "from_torch",
    "grads_from_keras",
    "grads_from_torch",
    "grads_to_keras",
    "grads_to_torch",
    "to_keras",
    "to_torch",
]
