"""
What is wrong with an array, in a reader's words: transposed, not summed, one step off.

Axes are named in letters: "B T H" is (batch, steps, hidden units), "D 4H" has four gates on its
last axis. `Sizes` gives each letter its number; they differ, so that an axis is known by its size.
"""

import re
from collections.abc import Iterator
from itertools import permutations
from math import isclose
from numbers import Real
from typing import Any

import numpy as np

from rnnbook.arrays import Array

Sizes = dict[str, int]
#: What a letter of an axis stands for.
LETTERS = {
    "B": "the batch", "T": "the steps", "D": "the inputs", "H": "the hidden units",
    "K": "the outputs", "V": "the vocabulary", "L": "the layers",
}  # fmt: skip
TOLERANCE, SINGLE = 1e-7, 1e-4  # in double precision, and in single


def same(came: Array, wanted: Array, tolerance: float = TOLERANCE) -> bool:
    """Equal shapes and equal numbers, within `tolerance` of the largest, or of 1e-6."""
    if came.shape != wanted.shape:
        return False
    scale = max(np.abs(wanted).max(initial=0), 1e-6)
    return bool(np.abs(came - wanted).max(initial=0) <= tolerance * scale)


def _terms(axis: str) -> list[tuple[int, str]]:
    """ "4H" -> [(4, "H")]; "D+1+H" -> [(1, "D"), (1, ""), (1, "H")]; "2" -> [(2, "")]."""
    found = [re.fullmatch(r"(\d*)([A-Z]?)", term) for term in axis.split("+")]
    if not all(found) or not axis:
        raise ValueError(f"an axis is {axis!r}, but must be like 'H', '4H', '2' or 'T+1'")
    return [(int(m[1] or 1), m[2]) for m in found if m]


def as_array(value: Any, name: str) -> Array | str:
    """`value` as an array of float64, or what is wrong with it."""
    if value is None:
        return f"{name} is None: is there a `return`?"
    try:
        array = np.asarray(float(value) if isinstance(value, Real) else value)
    except Exception:
        return f"{name} is of type {type(value).__name__}, but must be an array"
    if array.dtype.kind not in "biuf":
        return f"{name} is of type {type(value).__name__}, but must be an array of numbers"
    return array.astype(np.float64)


def explain(value: Any, wanted: Array, name: str, axes: str, sizes: Sizes) -> str | None:
    """
    What is wrong with `value`, which should be `wanted` and have these axes; None if nothing is.

    >>> W = np.arange(6.0).reshape(2, 3)
    >>> explain(W.T, W, "dW", "D H", {"D": 2, "H": 3})
    'dW is transposed'
    """
    came = as_array(value, name)
    if isinstance(came, str):
        return came
    single = getattr(value, "dtype", None) == np.float32
    if same(came, wanted, SINGLE if single else TOLERANCE):
        return None
    if came.shape != wanted.shape:
        return _shape(came, wanted, name, axes, sizes)
    if not np.isfinite(came).all():
        return f"{name} holds NaN or infinity"
    return next(_numbers(came, wanted, name, axes, sizes), None) or _furthest(came, wanted, name)


def _shape(came: Array, wanted: Array, name: str, axes: str, sizes: Sizes) -> str:
    if same(came.T, wanted):
        return f"{name} is transposed"
    for axis, size in enumerate(came.shape):
        letter = next((k for k, s in sizes.items() if s == size and k in "BT"), None)
        if letter and same(came.sum(axis), wanted):
            return f"in {name} the sum over {LETTERS[letter]} is missing"
        if letter and same(came.mean(axis), wanted):
            return f"in {name} the mean over {LETTERS[letter]} is missing"
    for axis, letter in enumerate(axes.split()):
        if same(came, wanted.sum(axis)):
            summed = LETTERS.get(letter, f"an axis of {wanted.shape[axis]}")
            return f"{name} is summed over {summed}, which must stay"
    if wanted.size == came.size and same(came.ravel(), wanted.ravel()):
        kept = "the right numbers, but "
    else:
        kept = ""
    letters = f"({', '.join(axes.split())}) = " if axes else ""
    return f"{name} has {kept}the shape {came.shape}, wanted is {letters}{wanted.shape}"


