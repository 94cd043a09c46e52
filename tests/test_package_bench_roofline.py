"""Counts, floors and what is recorded; nothing about how long anything takes."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnbook import bench
from rnnbook.bench import figure, problems, report, sine
from rnnbook.bench.report import First, Race, Report
from rnnbook.layers import recurrent_layer

SIZE = bench.Size(2, 5, 3, 4)


class Counted:
    """np.dot and np.matmul, and the operations of every product that they were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.operations = 0
        self.shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        for name in ("dot", "matmul"):
            monkeypatch.setattr(np, name, partial(self.product, getattr(np, name)))

    def product(
        self, real: Callable[..., Any], a: np.ndarray, b: np.ndarray, out: Any = None
    ) -> Any:
        found = real(a, b) if out is None else real(a, b, out=out)
        self.operations += 2 * a.shape[-1] * found.size
        self.shapes.append((a.shape, b.shape))
        return found


@pytest.mark.parametrize("cell", bench.CELLS)
@pytest.mark.parametrize("mode", bench.MODES)
def test_products_are_as_many_operations_as_are_counted(
    cell: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = bench.Size(1, 1, 3, 4) if mode == "step" else SIZE
    run, counted = bench.products(cell, mode, size), Counted(monkeypatch)
    run()
    assert counted.operations == bench.operations(cell, mode, size)


def test_products_of_a_long_training_step_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    size = bench.Size(32, 40, 3, 4)  # 16 steps of 32 are a block
    run, counted = bench.products("rnn", "train", size), Counted(monkeypatch)
    run()
    assert counted.operations == bench.operations("rnn", "train", size)


@pytest.mark.parametrize("cell", bench.CELLS)
def test_products_have_the_shapes_of_the_layer_but_for_its_bias(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problems.make(cell, "train", SIZE)
    counted = Counted(monkeypatch)
    module = sys.modules[type(layer := recurrent_layer(cell, problem.params)).__module__]
    monkeypatch.setattr(module, "dot", np.dot)  # imported there by its name
    layer.forward(problem.x)
    layer.backward(problem.dh)
    ours, counted.shapes = counted.shapes, []
    bench.products(cell, "train", SIZE)()
    assert len(counted.shapes) == len(ours)
    for floor, layers in zip(counted.shapes, ours, strict=True):
        gaps = [
            b - a for pair in zip(floor, layers, strict=True) for a, b in zip(*pair, strict=True)
        ]
        assert set(gaps) <= {0, 1}  # a row of W is the bias


def test_operations_of_the_cells_are_as_their_gates() -> None:
    counts = {cell: bench.operations(cell, "forward", SIZE) for cell in bench.CELLS}
    assert counts["rnn"] == 2 * 2 * 5 * (3 + 4) * 4
    assert counts == {"rnn": counts["rnn"], "lstm": 4 * counts["rnn"], "gru": 3 * counts["rnn"]}


def test_roof_has_positive_times_and_rates() -> None:
    roof = bench.roof("gru", "train", SIZE, rounds=2)
    assert roof.operations == bench.operations("gru", "train", SIZE)
    for spread in roof[1:]:
        assert 0 < spread.low <= spread.median <= spread.high < np.inf
    assert set(roof.rates) == {"layer", "products", "large"}
    assert all(0 < rate < np.inf for rate in roof.rates.values())
    assert 0 < roof.reached < np.inf


def test_roof_of_one_step_and_of_a_layer_given() -> None:
    assert bench.roof("lstm", "step", (1, 1, 3, 4), rounds=1).operations == 2 * 7 * 16
    calls: list[int] = []
    bench.roof("rnn", "forward", SIZE, rounds=1, layer=lambda: calls.append(1))
    assert len(calls) > 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("elman", "train", SIZE), "cell is 'elman'"),
        (("rnn", "first", SIZE), "mode is 'first'"),
        (("rnn", "train", (1, 2, 3)), "four numbers"),
        (("rnn", "train", (1, 2, 3, 0)), "above 0"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    arguments: tuple[str, str, tuple[int, ...]], said: str
) -> None:
    for asked in (bench.operations, bench.products, bench.roof):
        with pytest.raises(ValueError, match=said):
            asked(*arguments)


def test_one_step_is_of_one_sequence() -> None:
    for asked in (bench.products, bench.roof):
        with pytest.raises(ValueError, match="B = T = 1"):
            asked("rnn", "step", SIZE)


def test_roof_refuses_no_rounds() -> None:
    with pytest.raises(ValueError, match="rounds is 0"):
        bench.roof("rnn", "train", SIZE, rounds=0)


# What is recorded


def test_recorded_is_a_whole_report() -> None:
    found = bench.recorded("cpu")
    assert {"numpy", "loop", "pytorch", "tensorflow", "keras"} <= set(found.labels)
    assert {race.mode for race in found.races} == set(bench.MODES)
    assert {race.cell for race in found.races} == set(bench.CELLS)
    assert found.first is not None
    assert found.first.times.keys() <= sine.JOBS.keys()
    assert not found.failures
    text = (report.RECORDED / "cpu.json").read_text("utf-8")
    assert str(Path.home()) not in text
    assert found.to_json() == text


def test_recorded_says_what_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match="no report is recorded as nothing"):
        bench.recorded("nothing")
    with pytest.raises(ValueError, match="not a report of rnnbook"):
        bench.recorded("text")  # is recorded, by another program


