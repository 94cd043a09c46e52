"""
Layers over whole sequences: the same mathematics as `cells`, run fast.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs. Public axes are (B, T, features).
`forward` keeps what `backward` needs, so `backward` belongs to the last `forward`.

Inside a recurrent layer an array of a sequence has the axes (T, features, B), so that one step is
a contiguous block and one matrix product: with R_t = [x_t; 1; h_(t-1)] stacked in one buffer and
W = [W_xh; b_h; W_hh]^T, a step is z_t = W R_t. The buffers and the views of their time steps are
made once for each shape: a slice costs a tenth of a microsecond, a small product little more.
"""

from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Params, State
from rnnbook.cells import ACTIVATIONS, check_activation

COLUMNS: Final = 512  # columns (steps times batch) in a block of the backward pass: fits the cache


def check_input(x: Array, features: int, dtype: Any, who: str) -> None:
    """Raise TypeError or ValueError unless x is (B, T, features) of this dtype."""
    if x.dtype != dtype:
        raise TypeError(f"x is {x.dtype}, but this {who} computes in {np.dtype(dtype)}")
    if x.ndim != 3:
        raise ValueError(f"x has shape {x.shape}, but this {who} wants the axes (B, T, D)")
    if 0 in x.shape:
        raise ValueError(f"x has shape {x.shape}, with nothing in it")
    if x.shape[-1] != features:
        raise ValueError(f"x has {x.shape[-1]} features, but this {who} was built for {features}")


def check_params(params: Params, shapes: dict[str, tuple[int, ...]], who: str) -> Any:
    """Raise unless `params` are these arrays, all float32 or all float64; return their dtype."""
    if params.keys() != shapes.keys():
        raise ValueError(f"got {sorted(params)}, but this {who} wants {sorted(shapes)}")
    for name, shape in shapes.items():
        if params[name].shape != shape:
            raise ValueError(f"{name} has shape {params[name].shape}, but must be {shape}")
    dtypes = {str(p.dtype) for p in params.values()}
    if len(dtypes) > 1 or not dtypes <= {"float32", "float64"}:
        raise TypeError(f"parameters are {sorted(dtypes)}, but must be all float32 or all float64")
    return np.dtype(dtypes.pop())


def rows_and_columns(params: Params, name: str, who: str) -> tuple[int, int]:
    """The shape of the matrix `name`, from which the other shapes follow."""
    if name not in params or params[name].ndim != 2:
        raise ValueError(f"this {who} wants a matrix {name} among its parameters")
    rows, columns = params[name].shape
    return rows, columns


def check_gradient(dy: Array, shape: tuple[int, ...] | None, who: str) -> None:
    """Raise unless the gradient that arrives has the shape of what `forward` returned."""
    if shape is None:
        raise RuntimeError(f"{who}.backward needs what forward keeps: call forward first")
    if dy.shape != shape:
        raise ValueError(f"the gradient has shape {dy.shape}, but forward returned {shape}")


class Linear:
    """
    y = x W_hy + b_y, the same at every step.

    Shapes: x (B, T, H), y (B, T, K), W_hy (H, K), b_y (K,). The weights are float32 or float64
    and so is everything computed with them.

    >>> layer = Linear({"W_hy": np.ones((2, 1)), "b_y": np.zeros(1)})
    >>> layer.forward(np.ones((1, 3, 2))).ravel().tolist()
    [2.0, 2.0, 2.0]
    """

    def __init__(self, params: Params) -> None:
        H, K = rows_and_columns(params, "W_hy", "Linear")
        self.dtype = check_params(params, {"W_hy": (H, K), "b_y": (K,)}, "Linear")
        self.params = params
        self.returned: tuple[int, ...] | None = None

    def forward(self, x: Array) -> Array:
        W = self.params["W_hy"]
        check_input(x, W.shape[0], self.dtype, "Linear")
        self.x = x
        y: Array = x @ W + self.params["b_y"]
        self.returned = y.shape
        return y

    def backward(self, dy: Array) -> tuple[Array, Params]:
        """From dy (B, T, K): dx (B, T, H) and the gradients of the parameters."""
        check_gradient(dy, self.returned, "Linear")
        W = self.params["W_hy"]
        x, flat = self.x.reshape(-1, W.shape[0]), dy.reshape(-1, W.shape[1])
        return dy @ W.T, {"W_hy": x.T @ flat, "b_y": flat.sum(0)}


