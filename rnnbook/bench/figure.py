"""A report as a figure: each ratio a point, its smallest and largest a line. Needs matplotlib."""

from collections.abc import Sequence
from typing import Any, Final

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbook import plotting
from rnnbook.bench.problems import CELLS, MODES
from rnnbook.bench.report import OURS, Race, Report

MARKERS: Final = {"loop": "x", "pytorch": "o", "tensorflow": "s", "keras": "D"}
VARIANTS: Final = {"xla": "^", "eager": "v"}
TITLES: Final = {"train": "training step", "forward": "forward", "step": "one step"}


def figure(report: Report, mode: str | None = None) -> Figure:
    """A row of panels for each mode, a panel for each cell, sizes from top to bottom."""
    modes = [m for m in MODES if mode in (None, m) and any(r.mode == m for r in report.races)]
    cells = [c for c in CELLS if any(r.cell == c for r in report.races)]
    if not modes:
        raise ValueError(f"the report has no races of mode {mode!r} to draw")
    heights = [len(report.of(cells[0], m)) for m in modes]
    with style.context(plotting.STYLE):
        size = (2.4 + 2.2 * len(cells), 1.0 + sum(0.8 + 0.34 * n for n in heights))
        fig = Figure(figsize=size, layout="constrained")
        grid = fig.subplots(
            len(modes), len(cells), sharex="row", sharey="row", squeeze=False, height_ratios=heights
        )
        for m, row in zip(modes, grid, strict=True):
            for cell, ax in zip(cells, row, strict=True):
                panel(ax, report, report.of(cell, m))
                ax.set_title(f"{cell.upper()}, {TITLES[m]}")
            row[0].set_ylabel("B, T, D, H")
            row[len(row) // 2].set_xlabel("time / NumPy's: NumPy is ahead to the right of 1")
        handles, labels = grid[0][0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper center", ncols=max(1, len(labels)))
    return fig


def panel(ax: Axes, report: Report, races: Sequence[Race]) -> None:
    names = [name for name in report.labels if name != OURS]
    ax.axvline(1, color=plotting.FRAMEWORKS["numpy"][0], linewidth=1.2)
    for k, name in enumerate(names):
        found = [(y, ratio) for y, race in enumerate(races) if (ratio := race.ratio(name))]
        offset = 0.5 * (k + 1) / (len(names) + 1) - 0.25  # beside, not upon each other
        ax.errorbar(
            [ratio.median for _, ratio in found],
            [y + offset for y, _ in found],
            xerr=[
                [ratio.median - ratio.low for _, ratio in found],
                [ratio.high - ratio.median for _, ratio in found],
            ],
            label=report.labels[name],
            linestyle="none",
            **look(name),
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_yticks(range(len(races)), [str(race.size) for race in races])
    ax.set_ylim(len(races) - 0.5, -0.5)


def look(name: str) -> dict[str, Any]:
    """The framework's colour; hollow where it is not its default form."""
    framework, _, variant = name.partition("-")
    color = plotting.FRAMEWORKS.get(framework, (plotting.MUTED, ""))[0]
    face = color if framework == name else "none"
    marker = VARIANTS.get(variant, MARKERS.get(framework, "P"))
    return {"color": color, "marker": marker, "markersize": 5, "markerfacecolor": face}
