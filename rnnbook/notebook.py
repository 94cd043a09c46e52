"""What the book's notebooks share: their first cell, their tables."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from IPython.display import Markdown


def setup(lean: bool = False) -> None:
    """
    The first cell of every notebook: the book's style, figures as SVG without a date.

    `lean`, for a page of many figures: they look alike and weigh a third less (see `lean_svg`).

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
    if lean:
        from IPython.core.interactiveshell import InteractiveShell
        from matplotlib.figure import Figure

        display: Any = InteractiveShell.instance().display_formatter
        formatter = display.formatters["image/svg+xml"]
        draw = formatter.lookup_by_type(Figure)
        formatter.for_type(Figure, lambda figure: lean_svg(draw(figure)))


def lean_svg(svg: str) -> str:
    """
    matplotlib's SVG without metadata, comments, line breaks, and digits that no eye can see.

    A notebook indents and quotes each line of an output, and matplotlib starts one at every corner
    of every letter. Numbers below 1, which may be scales, keep all of their digits.

    >>> lean_svg('<g>\\n <!-- a -->\\n <path d="M 12.3456 0.015625 \\nL -8.5 1.999 \\n"/>\\n</g>')
    '<g><path d="M 12.34 0.015625 L -8.5 1.99 "/></g>'
    """
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r">\s+<", "><", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    return re.sub(r"(?<![\d.])([1-9]\d*\.\d\d)\d+", r"\1", svg)


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


RESULT: Final = "rnnbook"  # the key of a result in the metadata of the output that shows it


class Result:
    """What a page of the matrix found: a sentence on the page, a number for the landing page."""

    def __init__(self, metric: str, test: float, gap: float | None = None) -> None:
        for name, value in (("test", test), ("gap", gap)):
            if value is not None and not np.isfinite(value):
                raise ValueError(f"{name} is {value}, but must be a finite number")
        self.metric, self.test, self.gap = metric, float(test), gap if gap is None else float(gap)

    def __str__(self) -> str:
        said = f"On the test part: {self.metric} {self.test:.3g}."
        if self.gap is not None:
            said += f" Largest relative gap to NumPy's loss curve: {self.gap:.1g}."
        return said

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, object]]:
        found = {"metric": self.metric, "test": self.test, "gap": self.gap}
        return {"text/markdown": str(self), "text/plain": str(self)}, {RESULT: found}


def result(metric: str, test: float, gap: float | None = None) -> Result:
    """
    The last value of the cell that says how a page ends; the landing page's matrix reads it there.

    `gap` is the largest relative gap to the loss curve of NumPy. Raises ValueError where a number
    is not finite.

    >>> print(result("accuracy", 0.699, gap=2.2e-13))
    On the test part: accuracy 0.699. Largest relative gap to NumPy's loss curve: 2e-13.
    """
    return Result(metric, test, gap)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """
    Mean and standard deviation over seeds.

    >>> spread([1.0, 2.0, 3.0], 2)
    '2.00 ± 1.00'
    """
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {deviation:.{digits}f}"
