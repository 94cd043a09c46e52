"""
The checks of the pages' exercises: what is right passes, what is wrong is refused with a word that
helps, and nothing that a reader can give raises.
"""

import re
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from answers import Answers
from book_page import ROOT, read_page

from rnnbook import exercises
from rnnbook.exercises.diagnosis import explain
from rnnbook.exercises.judging import FIRST, Function, Property, Value

PAGES = exercises.pages()
NAMES = [name for page in PAGES for name in exercises.exercises(page)]
AT_LEAST = 8  # exercises a page
WRONG_AT_LEAST = 3  # wrong answers that are tried for each


def answers(page: str) -> dict[str, Answers]:
    found: dict[str, Answers] = import_module(f"answers.{page}").ANSWERS
    return found


ANSWERS = {name: each for page in PAGES for name, each in answers(page).items()}
WRONG = [
    pytest.param(name, answer, word, id=f"{name}-{k}")
    for name, each in ANSWERS.items()
    for k, (answer, word) in enumerate(each.wrong)
]


def test_every_exercise_has_answers() -> None:
    assert list(ANSWERS) == NAMES


@pytest.mark.parametrize("page", PAGES)
def test_exercises_are_numbered(page: str) -> None:
    names = list(exercises.exercises(page))
    assert names == [f"{page}-{k}" for k in range(1, len(names) + 1)]
    assert len(names) >= AT_LEAST


@pytest.mark.parametrize("page", PAGES)
def test_the_page_checks_each_twice(page: str) -> None:
    """Once where the reader answers, once in the solution, which the notebook proves right."""
    (notebook,) = (ROOT / "book").glob(f"[fn]*/{page}.ipynb")  # foundations or numpy
    cells = read_page(notebook).code
    code = "\n".join(cell.source for cell in cells)
    called = re.findall(rf'check\(\s*"({page}-\d+)"', code)
    assert sorted(set(called)) == sorted(exercises.exercises(page))
    assert all(called.count(name) >= 2 for name in called)


@pytest.mark.parametrize("name", NAMES)
def test_right_answer_is_right(name: str) -> None:
    assert exercises.verdict(name, ANSWERS[name].right) == (True, "Right.")


@pytest.mark.parametrize("name", NAMES)
def test_enough_wrong_answers_are_tried(name: str) -> None:
    assert len(ANSWERS[name].wrong) >= WRONG_AT_LEAST


@pytest.mark.parametrize(("name", "answer", "word"), WRONG)
def test_wrong_answer_is_refused_with_a_word_that_helps(name: str, answer: Any, word: str) -> None:
    right, words = exercises.verdict(name, answer)
    assert not right
    assert words.startswith("Not yet: ")
    assert words.endswith((".", "?"))
    assert word in words
    assert len(word) > 3


