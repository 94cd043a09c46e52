"""What the book promises of its NumPy layers, and whether a report keeps it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from rnnbook.bench.problems import SIZES
from rnnbook.bench.report import Report

#: Geometric mean of the training step's ratio over the seven sizes, against PyTorch.
MEANS: Final = {"rnn": 2.4, "lstm": 1.0, "gru": 2.2}
FRAMEWORKS: Final = ("pytorch", "tensorflow", "keras")
STEP: Final = 3.0  # times ahead in single steps up to H = SMALL, ahead beyond
SMALL: Final = 128
FIRST: Final = 5.0  # times sooner at the first result


class Goal(NamedTuple):
    what: str
    wanted: float
    reached: float

    def __str__(self) -> str:
        verdict = "reached" if self.reached >= self.wanted else "MISSED"
        return f"{verdict:<8} {self.what}: {self.reached:.2f}, goal {self.wanted:g}"


def named(mode: str, cell: str, contender: str) -> str:
    """
    The goal in a table's few letters; nothing where there is none.

    >>> named("train", "gru", "pytorch"), named("train", "gru", "keras"), named("train", "", "loop")
    ('2.2', '1 at each size', '')
    """
    if contender not in FRAMEWORKS:
        return ""
    if mode == "train":
        return str(MEANS[cell]) if contender == "pytorch" else "1 at each size"
    return {"step": f"{STEP:g}; 1 at H > {SMALL}", "first": f"{FIRST:g}"}.get(mode, "")


def goals(report: Report) -> Iterator[Goal]:
    """Those that can be judged: the means only where all seven sizes were run."""
    for cell in MEANS:
        train = report.of(cell, "train")
        who = f"{cell}, training step, {{}} / NumPy"
        mean = report.geometric_mean(cell, "pytorch")
        if mean is not None and [race.size for race in train] == list(SIZES):
            yield Goal(who.format("PyTorch") + ", geometric mean", MEANS[cell], mean)
        for name in ("tensorflow", "keras"):
            ratios = [ratio.median for race in train if (ratio := race.ratio(name))]
            if ratios:
                label = report.labels[name]
                yield Goal(who.format(label) + ", at its least", 1.0, min(ratios))
        for race in report.of(cell, "step"):
            ratios = [ratio.median for name in FRAMEWORKS if (ratio := race.ratio(name))]
            if ratios:
                wanted = STEP if race.size.H <= SMALL else 1.0
                what = f"{cell}, one step at H = {race.size.H}, the fastest framework / NumPy"
                yield Goal(what, wanted, min(ratios))
    if report.first:
        ratios = [ratio.median for name in FRAMEWORKS if (ratio := report.first.ratio(name))]
        if ratios:
            yield Goal("first result, the soonest framework / NumPy", FIRST, min(ratios))
