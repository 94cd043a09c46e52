"""Layers made of layers: both directions, and one above the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State, check_array, check_lengths
from rnnbook.layers.checks import check_gradient
from rnnbook.layers.gru import GRU
from rnnbook.layers.loop import Loop
from rnnbook.layers.lstm import LSTM
from rnnbook.layers.recurrent import Layer, Step
from rnnbook.layers.rnn import RNN


def recurrent_layer(cell: str, params: Params, activation: str = "tanh") -> Layer:
    """The layer for a cell by its name in `cells.CELLS`: the fast one where there is one."""
    if cell == "rnn":
        return RNN(params, activation)
    if cell == "lstm":
        return LSTM(params)
    return GRU(params) if cell == "gru" else Loop(cell, params)


def one_dtype(layers: Sequence[Layer], who: str) -> Any:
    """The dtype that all layers share."""
    dtypes = {str(layer.dtype) for layer in layers}
    if len(dtypes) > 1:
        raise TypeError(f"the layers of this {who} are {sorted(dtypes)}, but must be of one dtype")
    return layers[0].dtype


def check_nested(state: object, parts: int, who: str) -> None:
    """Raise unless `state` is a tuple of as many tuples."""
    if not isinstance(state, tuple) or len(state) != parts:
        came = f"{len(state)} of them" if isinstance(state, tuple) else type(state).__name__
        raise ValueError(f"state is {came}, but a {who} wants a tuple of {parts} states")


def reverse(x: Array, lengths: Array | None) -> Array:
    """
    Each sequence (B, T, ...) from its last step to its first; the padding stays behind.

    >>> reverse(np.array([[1, 2, 3, 0]]), np.array([3])).tolist()
    [[3, 2, 1, 0]]
    """
    if lengths is None:
        return np.ascontiguousarray(x[:, ::-1])
    t = np.arange(x.shape[1])
    mirrored = lengths[:, None] - 1 - t
    return np.asarray(x[np.arange(len(x))[:, None], np.where(mirrored < 0, t, mirrored)])


class Bidirectional:
    """
    Two layers over the same sequence, one from each end (Schuster and Paliwal 1997).

    The output (B, T, H_forward + H_backward) holds, at step t, what the forward layer knows of
    x_1 ... x_t beside what the backward layer knows of x_T ... x_t. The state is a tuple of the
    two layers' states: a summary of the whole sequence is made of those, for the output at the last
    step holds a backward state that has read one step. With `lengths` the backward layer starts at
    each sequence's last real step. Parameters are named "forward.W_xh", "backward.W_xh", ...
    """

    def __init__(self, forward_layer: Layer, backward_layer: Layer) -> None:
        self.sides = (forward_layer, backward_layer)
        self.dtype = one_dtype(self.sides, "Bidirectional")
        self._shape: tuple[int, ...] | None = None

    @property
    def params(self) -> Params:
        return self._named(*(side.params for side in self.sides))

    @property
    def width(self) -> int:
        return sum(side.width for side in self.sides)

    def _named(self, forward: Params, backward: Params) -> Params:
        return {
            **{f"forward.{name}": a for name, a in forward.items()},
            **{f"backward.{name}": a for name, a in backward.items()},
        }

    def forward(
        self, x: Array, state: State | None = None, lengths: Lengths | None = None
    ) -> tuple[Array, State]:
        """Both outputs side by side, and `(forward state, backward state)`."""
        if state is not None:
            check_nested(state, 2, "Bidirectional")
        check_array(x, "x")
        first, second = (None, None) if state is None else state
        self.lengths = None if lengths is None else check_lengths(lengths, len(x), x.shape[1])
        ahead, back = self.sides
        h, last = ahead.forward(x, first, self.lengths)
        h_back, last_back = back.forward(reverse(x, self.lengths), second, self.lengths)
        both = np.concatenate([h, reverse(h_back, self.lengths)], axis=2)
        self._shape = both.shape
        return both, (last, last_back)

    def backward(self, dh: Array, dstate: State | None = None) -> tuple[Array, State, Params]:
        """Gradients of the input, of both initial states and of both layers' parameters."""
        check_gradient(dh, self._shape, self.dtype, "Bidirectional")
        if dstate is not None:
            check_nested(dstate, 2, "Bidirectional")
        first, second = (None, None) if dstate is None else dstate
        ahead, back = self.sides
        dx, dfirst, grads = ahead.backward(dh[:, :, : ahead.width], first)
        dh_back = reverse(dh[:, :, ahead.width :], self.lengths)
        dx_back, dsecond, grads_back = back.backward(dh_back, second)
        dx = dx + reverse(dx_back, self.lengths)
        return dx, (dfirst, dsecond), self._named(grads, grads_back)

    def stepper(self, state: State | None = None) -> tuple[Step, State]:
        """Refused: what comes later decides what a bidirectional layer says now."""
        raise ValueError("a Bidirectional layer reads whole sequences: it cannot go step by step")


class Stacked:
    """
    Layers one above the other: each reads the states of the one below (Schmidhuber 1992).

    The state is a tuple of the layers' states, lowest first; parameters are named "0.W_xh",
    "1.W_xh", ... Layers may differ in kind and width, and be `Bidirectional`.

    >>> lower = RNN({"W_xh": np.ones((1, 2)), "W_hh": np.eye(2), "b_h": np.zeros(2)})
    >>> upper = RNN({"W_xh": np.ones((2, 3)), "W_hh": np.eye(3), "b_h": np.zeros(3)})
    >>> h, (low, high) = Stacked([lower, upper]).forward(np.ones((1, 4, 1)))
    >>> h.shape, low[0].shape, high[0].shape
    ((1, 4, 3), (1, 2), (1, 3))
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        if not layers:
            raise ValueError("there are no layers to stack")
        self.layers = list(layers)
        self.dtype = one_dtype(self.layers, "Stacked")

    @property
    def params(self) -> Params:
        return self._named([layer.params for layer in self.layers])

    @property
    def width(self) -> int:
        return self.layers[-1].width

    def _named(self, parts: Sequence[Params]) -> Params:
        return {f"{k}.{name}": a for k, part in enumerate(parts) for name, a in part.items()}

    def _states(self, state: State | None) -> State:
        if state is None:
            return (None,) * len(self.layers)
        check_nested(state, len(self.layers), "Stacked")
        return state

    def forward(
        self, x: Array, state: State | None = None, lengths: Lengths | None = None
    ) -> tuple[Array, State]:
        """The highest layer's states (B, T, H), and every layer's last state."""
        last = []
        for layer, first in zip(self.layers, self._states(state), strict=True):
            x, end = layer.forward(x, first, lengths)
            last.append(end)
        return x, tuple(last)

    def backward(self, dh: Array, dstate: State | None = None) -> tuple[Array, State, Params]:
        """Gradients of the input, of every initial state and of every layer's parameters."""
        dfirst, parts = [], []
        for layer, dlast in zip(self.layers[::-1], self._states(dstate)[::-1], strict=True):
            dh, d, grads = layer.backward(dh, dlast)
            dfirst.append(d)
            parts.append(grads)
        return dh, tuple(dfirst[::-1]), self._named(parts[::-1])

    def stepper(self, state: State | None = None) -> tuple[Step, State]:
        """For one sequence, one step at a time, as `Recurrent.stepper`."""
        pairs = [
            layer.stepper(s) for layer, s in zip(self.layers, self._states(state), strict=True)
        ]
        steps = [step for step, _ in pairs]

        def step(x: Array) -> Array:
            for each in steps:
                x = each(x)
            return x

        return step, tuple(live for _, live in pairs)
