"""
One time step of each recurrent cell, forward and backward, as pure functions.

Shapes: B batch, D inputs, H hidden units. A state is a tuple: `(h,)`, or `(h, c)` for an LSTM,
each (B, H). `step(x, state, ...)` returns the new state and a cache; `step_backward(dstate, cache)`
takes the gradient of the loss with respect to the new state and returns those with respect to
everything that went in: `(dx, dstate, grads)`. Where an equation's h stands on both sides, the new
one is h' in the text and `h_new` in the code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Params, State

Elementwise = Callable[..., Array]


def relu(z: Array, out: Array | None = None) -> Array:
    """max(z, 0), element by element; into `out` where it is given, as NumPy's own functions."""
    return np.asarray(np.maximum(z, 0, out=out))


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), as (1 + tanh(z/2)) / 2: nothing overflows, however large z is."""
    return 0.5 + 0.5 * np.asarray(np.tanh(0.5 * z))


def tanh_slope(h: Array, out: Array | None = None) -> Array:
    """d tanh(z) / dz = 1 - h^2, from h = tanh(z)."""
    out = np.multiply(h, h, out=out)
    return np.asarray(np.subtract(1, out, out=out))


def relu_slope(h: Array, out: Array | None = None) -> Array:
    """d relu(z) / dz, from h = relu(z); 0 where z = 0, as every framework has it."""
    return np.asarray(np.greater(h, 0, out=np.empty_like(h) if out is None else out))


#: name -> (phi, its slope as a function of its *value*)
ACTIVATIONS: Final[dict[str, tuple[Elementwise, Elementwise]]] = {
    "tanh": (np.tanh, tanh_slope),
    "relu": (relu, relu_slope),
}


def check_activation(name: str) -> str:
    """Return `name` if it names an activation; raise ValueError otherwise."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation is {name!r}, but must be one of {sorted(ACTIVATIONS)}")
    return name


def weight_grads(x: Array, h: Array, dz: Array, bias: str = "b_h") -> Params:
    """What every z = x W_xh + h W_hh + b has in common, from dz = dL/dz."""
    return {"W_xh": x.T @ dz, "W_hh": h.T @ dz, bias: dz.sum(0)}


def rnn_step(
    x: Array, state: State, W_xh: Array, W_hh: Array, b_h: Array, activation: str = "tanh"
) -> tuple[State, Any]:
    """
    One step of the simple recurrent network (Elman 1990):

        z  = x W_xh + h W_hh + b_h
        h' = phi(z)

    where
        x (B, D), h and h' (B, H), W_xh (D, H), W_hh (H, H), b_h (H,), phi tanh or relu.

    >>> one = np.ones((1, 1))
    >>> (h,), _ = rnn_step(one, (one,), 0.5 * one, -0.5 * one, np.zeros(1))
    >>> float(h[0, 0])
    0.0
    """
    phi, _ = ACTIVATIONS[check_activation(activation)]
    (h,) = state
    h_new = phi(x @ W_xh + h @ W_hh + b_h)
    return (h_new,), (x, h, h_new, W_xh, W_hh, activation)


def rnn_step_backward(dstate: State, cache: Any) -> tuple[Array, State, Params]:
    """
    Gradients of one step, from dh' = dL/dh':

        dz    = dh' * phi'(z)
        dW_xh = x^T dz,   dW_hh = h^T dz,   db_h = sum of dz over the batch
        dx    = dz W_xh^T,   dh = dz W_hh^T

    Returns `(dx, (dh,), {"W_xh": dW_xh, "W_hh": dW_hh, "b_h": db_h})`, shaped as in `rnn_step`.
    """
    (dh_new,) = dstate
    x, h, h_new, W_xh, W_hh, activation = cache
    _, slope = ACTIVATIONS[activation]
    dz = dh_new * slope(h_new)
    return dz @ W_xh.T, (dz @ W_hh.T,), weight_grads(x, h, dz)