def _numbers(
    came: Array, wanted: Array, name: str, axes: str, sizes: Sizes
) -> Iterator[str]:  # fmt: skip
    """Why numbers of the right shape differ: the first reason that explains all of them."""
    if came.size and not came.any():
        yield f"{name} is zero everywhere"
    if same(-came, wanted):
        yield f"{name} has the wrong sign"
    if wanted.ndim == 2 and wanted.shape[0] == wanted.shape[1] and same(came.T, wanted):
        yield f"{name} is transposed"
    yield from _factor(came, wanted, name, sizes)
    yield from _time(came, wanted, name, axes.split())
    yield from _gates(came, wanted, name, axes.split())


def _factor(came: Array, wanted: Array, name: str, sizes: Sizes) -> Iterator[str]:
    if wanted.size < 2:
        return
    factor = float((came * wanted).sum() / (wanted * wanted).sum())
    if factor == 0 or not same(came, factor * wanted):
        return
    for letter, size in sizes.items():
        if size > 2 and isclose(factor, size, rel_tol=1e-6):
            yield f"{name} is {letter} times too large: is a mean taken for a sum?"
        if size > 2 and isclose(factor, 1 / size, rel_tol=1e-6):
            yield f"{name} is {letter} times too small: is a sum taken for a mean?"
    yield f"{name} is {factor:.4g} times what it should be"


def _time(came: Array, wanted: Array, name: str, axes: list[str]) -> Iterator[str]:
    axis = next((k for k, a in enumerate(axes) if "T" in [x for _, x in _terms(a)]), None)
    if axis is None or wanted.shape[axis] < 3:
        return
    came, wanted = np.moveaxis(came, axis, 0), np.moveaxis(wanted, axis, 0)
    if same(came[::-1], wanted):
        yield f"{name} runs backwards in time"
    if same(came[1:], wanted[:-1]):
        yield f"{name} is one step late: what belongs to step t stands at step t + 1"
    if same(came[:-1], wanted[1:]):
        yield f"{name} is one step early: what belongs to step t stands at step t - 1"
    scale = np.abs(wanted).max()
    right = [
        bool(np.abs(c - w).max() <= TOLERANCE * scale) for c, w in zip(came, wanted, strict=True)
    ]
    if right[-1] and not any(right[:-1]):
        yield f"{name} is right at the last step alone: what comes back from later steps is missing"
    if right[0] and not any(right[1:]):
        yield f"{name} is right at the first step alone: what comes from earlier steps is missing"
    if any(right) and not all(right):
        yield f"{name} is wrong at step {right.index(False) + 1} of {len(right)}"


def _gates(came: Array, wanted: Array, name: str, axes: list[str]) -> Iterator[str]:
    """The blocks of an axis "4H" in another order."""
    for axis, letters in enumerate(axes):
        gates, _ = _terms(letters)[0]
        if letters != f"{gates}H" or not 1 < gates <= 4:
            continue
        blocks = np.split(came, gates, axis)
        for order in permutations(range(gates)):
            if same(np.concatenate([blocks[k] for k in order], axis), wanted):
                yield f"the gates of {name} stand in another order"


def _furthest(came: Array, wanted: Array, name: str) -> str:
    if not wanted.ndim:
        return f"{name} is {came:.6g}, wanted is {wanted:.6g}"
    index = np.unravel_index(np.abs(came - wanted).argmax(), wanted.shape)
    where = ", ".join(str(int(i)) for i in index)
    return f"{name}[{where}] is {came[index]:.6g}, wanted is {wanted[index]:.6g}"
