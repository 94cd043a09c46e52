"""
What RNN, LSTM and GRU share: axes, states, lengths.

Inside, an array of a sequence has the axes (T, features, B), so that one step is a contiguous
block and one matrix product. The buffers and the views of their time steps are made once for each
shape: a slice costs a tenth of a microsecond, a small product little more.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final, Protocol

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State, check_lengths
from rnnbook.cells import cell_named
from rnnbook.layers.checks import (
    check_gradient,
    check_input,
    check_params,
    check_state,
    rows_and_columns,
)

COLUMNS: Final = 512  # columns (steps times batch) in a block of the backward pass: fits the cache
Step = Callable[[Array], Array]


class Layer(Protocol):
    """What every recurrent layer can do, nested ones included: its states may be nested, too."""

    dtype: Any

    @property
    def params(self) -> Params:
        """The arrays that it computes with, by name."""

    @property
    def width(self) -> int:
        """Features of an output."""

    def forward(
        self, x: Array, state: State | None = None, lengths: Lengths | None = None
    ) -> tuple[Array, State]: ...

    def backward(self, dh: Array, dstate: State | None = None) -> tuple[Array, State, Params]: ...

    def stepper(self, state: State | None = None) -> tuple[Step, State]: ...


def in_block(T: int, B: int) -> int:
    """How many steps make about `COLUMNS` columns."""
    return max(1, min(T, COLUMNS // B))


def blocks(T: int, B: int) -> list[slice]:
    """The steps T-1 ... 0 from the back, a slice for each block."""
    n = in_block(T, B)
    return [slice(max(0, end - n), end) for end in range(T, 0, -n)]


def columns(a: Array, flat: Array) -> Array:
    """(T, F, B) -> (F, T*B), in the memory of `flat`: each step of each sequence is one column."""
    T, F, B = a.shape
    found = flat[: a.size].reshape(F, T, B)
    found[...] = a.swapaxes(0, 1)
    return found.reshape(F, T * B)


def halved(W: Array, columns: int) -> Array:
    """
    A copy of W with its first columns halved: with tanh of what they give, for

        sigmoid(z) = (1 + tanh(z/2)) / 2,

    one call of tanh serves all gates.
    """
    W = W.copy()
    W[:, :columns] *= 0.5
    return W


def transposed(W: Array, B: int) -> Array:
    """W^T in the memory order in which BLAS is fastest for a batch of B."""
    return W.T if B < 16 else np.ascontiguousarray(W.T)


class Recurrent:
    """
    A cell of `cells` over whole sequences. A subclass runs the steps; it makes, in `_allocate`,

        inputs (T, D, B), dinputs (T, D, B)    where the inputs go, and their gradients come from
        first                                  the arrays (H, B) of the state before step 1
        states                                 the arrays (T, H, B) of the state after each step
    """

    cell: ClassVar[str]
    inputs: Array
    dinputs: Array
    first: State
    states: State

    def __init__(self, params: Params) -> None:
        self.who = type(self).__name__
        cell = cell_named(self.cell)
        self.D, wide = rows_and_columns(params, "W_xh", self.who)
        self.H = max(1, wide // len(cell.gates))
        self.dtype = check_params(params, cell.shapes(self.D, self.H), self.who)
        self.params = params
        self._shape: tuple[int, int] | None = None  # (T, B) of the last forward

    @property
    def width(self) -> int:
        return self.H

    def forward(
        self, x: Array, state: State | None = None, lengths: Lengths | None = None
    ) -> tuple[Array, State]:
        """
        Every state h (B, T, H), and the last as a tuple that goes back in as `state`.

        With `lengths` (B,), steps at or beyond a sequence's length are padding: what x holds there
        is not read, h is 0 there, and the last state is that of the last real step.
        """
        check_input(x, self.D, self.dtype, self.who)
        B, T, _ = x.shape
        self.lengths = None if lengths is None else check_lengths(lengths, B, T)
        if state is not None:
            check_state(state, [(B, self.H)] * len(cell_named(self.cell).state), self.dtype)
        if self._shape != (T, B):
            self._shape = None  # until every buffer is there
            self._allocate(T, B)
            self._shape = (T, B)
        self.inputs[...] = x.transpose(1, 2, 0)
        for k, first in enumerate(self.first):
            first[...] = 0 if state is None else state[k].T
        if self.lengths is not None:
            self.padding = np.arange(T)[:, None] >= self.lengths  # (T, B)
            self._blank(self.inputs)
        self._forward()
        if self.lengths is None:
            last = tuple(s[-1].T.copy() for s in self.states)
        else:
            ends = self.lengths - 1, slice(None), np.arange(B)
            last = tuple(s[ends] for s in self.states)
            self._blank(self.states[0])
        return self.states[0].transpose(2, 0, 1).copy(), last

    def backward(self, dh: Array, dstate: State | None = None) -> tuple[Array, State, Params]:
        """
        Back through time, from dh (B, T, H), the gradient that arrives at each state from above,
        and `dstate`, that which arrives at the last state from a later sequence.

        Returns dx (B, T, D), the gradient of the initial state, and those of the parameters.
        """
        shape = self._shape and (self._shape[1], self._shape[0], self.H)
        check_gradient(dh, shape, self.dtype, self.who)
        arriving = dh.transpose(1, 2, 0)
        ends: Any = -1
        if self.lengths is not None or dstate is not None:
            arriving = arriving.copy()
        if self.lengths is not None:
            self._blank(arriving)
            ends = self.lengths - 1, slice(None), np.arange(len(dh))
        if dstate is not None:
            check_state(dstate, [(len(dh), self.H)] * len(self.states), self.dtype)
            arriving[ends] += dstate[0].T if self.lengths is None else dstate[0]
        dfirst, grads = self._backward(arriving, None if dstate is None else dstate[1:])
        dx = self.dinputs.transpose(2, 0, 1).copy()
        return dx, tuple(d.T.copy() for d in dfirst), grads

    def __getstate__(self) -> dict[str, Any]:
        """For `copy` and `pickle`, without the buffers: copied, their views would be apart."""
        kept = ("who", "D", "H", "dtype", "params", "activation")
        return {name: vars(self)[name] for name in kept if name in vars(self)} | {"_shape": None}

    def _blank(self, a: Array) -> None:
        """Zero a (T, F, B) at the padding."""
        a.transpose(0, 2, 1)[self.padding] = 0

    def stepper(self, state: State | None = None) -> tuple[Step, State]:
        """
        For one sequence, one step at a time: `step, state`.

        `step(x)` reads x (D,) and returns the new h (H,), a view that the next step overwrites.
        `state` holds the live arrays (H,): read them, copy them, write to them. The weights are
        those of now. Nothing is checked or allocated in a step, nothing is kept for `backward`.
        """
        arrays = len(cell_named(self.cell).state)
        if state is not None:
            check_state(state, [(1, self.H)] * arrays, self.dtype)
        step, live = self._stepper()
        for k, a in enumerate(live):
            a[...] = 0 if state is None else state[k][0]
        return step, live

    def _new(self, *shape: int) -> Array:
        return np.empty(shape, self.dtype)

    def _allocate(self, T: int, B: int) -> None:
        raise NotImplementedError

    def _forward(self) -> None:
        raise NotImplementedError

    def _backward(self, arriving: Array, dlast: State | None) -> tuple[State, Params]:
        raise NotImplementedError

    def _stepper(self) -> tuple[Step, State]:
        raise NotImplementedError