def lstm_step(x: Array, state: State, W_xh: Array, W_hh: Array, b_h: Array) -> tuple[State, Any]:
    """
    One step of the long short-term memory (Hochreiter and Schmidhuber 1997), with the forget
    gate of Gers, Schmidhuber and Cummins (2000):

        z_i, z_f, z_g, z_o = x W_xh + h W_hh + b_h
        i = sigmoid(z_i),   f = sigmoid(z_f),   g = tanh(z_g),   o = sigmoid(z_o)
        c' = f * c + i * g
        h' = o * tanh(c')

    where
        x (B, D), state (h, c) with (B, H) each, W_xh (D, 4H), W_hh (H, 4H), b_h (4H,).

    >>> zero = np.zeros((1, 1))
    >>> weights = {"W_xh": np.zeros((1, 4)), "W_hh": np.zeros((1, 4)), "b_h": np.zeros(4)}
    >>> (h, c), _ = lstm_step(zero, (zero, np.ones((1, 1))), **weights)
    >>> float(c[0, 0])     # every gate stands at 1/2
    0.5
    """
    h, c = state
    z_i, z_f, z_g, z_o = np.split(x @ W_xh + h @ W_hh + b_h, 4, axis=1)
    i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
    c_new = f * c + i * g
    tanh_c = np.tanh(c_new)
    h_new = o * tanh_c
    return (h_new, c_new), (x, h, c, i, f, g, o, tanh_c, W_xh, W_hh)


def lstm_step_backward(dstate: State, cache: Any) -> tuple[Array, State, Params]:
    """
    Gradients of one step, from dh' = dL/dh' and dc' = dL/dc' (that which arrives from step t+1):

        do   = dh' * tanh(c')                 dz_o = do * o (1 - o)
        dc'  = dc' + dh' * o (1 - tanh(c')^2)
        di   = dc' * g,   df = dc' * c,   dg = dc' * i
        dz_i = di * i (1 - i),   dz_f = df * f (1 - f),   dz_g = dg * (1 - g^2)
        dx   = dz W_xh^T,   dh = dz W_hh^T,   dc = dc' * f

    Returns `(dx, (dh, dc), grads)`, shaped as in `lstm_step`.
    """
    dh_new, dc_new = dstate
    x, h, c, i, f, g, o, tanh_c, W_xh, W_hh = cache
    dz_o = dh_new * tanh_c * o * (1 - o)
    dc_new = dc_new + dh_new * o * (1 - tanh_c * tanh_c)
    dz_i = dc_new * g * i * (1 - i)
    dz_f = dc_new * c * f * (1 - f)
    dz_g = dc_new * i * (1 - g * g)
    dz = np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=1)
    return dz @ W_xh.T, (dz @ W_hh.T, dc_new * f), weight_grads(x, h, dz)


def lstm_peephole_step(
    x: Array, state: State, W_xh: Array, W_hh: Array, b_h: Array,
    p_i: Array, p_f: Array, p_o: Array,
) -> tuple[State, Any]:  # fmt: skip
    """
    One step of the LSTM with peepholes (Gers and Schmidhuber 2000): the gates see the cell,

        i = sigmoid(z_i + p_i * c),   f = sigmoid(z_f + p_f * c),   o = sigmoid(z_o + p_o * c'),

    the output gate the new one; everything else as in `lstm_step`, with p_i, p_f, p_o (H,).
    """
    h, c = state
    z_i, z_f, z_g, z_o = np.split(x @ W_xh + h @ W_hh + b_h, 4, axis=1)
    i, f, g = sigmoid(z_i + p_i * c), sigmoid(z_f + p_f * c), np.tanh(z_g)
    c_new = f * c + i * g
    o = sigmoid(z_o + p_o * c_new)
    tanh_c = np.tanh(c_new)
    cache = (x, h, c, c_new, i, f, g, o, tanh_c, W_xh, W_hh, p_i, p_f, p_o)
    return (o * tanh_c, c_new), cache


