"""The simple recurrent layer, run fast."""

from typing import Any

import numpy as np
from numpy import dot

from rnnbook.arrays import Array, Params, State
from rnnbook.cells import ACTIVATIONS, check_activation
from rnnbook.layers.recurrent import Recurrent, Step, blocks, columns, in_block, transposed


class RNN(Recurrent):
    """
    The simple recurrent layer: h_t = phi(x_t W_xh + h_(t-1) W_hh + b_h), phi tanh or relu.

    Shapes: x (B, T, D), h (B, T, H), state `(h,)` with (B, H), zeros where none is given;
    W_xh (D, H), W_hh (H, H), b_h (H,). Source: Elman (1990). `cells.rnn_step` is one step of it.

    With R_t = [x_t; 1; h_(t-1)] stacked in one buffer and W = [W_xh; b_h; W_hh], a step is one
    product: h_t = phi(W^T R_t). Going back, dz_t = (dh_t + W_hh dz_(t+1)) * phi'(z_t), and W dz_t
    holds the gradients of x_t and h_(t-1) at once; dW is one product for a block of steps.

    >>> rng = np.random.default_rng(0)
    >>> shapes = {"W_xh": (1, 4), "W_hh": (4, 4), "b_h": (4,)}
    >>> layer = RNN({name: rng.normal(size=shape) for name, shape in shapes.items()})
    >>> h, (last,) = layer.forward(np.ones((2, 3, 1)))
    >>> h.shape, bool((h[:, -1] == last).all())
    ((2, 3, 4), True)
    """

    cell = "rnn"

    def __init__(self, params: Params, activation: str = "tanh") -> None:
        super().__init__(params)
        self.activation = check_activation(activation)

    def _allocate(self, T: int, B: int) -> None:
        D, H = self.D, self.H
        rows = D + 1 + H  # x, 1, h
        self.R = self._new(T + 1, rows, B)
        self.dR = self._new(T + 1, rows, B)  # its gradient; the h rows carry dh
        self.dz, self.z = self._new(T, H, B), self._new(H, B)
        block = in_block(T, B) * B
        self.dz_flat, self.R_flat = self._new(block * H), self._new(block * rows)
        self.dW = self._new(rows, H)
        self.R[:, D] = 1
        self.h = self.R[1:, D + 1 :]
        self.inputs, self.dinputs = self.R[:-1, :D], self.dR[:-1, :D]
        self.first, self.states = (self.R[0, D + 1 :],), (self.h,)
        self.forward_steps = list(zip(self.R[:-1], self.h, strict=True))
        steps = zip(self.dz, self.dR[1:, D + 1 :], self.dR[:-1], strict=True)
        self.backward_steps = list(steps)

    def _stacked(self) -> Array:
        """W = [W_xh; b_h; W_hh] (D+1+H, H)."""
        p = self.params
        return np.concatenate([p["W_xh"], p["b_h"][None], p["W_hh"]])

    def _forward(self) -> None:
        WT = transposed(self._stacked(), self.R.shape[2])
        phi, z = ACTIVATIONS[self.activation][0], self.z
        for R_t, h_t in self.forward_steps:
            dot(WT, R_t, out=z)
            phi(z, out=h_t)

    def _backward(self, arriving: Array, dlast: State | None) -> tuple[State, Params]:
        D, (T, _, B) = self.D, self.h.shape
        W = self._stacked()
        dW = np.zeros_like(W)
        _, slope = ACTIVATIONS[self.activation]
        self.dR[T] = 0
        for t in blocks(T, B):
            # phi' does not depend on the recursion: a block of steps at once, while in the cache.
            slope(self.h[t], out=self.dz[t])
            steps = zip(self.backward_steps[t][::-1], arriving[t][::-1], strict=True)
            for (dz_t, dh_t, dR_t), arriving_t in steps:
                dh_t += arriving_t
                dz_t *= dh_t
                dot(W, dz_t, out=dR_t)
            R, dz = columns(self.R[:-1][t], self.R_flat), columns(self.dz[t], self.dz_flat)
            dW += dot(R, dz.T, out=self.dW)
        grads = {"W_xh": dW[:D], "W_hh": dW[D + 1 :], "b_h": dW[D]}
        return (self.dR[0, D + 1 :],), {name: g.copy() for name, g in grads.items()}

    def _stepper(self) -> tuple[Step, State]:
        D, WT = self.D, self._stacked().T
        R, z = np.ones(WT.shape[1], self.dtype), np.empty(self.H, self.dtype)
        x_rows, h = R[:D], R[D + 1 :]
        phi: Any = ACTIVATIONS[self.activation][0]

        def step(x: Array) -> Array:
            x_rows[...] = x
            dot(WT, R, out=z)
            phi(z, h)
            return h

        return step, (h,)
