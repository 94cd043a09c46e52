"""
For every exercise a right answer, and wrong ones with the word that must help: a module a page.

`ANSWERS` of each: the exercise's name -> `Answers`. `test_exercises.py` gives them to the checks.
"""

from typing import Any, NamedTuple


class Answers(NamedTuple):
    """What is right, and `wrong`: each wrong answer with a word of the refusal it must get."""

    right: Any
    wrong: list[tuple[Any, str]]
