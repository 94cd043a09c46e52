"""
One time step of a recurrent network, forward and backward, as pure functions.

Shapes: B batch, D inputs, H hidden units. A state is a tuple, here `(h,)` with h (B, H).
`step(x, state, ...)` returns the new state and a cache; `step_backward(dstate, cache)` takes
the gradient of the loss with respect to the new state and returns those with respect to
everything that went in.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Params, State

Elementwise = Callable[..., Array]


def relu(z: Array, out: Array | None = None) -> Array:
    """max(z, 0), element by element; into `out` where it is given, as NumPy's own functions."""
    return np.asarray(np.maximum(z, 0, out=out))


def tanh_slope(h: Array) -> Array:
    """d tanh(z) / dz, from h = tanh(z)."""
    return 1 - h * h


def relu_slope(h: Array) -> Array:
    """d relu(z) / dz, from h = relu(z); 0 where z = 0, as every framework has it."""
    return (h > 0).astype(h.dtype)


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
    grads = {"W_xh": x.T @ dz, "W_hh": h.T @ dz, "b_h": dz.sum(0)}
    return dz @ W_xh.T, (dz @ W_hh.T,), grads
