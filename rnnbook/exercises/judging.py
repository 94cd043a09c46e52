"""
The kinds of exercise: a value, a function, a property. Each has `judge(answer)`, which returns what
is wrong with the answer as the rest of a sentence, or None where it is right.
"""

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from numbers import Real
from typing import Any, Final, Protocol

import numpy as np

from rnnbook.arrays import Params
from rnnbook.exercises.diagnosis import Sizes, as_array, explain, same

#: Sizes of the first try: all different, none 1, so that an axis is known by its size.
FIRST: Final[Sizes] = {"B": 3, "T": 6, "D": 2, "H": 5, "K": 4, "V": 7, "L": 8}
TRIES: Final = 4
Judge = Callable[[Any], str | None]
Arguments = tuple[Any, ...]


class Exercise(Protocol):
    """What every kind of exercise can do."""

    def judge(self, answer: Any) -> str | None:
        """What is wrong with `answer`, or None."""


def excused(judge: Judge, answer: Any) -> str | None:
    """`judge(answer)`; whatever the answer raises is what is wrong with it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return judge(answer)
        except (Exception, SystemExit) as error:
            return f"your answer raises {raised(error)}"


def raised(error: BaseException) -> str:
    """
    An exception in a few words.

    >>> raised(ValueError("no\\nway"))
    'ValueError: no'
    """
    try:
        words = str(error).strip().partition("\n")[0]
    except Exception:
        words = ""
    return f"{type(error).__name__}: {words}".rstrip(": .")


@dataclass(frozen=True)
class Value:
    """
    The answer is a number, an array, a word or True or False.

    `mistakes`: what to say -> the wrong value by which that mistake is known. `hint` is said where
    none of them is. Numbers are right within `tolerance`, relative to the largest.

    >>> ex = Value(6, "multiply", {"that is the sum": 5})
    >>> ex.judge(6), ex.judge(5), ex.judge("six")
    (None, 'that is the sum', 'your answer is of type str, but must be a number')
    """

    right: Any
    hint: str
    mistakes: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-6

    def judge(self, answer: Any) -> str | None:
        kind = _kind(self.right)
        if _kind(answer) != kind and not (kind == "a number" and _kind(answer) == "an array"):
            return f"your answer is of type {type(answer).__name__}, but must be {kind}"
        if self._equal(answer, self.right):
            return None
        for words, wrong in self.mistakes.items():
            if self._equal(answer, wrong):
                return words
        if kind in ("an array", "a number"):
            came = as_array(answer, "your answer")
            wanted = np.asarray(self.right)
            if isinstance(came, str):
                return came
            if came.shape != wanted.shape:
                shape = wanted.shape or "that of one number"
                return f"your answer has the shape {came.shape}, but must have {shape}"
            if not np.isfinite(came).all():
                return "your answer holds NaN or infinity"
        return self.hint

    def _equal(self, a: Any, b: Any) -> bool:
        if isinstance(b, str | bool | np.bool_):
            return bool(_plain(a) == _plain(b))
        came = as_array(a, "your answer")
        return not isinstance(came, str) and same(
            came, np.asarray(b, np.float64), max(self.tolerance, 1e-12)
        )


def _plain(a: Any) -> Any:
    return " ".join(a.casefold().split()) if isinstance(a, str) else a


def _kind(a: Any) -> str:
    """What a value is, with its article."""
    if isinstance(a, bool | np.bool_):
        return "True or False"
    if isinstance(a, str):
        return "a word, as a string"
    if isinstance(a, Real) or (isinstance(a, np.ndarray) and not a.ndim):
        return "a number"
    if isinstance(a, list | tuple | np.ndarray):
        return "an array"
    return "something else"


@dataclass(frozen=True)
class Function:
    """
    The answer is a function. It is called with what `draw(rng, sizes)` gives, for several random
    sizes, and its results are compared with those of `right`.

    `returns`: each result's name -> its axes in letters, as in {"dW_xh": "D H"}; one result is
    returned as it is, several as a tuple. `mistakes`: what to say -> a function that makes that
    mistake. Where none of them does what the answer does, `diagnosis` looks for transposed
    matrices, missing sums, steps off by one; `hint` is added to what it finds.

    >>> double = Function(
    ...     right=lambda x: 2 * x,
    ...     draw=lambda rng, s: (rng.normal(size=(s["B"], s["D"])),),
    ...     returns={"y": "B D"},
    ...     mistakes={"the square is another function": lambda x: x * x},
    ... )
    >>> print(double.judge(lambda x: x + x))
    None
    >>> double.judge(lambda x: x * x)
    'the square is another function'
    >>> double.judge(lambda x: 2 * x.T)
    'y is transposed'
    """

    right: Callable[..., Any]
    draw: Callable[[np.random.Generator, Sizes], Arguments]
    returns: Mapping[str, str]
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    hint: str = ""

    def judge(self, answer: Any) -> str | None:
        if not callable(answer):
            names = ", ".join(signature(self.right).parameters)
            kind = type(answer).__name__
            return f"your answer is of type {kind}, but must be a function of ({names})"
        for attempt in range(TRIES):
            rng = np.random.default_rng(attempt)
            sizes = FIRST if attempt == 0 else _random_sizes(rng, smallest=attempt == 1)
            wrong = self._try(answer, self.draw(rng, sizes), sizes)
            if wrong and attempt:
                used = ", ".join(f"{k} = {sizes[k]}" for k in sizes if self._names(k))
                return f"it is right for other sizes, but for {used or 'other numbers'}: {wrong}"
            if wrong:
                return wrong
        return None

    def _names(self, letter: str) -> bool:
        return letter in "".join(self.returns.values())

    def _try(
        self, answer: Callable[..., Any], arguments: tuple[Any, ...], sizes: Sizes
    ) -> str | None:
        wanted = _as_tuple(self.right(*copy.deepcopy(arguments)), len(self.returns))
        given = copy.deepcopy(arguments)
        try:
            returned = answer(*given)
        except (Exception, SystemExit) as error:
            shapes = ", ".join(str(a.shape) for a in arguments if isinstance(a, np.ndarray))
            with_shapes = f", called with arrays of the shapes {shapes}" if shapes else ""
            return f"your function raises {raised(error)}{with_shapes}"
        if not _unchanged(given, arguments):
            return "your function changes its arguments: work on a copy"
        stacked = isinstance(returned, np.ndarray) and returned.ndim > 0
        several = stacked or isinstance(returned, tuple | list)
        if len(self.returns) > 1 and not (several and len(returned) == len(self.returns)):
            return f"your function must return ({', '.join(self.returns)})"
        came = _as_tuple(returned, len(self.returns))
        found = [
            explain(c, np.asarray(w, np.float64), name, axes, sizes)
            for c, w, (name, axes) in zip(came, wanted, self.returns.items(), strict=True)
        ]
        wrong = next((words for words in found if words), None)
        return wrong and (self._known(came, arguments) or self._hinted(wrong))

    def _known(self, came: Arguments, arguments: Arguments) -> str | None:
        """The words of the mistake that gives just what came."""
        for words, mistake in self.mistakes.items():
            made = _as_tuple(mistake(*copy.deepcopy(arguments)), len(self.returns))
            pairs = [(as_array(c, ""), as_array(m, "")) for c, m in zip(came, made, strict=True)]
            if all(
                not isinstance(c, str) and not isinstance(m, str) and _same_or_nan(c, m)
                for c, m in pairs
            ):
                return words
        return None

    def _hinted(self, wrong: str) -> str:
        return f"{wrong} ({self.hint})" if self.hint else wrong


@dataclass(frozen=True)
class Property:
    """
    Many answers are right: `test(answer)` says what is wrong with one, or None.

    >>> Property(lambda n: None if n % 2 == 0 else "it is odd").judge(3)
    'it is odd'
    """

    test: Judge

    def judge(self, answer: Any) -> str | None:
        return self.test(answer)


def named_arrays(
    answer: Any,
    shapes: Callable[[int], Mapping[str, tuple[int, ...]]],
    wanted: str = "your answer must be the tuple",
) -> Params | str:
    """
    A network's arrays that come as a tuple, by name; or what is wrong with them.

    `shapes(H)`: each array's name -> its shape, in their order, for H units, as many as `b_h` has.

    >>> named_arrays((np.ones((3, 2)), np.ones(2)), lambda H: {"W_xh": (1, H), "b_h": (H,)})
    'W_xh has the shape (3, 2), but with H = 2 must have (1, 2)'
    """
    names = tuple(shapes(1))
    if not isinstance(answer, tuple | list) or len(answer) != len(names):
        return f"{wanted} ({', '.join(names)})"
    p: Params = {}
    for name, value in zip(names, answer, strict=True):
        came = as_array(value, name)
        if isinstance(came, str):
            return came
        p[name] = came
    H = max(1, p["b_h"].size)
    for name, shape in shapes(H).items():
        if p[name].shape != shape:
            return f"{name} has the shape {p[name].shape}, but with H = {H} must have {shape}"
    return p


def _random_sizes(rng: np.random.Generator, smallest: bool) -> Sizes:
    """Other sizes; in one try every axis has length 1, where a sum cannot be seen to be missing."""
    return {letter: 1 if smallest else int(rng.integers(1, 7)) for letter in FIRST}


def _as_tuple(value: Any, n: int) -> tuple[Any, ...]:
    return (value,) if n == 1 else tuple(value)


def _same_or_nan(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    if np.isfinite(a).all() and np.isfinite(b).all():
        return same(a, b)
    return a.shape == b.shape and bool(np.allclose(a, b, equal_nan=True))


def _unchanged(given: tuple[Any, ...], kept: tuple[Any, ...]) -> bool:
    """Whether every array among the arguments is as it was."""
    for a, b in zip(given, kept, strict=True):
        if isinstance(b, dict):
            if not (a.keys() == b.keys() and _unchanged(tuple(a.values()), tuple(b.values()))):
                return False
        elif isinstance(b, tuple | list):
            if len(a) != len(b) or not _unchanged(tuple(a), tuple(b)):
                return False
        elif isinstance(b, np.ndarray) and not np.array_equal(a, b, equal_nan=b.dtype.kind == "f"):
            return False
    return True