# Figures


def small() -> Report:
    found = Report({}, {"numpy": "NumPy", "keras": "Keras"})
    for cell in ("rnn", "gru"):
        times = {"numpy": [1e-3, 2e-3], "keras": [4e-3, 4e-3]}
        found.races.append(Race(times, cell, "train", SIZE))
    found.first = First(
        {"numpy": [1.0, 2.0, 1.5], "keras": [7.0, 8.0, 9.0]},
        {"numpy": [0.1] * 3, "keras": [4.0] * 3},
        {"numpy": 1e-4, "keras": 1e-4},
    )
    return found


def test_stacked_figure_is_as_narrow_as_a_page() -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: pip install "rnnbook[pages]"')
    fig = small().figure("train", stacked=True)
    assert [ax.get_title(loc="left") for ax in fig.axes] == [
        "RNN, training step",
        "GRU, training step",
    ]
    assert fig.get_size_inches()[0] == figure.WIDTH
    left = {ax.get_position().x0 for ax in fig.axes}
    assert len(left) == 1


def test_overview_is_the_mean_over_the_sizes_with_the_best_and_the_worst() -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: pip install "rnnbook[pages]"')
    found = small()
    found.races.append(Race({"numpy": [1e-3], "keras": [12e-3]}, "rnn", "train", SIZE))
    (ax,) = figure.overview(found).axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["RNN", "GRU"]
    ((_, _, (line,)),) = ax.containers
    lows, highs = (
        [float(x) for x in ends]
        for ends in zip(
            *((segment[0][0], segment[1][0]) for segment in line.get_segments()), strict=True
        )
    )
    assert lows == pytest.approx([3, 3])  # ratios 4 and 2 of the two rounds
    assert highs == pytest.approx([12, 3])
    means = next(
        line.get_xdata()
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_marker() == "D"
    )
    assert means == pytest.approx([6, 3])  # the square root of 3 times 12
    with pytest.raises(ValueError, match="no races"):
        figure.overview(Report({}, {}))


def test_figure_of_times_has_ours_too() -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: pip install "rnnbook[pages]"')
    (ax, _) = small().figure("train", stacked=True, times=True).axes
    assert ax.get_legend_handles_labels()[1] == ["NumPy", "Keras"]
    drawn = sorted(float(line.get_xdata()[0]) for line in ax.lines if len(line.get_xdata()) == 1)
    assert drawn == pytest.approx([1500, 4000])  # medians, in microseconds


def test_figure_of_the_first_result_has_the_soonest_at_the_top() -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: pip install "rnnbook[pages]"')
    found = small()
    (ax,) = found.figure("first").axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["NumPy", "Keras"]
    assert [bar.get_width() for bar in ax.patches] == [1.5, 0.1, 8.0, 4.0]
    found.first = None
    with pytest.raises(ValueError, match="no first result"):
        found.figure("first")


# The sine job


def test_loop_and_numpy_learn_the_same_from_the_sine() -> None:
    fast, loop = (sine.JOBS[name]()[1] for name in ("numpy", "loop"))
    assert loop == pytest.approx(fast, rel=0.2)  # 500 updates in float32, sums in another order
