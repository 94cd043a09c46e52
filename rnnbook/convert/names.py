"""
The book's own layout: which arrays a recurrent net has, how they are called, which shape each has.

Letters: D inputs, H hidden units, G gates, L layers. Every check raises ValueError or TypeError
with what came and what was wanted.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, SupportsFloat

import numpy as np

from rnnbook.arrays import Array, Params
from rnnbook.cells import cell_named

Shape = tuple[int, ...]
Shapes = dict[str, Shape]

#: Which of the book's cells a framework's own layers can be.
HAS: Final = {
    "PyTorch": ("rnn", "lstm", "gru"),
    "Keras": ("rnn", "lstm", "gru", "gru_reset_before"),
}
NAME: Final = re.compile(r"(?:(\d+)\.)?(?:(forward|backward)\.)?\w+")


class Place(NamedTuple):
    """One direction of one layer, and what stands around a name there."""

    layer: int
    book: str  # before it, in the book: "1.backward."
    torch: str  # after it, in PyTorch: "l1_reverse"


def places(L: int, bidirectional: bool) -> list[Place]:
    """Every direction of every layer, in the order in which both frameworks list them.

    >>> [place.book for place in places(L=2, bidirectional=True)]
    ['0.forward.', '0.backward.', '1.forward.', '1.backward.']
    """
    directions = (("forward.", ""), ("backward.", "_reverse")) if bidirectional else (("", ""),)
    return [
        Place(layer, (f"{layer}." if L > 1 else "") + book, f"l{layer}{torch}")
        for layer in range(L)
        for book, torch in directions
    ]


def described(cell: str, where: list[Place]) -> str:
    """A net in words, for an error."""
    bidirectional = ", bidirectional" if "backward." in where[-1].book else ""
    return f"the {cell} (L = {where[-1].layer + 1}{bidirectional})"


def check_cell(cell: str, framework: str) -> None:
    """Raise ValueError unless the book knows this cell and the framework has it."""
    cell_named(cell)
    if cell not in HAS[framework]:
        raise ValueError(
            f"{framework} has no layer for the cell {cell!r}; it has {sorted(HAS[framework])}"
        )


def cell_shapes(cell: str, D: int, H: int) -> Shapes:
    """The book's shapes of one direction of one layer."""
    return cell_named(cell).shapes(D, H)


def check_dtypes(arrays: Mapping[str, Array]) -> None:
    """Raise TypeError unless all are NumPy arrays, all float32 or all float64."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name} is of type {type(array).__name__}, but must be a NumPy array")
    dtypes = {str(array.dtype) for array in arrays.values()}
    if len(dtypes) > 1 or not dtypes <= {"float32", "float64"}:
        raise TypeError(f"arrays are {sorted(dtypes)}, but must be all float32 or all float64")


def check_names(arrays: Mapping[str, Array], wanted: Mapping[str, object], who: str) -> None:
    """Raise ValueError unless these and no others are there."""
    missing, extra = sorted(wanted.keys() - arrays.keys()), sorted(arrays.keys() - wanted.keys())
    faults = [f"lacks {missing}"] * bool(missing) + [f"has no place for {extra}"] * bool(extra)
    if faults:
        raise ValueError(f"{who} {' and '.join(faults)}")


def check_shapes(
    arrays: Mapping[str, Array],
    first: tuple[str, str],
    axis: int,
    wanted: Callable[[int, int], Shapes],
) -> None:
    """Raise ValueError unless the shapes are `wanted(D, H)`.

    D and H are read off the given axis of the two arrays `first`, the first layer's matrices.
    """
    for name in first:
        if arrays[name].ndim != 2:
            raise ValueError(f"{name} has shape {arrays[name].shape}, but must be a matrix")
    D, H = (arrays[name].shape[axis] for name in first)
    for name, shape in wanted(D, H).items():
        if arrays[name].shape != shape:
            raise ValueError(
                f"{name} has shape {arrays[name].shape}, but must be {shape}, "
                f"for {first[0]} says D = {D} and {first[1]} says H = {H}"
            )


def inputs(layer: int, D: int, H: int, where: list[Place]) -> int:
    """What a layer reads: the input, or every direction of the layer below, side by side."""
    return D if layer == 0 else H * sum(place.layer == 0 for place in where)


def check_book(params: Mapping[str, Array], cell: str) -> list[Place]:
    """Raise unless `params` are a whole net's in the book's layout; return its places."""
    check_dtypes(params)
    matches = {name: NAME.fullmatch(name) for name in params}
    layers = {match[1] for match in matches.values() if match and match[1]}
    bidirectional = any(match and match[2] for match in matches.values())
    where = places(max(2, len(layers)) if layers else 1, bidirectional)

    def wanted(D: int, H: int) -> Shapes:
        return {
            place.book + name: shape
            for place in where
            for name, shape in cell_shapes(cell, inputs(place.layer, D, H, where), H).items()
        }

    check_names(params, wanted(1, 1), described(cell, where))
    first = where[0].book
    check_shapes(params, (f"{first}W_xh", f"{first}W_hh"), 0, wanted)
    return where


def check_moments(m: Params, v: Params) -> None:
    """Raise unless Adam's two moments are of the same arrays, and no square is negative."""
    mine, others = ({k: (a.shape, str(a.dtype)) for k, a in each.items()} for each in (m, v))
    if mine != others:
        raise ValueError(f"the first moments are {mine}, but the second moments are {others}")
    for name, square in v.items():
        if (square < 0).any():
            raise ValueError(f"the second moment of {name} is negative, but it averages squares")


def check_count(t: SupportsFloat) -> int:
    """The number of updates as an int, from a number or an array of no axes."""
    number = float(t)
    if number < 0 or not number.is_integer():
        raise ValueError(f"the number of updates is {number}, but must be 0, 1, 2, ...")
    return int(number)
