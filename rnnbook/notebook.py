"""What the book's notebooks share: their first cell, their tables, their exercises' checks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from IPython.display import Markdown


def setup() -> None:
    """
    The first cell of every notebook: the book's style, figures as SVG without a date.

    Raises ModuleNotFoundError, saying what to install, where matplotlib is not there.
    """
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        from rnnbook import plotting
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'the notebooks need {error.name}: pip install "rnnbook[pages]"'
        ) from error
    plotting.use_style()
    set_matplotlib_formats("svg", metadata={"Date": None})


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> "Markdown":
    """
    A table as a page shows it: first column to the left, the others to the right.

    >>> print(table(["model", "loss"], [["AR(2)", 0.5]]).data)
    | model | loss |
    |:---|---:|
    | AR(2) | 0.5 |
    """
    from IPython.display import Markdown

    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells, but the header {len(header)}: {row}")
    lines = ["|:---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return Markdown("\n".join(["| " + " | ".join(header) + " |", *lines]))


def spread(values: Sequence[float], digits: int = 3) -> str:
    """
    Mean and standard deviation over seeds.

    >>> spread([1.0, 2.0, 3.0], 2)
    '2.00 ± 1.00'
    """
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def check(answer: Any, right: Any, hint: str, tolerance: float = 1e-6) -> None:
    """
    Say whether an exercise's answer is right: a word, a number or an array of numbers.

    `None` means that there is no answer yet. Numbers are right within `tolerance`.

    >>> check(None, 4, "count again")
    No answer yet.
    >>> check(3, 4, "count again")
    Not yet: count again.
    >>> check("tanh", "tanh", "look at the figure")
    Right.
    """
    if answer is None:
        print("No answer yet.")
    elif _same(answer, right, tolerance):
        print("Right.")
    else:
        print(f"Not yet: {hint}.")


def _same(answer: Any, right: Any, tolerance: float) -> bool:
    if isinstance(answer, str) or isinstance(right, str):
        return bool(answer == right)
    came, wanted = np.asarray(answer, float), np.asarray(right, float)
    return came.shape == wanted.shape and np.allclose(came, wanted, tolerance, tolerance)
