"""A whole run: which contenders there are, every race, what the machine was like."""

import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NamedTuple

from rnnbook.bench import contenders as who
from rnnbook.bench import machine, problems
from rnnbook.bench.contenders import Contender
from rnnbook.bench.first import first_result
from rnnbook.bench.problems import Size
from rnnbook.bench.race import BenchError, Workers, race, started
from rnnbook.bench.report import Report, spread_of_ours

MODES: Final = (*problems.MODES, "first")
UNFINISHED: Final = "the run was stopped before its end"  # in what is kept on the way


def measure(
    cells: Sequence[str] = problems.CELLS,
    modes: Sequence[str] = tuple(problems.MODES),
    sizes: Sequence[Sequence[int]] | None = None,
    contenders: Iterable[str | Contender] = who.DEFAULT,
    rounds: int = 9,
    threads: int = 2,
    say: Callable[[str], None] = lambda text: None,
    keep: Callable[[Report], None] = lambda report: None,
) -> Report:
    """
    Time the contenders against ours, interleaved, a process each.

    modes: of "train", "forward", "step" and "first" (the time to first result). sizes: (B, T, D, H)
    each; without them the seven of `SIZES`, and for single steps `STEP_SIZES`; given, single steps
    are run at their D and H. A contender that is not installed is left out, one that fails is
    named, and the others go on. `say` is told of every row, `keep` is given what there is after it.

    Raises ValueError for what cannot be asked, BenchError where nothing can be measured.
    """
    check(cells, problems.CELLS, "cell")
    check(modes, MODES, "mode")
    cells, modes = list(dict.fromkeys(cells)), list(dict.fromkeys(modes))
    for name, number in (("rounds", rounds), ("threads", threads)):
        if number < 1:
            raise ValueError(f"{name} is {number}, but must be at least 1")
    timed = [mode for mode in modes if mode in problems.MODES]
    heats = [Heat(cell, mode, size) for mode in timed for cell in cells for size in at(sizes, mode)]
    return run(heats, contenders, rounds, threads, say, keep, first="first" in modes)


class Heat(NamedTuple):
    """A race to come: among `names` of the contenders alone, ours with them, or among all."""

    cell: str
    mode: str
    size: Size
    names: tuple[str, ...] | None = None


def run(
    heats: Sequence[Heat],
    contenders: Iterable[str | Contender],
    rounds: int,
    threads: int,
    say: Callable[[str], None] = lambda text: None,
    keep: Callable[[Report], None] = lambda report: None,
    first: bool = False,
    limits: Iterable[str] = (),
) -> Report:
    """
    One race after the other. `limits` names contenders who first measure what their device can do
    at most, in a large product; `about["limits"]` then holds their operations a second. `keep` is
    given the report after each race, so that a run that is stopped has not been for nothing.
    """
    asked = who.named(contenders)
    left_out = [sentence for contender in asked if (sentence := contender.missing())]
    here = [contender for contender in asked if not contender.missing()]
    watch = machine.Watch()
    report = Report(
        {
            "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "machine": machine.facts(),
            "threads": threads,
            "rounds": rounds,
        },
        {contender.name: contender.label for contender in here},
        left_out=left_out,
        busy=[UNFINISHED],
    )
    report.about |= described(here, {})
    if heats:
        with started(here, threads) as workers:
            check_device(asked, left_out, workers)
            report.about |= described(here, workers.facts) | limits_of(workers, limits)
            for k, (cell, mode, size, names) in enumerate(heats, start=1):
                say(f"{k} of {len(heats)}: {cell} {mode} ({size})")
                report.races.append(race(workers, cell, mode, size, rounds, names))
                report.failures = list(workers.failures)
                keep(report)
    if first:
        say("first result")
        report.first, failures = first_result(here, threads)
        report.failures += failures
    report.about["seen"] = watch.stop()
    report.busy = machine.busy(report.about["seen"], threads, spread_of_ours(report))
    return report


def limits_of(workers: Workers, names: Iterable[str]) -> dict[str, Any]:
    """One after the other, while nobody else computes."""
    asked = [name for name in names if name in workers.alive]
    found = workers.each(lambda worker: worker.ask("limits")["limits"], asked, "limits: ")
    return {"limits": found} if asked else {}


def check(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{what} is {name!r}, but must be one of {', '.join(known)}")
    if not names:
        raise ValueError(f"there is no {what} to time; there are {', '.join(known)}")


def at(sizes: Sequence[Sequence[int]] | None, mode: str) -> list[Size]:
    """
    The sizes of a mode.

    >>> at([(32, 35, 28, 128), (1, 50, 28, 128)], "step")
    [Size(B=1, T=1, D=28, H=128)]
    """
    if sizes is None:
        return list(problems.STEP_SIZES if mode == "step" else problems.SIZES)
    for size in sizes:
        if len(size) != 4 or min(size) < 1:
            numbers = ", ".join(map(str, size))
            raise ValueError(f"size is ({numbers}), but must be four numbers above 0: B, T, D, H")
    if not sizes:
        raise ValueError("there is no size to time at")
    steps = ((1, 1, D, H) if mode == "step" else (B, T, D, H) for B, T, D, H in sizes)
    return [Size(*size) for size in dict.fromkeys(steps)]


def check_device(asked: Sequence[Contender], left_out: Sequence[str], workers: Workers) -> None:
    """Raise BenchError where contenders for a GPU were asked for and none has one."""
    names = [contender.name for contender in asked if contender.device == "cuda"]
    if names and not any(name in workers.alive for name in names):
        why = "; ".join([*workers.failures, *left_out])
        raise BenchError(f"there is no CUDA device to time on: {why}")


def described(here: Sequence[Contender], facts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Versions of what took part, and what its threads and its devices really were."""
    versions = {}
    for package in ("numpy", *dict.fromkeys(need for c in here for need in c.needs)):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "of unknown version"
    devices = {c.label: facts.get(c.name, {}).get("device") for c in here if c.device == "cuda"}
    return {
        "versions": versions,
        "devices": {label: device for label, device in devices.items() if device},
        "contenders": facts,
    }
