"""
What was measured: times, and the ratios that follow from them.

A ratio is another's time over ours in the same round: above 1, NumPy is ahead. Quoted is the median
over the rounds with the smallest and the largest; for a cell, the geometric mean of its sizes.
"""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import geometric_mean, median
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from rnnbook.bench.problems import Size
from rnnbook.storage import replace_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT: Final = "rnnbook.bench 1"
OURS: Final = "numpy"
RECORDED: Final = Path(__file__).parent / "recorded"


class Spread(NamedTuple):
    """
    >>> Spread.of([3.0, 1.0, 2.5])
    Spread(median=2.5, low=1.0, high=3.0)
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        values = list(values)
        return cls(median(values), min(values), max(values))


@dataclass
class Timed:
    """Seconds, round by round, by contender; ours are always there."""

    times: dict[str, list[float]]

    def time(self, contender: str) -> Spread:
        return Spread.of(self.times[contender])

    def ratio(self, contender: str) -> Spread | None:
        """
        Theirs over ours, taken round by round; None where the contender has no times.

        >>> Timed({"numpy": [1.0, 2.0, 1.0], "loop": [3.0, 4.0, 5.0]}).ratio("loop")
        Spread(median=3.0, low=2.0, high=5.0)
        """
        if contender not in self.times:
            return None
        pairs = zip(self.times[contender], self.times[OURS], strict=True)
        return Spread.of(theirs / ours for theirs, ours in pairs)

    def derived(self) -> dict[str, Any]:
        """What follows from the times, for who reads the JSON without this package."""
        return {
            name: {"time": self.time(name)._asdict()}
            | ({} if (ratio := self.ratio(name)) is None else {"ratio": ratio._asdict()})
            for name in self.times
        }


@dataclass
class Race(Timed):
    """One cell, mode and size; `gaps` says how far each one's outputs were from ours."""

    cell: str
    mode: str
    size: Size
    gaps: dict[str, float] = field(default_factory=dict)


@dataclass
class First(Timed):
    """Seconds from the process's start to the sine job's result, of them those of the imports."""

    imports: dict[str, list[float]] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)

    def drop(self, contender: str) -> None:
        del self.times[contender]
        self.imports.pop(contender, None)
        self.losses.pop(contender, None)


@dataclass
class Report:
    """
    `about` names date, machine, versions, threads and rounds; `labels` the contenders, in order.

    `left_out`, `failures` and `busy` are sentences: what was not installed, what did not work, why
    to doubt the times.
    """

    about: dict[str, Any]
    labels: dict[str, str]
    races: list[Race] = field(default_factory=list)
    first: First | None = None
    left_out: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)

    def of(self, cell: str, mode: str) -> list[Race]:
        """The races of a cell in a mode, size by size."""
        return [race for race in self.races if (race.cell, race.mode) == (cell, mode)]

    def geometric_mean(self, cell: str, contender: str, mode: str = "train") -> float | None:
        """Of the median ratios over the sizes; None unless the contender has times at each."""
        ratios = [race.ratio(contender) for race in self.of(cell, mode)]
        if not ratios or None in ratios:
            return None
        return geometric_mean(r.median for r in ratios if r)

    def table(self) -> str:
        from rnnbook.bench.table import table

        return table(self)

    def figure(
        self, mode: str | None = None, stacked: bool = False, times: bool = False
    ) -> "Figure":
        """
        The ratios of one mode, or of all; with `times` the times themselves. `stacked`, the cells'
        panels stand above each other, as narrow as a page. Mode "first" is the time to first
        result, of it that of the imports.

        Raises ValueError where the report has nothing of the mode, ModuleNotFoundError without
        matplotlib.
        """
        from rnnbook.bench.figure import figure

        return figure(self, mode, stacked, times)

    def to_json(self) -> str:
        """Every raw time, and beside them medians, smallest, largest and ratios."""
        means = {
            f"{cell} {mode}": {
                name: mean
                for name in self.labels
                if name != OURS and (mean := self.geometric_mean(cell, name, mode))
            }
            for cell, mode in dict.fromkeys((race.cell, race.mode) for race in self.races)
        }
        parts = {
            "format": FORMAT,
            "about": self.about,
            "labels": self.labels,
            "geometric_means": means,
            "races": [{**vars(race), "derived": race.derived()} for race in self.races],
            "first": self.first and {**vars(self.first), "derived": self.first.derived()},
            **{name: getattr(self, name) for name in ("left_out", "failures", "busy")},
        }
        return json.dumps(parts, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """
        The report again. Raises ValueError where the text is none; what is derived is not read.
        """
        try:
            parts = json.loads(text)
            if parts["format"] != FORMAT:
                raise ValueError(f"its format is {parts['format']!r}, but must be {FORMAT!r}")
            for race in (*parts["races"], parts["first"]):
                if race is not None:
                    del race["derived"]
                    check_times(race["times"])
            races = [Race(**race | {"size": Size(*race["size"])}) for race in parts["races"]]
            first = parts["first"] and First(**parts["first"])
            rest = {k: parts[k] for k in ("about", "labels", "left_out", "failures", "busy")}
            return cls(races=races, first=first, **rest)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"this is not a report of rnnbook.bench: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """The JSON, to a file that is replaced whole."""
        text = self.to_json().encode()

        def write(file: BinaryIO) -> None:
            file.write(text)

        replace_whole(path, write)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Report":
        return cls.from_json(Path(path).read_text("utf-8"))


def recorded(name: str) -> Report:
    """
    A report that the package ships, `rnnbook/bench/recorded/NAME.json`, as

        python -m rnnbook.bench --json rnnbook/bench/recorded/NAME.json ...

    wrote it. "cpu" is there always. Raises FileNotFoundError where nothing is recorded under the
    name, ValueError where the file is no report.

    >>> recorded("cpu").about["machine"]["cores"] >= 1
    True
    """
    path = RECORDED / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(f"no report is recorded as {path.name} in {RECORDED.name}/")
    return Report.load(path)


def check_times(times: dict[str, list[float]]) -> None:
    """Raise ValueError unless ours are among them, all as many and all above 0."""
    if OURS not in times:
        raise ValueError(f"there are times of {sorted(times)}, but none of {OURS}")
    if len({len(t) for t in times.values()}) != 1 or not times[OURS]:
        raise ValueError("the contenders have different numbers of times, or none")
    if not all(t > 0 and math.isfinite(t) for name in times for t in times[name]):
        raise ValueError("a time is not above 0")


def spread_of_ours(report: Report) -> float:
    """The largest factor between two of our own times in one race; 1 where there is none."""
    ours = [race.time(OURS) for race in report.races]
    return max((t.high / t.low for t in ours), default=1.0)
