"""
What the page on GPUs shows: `python -m rnnbook.bench --device cuda --json FILE` runs it.

An LSTM's training step, ever wider (`WIDER`: from where on does a GPU pay?) and of as much work in
ever more steps (`LONGER`: what does the order of the steps cost?); the other cells, the forward
pass and the single step at one or two sizes; and a large product, the limit of the device.

B batch, T steps, D inputs, H hidden units.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from rnnbook.bench import machine
from rnnbook.bench.contenders import CUDA, Contender
from rnnbook.bench.measure import Heat, run
from rnnbook.bench.problems import STEP_SIZES, Size
from rnnbook.bench.report import OURS, Race, Report
from rnnbook.bench.roofline import operations

RECORDED: Final = Path(__file__).parent / "recorded" / "cuda.json"
COMMAND: Final = "python -m rnnbook.bench --device cuda --json rnnbook/bench/recorded/cuda.json"

WIDER: Final = tuple(Size(32, 64, 64, H) for H in (32, 64, 128, 256, 512, 1024, 2048))
LONGER: Final = tuple(Size(8192 // T, T, 64, 512) for T in (2, 8, 32, 128, 512))
BOTH: Final = Size(32, 64, 64, 512)  # of the other cells, and of the forward pass

ON_CPU: Final = (OURS, "pytorch", "tensorflow")
FUSED: Final = "pytorch-cuda"  # whose device's limits are measured
PRECISION: Final = {FUSED: "float32", "pytorch-cuda-tf32": "tf32", "pytorch-cuda-bf16": "bfloat16"}
ROUNDS: Final = 5


def default_threads() -> int:
    """Of each contender on the CPU: as many as there are cores, up to eight."""
    return min(8, machine.cores())


def heats(on_gpu: Iterable[str]) -> list[Heat]:
    """
    The races: `LONGER` without the other contenders on a CPU, whom it would take minutes.

    >>> len(heats(CUDA)), heats(CUDA)[-1].size
    (17, Size(B=1, T=1, D=64, H=512))
    """
    on_gpu = tuple(on_gpu)
    return [
        *(Heat("lstm", "train", size) for size in WIDER),
        *(Heat("lstm", "train", size, on_gpu) for size in LONGER),
        *(Heat(cell, "train", BOTH) for cell in ("rnn", "gru")),
        Heat("lstm", "forward", BOTH),
        *(Heat("lstm", "step", size) for size in STEP_SIZES),
    ]


def measure(
    rounds: int = ROUNDS,
    threads: int | None = None,
    say: Callable[[str], None] = lambda text: None,
    keep: Callable[[Report], None] = lambda report: None,
    on_gpu: Iterable[str | Contender] = CUDA,
) -> Report:
    """
    The whole of it; `say` is told of every race, `keep` is given what there is after it.

    Raises BenchError where there is no GPU, ValueError for what cannot be asked.
    """
    threads = default_threads() if threads is None else threads
    for name, number in (("rounds", rounds), ("threads", threads)):
        if number < 1:
            raise ValueError(f"{name} is {number}, but must be at least 1")
    on_gpu = list(on_gpu)
    names = [each if isinstance(each, str) else each.name for each in on_gpu]
    return run(heats(names), [*ON_CPU, *on_gpu], rounds, threads, say, keep, limits=[FUSED])


def recorded(path: Path = RECORDED) -> Report | None:
    """The report that the page shows; None where none has been recorded."""
    return Report.load(path) if path.is_file() else None


def said(report: Report | None) -> str:
    """What was measured, on what, when; or that nothing was, and by which command it would be."""
    if report is None:
        return f"No measurement on a GPU is recorded yet. This records one:\n\n    {COMMAND}"
    about = report.about
    devices = list(dict.fromkeys(about["devices"].values()))
    cuda = next((f["cuda"] for f in about["contenders"].values() if "cuda" in f), "")
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return "\n".join(
        [
            f"Recorded on {about['date'][:10]}, on {' and '.join(devices)} ({cuda}),",
            f"beside {about['threads']} threads of {about['machine']['cpu']}.",
            f"{versions}; {about['rounds']} rounds.",
            *(f"Failed: {sentence}" for sentence in report.failures),
            *(f"Doubt: {sentence}" for sentence in report.busy),
            *report.left_out,
        ]
    )


def races(report: Report, sizes: Iterable[Size], cell: str = "lstm") -> list[Race]:
    """The training steps at these sizes, as far as they were run."""
    found = {race.size: race for race in report.of(cell, "train")}
    return [found[size] for size in sizes if size in found]


def seconds(race: Race, contender: str) -> float | None:
    """The median; None where the contender has no times there."""
    return race.time(contender).median if contender in race.times else None


def fastest(race: Race, names: Iterable[str]) -> float | None:
    """Of these contenders' times, the least."""
    return min((s for name in names if (s := seconds(race, name)) is not None), default=None)


def overtakes(report: Report, contender: str, sizes: Iterable[Size] = WIDER) -> Size | None:
    """The first size from which on `contender` is faster than everything on the CPU, or None."""
    first = None
    for race in races(report, sizes):
        ours, theirs = fastest(race, ON_CPU), seconds(race, contender)
        if theirs is None or ours is None or theirs >= ours:
            first = None
        elif first is None:
            first = race.size
    return first


def limit(report: Report, precision: str) -> float | None:
    """Operations a second of a large product on the device."""
    found: float | None = report.about.get("limits", {}).get(FUSED, {}).get(precision)
    return found


def utilisation(report: Report, race: Race, contender: str) -> float | None:
    """
    operations / time / limit, the limit being that of the contender's precision; None where time or
    limit are missing.
    """
    time, most = seconds(race, contender), limit(report, PRECISION.get(contender, "float32"))
    if time is None or most is None:
        return None
    return operations(race.cell, race.mode, race.size) / time / most
