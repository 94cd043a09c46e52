"""Layers that treat every step alike and for itself."""

from typing import Any

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, check_array, check_arrays, check_lengths
from rnnbook.layers.checks import check_gradient, check_params, rows_and_columns


def check_features(x: Array, features: int, dtype: Any, who: str) -> None:
    """Raise TypeError or ValueError unless x is (..., features) of this dtype."""
    check_array(x, "x")
    if x.dtype != dtype:
        raise TypeError(f"x is {x.dtype}, but this {who} computes in {np.dtype(dtype)}")
    if x.ndim < 2 or x.shape[-1] != features:
        raise ValueError(f"x has shape {x.shape}, but this {who} wants (..., {features})")


class Linear:
    """
    y = x W_hy + b_y, the same at every step.

    Shapes: x (B, T, H) or (B, H), y (B, T, K) or (B, K), W_hy (H, K), b_y (K,). The weights are
    float32 or float64 and so is everything computed with them.

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
        check_features(x, W.shape[0], self.dtype, "Linear")
        self.x = x
        # One matrix for all steps of all sequences: NumPy would make a product of each sequence.
        y: Array = x.reshape(-1, W.shape[0]) @ W
        y += self.params["b_y"]
        self.returned = (*x.shape[:-1], W.shape[1])
        return y.reshape(self.returned)

    def backward(self, dy: Array) -> tuple[Array, Params]:
        """From dy (..., K): dx (..., H) and the gradients of the parameters."""
        check_gradient(dy, self.returned, self.dtype, "Linear")
        W = self.params["W_hy"]
        x, flat = self.x.reshape(-1, W.shape[0]), dy.reshape(-1, W.shape[1])
        dx = (flat @ W.T).reshape(self.x.shape)
        return dx, {"W_hy": x.T @ flat, "b_y": flat.sum(0)}


class Embedding:
    """
    x_t = E[id_t]: a row for each of V symbols, which is one-hot(id_t) E without the product.

    Shapes: ids (B, T) integers in 0 ... V-1, x (B, T, D), E (V, D). With `lengths`, ids at the
    padding are not read; symbol 0 stands in.

    >>> layer = Embedding({"E": np.array([[1.0, 0.0], [0.0, 2.0]])})
    >>> layer.forward(np.array([[1, 0]])).tolist()
    [[[0.0, 2.0], [1.0, 0.0]]]
    >>> _, grads = layer.backward(np.ones((1, 2, 2)))
    >>> grads["E"].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, params: Params) -> None:
        V, D = rows_and_columns(params, "E", "Embedding")
        self.dtype = check_params(params, {"E": (V, D)}, "Embedding")
        self.params = params
        self.returned: tuple[int, ...] | None = None

    def forward(self, ids: Array, lengths: Lengths | None = None) -> Array:
        E = self.params["E"]
        check_array(ids, "ids")
        if ids.dtype.kind not in "iu":
            raise TypeError(f"ids are {ids.dtype}, but must be integers")
        if ids.ndim != 2 or 0 in ids.shape:
            raise ValueError(f"ids have shape {ids.shape}, but an Embedding wants (B, T)")
        if lengths is not None:
            ends = check_lengths(lengths, *ids.shape)
            ids = np.where(np.arange(ids.shape[1]) < ends[:, None], ids, 0)
        if ids.min() < 0 or ids.max() >= len(E):
            wrong = ids.min() if ids.min() < 0 else ids.max()
            raise ValueError(f"ids hold {wrong}, but must be 0 to {len(E) - 1}")
        self.ids = ids
        self.returned = (*ids.shape, E.shape[1])
        return np.asarray(E[ids])

    def backward(self, dx: Array) -> tuple[None, Params]:
        """From dx (B, T, D): dE (V, D), the sum of dx over a symbol's places. Ids have none."""
        check_gradient(dx, self.returned, self.dtype, "Embedding")
        E = self.params["E"]
        order = np.argsort(self.ids, axis=None, kind="stable")
        symbols, starts = np.unique(self.ids.ravel()[order], return_index=True)
        dE = np.zeros_like(E)
        dE[symbols] = np.add.reduceat(dx.reshape(-1, E.shape[1])[order], starts, axis=0)
        return None, {"E": dE}


