"""Every recurrent layer of the book by name, and what the tests about layers share."""

import numpy as np

from rnnbook.cells import CELLS
from rnnbook.layers import GRU, LSTM, RNN, Bidirectional, Loop, Stacked


def params_of(cell, D, H, dtype=np.float64, seed=0):
    """Random parameters; W_hh a contraction, so that rounding does not grow over the steps."""
    rng = np.random.default_rng(seed)
    shapes = CELLS[cell].shapes(D, H)
    params = {name: 0.5 * rng.normal(size=shape) for name, shape in shapes.items()}
    params["W_hh"] *= 1.6 / np.linalg.norm(params["W_hh"], 2)
    return {name: p.astype(dtype) for name, p in params.items()}


def _simple(make, cell, **options):
    return lambda D, H, dtype, seed: make(params_of(cell, D, H, dtype, seed), **options)


def _loop(cell, **options):
    return lambda D, H, dtype, seed: Loop(cell, params_of(cell, D, H, dtype, seed), **options)


def _both(make, cell):
    return lambda D, H, dtype, seed: Bidirectional(
        make(params_of(cell, D, H, dtype, seed)), make(params_of(cell, D, H, dtype, seed + 1))
    )


def _stack(*makers):
    def make(D, H, dtype, seed):
        layers = []
        for k, maker in enumerate(makers):
            width = layers[-1].width if layers else D
            layers.append(maker(width, H + k, dtype, seed + 10 * k))
        return Stacked(layers)

    return make


FAST = {
    "rnn, tanh": _simple(RNN, "rnn"),
    "rnn, relu": _simple(RNN, "rnn", activation="relu"),
    "lstm": _simple(LSTM, "lstm"),
    "gru": _simple(GRU, "gru"),
}
LOOPS = {
    "rnn, tanh": _loop("rnn"),
    "rnn, relu": _loop("rnn", activation="relu"),
    **{cell: _loop(cell) for cell in CELLS if cell != "rnn"},
}
ONE_WAY = {
    **FAST,
    **{f"loop of {name}": make for name, make in LOOPS.items()},
    "stack of lstm and gru": _stack(FAST["lstm"], FAST["gru"]),
}
BOTH_WAYS = {
    "both ways rnn": _both(RNN, "rnn"),
    "both ways lstm": _both(LSTM, "lstm"),
    "both ways gru": _both(GRU, "gru"),
    "stack of both ways": _stack(_both(GRU, "gru"), _both(LSTM, "lstm")),
}
EVERY = {**ONE_WAY, **BOTH_WAYS}


def make(name, D=3, H=4, dtype=np.float64, seed=0):
    return EVERY[name](D, H, dtype, seed)


def arrays_in(state):
    """The arrays of a state, however it is nested, in order."""
    if isinstance(state, tuple):
        return [a for part in state for a in arrays_in(part)]
    return [state]


def same_nesting(state, arrays):
    """The arrays, in the nesting of `state`."""
    if isinstance(state, tuple):
        return tuple(same_nesting(part, arrays) for part in state)
    return next(arrays)


def random_state(layer, B, seed):
    """A state that fits the layer, random."""
    rng = np.random.default_rng(seed)
    _, state = layer.forward(np.zeros((B, 1, inputs_of(layer)), layer.dtype))
    drawn = (rng.normal(size=a.shape).astype(layer.dtype) for a in arrays_in(state))
    return same_nesting(state, drawn)


def inputs_of(layer):
    """How many features the layer reads."""
    return next(a.shape[0] for name, a in layer.params.items() if name.endswith("W_xh"))


def run(layer, x, state, dh, dstate, lengths=None):
    """Forward and back: everything that comes out, by name."""
    h, last = layer.forward(x, state, lengths)
    dx, dfirst, grads = layer.backward(dh, dstate)
    out = {"h": h, "dx": dx, **grads}
    out |= {f"last {k}": a for k, a in enumerate(arrays_in(last))}
    out |= {f"dfirst {k}": a for k, a in enumerate(arrays_in(dfirst))}
    return out


def random_run(layer, B, T, seed=0):
    """Arguments for `run`: x, state, dh, dstate, random, in the layer's dtype."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(B, T, inputs_of(layer))).astype(layer.dtype)
    dh = rng.normal(size=(B, T, layer.width)).astype(layer.dtype)
    return x, random_state(layer, B, seed + 1), dh, random_state(layer, B, seed + 2)
