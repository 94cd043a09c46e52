"""
Starting weights, by name. Every function takes a shape and a NumPy generator; nothing is global.

A weight here has the axes (inputs, outputs), as in `x @ W`.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from rnnbook.arrays import Array

Shape = tuple[int, ...]


def glorot_uniform(shape: Shape, rng: np.random.Generator) -> Array:
    """Uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010, eq. 16)."""
    limit = np.sqrt(6 / (shape[0] + shape[-1]))
    return rng.uniform(-limit, limit, shape)


def orthogonal(shape: Shape, rng: np.random.Generator) -> Array:
    """
    A random matrix with orthonormal rows or columns (Saxe, McClelland and Ganguli 2014).

    >>> W = orthogonal((3, 3), np.random.default_rng(0))
    >>> bool(np.allclose(W @ W.T, np.eye(3)))
    True
    """
    rows, columns = shape
    normal = rng.normal(size=(max(shape), min(shape)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))  # without it the distribution depends on QR's choice of signs
    return q if rows >= columns else q.T


def zeros(shape: Shape, rng: np.random.Generator) -> Array:
    """Zero everywhere; the generator is not used."""
    return np.zeros(shape)


Initializer = Callable[[Shape, np.random.Generator], Array]
INITIALIZERS: Final[dict[str, Initializer]] = {
    "glorot_uniform": glorot_uniform,
    "orthogonal": orthogonal,
    "zeros": zeros,
}


def initialize(name: str, shape: Shape, rng: np.random.Generator) -> Array:
    """Draw starting weights (float64) by the initialiser's name; ValueError for an unknown one."""
    if name not in INITIALIZERS:
        raise ValueError(f"initializer is {name!r}, but must be one of {sorted(INITIALIZERS)}")
    return INITIALIZERS[name](shape, rng)
