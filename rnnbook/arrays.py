"""The words that every module's signatures are written in, and the check they share."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
#: What a recurrent layer carries from step to step, always a tuple: `(h,)` or `(h, c)`; for
#: nested layers, a tuple of theirs.
State = tuple[Any, ...]
#: Parameters, or their gradients, by name.
Params = dict[str, Array]


def whole_number(value: Any, name: str) -> int:
    """`value` as an int; TypeError unless it is a whole number, ValueError unless it is above 0."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is {value!r}, but must be a whole number")
    if operator.index(value) < 1:
        raise ValueError(f"{name} is {value}, but must be at least 1")
    return operator.index(value)


def real_number(value: Any, name: str) -> float:
    """`value` as a float; TypeError unless it is a number, ValueError where it is not finite."""
    if not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} is {value!r}, but must be a number")
    if not np.isfinite(value):
        raise ValueError(f"{name} is {value}, but must be finite")
    return float(value)


def check_array(a: object, name: str) -> None:
    """Raise TypeError unless `a` is a NumPy array: a list has no dtype that could be kept."""
    if not isinstance(a, np.ndarray):
        raise TypeError(f"{name} is a {type(a).__name__}, but must be a NumPy array")


def check_arrays(arrays: object, what: str) -> None:
    """Raise TypeError unless `arrays` is a dictionary of NumPy arrays."""
    if not isinstance(arrays, dict):
        raise TypeError(f"{what} are a {type(arrays).__name__}, but must be a dictionary of arrays")
    for name, a in arrays.items():
        check_array(a, name)


def check_names(params: Params, grads: Params) -> None:
    """Raise unless both are dictionaries that name the same arrays of the same shapes."""
    check_arrays(params, "parameters")
    check_arrays(grads, "gradients")
    if params.keys() != grads.keys():
        raise ValueError(f"gradients are for {sorted(grads)}, but parameters are {sorted(params)}")
    for name, p in params.items():
        if grads[name].shape != p.shape:
            raise ValueError(f"gradient of {name} is {grads[name].shape}, but {name} is {p.shape}")


#: The number of steps of each sequence in a padded batch, (B,).
Lengths = Array | Sequence[int]


def check_lengths(lengths: Lengths, B: int, T: int) -> Array:
    """
    The lengths of B padded sequences of T steps as an int64 array (B,).

    Raises ValueError unless there are B of them, each 1 to T, and TypeError unless they are
    integers.

    >>> check_lengths([3, 1], B=2, T=3)
    array([3, 1])
    """
    lengths = np.asarray(lengths)
    if lengths.shape != (B,):
        raise ValueError(f"lengths has shape {lengths.shape}, but must be ({B},): one a sequence")
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths are {lengths.dtype}, but must be integers")
    wrong = lengths[(lengths < 1) | (lengths > T)]
    if wrong.size:
        raise ValueError(f"lengths holds {wrong[0]}, but every sequence has 1 to {T} steps")
    return lengths.astype(np.int64)
