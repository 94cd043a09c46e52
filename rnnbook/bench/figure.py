"""
A report as a figure: each ratio a point, its smallest and largest a line; or times; or the bars of
the first result; or all sizes in one point. Needs matplotlib.
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
WIDTH: Final = 5.0  # inches: what a phone shrinks little enough to be read
AXIS: Final = "time / NumPy's: right of 1, NumPy is ahead"


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
                    few_ticks(ax)
                ax.set_title(f"{cell.upper()}, {TITLES[m]}")
            axes[0].set_ylabel("B, T, D, H")
            if not stacked or row == rows[-1]:
                axes[len(axes) // 2].set_xlabel(axis_label(times))
        legend(fig, grid[0][0], narrow=stacked)
    return fig


def overview(report: Report) -> Figure:
    """
    A panel for each mode, a row for each cell: of each contender the geometric mean of the ratios,
    and a line from that of its best size to that of its worst. Who lacks a size is not drawn.
    """
    modes = [m for m in MODES if any(race.mode == m for race in report.races)]
    if not modes:
        raise ValueError("the report has no races to draw")
    names = [name for name in report.labels if name != OURS]
    with style.context(plotting.STYLE):
        fig = Figure(figsize=(WIDTH, 1.2 + 1.6 * len(modes)), layout="constrained")
        grid = fig.subplots(len(modes), 1, squeeze=False, sharex=True)[:, 0]
        for ax, mode in zip(grid, modes, strict=True):
            cells = [c for c in CELLS if report.of(c, mode)]
            found = {n: [over_sizes(report, c, n, mode) for c in cells] for n in names}
            spreads(ax, found, report.labels, [c.upper() for c in cells])
            few_ticks(ax)
            ax.set_title(TITLES[mode])
        grid[-1].set_xlabel(AXIS)
        legend(fig, grid[0], narrow=True)
    return fig


def over_sizes(report: Report, cell: str, name: str, mode: str) -> Spread | None:
    mean = report.geometric_mean(cell, name, mode)
    if mean is None:
        return None
    medians = [ratio.median for race in report.of(cell, mode) if (ratio := race.ratio(name))]
    return Spread(mean, min(mean, *medians), max(mean, *medians))  # a mean of one may be rounded


def legend(fig: Figure, ax: Axes, narrow: bool) -> None:
    handles, labels = ax.get_legend_handles_labels()
    columns = min(3, len(labels)) if narrow or len(labels) > 5 else len(labels)
    fig.legend(handles, labels, loc="outside upper center", ncols=max(1, columns))


def few_ticks(ax: Axes) -> None:
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_minor_locator(NullLocator())


def axis_label(times: bool) -> str:
    return "microseconds" if times else AXIS


def panel(ax: Axes, report: Report, races: Sequence[Race], times: bool) -> None:
    names = [name for name in report.labels if times or name != OURS]
    found = {name: [drawn(race, name, times) for race in races] for name in names}
    spreads(ax, found, report.labels, [str(race.size) for race in races], line=not times)


def spreads(
    ax: Axes,
    found: dict[str, list[Spread | None]],
    labels: dict[str, str],
    rows: Sequence[str],
    line: bool = True,
) -> None:
    """Points with their ranges, a row below another; with a `line` at 1, where NumPy is."""
    if line:
        ax.axvline(1, color=plotting.FRAMEWORKS["numpy"][0], linewidth=1.2)
    for k, (name, values) in enumerate(found.items()):
        there = [(y, value) for y, value in enumerate(values) if value]
        offset = 0.7 * (k + 1) / (len(found) + 1) - 0.35  # beside, not upon each other
        ys = [y + offset for y, _ in there]
        xs = [value.median for _, value in there]
        low = [value.median - value.low for _, value in there]
        high = [value.high - value.median for _, value in there]
        shown: Any = {"label": labels[name], "linestyle": "none", "elinewidth": 1, **look(name)}
        ax.errorbar(xs, ys, xerr=(low, high), **shown)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)


def drawn(race: Race, name: str, times: bool) -> Spread | None:
    """What the panel shows of a contender: its ratio, or its time in microseconds."""
    if not times:
        return race.ratio(name)
    return Spread(*(1e6 * t for t in race.time(name))) if name in race.times else None


def first_result(report: Report) -> Figure:
    """A bar for each contender, the soonest at the top; the part in full colour is the import."""
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
    ax.set_xlim(0, 1.16 * max(max(times) for times in first.times.values()))
    ax.set_xlabel("seconds from the start; in full colour: the imports")
    ax.grid(visible=False, axis="y")


def look(name: str) -> dict[str, Any]:
    """The framework's colour; hollow where it is not its default form."""
    framework, _, variant = name.partition("-")
    color = plotting.FRAMEWORKS.get(framework, (plotting.MUTED, ""))[0]
    face = color if framework == name else "none"
    marker = VARIANTS.get(variant, MARKERS.get(framework, "P"))
    size = 8 if name == OURS else 5
    return {"color": color, "marker": marker, "markersize": size, "markerfacecolor": face}
