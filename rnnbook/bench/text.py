"""
Longer than a page may run: `python -m rnnbook.bench.text` trains the task `text` from several seeds
with every cell, then a larger network for long, and writes what it measured to JSON. `recorded`
reads the run that the package ships.

In the long trainings the test part is read at every look, for the curve's sake alone: what is kept
is the best look at the validation part.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np

from rnnbook import models_numpy
from rnnbook.arrays import Array
from rnnbook.baselines import NGram
from rnnbook.bench import machine
from rnnbook.network import Network
from rnnbook.storage import replace_whole
from rnnbook.tasks import Score, Setup, text
from rnnbook.training import batches

FORMAT: Final = "rnnbook text 1"
RECORDED: Final = Path(__file__).parent / "recorded" / "text.json"
COMMAND: Final = "python -m rnnbook.bench.text"
SEEDS: Final = 5
#: Units of the larger network, and how it is trained: the best on the validation part of four
#: settings, and the same for three times as long.
LARGE: Final = 256
LONG: Final = ((2000, 200), (6000, 400))  # updates, and those between two looks
READ: Final = 100
SHARES: Final = np.arange(1, 20) / 20  # of the network in a mixture


class Run(NamedTuple):
    """One training with the task's own settings; bits per character, seconds of the processor."""

    cell: str
    seed: int
    parameters: int
    seconds: float
    validation: float
    test: float


class Look(NamedTuple):
    """After so many updates and seconds of training: bits per character."""

    update: int
    seconds: float
    validation: float
    test: float


@dataclass(frozen=True)
class Long:
    """
    One long training: settings, looks, and what the kept network is worth beside the 5-gram.

    read: bits per character of the training text, as it was read, over the last `READ` updates;
    mixture: those of share * network + (1 - share) * 5-gram, the share chosen on the
    validation part.
    """

    model: dict[str, Any]
    training: dict[str, Any]
    parameters: int
    looks: list[Look]
    read: float
    share: float
    mixture: Score

    @property
    def kept(self) -> Look:
        """The look with the lowest validation loss."""
        return min(self.looks, key=lambda look: look.validation)

    def crossing(self, bound: float, part: str) -> Look | None:
        """The first look below so many bits per character on a part; None where there is none."""
        return next((look for look in self.looks if getattr(look, part) < bound), None)


@dataclass(frozen=True)
class Record:
    """
    What was measured: `runs` of every cell and seed, and the `longs`.

    about: machine, versions, date, command, seconds of the processor; text: its SHA-256 and number
    of characters.
    """

    about: dict[str, Any]
    text: dict[str, Any]
    baselines: dict[str, Score]
    runs: list[Run]
    longs: list[Long]

    def of(self, cell: str) -> list[Run]:
        """The runs of a cell, by seed."""
        return sorted((r for r in self.runs if r.cell == cell), key=lambda r: r.seed)

    def comparable(self, characters: str) -> bool:
        """Whether it was measured on this very text."""
        return bool(self.text["sha256"] == sha256(characters))

    def to_json(self) -> str:
        longs = [
            {
                **vars(each),
                "looks": [look._asdict() for look in each.looks],
                "mixture": each.mixture._asdict(),
            }
            for each in self.longs
        ]
        parts = {
            "format": FORMAT,
            "about": self.about,
            "text": self.text,
            "baselines": {name: score._asdict() for name, score in self.baselines.items()},
            "runs": [run._asdict() for run in self.runs],
            "longs": longs,
        }
        return json.dumps(parts, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, written: str) -> "Record":
        """Raises ValueError where `written` is no such record, or an incomplete one."""
        try:
            parts = json.loads(written)
            if parts["format"] != FORMAT:
                raise ValueError(f"its format is {parts['format']!r}, but must be {FORMAT!r}")
            record = cls(
                about=parts["about"],
                text=parts["text"],
                baselines={name: Score(**s) for name, s in parts["baselines"].items()},
                runs=[Run(**run) for run in parts["runs"]],
                longs=[_long_from(**each) for each in parts["longs"]],
            )
            _check(record)
            return record
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"this is no record of {COMMAND}: {error}") from error


def _long_from(looks: list[Any], mixture: dict[str, Any], **rest: Any) -> Long:
    return Long(looks=[Look(**look) for look in looks], mixture=Score(**mixture), **rest)


def _check(record: Record) -> None:
    """Raise ValueError where something is missing, or a number is not finite, or below 0."""
    looks = [look for each in record.longs for look in each.looks]
    if not record.runs or not record.longs or not all(each.looks for each in record.longs):
        raise ValueError("it has no runs, or no long ones, or no looks")
    for each in record.longs:
        updates = [look.update for look in each.looks]
        if updates != sorted(set(updates)):
            raise ValueError("its looks are not in their order")
    mixtures = [(each.read, each.share, *each.mixture) for each in record.longs]
    measured = [run[2:] for run in record.runs] + [*map(tuple, looks), *mixtures]
    for numbers in (*measured, *record.baselines.values()):
        if not all(math.isfinite(n) and n >= 0 for n in numbers):
            raise ValueError(f"it holds {numbers}, but all must be finite, and none below 0")
    for part, keys in ((record.about, ("date", "command", "machine")), (record.text, ("sha256",))):
        for key in keys:
            if key not in part:
                raise ValueError(f"it does not say {key!r}")


