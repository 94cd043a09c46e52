"""
A report as a figure: each ratio a point, its smallest and largest a line; or times; or the bars of
the first result. Needs matplotlib.
"""

from collections.abc import Sequence
from typing import Any, Final

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from rnnbook import plotting
from rnnbook.bench.problems import CELLS, MODES
from rnnbook.bench.report import OURS, First, Race, Report, Spread

MARKERS: Final = {"loop": "x", "pytorch": "o", "tensorflow": "s", "keras": "D", OURS: "*"}
VARIANTS: Final = {"xla": "^", "eager": "v"}
TITLES: Final = {"train": "training step", "forward": "forward", "step": "one step"}
WIDTH: Final = 6.4  # inches, of a page


def figure(
    report: Report, mode: str | None = None, stacked: bool = False, times: bool = False
) -> Figure:
    """
    A row of panels for each mode, a panel for each cell, sizes from top to bottom; `stacked`, one
    column of panels for all. Of mode "first" the bars.
    """
    if mode == "first":
        return first_result(report)
    modes = [m for m in MODES if mode in (None, m) and any(r.mode == m for r in report.races)]
    if not modes:
        raise ValueError(f"the report has no races of mode {mode!r} to draw")
    cells = [c for c in CELLS if any(r.cell == c and r.mode in modes for r in report.races)]
    pairs = [(m, cell) for m in modes for cell in cells]
    rows = [[pair] for pair in pairs] if stacked else [[(m, c) for c in cells] for m in modes]
    heights = [len(report.of(cell, m)) for (m, cell), *_ in rows]
    width = WIDTH if stacked else 2.4 + 2.2 * len(cells)
    with style.context(plotting.STYLE):
        row_height = 0.29 if stacked else 0.34
        size = (width, 1.0 + sum(0.8 + row_height * n for n in heights))
        fig = Figure(figsize=size, layout="constrained")
        share: Any = {"sharex": "all" if stacked else "row", "sharey": False if stacked else "row"}
        grid = fig.subplots(len(rows), len(rows[0]), squeeze=False, height_ratios=heights, **share)
        for row, axes in zip(rows, grid, strict=True):
            for (m, cell), ax in zip(row, axes, strict=True):
                panel(ax, report, report.of(cell, m), times)
                if stacked:
                    ax.xaxis.set_minor_locator(NullLocator())
                if stacked and not times:  # there is room for more numbers
                    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                ax.set_title(f"{cell.upper()}, {TITLES[m]}")
            axes[0].set_ylabel("B, T, D, H")
            if not stacked or row == rows[-1]:
                axes[len(axes) // 2].set_xlabel(axis_label(times))
        handles, labels = grid[0][0].get_legend_handles_labels()
        columns = len(labels) if len(labels) < 6 else -(-len(labels) // 2)
        fig.legend(handles, labels, loc="outside upper center", ncols=max(1, columns))
    return fig


def axis_label(times: bool) -> str:
    if times:
        return "microseconds"
    return "time / NumPy's: NumPy is ahead to the right of 1"


def panel(ax: Axes, report: Report, races: Sequence[Race], times: bool) -> None:
    names = [name for name in report.labels if times or name != OURS]
    if not times:
        ax.axvline(1, color=plotting.FRAMEWORKS["numpy"][0], linewidth=1.2)
    for k, name in enumerate(names):
        found = [(y, value) for y, race in enumerate(races) if (value := drawn(race, name, times))]
        offset = 0.6 * (k + 1) / (len(names) + 1) - 0.3  # beside, not upon each other
        ys = [y + offset for y, _ in found]
        xs = [value.median for _, value in found]
        low = [value.median - value.low for _, value in found]
        high = [value.high - value.median for _, value in found]
        label = report.labels[name]
        ax.errorbar(
            xs, ys, xerr=(low, high), label=label, linestyle="none", elinewidth=1, **look(name)
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_yticks(range(len(races)), [str(race.size) for race in races])
    ax.set_ylim(len(races) - 0.5, -0.5)


def drawn(race: Race, name: str, times: bool) -> Spread | None:
    """What the panel shows of a contender: its ratio, or its time in microseconds."""
    if not times:
        return race.ratio(name)
    return Spread(*(1e6 * t for t in race.time(name))) if name in race.times else None


def first_result(report: Report) -> Figure:
    """A bar for each contender, the soonest at the top; its darker part is that of the imports."""
    if report.first is None:
        raise ValueError("the report has no first result to draw")
    with style.context(plotting.STYLE):
        fig = Figure(figsize=(WIDTH, 0.9 + 0.38 * len(report.first.times)), layout="constrained")
        first_panel(fig.subplots(), report.first, report.labels)
    return fig


def first_panel(ax: Axes, first: First, labels: dict[str, str]) -> None:
    names = sorted(first.times, key=lambda name: first.time(name).median)
    for y, name in enumerate(names):
        seconds, color = first.time(name), look(name)["color"]
        imports = Spread.of(first.imports[name]).median
        ax.barh(y, seconds.median, color=color, alpha=0.35, height=0.62)
        ax.barh(y, imports, color=color, height=0.62)
        ax.plot([seconds.low, seconds.high], [y, y], color=plotting.INK, linewidth=1)
        text = f" {seconds.median:.1f} s"
        ax.annotate(text, (seconds.high, y), va="center", fontsize=10, annotation_clip=False)
    ax.set_yticks(range(len(names)), [labels.get(name, name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(0, 1.12 * max(max(times) for times in first.times.values()))
    ax.set_xlabel("seconds from the process's start; dark: of them the imports")
    ax.grid(visible=False, axis="y")


def look(name: str) -> dict[str, Any]:
    """The framework's colour; hollow where it is not its default form."""
    framework, _, variant = name.partition("-")
    color = plotting.FRAMEWORKS.get(framework, (plotting.MUTED, ""))[0]
    face = color if framework == name else "none"
    marker = VARIANTS.get(variant, MARKERS.get(framework, "P"))
    size = 8 if name == OURS else 5
    return {"color": color, "marker": marker, "markersize": size, "markerfacecolor": face}
