"""
The smallest page that keeps every rule: the authors' example, and what `test_page_rules.py` breaks.
"""

from typing import Any

OPENER = """\
# The mean as a forecast

:::{admonition} In short
:class: opener
You will be able to
: forecast a series by its mean, and say how far off that is.

You need
: a list of numbers.

It runs in
: {run-time}`seconds` on two cores.
:::
"""
QUESTION = """\
## A baseline first

How well does a forecast do that never changes? Of a series $x_1, \\dots, x_T$ it says

$$
\\hat x = \\frac{1}{T} \\sum_{t=1}^{T} x_t
$$ (eq-model-mean)
"""
WRONG = """\
## What can go wrong

A mean of no numbers divides by zero.
"""
EXERCISES = """\
## Exercises

```{exercise} Median
:label: ex-model-median
Forecast by the median.
```

```{solution-start} ex-model-median
:class: dropdown
```
"""
SOLVED = """\
```{solution-end}
```

```{exercise} Error
:label: ex-model-error
What is the mean absolute error of the mean?
```

```{solution-start} ex-model-error
:class: dropdown
```
"""
PAPER = """\
```{exercise} By hand
:label: ex-model-hand
Show that the mean has the least squared error.
```

```{solution} ex-model-hand
:class: dropdown
The derivative of the squared error {eq}`eq-model-mean` minimises is zero at the mean.
```
"""
SOURCES = """\
## Where it comes from

The series is as short as the ones of {cite:t}`elman1990`.
"""
PLOT = """\
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
ax.plot(x)
ax.axhline(mean)
plt.show()"""
FIGURE = {
    "figure": {"name": "fig-model-mean", "caption": "The series and its mean."},
    "image": {"alt": "Four points rise from 1 to 4; a level line crosses them at 2.5."},
}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [*outputs]}


def printed(words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": words}


def error(name: str, value: str) -> dict[str, Any]:
    last = f"{name}: {value}"
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": [last]}


def picture() -> dict[str, Any]:
    data = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def model_notebook() -> dict[str, Any]:
    """A fresh copy, to be broken."""
    cells = [
        text(OPENER),
        text(QUESTION),
        code("x = [1, 2, 3, 4]\nmean = sum(x) / len(x)\nprint(mean)", printed("2.5\n")),
        code(PLOT, picture(), mystnb=FIGURE),
        text(WRONG),
        code(
            "sum([]) / len([])",
            error("ZeroDivisionError", "division by zero"),
            tags=["raises-exception"],
        ),
        text(EXERCISES),
        code("median = sorted(x)[len(x) // 2]\nprint(median)", printed("3\n")),
        text(SOLVED),
        code("print(sum(abs(v - mean) for v in x) / len(x))", printed("1.0\n")),
        text("```{solution-end}\n```"),
        text(PAPER),
        text(SOURCES),
    ]
    counted = [cell for cell in cells if cell["cell_type"] == "code"]
    for count, cell in enumerate(counted, 1):
        cell["execution_count"] = count
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "rnnbook": {"code": "0123456789abcdef", "seconds": 5},
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
