"""The gated recurrent unit, run fast."""

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
    UT: Array, half: Array, p: Array, R: Array, h_before: Array, u: Array, u_rz: Array, u_n: Array,
    rz: Array, r: Array, z: Array, n: Array, h: Array,
) -> None:  # fmt: skip
    """The equations of `GRU`, one step: R = [h before; 1] and, in r, z, n, a go in, h comes out."""
    dot(UT, R, out=u)
    add(rz, u_rz, rz)
    tanh(rz, rz)  # of the halves
    multiply(rz, half, rz)
    add(rz, half, rz)
    multiply(r, u_n, p)
    add(n, p, n)
    tanh(n, n)
    subtract(h_before, n, p)
    multiply(p, z, p)
    add(n, p, h)


class GRU(Recurrent):
    """
    The gated recurrent unit, its reset gate after the product: `cells.gru_step` at every step.

        a = x_t W_xh + b_xh,   u = h_(t-1) W_hh + b_hh
        r = sigmoid(a_r + u_r),   z = sigmoid(a_z + u_z),   n = tanh(a_n + r * u_n)
        h_t = (1 - z) * n + z * h_(t-1)

    Shapes: x (B, T, D), h (B, T, H), state `(h,)` with (B, H), zeros where none is given;
    W_xh (D, 3H), W_hh (H, 3H), b_xh and b_hh (3H,), gates in the order r z n. Source: Cho et al.
    (2014, arXiv v1). For the reset gate before the product: `Loop("gru_reset_before", params)`.

    The gate n needs the two products apart, so a of all steps is one product before the loop, and
    a step is u = U^T [h; 1] with U = [W_hh; b_hh]. Then z * (h_(t-1) - n) + n saves a call.

    >>> from rnnbook.cells import CELLS
    >>> rng = np.random.default_rng(0)
    >>> layer = GRU({k: rng.normal(size=s) for k, s in CELLS["gru"].shapes(D=2, H=3).items()})
    >>> h, (last,) = layer.forward(np.ones((2, 5, 2)), lengths=[5, 3])
    >>> bool((h[1, 3:] == 0).all()), bool((last[1] == h[1, 2]).all())
    (True, True)
    """

    cell = "gru"

    def _allocate(self, T: int, B: int) -> None:
        D, H, new = self.D, self.H, self._new
        block = in_block(T, B)
        self.X = new(T, D + 1, B)  # x, 1
        self.R = R = new(T + 1, H + 1, B)  # h, 1
        self.S, self.u = S, u = new(T, 3 * H, B), new(T, 3 * H, B)  # the gates r, z, n; u
        self.d_flat, self.da_flat = new(block * B * 4 * H), new(block * B * 3 * H)
        self.R_flat, self.X_flat = new(block * B * (H + 1)), new(block * B * (D + 1))
        self.dU, self.dV = new(H + 1, 3 * H), new(D + 1, 3 * H)
        self.X[:, D], R[:, H] = 1, 1
        self.h = R[1:, :H]
        self.inputs, self.dinputs = self.X[:, :D], new(T, D, B)
        self.first, self.states = (R[0, :H],), (self.h,)
        rz, r, z, n = S[:, : 2 * H], S[:, :H], S[:, H : 2 * H], S[:, 2 * H :]
        before = zip(R[:-1], R[:-1, :H], u, u[:, : 2 * H], u[:, 2 * H :], strict=True)
        self.forward_steps = [
            (*a, *b) for a, b in zip(before, zip(rz, r, z, n, self.h, strict=True), strict=True)
        ]
        self.one_minus_z = new(block, H, B)
        self.d = d = new(block, 4 * H, B)  # gradients of a_n, u_r = a_r, u_z = a_z, u_n
        self.block_steps = list(zip(d.reshape(block, 4, H, B), d[:, H:], strict=True))
        self.scratch = new(H, B)

    def _stacked(self) -> tuple[Array, Array]:
        """V = [W_xh; b_xh] (D+1, 3H) and U = [W_hh; b_hh] (H+1, 3H)."""
        p = self.params
        V = np.concatenate([p["W_xh"], p["b_xh"][None]])
        return V, np.concatenate([p["W_hh"], p["b_hh"][None]])

    def _forward(self) -> None:
        H, p, half = self.H, self.scratch, np.array(0.5, self.dtype)
        V, U = (halved(W, 2 * H) for W in self._stacked())
        np.matmul(np.ascontiguousarray(V.T), self.X, out=self.S)  # a of all steps
        UT = transposed(U, p.shape[1])
        for views in self.forward_steps:
            step_in_place(UT, half, p, *views)

    def _local(self, t: slice) -> None:
        """What does not depend on the recursion: d = dh_t / d(a_n, u_r, u_z, u_n)."""
        H, m = self.H, t.stop - t.start
        S, u_n, h_before = self.S[t], self.u[t, 2 * H :], self.R[t, :H]
        r, z, n = S[:, :H], S[:, H : 2 * H], S[:, 2 * H :]
        a_n, u_r, u_z, d_n = (self.d[:m, k * H : (k + 1) * H] for k in range(4))
        one_minus_z = self.one_minus_z[:m]
        subtract(1, z, out=one_minus_z)
        multiply(n, n, out=a_n)
        subtract(1, a_n, out=a_n)
        a_n *= one_minus_z  # (1 - z) (1 - n^2)
        multiply(r, a_n, out=d_n)
        subtract(1, r, out=u_r)
        u_r *= u_n
        u_r *= d_n  # r (1 - r) u_n (1 - z) (1 - n^2)
        subtract(h_before, n, out=u_z)
        u_z *= z
        u_z *= one_minus_z  # (h - n) z (1 - z)

    def _backward(self, arriving: Array, dlast: State | None) -> tuple[State, Params]:
        D, H, (T, _, B) = self.D, self.H, self.h.shape
        V, U = self._stacked()
        W_xh, W_hh, dV, dU = V[:D], U[:H], np.zeros_like(V), np.zeros_like(U)
        dh, p = np.zeros((H, B), self.dtype), self.scratch
        for t in blocks(T, B):
            self._local(t)
            m = t.stop - t.start
            outer = zip(self.S[t, H : 2 * H][::-1], arriving[t][::-1], strict=True)
            for (d, du), (z, arriving_t) in zip(self.block_steps[:m][::-1], outer, strict=True):
                dh += arriving_t
                d *= dh
                dot(W_hh, du, out=p)
                dh *= z
                dh += p
            F = columns(self.d[:m], self.d_flat)  # a_n, u_r = a_r, u_z = a_z, u_n
            dU += dot(columns(self.R[:-1][t], self.R_flat), F[H:].T, out=self.dU)
            da = self.da_flat[: 3 * H * m * B].reshape(3 * H, m * B)
            np.concatenate([F[H : 3 * H], F[:H]], out=da)  # a_r, a_z, a_n
            dV += dot(columns(self.X[t], self.X_flat), da.T, out=self.dV)
            self.dinputs[t] = dot(W_xh, da).reshape(D, m, B).swapaxes(0, 1)
        grads = {"W_xh": dV[:D], "W_hh": dU[:H], "b_xh": dV[D], "b_hh": dU[H]}
        return (dh,), {name: g.copy() for name, g in grads.items()}

    def _stepper(self) -> tuple[Step, State]:
        D, H, half = self.D, self.H, np.array(0.5, self.dtype)
        VT, UT = (halved(W, 2 * H).T for W in self._stacked())
        X, R = np.ones(D + 1, self.dtype), np.ones(H + 1, self.dtype)
        S, u, p = (np.empty(n * H, self.dtype) for n in (3, 3, 1))
        x_rows, h = X[:D], R[:H]
        before = UT, half, p, R, h, u, u[: 2 * H], u[2 * H :]
        views = *before, S[: 2 * H], S[:H], S[H : 2 * H], S[2 * H :], h

        def step(x: Array) -> Array:
            x_rows[...] = x
            dot(VT, X, out=S)
            step_in_place(*views)
            return h

        return step, (h,)
