"""
The checks behind the pages' exercises: `check("backward-3", answer)` says what is wrong.

A page's exercises live in the module of its name, in a dictionary `EXERCISES`; `judging` holds the
kinds of exercise, `diagnosis` the common mistakes and their names.
"""

from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple

import numpy as np

from rnnbook.exercises.judging import Exercise, excused

_NOT_PAGES = {"diagnosis", "judging"}


class Verdict(NamedTuple):
    """Whether an answer is right, and the sentence that says so."""

    right: bool
    words: str


def pages() -> list[str]:
    """The pages that have exercises here."""
    return sorted({module.name for module in iter_modules(__path__)} - _NOT_PAGES)


def exercises(page: str) -> dict[str, Exercise]:
    """A page's exercises by name, in their order; ValueError for a page that has none."""
    if page not in pages():
        raise ValueError(f"no page {page!r} has exercises; these have: {', '.join(pages())}")
    found: dict[str, Exercise] = import_module(f"{__name__}.{page}").EXERCISES
    return found


def verdict(name: str, answer: Any) -> Verdict:
    """Judge an answer; never raises on the answer's account. ValueError for an unknown name."""
    page, _, _ = name.rpartition("-")
    known = exercises(page) if page in pages() else {}
    if name not in known:
        everything = [each for p in pages() for each in exercises(p)]
        close = get_close_matches(name, everything, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"there is no exercise {name!r}{hint}")
    if answer is None:
        return Verdict(False, "No answer yet.")
    wrong = excused(known[name].judge, answer)
    if wrong is None:
        return Verdict(True, "Right.")
    return Verdict(False, f"Not yet: {wrong}" + "." * (wrong[-1] not in ".?!"))


def matches(answer: Any, wanted: Any, tolerance: float = 1e-6) -> None:
    """
    Print the verdict on an answer that has a reference: a number or an array beside another.

    On the pages of the frameworks the reference is what NumPy computed. `tolerance` is relative to
    the largest number wanted. `None` means that there is no answer yet; nothing is raised.

    >>> matches(None, 1.5)
    No answer yet.
    >>> matches([1.0, 2.0], [1.0, 2.5])
    Not yet: the largest difference is 0.5, of numbers up to 2.5.
    >>> matches(2.5, 2.5)
    Right.
    """
    print("No answer yet." if answer is None else _compared(answer, wanted, tolerance))


def _compared(answer: Any, wanted: Any, tolerance: float) -> str:
    wanted = np.asarray(wanted)
    try:
        found = np.asarray(answer)
        if found.dtype.kind not in "fiub":
            return f"Not yet: an answer of {found.dtype} is no number or array of numbers."
    except Exception as error:  # whatever a framework's object says of itself
        return f"Not yet: NumPy cannot read this {type(answer).__name__} ({error})."
    if found.shape != wanted.shape:
        return f"Not yet: the shape is {found.shape}, but {wanted.shape} is wanted."
    if not np.isfinite(found).all():
        return f"Not yet: {np.count_nonzero(~np.isfinite(found))} numbers are NaN or infinite."
    difference = float(np.abs(found.astype(float) - wanted).max(initial=0))
    scale = float(np.abs(wanted).max(initial=0))
    if difference <= tolerance * max(scale, np.finfo(float).tiny):
        return "Right."
    return f"Not yet: the largest difference is {difference:.2g}, of numbers up to {scale:.3g}."


def check(name: str, answer: Any) -> None:
    """
    Print the verdict on a reader's answer to the exercise `name`.

    `None` means that there is no answer yet. An answer that is a function is tried on random
    numbers of random shapes; whatever it does, nothing is raised. Raises ValueError where there
    is no exercise of that name.

    >>> check("backward-1", None)
    No answer yet.
    """
    print(verdict(name, answer).words)