def lstm_peephole_step_backward(dstate: State, cache: Any) -> tuple[Array, State, Params]:
    """
    As `lstm_step_backward`, and through the peepholes:

        dc' gains dz_o * p_o,   dc gains dz_i * p_i + dz_f * p_f
        dp_i = sum of dz_i * c,   dp_f = sum of dz_f * c,   dp_o = sum of dz_o * c'   (batch)
    """
    dh_new, dc_new = dstate
    x, h, c, c_new, i, f, g, o, tanh_c, W_xh, W_hh, p_i, p_f, p_o = cache
    dz_o = dh_new * tanh_c * o * (1 - o)
    dc_new = dc_new + dh_new * o * (1 - tanh_c * tanh_c) + dz_o * p_o
    dz_i = dc_new * g * i * (1 - i)
    dz_f = dc_new * c * f * (1 - f)
    dz_g = dc_new * i * (1 - g * g)
    dz = np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=1)
    grads = weight_grads(x, h, dz)
    grads |= {"p_i": (dz_i * c).sum(0), "p_f": (dz_f * c).sum(0), "p_o": (dz_o * c_new).sum(0)}
    return dz @ W_xh.T, (dz @ W_hh.T, dc_new * f + dz_i * p_i + dz_f * p_f), grads


def gru_step(
    x: Array, state: State, W_xh: Array, W_hh: Array, b_xh: Array, b_hh: Array
) -> tuple[State, Any]:
    """
    One step of the gated recurrent unit, its reset gate *after* the product, as in cuDNN,
    PyTorch and Keras (Cho et al. 2014, arXiv v1):

        a_r, a_z, a_n = x W_xh + b_xh,     u_r, u_z, u_n = h W_hh + b_hh
        r = sigmoid(a_r + u_r),   z = sigmoid(a_z + u_z)
        n = tanh(a_n + r * u_n)
        h' = (1 - z) * n + z * h

    where
        x (B, D), h and h' (B, H), W_xh (D, 3H), W_hh (H, 3H), b_xh and b_hh (3H,).

    >>> zero = np.zeros((1, 1))
    >>> weights = {"W_xh": np.zeros((1, 3)), "W_hh": np.zeros((1, 3))}
    >>> biases = {"b_xh": np.zeros(3), "b_hh": np.zeros(3)}
    >>> (h,), _ = gru_step(zero, (np.ones((1, 1)),), **weights, **biases)
    >>> float(h[0, 0])     # half the old state, half of n = 0
    0.5
    """
    (h,) = state
    a_r, a_z, a_n = np.split(x @ W_xh + b_xh, 3, axis=1)
    u_r, u_z, u_n = np.split(h @ W_hh + b_hh, 3, axis=1)
    r, z = sigmoid(a_r + u_r), sigmoid(a_z + u_z)
    n = np.tanh(a_n + r * u_n)
    h_new = (1 - z) * n + z * h
    return (h_new,), (x, h, r, z, n, u_n, W_xh, W_hh)


def gru_step_backward(dstate: State, cache: Any) -> tuple[Array, State, Params]:
    """
    Gradients of one step, from dh' = dL/dh', with da = dL/da and du = dL/du:

        da_n = dh' * (1 - z) * (1 - n^2)          du_n = da_n * r
        da_r = du_r = da_n * u_n * r (1 - r)      da_z = du_z = dh' * (h - n) * z (1 - z)
        dx = da W_xh^T,   dh = du W_hh^T + dh' * z

    Returns `(dx, (dh,), grads)`, shaped as in `gru_step`.
    """
    (dh_new,) = dstate
    x, h, r, z, n, u_n, W_xh, W_hh = cache
    da_n = dh_new * (1 - z) * (1 - n * n)
    da_r = da_n * u_n * r * (1 - r)
    da_z = dh_new * (h - n) * z * (1 - z)
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    du = np.concatenate([da_r, da_z, da_n * r], axis=1)
    grads = {"W_xh": x.T @ da, "W_hh": h.T @ du, "b_xh": da.sum(0), "b_hh": du.sum(0)}
    return da @ W_xh.T, (du @ W_hh.T + dh_new * z,), grads


