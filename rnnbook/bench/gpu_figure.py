"""The report of `gpu` as figures. Needs matplotlib."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbook import plotting
from rnnbook.bench import gpu
from rnnbook.bench.problems import Size
from rnnbook.bench.report import Race, Report

#: A colour, a line and a mark for each way: what is on the CPU is dashed.
LOOKS: Final = {
    "numpy": (plotting.FRAMEWORKS["numpy"][0], "--", "x"),
    "pytorch": (plotting.FRAMEWORKS["pytorch"][0], "--", "o"),
    "tensorflow": (plotting.FRAMEWORKS["tensorflow"][0], "--", "s"),
    "tensorflow-cuda": (plotting.FRAMEWORKS["tensorflow"][0], "-", "s"),
    "pytorch-cuda": (plotting.FRAMEWORKS["pytorch"][0], "-", "o"),
    "pytorch-cuda-loop": ("#a3195b", "-", "v"),
    "pytorch-cuda-compile": ("#8a4b08", "-", "^"),
    "pytorch-cuda-graph": ("#1f5fa8", "-", "D"),
    "pytorch-cuda-compile-graph": ("#5b4a9e", "-", "P"),
    "pytorch-cuda-tf32": ("#6E6E6E", "-.", "o"),
    "pytorch-cuda-bf16": (plotting.INK, ":", "o"),
}
NAMES: Final = {
    "numpy": "NumPy, CPU",
    "pytorch": "PyTorch, CPU",
    "tensorflow": "TensorFlow, CPU",
    "tensorflow-cuda": "TensorFlow",
    "pytorch-cuda": "fused (cuDNN)",
    "pytorch-cuda-loop": "loop",
    "pytorch-cuda-compile": "loop, step compiled",
    "pytorch-cuda-graph": "loop, CUDA graph",
    "pytorch-cuda-compile-graph": "loop, both",
    "pytorch-cuda-tf32": "fused, TF32",
    "pytorch-cuda-bf16": "fused, bfloat16",
}
WAYS: Final = tuple(name for name in NAMES if not name.endswith(("tf32", "bf16")))
PRECISIONS: Final = tuple(gpu.PRECISION)

Value = Callable[[Race, str], float | None]


def lines(
    ax: Axes, races: Sequence[Race], along: str, names: Iterable[str], value: Value
) -> list[str]:
    """A line for each contender that has values, over H or T; their names."""
    drawn = []
    for name in names:
        points = [
            (getattr(race.size, along), found)
            for race in races
            if (found := value(race, name)) is not None
        ]
        if points:
            color, line, mark = LOOKS[name]
            look: dict[str, Any] = {"color": color, "linestyle": line, "marker": mark}
            ax.plot(*zip(*points, strict=True), markersize=5, label=NAMES[name], **look)
            drawn.append(name)
    ax.set_xscale("log", base=2)
    ticks = sorted({getattr(race.size, along) for race in races})
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.set_xlabel({"H": "hidden units H", "T": "steps T, with B T fixed"}[along])
    return drawn


def drawing(width: float, height: float) -> tuple[Figure, Axes]:
    fig = Figure(figsize=(width, height), layout="constrained")
    return fig, fig.subplots()


def legend(fig: Figure, ax: Axes) -> Figure:
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9.5)
    return fig


def chosen(report: Report, sizes: Sequence[Size]) -> list[Race]:
    races = gpu.races(report, sizes)
    if not races:
        raise ValueError(f"the report has no training step of an lstm at {sizes[0]} or beyond")
    return races


def times(report: Report, sizes: Sequence[Size] = gpu.WIDER) -> Figure:
    """Milliseconds a training step over H, a line for each way, the CPU's dashed."""
    with style.context(plotting.STYLE):
        fig, ax = drawing(6.4, 4.6)

        def milliseconds(race: Race, name: str) -> float | None:
            found = gpu.seconds(race, name)
            return None if found is None else 1e3 * found

        lines(ax, chosen(report, sizes), "H", WAYS, milliseconds)
        ax.set_yscale("log")
        ax.set_ylabel("ms a training step")
        return legend(fig, ax)


def precision(report: Report, sizes: Sequence[Size] = gpu.WIDER) -> Figure:
    """How many times faster the fused layer gets with fewer bits, over H."""
    with style.context(plotting.STYLE):
        fig, ax = drawing(6.4, 3.2)

        def faster(race: Race, name: str) -> float | None:
            full, found = gpu.seconds(race, gpu.FUSED), gpu.seconds(race, name)
            return None if full is None or found is None else full / found

        lines(ax, chosen(report, sizes), "H", PRECISIONS, faster)
        ax.set_ylabel("time in float32 / time")
        ax.set_ylim(bottom=0)
        return legend(fig, ax)


def utilisation(report: Report, sizes: Sequence[Size] = gpu.LONGER) -> Figure:
    """The share of the device's own limit that is reached, over T, the work being the same."""
    with style.context(plotting.STYLE):
        fig, ax = drawing(6.4, 4.2)
        names = [n for n in (*WAYS, *PRECISIONS[1:]) if n not in gpu.ON_CPU]

        def share(race: Race, name: str) -> float | None:
            found = gpu.utilisation(report, race, name)
            return None if found is None else 100 * found

        lines(ax, chosen(report, sizes), "T", names, share)
        ax.set_yscale("log")
        ax.set_ylabel("% of a large product's speed")
        return legend(fig, ax)
