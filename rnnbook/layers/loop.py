"""Any cell of `cells` over whole sequences, step by step: the readable form."""

from typing import Any

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State, check_lengths
from rnnbook.cells import cell_named, check_activation
from rnnbook.layers.checks import (
    check_gradient,
    check_input,
    check_params,
    check_state,
    rows_and_columns,
)
from rnnbook.layers.recurrent import Step


class Loop:
    """
    A recurrent layer as a page derives it: `cells` one step after another, whatever the cell.

    It is what the fast layers are held against, and the layer for the cells that have no fast one:
    "lstm_peephole" and "gru_reset_before". Shapes and verbs are those of `RNN`, `LSTM` and `GRU`;
    `options` go to every step, such as `activation="relu"` to that of "rnn".

    >>> from rnnbook.cells import CELLS
    >>> shapes = CELLS["gru_reset_before"].shapes(D=2, H=3)
    >>> layer = Loop("gru_reset_before", {name: np.zeros(shape) for name, shape in shapes.items()})
    >>> h, _ = layer.forward(np.ones((1, 2, 2)), (np.ones((1, 3)),))
    >>> h[0, :, 0].tolist()     # z = 1/2 and n = 0: half the state is left after each step
    [0.5, 0.25]
    """

    def __init__(self, cell: str, params: Params, **options: Any) -> None:
        self.cell, self.who = cell_named(cell), f"Loop of {cell}"
        self.D, wide = rows_and_columns(params, "W_xh", self.who)
        self.H = max(1, wide // len(self.cell.gates))
        self.dtype = check_params(params, self.cell.shapes(self.D, self.H), self.who)
        if options.keys() - ({"activation"} if cell == "rnn" else set()):
            raise TypeError(f"a {self.who} takes no options {sorted(options)}")
        check_activation(options.get("activation", "tanh"))
        self.params, self.options = params, options
        self._shape: tuple[int, ...] | None = None

    @property
    def width(self) -> int:
        return self.H

    def forward(
        self, x: Array, state: State | None = None, lengths: Lengths | None = None
    ) -> tuple[Array, State]:
        """Every state h (B, T, H), and the last, as `Recurrent.forward`: 0 and held at padding."""
        check_input(x, self.D, self.dtype, self.who)
        B, T, _ = x.shape
        shapes = [(B, self.H)] * len(self.cell.state)
        if state is None:
            state = tuple(np.zeros(shape, self.dtype) for shape in shapes)
        check_state(state, shapes, self.dtype)
        ends = np.full(B, T) if lengths is None else check_lengths(lengths, B, T)
        self.real = np.arange(T)[:, None, None] < ends[:, None]  # (T, B, 1)
        self.caches: list[Any] = []
        h = np.empty((B, T, self.H), self.dtype)
        for t in range(T):
            x_t = np.where(self.real[t], x[:, t], 0)
            new, cache = self.cell.step(x_t, state, **self.params, **self.options)
            self.caches.append(cache)
            state = tuple(np.where(self.real[t], n, s) for n, s in zip(new, state, strict=True))
            h[:, t] = np.where(self.real[t], new[0], 0)
        self._shape = h.shape
        return h, tuple(s.copy() for s in state)

    def backward(self, dh: Array, dstate: State | None = None) -> tuple[Array, State, Params]:
        """Gradients of the input, of the initial state and of the parameters, as `Recurrent`'s."""
        check_gradient(dh, self._shape, self.dtype, self.who)
        B, T, H = dh.shape
        shapes = [(B, H)] * len(self.cell.state)
        if dstate is None:
            dstate = tuple(np.zeros(shape, self.dtype) for shape in shapes)
        check_state(dstate, shapes, self.dtype)
        dx = np.empty((B, T, self.D), self.dtype)
        total = {name: np.zeros_like(p) for name, p in self.params.items()}
        for t in reversed(range(T)):
            real = self.real[t]
            arriving = tuple(np.where(real, d, 0) for d in dstate)
            arriving = (arriving[0] + np.where(real, dh[:, t], 0), *arriving[1:])
            dx[:, t], before, grads = self.cell.step_backward(arriving, self.caches[t])
            dstate = tuple(np.where(real, b, d) for b, d in zip(before, dstate, strict=True))
            for name, g in grads.items():
                total[name] += g
        return dx, dstate, total

    def stepper(self, state: State | None = None) -> tuple[Step, State]:
        """For one sequence, one step at a time, as `Recurrent.stepper`."""
        shapes = [(1, self.H)] * len(self.cell.state)
        if state is None:
            state = tuple(np.zeros(shape, self.dtype) for shape in shapes)
        check_state(state, shapes, self.dtype)
        live = tuple(s[0].copy() for s in state)

        def step(x: Array) -> Array:
            before = tuple(a[None] for a in live)
            new, _ = self.cell.step(x[None], before, **self.params, **self.options)
            for a, n in zip(live, new, strict=True):
                a[...] = n[0]
            h: Array = live[0]
            return h

        return step, live
