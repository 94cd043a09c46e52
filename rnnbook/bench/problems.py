"""
What is timed: seven sizes, three modes, and the arrays that all compute with.

B batch, T steps, D inputs, H hidden units.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from rnnbook.arrays import Array, Params
from rnnbook.cells import cell_named

CELLS: Final = ("rnn", "lstm", "gru")
MODES: Final = {
    "train": "forward, and the gradients of every parameter and of the input",
    "forward": "forward alone, for prediction",
    "step": "one step of one sequence, its state carried, as in generation",
}


class Size(NamedTuple):
    B: int
    T: int
    D: int
    H: int

    def __str__(self) -> str:
        return ", ".join(map(str, self))


SIZES: Final = (
    Size(1, 50, 1, 32),
    Size(50, 20, 1, 100),
    Size(32, 35, 28, 128),
    Size(32, 100, 64, 256),
    Size(64, 35, 256, 512),
    Size(128, 35, 64, 128),
    Size(8, 1000, 16, 128),
)
STEP_SIZES: Final = (Size(1, 1, 64, 128), Size(1, 1, 64, 512))
QUICK_SIZES: Final = (Size(1, 10, 1, 8), Size(4, 12, 3, 16))

CHECKED_STEPS: Final = 8  # of mode "step": as many steps one after the other are compared


@dataclass(frozen=True, eq=False)
class Problem:
    """
    One cell, one mode, one size, and float32 arrays that are the same in every process.

    x (B, T, D); dh (B, T, H), the gradient that arrives at the outputs. In mode "step", where B and
    T are 1, x is `CHECKED_STEPS` long; the first of them is what is timed, again and again.
    """

    cell: str
    mode: str
    size: Size
    params: Params
    x: Array
    dh: Array


def make(cell: str, mode: str, size: Size) -> Problem:
    """
    Weights as PyTorch draws them, uniform in +-1/sqrt(H), and normal inputs and gradients.

    >>> problem = make("lstm", "train", Size(2, 5, 3, 4))
    >>> problem.params["W_xh"].shape, problem.x.shape, problem.dh.shape
    ((3, 16), (2, 5, 3), (2, 5, 4))
    """
    B, T, D, H = size
    if mode == "step":
        T = CHECKED_STEPS
    rng, limit = np.random.default_rng(0), 1 / np.sqrt(H)
    params = {
        name: rng.uniform(-limit, limit, shape).astype(np.float32)
        for name, shape in cell_named(cell).shapes(D, H).items()
    }
    x, dh = (rng.normal(size=(B, T, n)).astype(np.float32) for n in (D, H))
    return Problem(cell, mode, size, params, x, dh)


def gap(theirs: Params, ours: Params) -> float:
    """
    The largest difference of all arrays that they give, in units of the array's largest number.

    Raises ValueError where "h", the outputs, are not among them, where one of ours is not known or
    a shape differs; NaN counts as infinitely far.

    >>> ours = {"h": np.array([1.0, -2.0]), "dx": np.array([1.0])}
    >>> gap({"h": np.array([1.0, -1.9])}, ours)
    0.050000000000000044
    """
    if "h" not in theirs or not theirs.keys() <= ours.keys():
        raise ValueError(f"it gives {sorted(theirs)}, but must give h, and may {sorted(ours)}")
    largest = 0.0
    for name, a in theirs.items():
        b = ours[name]
        if a.shape != b.shape:
            raise ValueError(f"its {name} has shape {a.shape}, but ours {b.shape}")
        off = float(np.abs(a - b).max() / max(float(np.abs(b).max()), 1e-30))
        largest = max(largest, off if np.isfinite(off) else np.inf)
    return largest
