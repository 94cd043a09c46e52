"""
Starting weights, by name. Every function takes a shape and a NumPy generator; nothing is global.

A weight here has the axes (inputs, outputs), as in `x @ W`. D inputs, H hidden units, G gates.
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
    if len(shape) != 2:
        raise ValueError(f"an orthogonal array has two axes, but {shape} was asked for")
    rows, columns = shape
    normal = rng.normal(size=(max(shape), min(shape)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))  # without it the distribution depends on QR's choice of signs
    return q if rows >= columns else q.T


def identity(shape: Shape, rng: np.random.Generator) -> Array:
    """
    The identity, for a recurrent weight under ReLU (Le, Jaitly and Hinton 2015); no chance in it.

    >>> identity((2, 2), np.random.default_rng(0)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"an identity is square, but {shape} was asked for")
    return np.eye(shape[0])


def torch_uniform(shape: Shape, rng: np.random.Generator) -> Array:
    """
    Uniform in +-1/sqrt(H), H the last axis: what PyTorch's RNN, LSTM and GRU start from, for their
    weights and their biases alike (`torch.nn.RNN`, under Variables).

    For PyTorch's `Linear` it is not: there the bound is 1/sqrt(inputs).

    >>> bool(np.abs(torch_uniform((3, 4), np.random.default_rng(0))).max() < 0.5)
    True
    """
    limit = 1 / np.sqrt(shape[-1])
    return rng.uniform(-limit, limit, shape)


def zeros(shape: Shape, rng: np.random.Generator) -> Array:
    """Zero everywhere; the generator is not used."""
    return np.zeros(shape)


Initializer = Callable[[Shape, np.random.Generator], Array]
INITIALIZERS: Final[dict[str, Initializer]] = {
    "glorot_uniform": glorot_uniform,
    "identity": identity,
    "orthogonal": orthogonal,
    "torch_uniform": torch_uniform,
    "zeros": zeros,
}


def initialize(name: str, shape: Shape, rng: np.random.Generator, gates: int = 1) -> Array:
    """
    Draw starting weights (float64) by the initialiser's name.

    With gates G > 1 the last axis is G * H long and holds a block of H for each gate, drawn one
    after the other as if alone: an orthogonal W_hh (H, 4H) is four orthogonal matrices. Keras draws
    all gates as one matrix, of which no gate is orthogonal, and Glorot's bound is smaller.

    Raises ValueError for an unknown name, and for a shape that has no such array.

    >>> W_hh = initialize("identity", (2, 4), np.random.default_rng(0), gates=2)
    >>> W_hh.tolist()
    [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """
    if name not in INITIALIZERS:
        raise ValueError(f"initializer is {name!r}, but must be one of {sorted(INITIALIZERS)}")
    if gates < 1 or shape[-1] % gates:
        raise ValueError(f"the last axis of {shape} cannot be cut into {gates} equal gates")
    block = (*shape[:-1], shape[-1] // gates)
    draws = [INITIALIZERS[name](block, rng) for _ in range(gates)]
    return draws[0] if gates == 1 else np.concatenate(draws, axis=-1)


def with_forget_bias(b_h: Array, value: float = 1.0) -> Array:
    """
    A copy of an LSTM's bias (4H,), gates i f g o, with the forget gate's H numbers set to `value`.

    Gers, Schmidhuber and Cummins (2000) start with positive ones, so that the cell remembers before
    it has learnt to; Jozefowicz, Zaremba and Sutskever (2015) recommend 1.

    >>> with_forget_bias(np.zeros(8)).tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    if b_h.ndim != 1 or len(b_h) % 4:
        raise ValueError(f"an LSTM's bias has shape (4H,), but this one has {b_h.shape}")
    H = len(b_h) // 4
    b_h = b_h.copy()
    b_h[H : 2 * H] = value
    return b_h