def recorded(path: Path = RECORDED) -> Record:
    """
    The run that the package ships.

    Raises FileNotFoundError, saying how to make one, where there is none; ValueError where the
    file is no such record.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path.name} of longer runs: make one by `{COMMAND} --json FILE`"
        )
    return Record.from_json(path.read_text("utf-8"))


def sha256(characters: str) -> str:
    return hashlib.sha256(characters.encode()).hexdigest()


def measure(
    task: text.Text,
    seeds: int = SEEDS,
    longs: Sequence[Setup] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Record:
    """Train every cell from every seed, then the larger networks, `larger(task)` or others."""
    start = time.process_time()
    cells = {task.model.cell: Setup(task.model, task.training), **task.variants}
    runs = []
    for seed in range(seeds):
        for cell, setup in cells.items():
            runs.append(_run(task, cell, setup, seed))
            say(f"{cell}, seed {seed}: {runs[-1].validation:.3f} on validation")
    long = [_long(task, setup, say) for setup in (larger(task) if longs is None else longs)]
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "command": COMMAND,
        "machine": machine.facts(),
        "seconds": round(time.process_time() - start),
    }
    whole = "".join(task.texts.values())
    described = {"sha256": sha256(whole), "characters": len(whole)}
    return Record(about, described, dict(task.baselines), runs, long)


def larger(task: text.Text) -> list[Setup]:
    """The task's network with `LARGE` units, and its trainings."""
    model = replace(task.model, H=LARGE)
    training = replace(task.training, lr=8e-3, batch_size=32)
    return [
        Setup(model, replace(training, updates=updates, validate_every=every))
        for updates, every in LONG
    ]


def _run(task: text.Text, cell: str, setup: Setup, seed: int) -> Run:
    model = models_numpy.build(setup.model, seed)
    start = time.process_time()
    pieces = batches(task.train, setup.training)
    models_numpy.fit(model, pieces, setup.training, show=False)
    seconds = time.process_time() - start
    return Run(cell, seed, _parameters(model), round(seconds, 2), *_bits(task, model))


def _long(task: text.Text, setup: Setup, say: Callable[[str], None]) -> Long:
    looks: list[Look] = []
    start, looking = time.process_time(), 0.0

    def look(model: Network) -> float:
        nonlocal looking
        before = time.process_time()
        update = (len(looks) + 1) * setup.training.validate_every
        seconds = round(before - start - looking, 2)
        looks.append(Look(update, seconds, *_bits(task, model)))
        say(f"{update} updates, {seconds:.0f} s: {looks[-1].validation:.3f} on validation")
        looking += time.process_time() - before
        return looks[-1].validation

    model = models_numpy.build(setup.model)
    pieces = batches(task.train, setup.training)
    history = models_numpy.fit(model, pieces, setup.training, validate=look, show=False)
    read = round(float(np.mean(history.loss[-READ:]) / math.log(2)), 4)
    share, mixture = _mixture(task, model)
    settings = asdict(setup.model), asdict(setup.training)
    return Long(*settings, _parameters(model), looks, read, share, mixture)


def _mixture(task: text.Text, model: Network) -> tuple[float, Score]:
    """With the longest n-gram of the baselines: the best share on validation, and bits by it."""
    gram = NGram.fit(task.alphabet.encode(task.texts["train"]), task.model.K, text.LONGEST_GRAM)

    def bits(part: str) -> Array:
        """For each share."""
        split, x = task.parts[part], task.alphabet.encode(task.texts[part])
        y = models_numpy.outputs(model, split)[0].astype(np.float64)
        true = np.take_along_axis(y, split.targets[0][:, None], axis=1)[:, 0]
        network = np.exp(true - np.logaddexp.reduce(y, axis=1))
        counted = np.exp(-gram.nats(x[1:], context=x[:1]))
        mixed = SHARES[:, None] * network + (1 - SHARES[:, None]) * counted
        return np.asarray(-np.log2(mixed).mean(axis=1))

    validation = bits("validation")
    best = int(validation.argmin())
    score = Score(round(float(validation[best]), 4), round(float(bits("test")[best]), 4))
    return float(SHARES[best]), score


def _bits(task: text.Text, model: Network) -> tuple[float, float]:
    validation, test = (
        task.score(models_numpy.outputs(model, task.parts[part]), part)
        for part in ("validation", "test")
    )
    return round(validation, 4), round(test, 4)


def _parameters(model: Network) -> int:
    return int(sum(np.size(p) for p in model.params.values()))


def main(arguments: Sequence[str] | None = None) -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"of each cell ({SEEDS})")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}, but must be at least 1")
    if options.json and not options.json.absolute().parent.is_dir():
        parser.error(f"there is no folder {options.json.parent} for {options.json.name}")
    record = measure(
        text.make(), options.seeds, say=lambda line: print(line, file=sys.stderr, flush=True)
    )
    for run in record.runs:
        print(f"{run.cell:5} seed {run.seed}: {run.validation:.3f} {run.test:.3f} {run.seconds} s")
    for each in record.longs:
        kept = each.kept
        print(f"larger, {kept.update} updates: {kept.validation:.3f} {kept.test:.3f}", end=" ")
        print(f"{kept.seconds} s; with the 5-gram {each.mixture.test:.3f}")
    if options.json:

        def write(file: BinaryIO) -> None:
            file.write(record.to_json().encode())

        replace_whole(options.json, write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
