"""
From logits to a symbol: temperature, the k likeliest, the nucleus.

Shapes: V symbols. Every framework's generation uses these, on its own logits.
"""

import numpy as np

from rnnbook.arrays import Array, whole_number


def probabilities(
    logits: Array, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Array:
    """
    The distribution (V,), float64, that a symbol is drawn from, given logits (V,).

        p = softmax(logits / temperature);  temperature 0: all of it on the likeliest symbol

    top_k keeps the k likeliest symbols (Fan, Lewis and Dauphin 2018); top_p keeps the nucleus,
    the likeliest symbols until their probabilities sum to top_p at least (Holtzman et al. 2020).
    With both, the nucleus is taken of the k. What is kept is scaled to sum to 1.

    >>> logits = np.log([0.5, 0.3, 0.2])
    >>> probabilities(logits, top_k=2).round(3).tolist()
    [0.625, 0.375, 0.0]
    >>> probabilities(logits, top_p=0.6).round(3).tolist()
    [0.625, 0.375, 0.0]
    >>> probabilities(logits, temperature=0).tolist()
    [1.0, 0.0, 0.0]
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 1 or not logits.size:
        raise ValueError(f"logits have shape {logits.shape}, but must be (V,)")
    if not np.isfinite(logits).all():
        bad = np.count_nonzero(~np.isfinite(logits))
        raise ValueError(f"logits hold {bad} NaN or infinity")
    _check(temperature, top_k, top_p)
    order = np.argsort(-logits, kind="stable")
    p = np.zeros(len(logits))
    if temperature == 0:
        p[order[0]] = 1
        return p
    p[:] = np.exp((logits - logits[order[0]]) / temperature)
    p /= p.sum()
    if top_k is not None:
        p[order[top_k:]] = 0
        p /= p.sum()
    if top_p is not None:
        before = np.cumsum(p[order]) - p[order]  # of the likelier ones
        p[order[before >= top_p]] = 0
        p /= p.sum()
    return p


def _check(temperature: float, top_k: int | None, top_p: float | None) -> None:
    if not 0 <= temperature < np.inf:
        raise ValueError(f"temperature is {temperature}, but must be 0 or above")
    if top_k is not None:
        whole_number(top_k, "top_k")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}, but must be above 0 and at most 1")


def draw(p: Array, rng: np.random.Generator) -> int:
    """A symbol drawn from the distribution p (V,), by one random number.

    >>> draw(np.array([0.0, 1.0]), np.random.default_rng(0))
    1
    """
    at = int(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), side="right"))
    return min(at, int(np.flatnonzero(p)[-1]))  # rounding must not draw what has probability 0