class Dropout:
    """
    In training, every entry is 0 with probability `rate`, else divided by 1 - rate, so that its
    expectation stays (Srivastava et al. 2014).

    `variational`: one mask for all steps of a sequence (Gal and Ghahramani 2016); else every step
    has its own. Without a generator, `forward(x)` is evaluation: x itself, the same every time.

    >>> layer = Dropout(0.5, variational=True)
    >>> y = layer.forward(np.ones((1, 3, 4)), np.random.default_rng(0))
    >>> bool((y == y[:, :1]).all()), sorted(set(y.ravel().tolist()))
    (True, [0.0, 2.0])
    """

    def __init__(self, rate: float, variational: bool = False) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"rate is {rate}, but must be at least 0 and below 1")
        self.rate, self.variational = rate, variational
        self.params: Params = {}
        self.returned: tuple[int, ...] | None = None

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        """x (B, T, D), masked; as it came where `rng` is None."""
        check_array(x, "x")
        if x.ndim != 3:
            raise ValueError(f"x has shape {x.shape}, but this Dropout wants the axes (B, T, D)")
        if x.dtype.kind != "f":
            raise TypeError(f"x is {x.dtype}, but must be float32 or float64")
        self.returned, self.dtype = x.shape, x.dtype
        if rng is None or self.rate == 0:
            self.mask = np.ones((1, 1, 1), x.dtype)
            return x.copy()
        B, T, D = x.shape
        kept = rng.random((B, 1 if self.variational else T, D)) >= self.rate
        self.mask = (kept / (1 - self.rate)).astype(x.dtype)
        return np.asarray(x * self.mask)

    def backward(self, dy: Array) -> tuple[Array, Params]:
        """The same mask on the gradient; there are no parameters."""
        check_gradient(dy, self.returned, getattr(self, "dtype", None), "Dropout")
        return dy * self.mask, {}


class LayerNorm:
    """
    y = gamma * (x - mean) / sqrt(variance + eps) + beta, mean and variance over the features of
    each step (Ba, Kiros and Hinton 2016, eq. 3 and 4).

    Shapes: x and y (B, T, H), gamma and beta (H,). In recurrent nets it is used on the states, as
    the padding of one sequence says nothing about another's.

    >>> layer = LayerNorm({"gamma": np.ones(2), "beta": np.zeros(2)}, eps=0.0)
    >>> layer.forward(np.array([[[1.0, 3.0]]])).tolist()
    [[[-1.0, 1.0]]]
    """

    def __init__(self, params: Params, eps: float = 1e-5) -> None:
        check_arrays(params, "parameters")
        if "gamma" not in params or params["gamma"].ndim != 1:
            raise ValueError("this LayerNorm wants a vector gamma among its parameters")
        H = len(params["gamma"])
        self.dtype = check_params(params, {"gamma": (H,), "beta": (H,)}, "LayerNorm")
        self.params, self.eps = params, eps
        self.returned: tuple[int, ...] | None = None

    def forward(self, x: Array) -> Array:
        check_features(x, len(self.params["gamma"]), self.dtype, "LayerNorm")
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred * centred).mean(-1, keepdims=True)
        self.scale = 1 / np.sqrt(variance + self.eps)
        self.normal = centred * self.scale
        self.returned = x.shape
        y: Array = self.params["gamma"] * self.normal + self.params["beta"]
        return y

    def backward(self, dy: Array) -> tuple[Array, Params]:
        """
        From dy = dL/dy, with n = (y - beta) / gamma and dn = dy * gamma:

            dx = (dn - mean(dn) - n * mean(dn * n)) / sqrt(variance + eps)
        """
        check_gradient(dy, self.returned, self.dtype, "LayerNorm")
        n, dn = self.normal, dy * self.params["gamma"]
        along = (dn * n).mean(-1, keepdims=True)
        dx = (dn - dn.mean(-1, keepdims=True) - n * along) * self.scale
        H = n.shape[-1]
        gamma = (dy * n).reshape(-1, H).sum(0)
        return dx, {"gamma": gamma, "beta": dy.reshape(-1, H).sum(0)}