class RNN:
    """
    The simple recurrent layer: h_t = phi(x_t W_xh + h_(t-1) W_hh + b_h), phi tanh or relu.

    Shapes: x (B, T, D), h (B, T, H), state `(h,)` with (B, H), zeros where none is given;
    W_xh (D, H), W_hh (H, H), b_h (H,). Source: Elman (1990). `cells.rnn_step` is one step of it.

    >>> rng = np.random.default_rng(0)
    >>> shapes = {"W_xh": (1, 4), "W_hh": (4, 4), "b_h": (4,)}
    >>> layer = RNN({name: rng.normal(size=shape) for name, shape in shapes.items()})
    >>> h, (last,) = layer.forward(np.ones((2, 3, 1)))
    >>> h.shape, bool((h[:, -1] == last).all())
    ((2, 3, 4), True)
    """

    def __init__(self, params: Params, activation: str = "tanh") -> None:
        self.D, self.H = D, H = rows_and_columns(params, "W_xh", "RNN")
        shapes = {"W_xh": (D, H), "W_hh": (H, H), "b_h": (H,)}
        self.dtype = check_params(params, shapes, "RNN")
        self.params = params
        self.activation = check_activation(activation)
        self._shape: tuple[int, int] | None = None

    def _allocate(self, T: int, B: int) -> None:
        """Every buffer and every view of a time step, made once for sequences of this shape."""
        D, H = self.D, self.H
        rows = D + 1 + H  # x, 1, h
        self.R = np.empty((T + 1, rows, B), self.dtype)
        self.R[:, D] = 1
        self.h = self.R[1:, D + 1 :]  # the state after each step
        self.dR = np.empty((T + 1, rows, B), self.dtype)  # the gradient of R; its h rows carry dh
        self.dz = np.empty((T, H, B), self.dtype)
        self.forward_steps = list(zip(self.R[:-1], self.h, strict=True))
        dh = self.dR[1:, D + 1 :]
        self.backward_steps = list(zip(self.dz, dh, self.dR[:-1], strict=True))
        block = max(1, COLUMNS // B)
        self.blocks = [slice(max(0, end - block), end) for end in range(T, 0, -block)]
        self._shape = (T, B)

    def forward(self, x: Array, state: State | None = None) -> tuple[Array, State]:
        """Every state h (B, T, H), and the last as a tuple that goes back in as `state`."""
        check_input(x, self.D, self.dtype, "RNN")
        B, T, D = x.shape
        if self._shape != (T, B):
            self._allocate(T, B)
        self.R[:-1, :D] = x.transpose(1, 2, 0)
        self.R[0, D + 1 :] = 0 if state is None else self._check_state(state, B)[0].T
        W = self._stacked(B)
        phi, _ = ACTIVATIONS[self.activation]
        for R_t, h_t in self.forward_steps:
            phi(np.dot(W, R_t), out=h_t)
        return self.h.transpose(2, 0, 1).copy(), (self.h[-1].T.copy(),)

    def _stacked(self, B: int) -> Array:
        """[W_xh; b_h; W_hh]^T (H, D+1+H), in the memory order that BLAS likes for this batch."""
        p = self.params
        W = np.concatenate([p["W_xh"], p["b_h"][None], p["W_hh"]]).T
        return W if B < 16 else np.ascontiguousarray(W)

    def _check_state(self, state: State, B: int) -> State:
        if not isinstance(state, tuple) or len(state) != 1 or state[0].shape != (B, self.H):
            came = type(state).__name__
            if isinstance(state, tuple):
                came = f"a tuple of arrays of shapes {[np.shape(a) for a in state]}"
            raise ValueError(f"state is {came}, but must be a tuple of one ({B}, {self.H}) array")
        return state

    def backward(self, dh: Array, dstate: State | None = None) -> tuple[Array, State, Params]:
        """
        Back through time. With dh (B, T, H) the gradient that arrives at each state from above,
        and `dstate` that which arrives at the last state from a later sequence:

            dz_t = (dh_t + dz_(t+1) W_hh^T) * phi'(z_t)

        Returns dx (B, T, D), the gradient of the initial state `(dh_0,)` with (B, H), and the
        gradients of the parameters.
        """
        T, B = self._shape or (0, 0)
        check_gradient(dh, (B, T, self.H) if self._shape else None, "RNN")
        D = self.D
        W = self._stacked(B)
        WT = np.ascontiguousarray(W.T)
        dW = np.zeros_like(W, order="C")
        arriving = dh.transpose(1, 2, 0)
        self.dR[T, D + 1 :] = 0 if dstate is None else self._check_state(dstate, B)[0].T
        _, slope = ACTIVATIONS[self.activation]
        for t in self.blocks:
            # phi' does not depend on the recursion: a block of steps at once, while in the cache.
            self.dz[t] = slope(self.h[t])
            steps = zip(reversed(self.backward_steps[t]), arriving[t][::-1], strict=True)
            for (dz_t, dh_t, dR_t), arriving_t in steps:
                dh_t += arriving_t
                dz_t *= dh_t
                np.dot(WT, dz_t, out=dR_t)
            dW += np.tensordot(self.dz[t], self.R[:-1][t], axes=([0, 2], [0, 2]))
        dx = self.dR[:-1, :D].transpose(2, 0, 1).copy()
        dh_0 = self.dR[0, D + 1 :].T.copy()
        grads = {"W_xh": dW[:, :D].T, "W_hh": dW[:, D + 1 :].T, "b_h": dW[:, D]}
        return dx, (dh_0,), {name: g.copy() for name, g in grads.items()}
