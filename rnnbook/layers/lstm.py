"""The long short-term memory, run fast."""

import numpy as np
from numpy import add, dot, multiply, subtract, tanh

from rnnbook.arrays import Array, Params, State
from rnnbook.layers.recurrent import (
    Recurrent,
    Step,
    blocks,
    columns,
    halved,
    in_block,
    transposed,
)


def step_in_place(
    WT: Array, half: Array, R: Array, z: Array, sigmoids: Array, i_f: Array, g_c: Array, o: Array,
    both: Array, ig: Array, fc: Array, c: Array, tanh_c: Array, h: Array,
) -> None:  # fmt: skip
    """The equations of `LSTM`, one step: R = [x; 1; h before] goes in, c and h come out."""
    dot(WT, R, out=z)
    tanh(z, z)  # of the three sigmoids' halves, and of g
    multiply(sigmoids, half, sigmoids)
    add(sigmoids, half, sigmoids)
    multiply(i_f, g_c, both)
    add(ig, fc, c)
    tanh(c, tanh_c)
    multiply(o, tanh_c, h)


class LSTM(Recurrent):
    """
    The long short-term memory: `cells.lstm_step` at every step.

        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o),   g = tanh(z_g)
        c_t = f * c_(t-1) + i * g,   h_t = o * tanh(c_t)

    Shapes: x (B, T, D), h (B, T, H), state `(h, c)` with (B, H) each, zeros where none is given;
    W_xh (D, 4H), W_hh (H, 4H), b_h (4H,), gates in the order i f g o. Source: Hochreiter and
    Schmidhuber (1997); Gers, Schmidhuber and Cummins (2000).

    Inside, the gates stand in the order o i f g: the three sigmoids are neighbours, and so are the
    three whose gradient comes through the cell; and c_(t-1) stands behind g, so that (i, f) times
    (g, c_(t-1)) is one call.

    >>> from rnnbook.cells import CELLS
    >>> rng = np.random.default_rng(0)
    >>> layer = LSTM({k: rng.normal(size=s) for k, s in CELLS["lstm"].shapes(D=2, H=3).items()})
    >>> h, state = layer.forward(np.ones((1, 5, 2)))
    >>> again, _ = layer.forward(np.ones((1, 5, 2)), state)     # goes on where it ended
    >>> h.shape, bool(np.allclose(h, again))
    ((1, 5, 3), False)
    """

    cell = "lstm"

    def _allocate(self, T: int, B: int) -> None:
        D, H, new = self.D, self.H, self._new
        block = in_block(T, B)
        self.R = R = new(T + 1, D + 1 + H, B)  # x, 1, h
        self.S = S = new(T + 1, 5 * H, B)  # o, i, f, g and the c before
        self.products = P = new(T, 2 * H, B)  # i * g, f * c
        self.tanh_c = new(T, H, B)
        self.dR = dR = new(T + 1, D + 1 + H, B)  # R's gradient; the h rows carry dh
        self.dz, self.dh_dc = new(block, 4 * H, B), new(block, H, B)
        self.dz_flat, self.R_flat = new(block * B * 4 * H), new(block * B * (D + 1 + H))
        self.dW = new(D + 1 + H, 4 * H)
        R[:, D] = 1
        self.h, self.c = R[1:, D + 1 :], S[1:, 4 * H :]
        self.inputs, self.dinputs = R[:-1, :D], dR[:-1, :D]
        self.first, self.states = (R[0, D + 1 :], S[0, 4 * H :]), (self.h, self.c)
        z, sigmoids, o = S[:-1, : 4 * H], S[:-1, : 3 * H], S[:-1, :H]
        i_f, g_c = S[:-1, H : 3 * H], S[:-1, 3 * H :]
        gates = zip(R[:-1], z, sigmoids, i_f, g_c, o, strict=True)
        cells = zip(P, P[:, :H], P[:, H:], self.c, self.tanh_c, self.h, strict=True)
        self.forward_steps = [(*a, *b) for a, b in zip(gates, cells, strict=True)]
        self.backward_steps = list(
            zip(S[:-1, 2 * H : 3 * H], dR[1:, D + 1 :], dR[:-1], strict=True)
        )
        dz, dh_dc = self.dz, self.dh_dc
        ifg = dz[:, H:].reshape(block, 3, H, B)
        self.block_steps = list(zip(dz, dz[:, :H], ifg, dh_dc, strict=True))

    def _stacked(self) -> Array:
        """W = [W_xh; b_h; W_hh] (D+1+H, 4H), its gates in the order o i f g."""
        p, H = self.params, self.H
        W = np.concatenate([p["W_xh"], p["b_h"][None], p["W_hh"]])
        return np.concatenate([W[:, 3 * H :], W[:, : 3 * H]], axis=1)

    def _forward(self) -> None:
        WT = transposed(halved(self._stacked(), 3 * self.H), self.R.shape[2])
        half = np.array(0.5, self.dtype)
        for views in self.forward_steps:
            step_in_place(WT, half, *views)
        if self.lengths is not None:
            self._hold()

    def _hold(self) -> None:
        """At the padding: i = g = o = 0 and f = 1, so that dc passes through and nothing else."""
        H, gates = self.H, self.S[:-1].transpose(0, 2, 1)
        gates[self.padding, : 4 * H] = np.repeat([0, 0, 1, 0], H)
        self._blank(self.products)

    def _local(self, t: slice) -> None:
        """What does not depend on the recursion: dz = dh/dz_o or dc/dz_(i f g), and dh/dc."""
        H, m = self.H, t.stop - t.start
        S, products, h, tanh_c = self.S[t], self.products[t], self.h[t], self.tanh_c[t]
        dz, dh_dc = self.dz[:m], self.dh_dc[:m]
        d_o, d_if, d_g = dz[:, :H], dz[:, H : 3 * H], dz[:, 3 * H :]
        subtract(1, S[:, : 3 * H], out=dz[:, : 3 * H])
        d_o *= h  # (1 - o) o tanh(c)
        d_if *= products  # (1 - i) i g and (1 - f) f c
        multiply(S[:, 3 * H : 4 * H], products[:, :H], out=d_g)
        subtract(S[:, H : 2 * H], d_g, out=d_g)  # i - g (i g) = i (1 - g^2)
        multiply(h, tanh_c, out=dh_dc)
        subtract(S[:, :H], dh_dc, out=dh_dc)  # o - o tanh(c)^2

    def _backward(self, arriving: Array, dlast: State | None) -> tuple[State, Params]:
        D, H, (T, _, B) = self.D, self.H, self.h.shape
        W = self._stacked()
        dW = np.zeros_like(W)
        dc, through_h = np.zeros((2, H, B), self.dtype)
        if dlast is not None:
            dc[...] = dlast[0].T
        self.dR[T] = 0
        for t in blocks(T, B):
            self._local(t)
            m = t.stop - t.start
            outer = zip(self.backward_steps[t][::-1], arriving[t][::-1], strict=True)
            inner = self.block_steps[:m][::-1]
            for ((f, dh, dR_t), arriving_t), (dz_t, d_o, d_ifg, dh_dc) in zip(
                outer, inner, strict=True
            ):
                dh += arriving_t
                multiply(dh, dh_dc, through_h)
                dc += through_h
                d_o *= dh
                d_ifg *= dc
                dc *= f
                dot(W, dz_t, out=dR_t)
            R, dz = columns(self.R[:-1][t], self.R_flat), columns(self.dz[:m], self.dz_flat)
            dW += dot(R, dz.T, out=self.dW)
        dW = np.concatenate([dW[:, H:], dW[:, :H]], axis=1)  # back to i f g o
        grads = {"W_xh": dW[:D], "W_hh": dW[D + 1 :], "b_h": dW[D]}
        return (self.dR[0, D + 1 :], dc), {name: g.copy() for name, g in grads.items()}

    def _stepper(self) -> tuple[Step, State]:
        D, H = self.D, self.H
        WT, half = halved(self._stacked(), 3 * H).T, np.array(0.5, self.dtype)
        R, S = np.ones(WT.shape[1], self.dtype), np.empty(5 * H, self.dtype)
        both, tanh_c = np.empty(2 * H, self.dtype), np.empty(H, self.dtype)
        x_rows, h, c = R[:D], R[D + 1 :], S[4 * H :]
        gates = R, S[: 4 * H], S[: 3 * H], S[H : 3 * H], S[3 * H :], S[:H]
        views = *gates, both, both[:H], both[H:], c, tanh_c, h

        def step(x: Array) -> Array:
            x_rows[...] = x
            step_in_place(WT, half, *views)
            return h

        return step, (h, c)
