"""
How the book draws: one colour for each kind of quantity, time to the right, ink that works in the
dark. Needs matplotlib.

Figures have no background, so that a dark page can invert them; lines carry their own labels.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from rnnbook.arrays import Array

#: One colour for each kind of quantity, the same in equations, diagrams and plots (book.css).
QUANTITIES: Final = {
    "input": "#0a4f9c",
    "state": "#006e55",
    "gate": "#ab4291",
    "output": "#932a00",
    "gradient": "#876800",
}
#: One colour for each framework, and a line style, so that grey paper tells them apart, too.
FRAMEWORKS: Final = {
    "numpy": ("#3346b8", "-"),
    "tensorflow": ("#966400", "--"),
    "keras": ("#7d1337", "-."),
    "pytorch": ("#117a63", ":"),
}
#: One colour and line style for each kind of cell.
CELLS: Final = {
    "rnn": ("#8a4b08", "--"),
    "lstm": ("#1f5fa8", "-"),
    "gru": ("#a3195b", "-."),
}
INK: Final = "#23211e"  # the truth, the data, the axes
MUTED: Final = "#6E6E6E"  # baselines, bounds, what one compares with

STYLE: Final[dict[str, Any]] = {
    "figure.figsize": (6.4, 2.9),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#B0B0B0",
    "grid.linewidth": 0.5,
    "grid.alpha": 0.45,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    # The same figure is the same file: identifiers from a fixed salt, letters as outlines.
    "svg.hashsalt": "rnnbook",
    "svg.fonttype": "path",
}


def use_style() -> None:
    """Set the book's style for the figures that follow."""
    style.use(STYLE)


def label(ax: Axes, x: float, y: float, text: str, color: str, **kwargs: Any) -> None:
    """Write a line's name beside it, in its colour, at data coordinates (x, y)."""
    ax.annotate(text, (x, y), color=color, fontsize=10.5, annotation_clip=False, **kwargs)


def loss_curves(
    top: Axes, bottom: Axes, reference: Sequence[float], other: Sequence[float], framework: str
) -> None:
    """
    Two loss curves over each other, NumPy's below `framework`'s, and their relative gap below them.

    `framework` is a name in `FRAMEWORKS`.
    """
    updates = np.arange(1, len(reference) + 1)
    ours, theirs = np.asarray(reference, np.float64), np.asarray(other, np.float64)
    names = {"tensorflow": "TensorFlow", "keras": "Keras", "pytorch": "PyTorch"}
    color, line = FRAMEWORKS["numpy"]
    top.plot(updates, ours, color=color, linestyle=line, linewidth=4.5, alpha=0.45, label="NumPy")
    color, _ = FRAMEWORKS[framework]
    top.plot(updates, theirs, color=color, linewidth=1.1, label=names[framework])
    top.set(ylabel="loss", yscale="log")
    top.tick_params(labelbottom=False)
    top.legend(loc="upper right")
    gap = np.abs(theirs - ours) / ours
    floor = np.finfo(np.float64).eps / 8  # a gap of 0 has no logarithm
    bottom.plot(updates, np.maximum(gap, floor), color=color, linewidth=0.9)
    bottom.set(xlabel="update", ylabel="relative gap", yscale="log")


def heatmap(ax: Axes, a: Array, limit: float | None = None, **kwargs: Any) -> AxesImage:
    """
    Draw a (rows, T): hidden units are rows, time runs to the right; 0 is white, blue is below it.

    `limit` is the largest magnitude of the colours; without it, that of `a`. Returns the image,
    for a colour bar.
    """
    largest = float(np.abs(a).max()) if limit is None else limit
    shown = {"cmap": "RdBu_r", "aspect": "auto", "interpolation": "nearest", **kwargs}
    image = ax.imshow(a, vmin=-largest, vmax=largest, **shown)
    ax.grid(visible=False)
    return image


def band(ax: Axes, x: Array, curves: Array, color: str, **kwargs: Any) -> None:
    """Draw the median of `curves` (seeds, points) over x, and the range over the seeds."""
    ax.fill_between(x, curves.min(0), curves.max(0), color=color, alpha=0.22, linewidth=0)
    ax.plot(x, np.median(curves, axis=0), color=color, **kwargs)
