"""A report as plain text, at most 100 columns wide."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from rnnbook.bench import goals
from rnnbook.bench.problems import CELLS, MODES
from rnnbook.bench.report import OURS, Report, Spread, Timed

WIDTH: Final = 100
SIDE, TIME, COLUMN = 18, 10, 18
UNITS: Final = {"train": ("ms", 1e3), "forward": ("ms", 1e3), "step": ("us", 1e6)}


def short(value: float) -> str:
    """
    Three digits that count.

    >>> [short(v) for v in (0.966, 14.06, 330.2)]
    ['0.97', '14.1', '330']
    """
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def spread(value: Spread | None) -> str:
    """Median, and from where to where."""
    if value is None:
        return "-"
    return f"{short(value.median)} [{short(value.low)}-{short(value.high)}]"


def line(side: str, time: str, cells: Sequence[str]) -> str:
    return f"{side:<{SIDE}}{time:>{TIME}}" + "".join(f"{cell:>{COLUMN}}" for cell in cells)


def blocks(names: Sequence[str]) -> Iterator[list[str]]:
    """As many contenders as fit beside each other."""
    left = iter(names)
    while block := list(islice(left, (WIDTH - SIDE - TIME) // COLUMN)):
        yield block


def others(report: Report, races: Sequence[Timed]) -> list[str]:
    return [n for n in report.labels if n != OURS and any(n in race.times for race in races)]


def races(report: Report, cell: str, mode: str) -> Iterator[str]:
    """A row for each size; below them the geometric mean and what was wanted."""
    rows = report.of(cell, mode)
    unit, scale = UNITS[mode]
    yield f"{cell.upper()}, {mode}: {MODES[mode]}"
    yield f"NumPy's time in {unit}; then their time / ours: median [smallest-largest] over rounds"
    for block in list(blocks(others(report, rows))) or [[]]:
        yield line("B, T, D, H", f"NumPy {unit}", [report.labels[name] for name in block])
        for race in rows:
            time = short(race.time(OURS).median * scale)
            yield line(str(race.size), time, [spread(race.ratio(name)) for name in block])
        means = [report.geometric_mean(cell, name, mode) for name in block]
        yield line("geometric mean", "", ["-" if m is None else short(m) for m in means])
        wanted = [goals.named(mode, cell, name) for name in block]
        if any(wanted):
            yield line("goal", "", wanted)
    gaps = [(gap, report.labels[name]) for race in rows for name, gap in race.gaps.items()]
    if gaps:
        yield "Outputs differ from ours by at most {:.0e} ({}).".format(*max(gaps))
    yield ""


def first(report: Report) -> Iterator[str]:
    """A row for each contender: seconds, of them those of the imports, ratio, loss at the end."""
    timed = report.first
    if timed is None:
        return
    yield "FIRST RESULT of the sine job, 500 updates: seconds from the process's start to the loss"
    columns = ["of it imports", "their time / ours", "goal", "loss"]
    yield line("", "seconds", columns)
    for name in timed.times:
        imports = short(Spread.of(timed.imports[name]).median)
        ratio = "" if name == OURS else spread(timed.ratio(name))
        wanted, loss = goals.named("first", "rnn", name), f"{timed.losses[name]:.1e}"
        time = short(timed.time(name).median)
        yield line(report.labels[name], time, [imports, ratio, wanted, loss])
    yield ""


def head(report: Report) -> Iterator[str]:
    about = report.about
    machine, versions = about["machine"], about["versions"]
    yield f"{about['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['system']}"
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield f"Python {machine['python']}, {named}, BLAS {machine['blas']}"
    yield f"{about['threads']} threads, {about['rounds']} rounds" + "".join(
        f"; {name} on {device}" for name, device in about["devices"].items()
    )
    yield ""


def sentences(report: Report) -> Iterator[str]:
    yield from (f"BUSY     {sentence}" for sentence in report.busy)
    if report.busy:
        yield "BUSY     so these ratios, and what follows of the goals, are to be measured again"
    for goal in goals.goals(report):
        yield str(goal)
    yield from (f"FAILED   {sentence}" for sentence in report.failures)
    yield from report.left_out


def table(report: Report) -> str:
    """All of a report: the machine, a table for each cell and mode, goals, doubts, failures."""
    lines = [*head(report)]
    for mode in MODES:
        for cell in CELLS:
            if report.of(cell, mode):
                lines += races(report, cell, mode)
    lines += [*first(report), *sentences(report)]
    wrapped = (textwrap.wrap(text, WIDTH, subsequent_indent=" " * 9) or [""] for text in lines)
    return "\n".join(part for parts in wrapped for part in parts).rstrip()