def gru_reset_before_step(
    x: Array, state: State, W_xh: Array, W_hh: Array, b_h: Array
) -> tuple[State, Any]:
    """
    One step of the GRU whose reset gate acts *before* the product (Cho et al. 2014, arXiv v3;
    Keras' `reset_after=False`):

        r = sigmoid(x W_xr + h W_hr + b_r),   z = sigmoid(x W_xz + h W_hz + b_z)
        n = tanh(x W_xn + (r * h) W_hn + b_n)
        h' = (1 - z) * n + z * h

    where W_xh = [W_xr, W_xz, W_xn] (D, 3H), W_hh likewise (H, 3H), b_h (3H,). One bias is enough
    here: none stands inside the reset gate's product.
    """
    (h,) = state
    H = h.shape[1]
    a = x @ W_xh + b_h
    r = sigmoid(a[:, :H] + h @ W_hh[:, :H])
    z = sigmoid(a[:, H : 2 * H] + h @ W_hh[:, H : 2 * H])
    n = np.tanh(a[:, 2 * H :] + (r * h) @ W_hh[:, 2 * H :])
    h_new = (1 - z) * n + z * h
    return (h_new,), (x, h, r, z, n, W_xh, W_hh)


def gru_reset_before_step_backward(dstate: State, cache: Any) -> tuple[Array, State, Params]:
    """
    Gradients of one step, from dh' = dL/dh', with da = dL/da and k = r * h:

        da_n = dh' * (1 - z) * (1 - n^2)      dk = da_n W_hn^T
        da_r = dk * h * r (1 - r)             da_z = dh' * (h - n) * z (1 - z)
        dx = da W_xh^T
        dh = da_r W_hr^T + da_z W_hz^T + dk * r + dh' * z

    Returns `(dx, (dh,), grads)`, shaped as in `gru_reset_before_step`.
    """
    (dh_new,) = dstate
    x, h, r, z, n, W_xh, W_hh = cache
    H = h.shape[1]
    W_hr, W_hz, W_hn = np.split(W_hh, 3, axis=1)
    da_n = dh_new * (1 - z) * (1 - n * n)
    dk = da_n @ W_hn.T
    da_r = dk * h * r * (1 - r)
    da_z = dh_new * (h - n) * z * (1 - z)
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    dW_hh = np.concatenate([h.T @ da[:, : 2 * H], (r * h).T @ da_n], axis=1)
    grads = {"W_xh": x.T @ da, "W_hh": dW_hh, "b_h": da.sum(0)}
    return da @ W_xh.T, (da_r @ W_hr.T + da_z @ W_hz.T + dk * r + dh_new * z,), grads


@dataclass(frozen=True)
class Cell:
    """A cell by name: its two functions, its gates, its biases, how many arrays its state has."""

    step: Callable[..., tuple[State, Any]]
    step_backward: Callable[[State, Any], tuple[Array, State, Params]]
    gates: str
    biases: tuple[str, ...] = ("b_h",)
    peepholes: tuple[str, ...] = ()
    state: tuple[str, ...] = ("h",)

    def shapes(self, D: int, H: int) -> dict[str, tuple[int, ...]]:
        """The name and shape of every parameter, for D inputs and H hidden units."""
        G = len(self.gates)
        return {
            "W_xh": (D, G * H),
            "W_hh": (H, G * H),
            **dict.fromkeys(self.biases, (G * H,)),
            **dict.fromkeys(self.peepholes, (H,)),
        }


CELLS: Final[dict[str, Cell]] = {
    "rnn": Cell(rnn_step, rnn_step_backward, "h"),
    "lstm": Cell(lstm_step, lstm_step_backward, "ifgo", state=("h", "c")),
    "lstm_peephole": Cell(
        lstm_peephole_step,
        lstm_peephole_step_backward,
        "ifgo",
        peepholes=("p_i", "p_f", "p_o"),
        state=("h", "c"),
    ),
    "gru": Cell(gru_step, gru_step_backward, "rzn", biases=("b_xh", "b_hh")),
    "gru_reset_before": Cell(gru_reset_before_step, gru_reset_before_step_backward, "rzn"),
}


def cell_named(name: str) -> Cell:
    """The cell of this name; ValueError for an unknown one.

    >>> cell_named("lstm").shapes(D=3, H=5)
    {'W_xh': (3, 20), 'W_hh': (5, 20), 'b_h': (20,)}
    """
    if name not in CELLS:
        raise ValueError(f"cell is {name!r}, but must be one of {sorted(CELLS)}")
    return CELLS[name]
