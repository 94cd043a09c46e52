"""`rnnbook.bench.text`: the record that the package ships, its form, and how one is made."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnbook.bench import text as longer
from rnnbook.bench.text import Look, Record, recorded
from rnnbook.tasks import Setup, text

SHORT = text.make("to be or not to be, that is the question: " * 40)


@pytest.fixture(scope="module")
def measured() -> Record:
    """A record of a short text, made in an instant."""
    model = replace(SHORT.model, H=4)
    training = replace(SHORT.training, updates=6, validate_every=2, batch_size=4)
    setup = Setup(model, training)
    small = replace(SHORT, model=model, training=training, variants={"lstm": setup})
    return longer.measure(small, seeds=2, longs=[setup])


def test_shipped_record_is_whole_and_of_the_task_s_settings() -> None:
    record, task = recorded(), text.make()
    cells = {task.model.cell: task.model, **{k: v.model for k, v in task.variants.items()}}
    for cell, model in cells.items():
        runs = record.of(cell)
        assert [run.seed for run in runs] == list(range(longer.SEEDS))
        size = sum(np.prod(s) for s in model.shapes.values())
        (measured_size,) = {run.parameters for run in runs}
        # On another Python's text the vocabulary, and with it the size, is another.
        assert measured_size == size or not record.comparable("".join(task.texts.values()))
        assert measured_size == pytest.approx(size, rel=0.02)
    assert [each.training["updates"] for each in record.longs] == [u for u, _ in longer.LONG]
    for each, (updates, every) in zip(record.longs, longer.LONG, strict=True):
        assert [look.update for look in each.looks] == list(range(every, updates + 1, every))
    assert set(record.baselines) == set(task.baselines)
    assert record.about["seconds"] < 600


def test_shipped_record_says_what_it_is_measured_with() -> None:
    about = recorded().about
    assert about["command"] == longer.COMMAND
    assert {"cpu", "python", "numpy", "blas"} <= about["machine"].keys()


def test_recorded_gru_beats_the_5_gram_from_every_seed() -> None:
    record = recorded()
    assert max(run.test for run in record.of("gru")) < record.baselines["5-gram"].test


def test_a_record_is_read_as_it_was_written(measured: Record) -> None:
    assert Record.from_json(measured.to_json()) == measured
    assert {(run.cell, run.seed) for run in measured.runs} == {
        (cell, seed) for cell in ("gru", "lstm") for seed in (0, 1)
    }
    (each,) = measured.longs
    assert [look.update for look in each.looks] == [2, 4, 6]
    assert each.mixture.validation <= min(
        measured.baselines["5-gram"].validation + 0.1, each.kept.validation + 0.1
    )
    assert measured.comparable("".join(SHORT.texts.values()))
    assert not measured.comparable("another text")


def test_crossings_and_the_look_that_is_kept(measured: Record) -> None:
    looks = [Look(1, 1.0, 3.0, 3.5), Look(2, 2.0, 2.0, 2.5), Look(3, 3.0, 2.5, 2.0)]
    each = replace(measured.longs[0], looks=looks)
    assert each.kept == looks[1]
    assert each.crossing(2.6, "test") == looks[1]
    assert each.crossing(2.6, "validation") == looks[1]
    assert each.crossing(1.0, "test") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda parts: parts.clear(), "format"),
        (lambda parts: parts.update(format="other"), "its format is 'other'"),
        (lambda parts: parts.update(runs=[]), "no runs"),
        (lambda parts: parts["longs"][0].update(looks=[]), "no looks"),
        (lambda parts: parts["longs"][0]["looks"].reverse(), "order"),
        (lambda parts: parts["runs"][0].update(test=-1.0), "below 0"),
        (lambda parts: parts["runs"][0].pop("seed"), "seed"),
        (lambda parts: parts["about"].pop("date"), "'date'"),
        (lambda parts: parts["text"].pop("sha256"), "sha256"),
    ],
)
def test_what_is_no_record_is_refused(measured: Record, change: Any, said: str) -> None:
    parts = json.loads(measured.to_json())
    change(parts)
    with pytest.raises(ValueError, match=said):
        Record.from_json(json.dumps(parts))


def test_a_missing_record_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"make one by `python -m rnnbook\.bench\.text"):
        recorded(tmp_path / "text.json")


def test_command_refuses_what_cannot_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["--seeds", "0"], "must be at least 1"),
        (["--json", "/no/such/folder/x.json"], "there is no folder"),
    ):
        with pytest.raises(SystemExit):
            longer.main(arguments)
        assert said in capsys.readouterr().err


def test_command_writes_what_it_measured(
    measured: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longer, "measure", lambda *_, **__: measured)
    assert longer.main(["--json", str(tmp_path / "new.json")]) == 0
    assert recorded(tmp_path / "new.json") == measured