class Hostile:
    """Refuses to be an array, a number, a word, or equal to anything."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array")

    __float__ = __len__ = __iter__ = __eq__ = __str__ = __array__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


def leave(*_: Any) -> None:
    raise SystemExit("leaving")


def again(*a: Any) -> Any:
    return again(*a)


NONSENSE: dict[str, Any] = {
    "nan": float("nan"),
    "infinite": np.inf,
    "complex": 1j,
    "huge": 10**400,
    "word": "no idea",
    "empty word": "",
    "bytes": b"no",
    "empty list": [],
    "ragged": [[1.0], [1.0, 2.0]],
    "list of none": [None, None],
    "dict": {"a": 1},
    "empty array": np.zeros((0, 3)),
    "strings": np.array(["a", "b"]),
    "objects": np.array([None, 1], object),
    "many axes": np.zeros((1, 2, 3, 4, 5)),
    "hostile": Hostile(),
    "type": Hostile,
    "returns nothing": lambda *_: None,
    "returns a word": lambda *_: "no",
    "returns itself": lambda *a: a,
    "returns hostile": lambda *_: Hostile(),
    "returns pairs of hostile": lambda *_: (Hostile(), Hostile()),
    "returns nan": lambda *a: np.full(np.shape(a[0]) if a else (), np.nan),
    "takes nothing": lambda: 1.0,
    "divides": lambda *_: 1 / 0,
    "leaves": leave,
    "recurs": again,
    "generates": lambda *_: (k for k in range(3)),
}


@pytest.mark.parametrize("what", NONSENSE)
@pytest.mark.parametrize("name", NAMES)
def test_nonsense_is_refused_and_never_raises(name: str, what: str) -> None:
    right, words = exercises.verdict(name, NONSENSE[what])
    assert not right
    assert words.startswith("Not yet: ")
    assert "\n" not in words


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_is_no_mistake(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    exercises.check(name, None)
    assert capsys.readouterr().out == "No answer yet.\n"


def test_unknown_exercise_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'backward-3'"):
        exercises.check("backwards-3", 1)
    with pytest.raises(ValueError, match="there is no exercise 'tulip'"):
        exercises.check("tulip", 1)
    with pytest.raises(ValueError, match="no page 'tulip' has exercises"):
        exercises.exercises("tulip")


# ------------------------------------------------------------------------- the kinds of exercise


def draw(rng: np.random.Generator, s: dict[str, int]) -> tuple[Any, ...]:
    """States (B, T, H), gradients (B, T, 4H)."""
    return rng.normal(size=(s["B"], s["T"], s["H"])), rng.normal(size=(s["B"], s["T"], 4 * s["H"]))


def weight_gradient(h: np.ndarray, dz: np.ndarray) -> np.ndarray:
    return np.einsum("bth,btg->hg", h, dz)


GRADIENT = Function(weight_gradient, draw, {"dW": "H 4H"}, hint="sum over both")


def first_only(h: np.ndarray, dz: np.ndarray) -> np.ndarray:
    return h[0].T @ dz[0]


def swapped_gates(h: np.ndarray, dz: np.ndarray) -> np.ndarray:
    i, f, g, o = np.split(weight_gradient(h, dz), 4, axis=1)
    return np.concatenate([i, f, o, g], axis=1)


def in_place(h: np.ndarray, dz: np.ndarray) -> np.ndarray:
    h *= 1.0 + 1e-9
    return weight_gradient(h, dz)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda h, dz: weight_gradient(h, dz).T, "dW is transposed"),
        (lambda h, dz: np.einsum("bth,btg->bhg", h, dz), "the sum over the batch is missing"),
        (lambda h, dz: np.einsum("bth,btg->thg", h, dz), "the sum over the steps is missing"),
        (lambda h, dz: weight_gradient(h, dz).sum(0), "is summed over the hidden units"),
        (lambda h, dz: weight_gradient(h, dz) / len(h), "dW is B times too small"),
        (lambda h, dz: weight_gradient(h, dz) * h.shape[1], "dW is T times too large"),
        (lambda h, dz: 2.5 * weight_gradient(h, dz), "dW is 2.5 times what it should be"),
        (lambda h, dz: -weight_gradient(h, dz), "dW has the wrong sign"),
        (lambda h, dz: 0 * weight_gradient(h, dz), "dW is zero everywhere"),
        (lambda h, dz: weight_gradient(h, dz) + np.nan, "dW holds NaN or infinity"),
        (lambda h, dz: weight_gradient(h, dz) + np.eye(5, 20), "wanted is"),
        (lambda h, dz: weight_gradient(h, dz).ravel(), "the right numbers, but the shape (100,)"),
        (swapped_gates, "the gates of dW stand in another order"),
        (first_only, "(sum over both)"),
        (in_place, "changes its arguments"),
        (lambda h: h, "raises TypeError"),
        (lambda h, dz: h @ dz, "raises ValueError"),
        (3.0, "is of type float, but must be a function of (h, dz)"),
    ],
)  # fmt: skip
def test_a_function_is_told_its_mistake(answer: Any, words: str) -> None:
    assert words in (GRADIENT.judge(answer) or "")


def test_single_precision_is_right_to_its_own_digits() -> None:
    def in_single(h: np.ndarray, dz: np.ndarray) -> np.ndarray:
        return weight_gradient(h.astype("f4"), dz.astype("f4"))

    assert GRADIENT.judge(in_single) is None
    assert GRADIENT.judge(lambda h, dz: in_single(h, dz) * np.float32(1.001)) is not None
    assert GRADIENT.judge(lambda h, dz: in_single(h, dz).astype("f8")) is not None


def test_a_function_must_be_right_for_every_size() -> None:
    def batch_of_three(h: np.ndarray, dz: np.ndarray) -> np.ndarray:
        return weight_gradient(h[:3], dz[:3])

    said = GRADIENT.judge(batch_of_three)
    assert said is not None
    assert said.startswith("it is right for other sizes, but for H = ")


def test_a_function_may_return_several() -> None:
    both = Function(lambda h, dz: (h.sum((0, 1)), dz.sum((0, 1))), draw, {"db": "H", "dc": "4H"})
    assert both.judge(lambda h, dz: [h.sum((0, 1)), dz.sum((0, 1))]) is None
    assert both.judge(lambda h, dz: h) == "your function must return (db, dc)"
    twice = Function(lambda h, dz: (h, 2 * h), draw, {"one": "B T H", "two": "B T H"})
    assert twice.judge(lambda h, dz: np.stack([h, 2 * h])) is None
    assert twice.judge(lambda h, dz: np.float64(3)) == "your function must return (one, two)"
    assert both.judge(lambda h, dz: (h.sum((0, 1)), dz.sum(1))) == (
        "in dc the sum over the batch is missing"
    )


@pytest.mark.parametrize(
    ("made_from", "words"),
    [
        (lambda a: a[:, ::-1], "runs backwards in time"),
        (lambda a: np.concatenate([a[:, :1], a[:, :-1]], axis=1), "one step late"),
        (lambda a: np.concatenate([a[:, 1:], a[:, -1:]], axis=1), "one step early"),
        (lambda a: np.where(np.arange(6)[:, None] == 5, a, 0), "right at the last step alone"),
        (lambda a: np.where(np.arange(6)[:, None] == 0, a, 1), "right at the first step alone"),
        (lambda a: np.where(np.arange(6)[:, None] < 3, a, 1), "wrong at step 4 of 6"),
    ],
)
def test_time_is_looked_at(made_from: Any, words: str) -> None:
    wanted = np.random.default_rng(0).normal(size=(3, 6, 5))
    said = explain(made_from(wanted), wanted, "dx", "B T H", FIRST)
    assert said is not None
    assert words in said


def test_a_value_is_told_its_mistake() -> None:
    count = Value(30, "count the biases, too", {"the biases are missing": 25})
    assert (
        count.judge(30)
        is count.judge(30.0)
        is count.judge(np.int64(30))
        is count.judge(Fraction(60, 2))
        is None
    )
    assert count.judge([30]) == "your answer has the shape (1,), but must have that of one number"
    assert count.judge(25) == "the biases are missing"
    assert count.judge(7) == "count the biases, too"
    assert count.judge("30") == "your answer is of type str, but must be a number"
    assert count.judge(True) == "your answer is of type bool, but must be a number"
    assert Value("tanh", "think").judge(" Tanh ") is None
    vector = Value([1.0, 2.0], "add them", {"the order is turned round": [2.0, 1.0]})
    assert vector.judge((1, 2)) is None
    assert vector.judge([2, 1]) == "the order is turned round"
    assert vector.judge([1, 2, 3]) == "your answer has the shape (3,), but must have (2,)"
    assert Value(True, "no").judge(1) == "your answer is of type int, but must be True or False"


def test_a_property_has_many_right_answers() -> None:
    even = Property(lambda n: None if n % 2 == 0 else "it is odd")
    assert even.judge(4) is even.judge(6) is None
    assert even.judge(3) == "it is odd"
