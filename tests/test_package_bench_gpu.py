"""
The plan of `rnnbook.bench.gpu`, and what is shown of its report. Invented times need no GPU.
"""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnbook import bench
from rnnbook.bench import __main__ as command
from rnnbook.bench import contenders, gpu
from rnnbook.bench.contenders import Contender
from rnnbook.bench.measure import Heat, run
from rnnbook.bench.problems import Size
from rnnbook.bench.report import Race, Report

TORCH = 'needs PyTorch: pip install "rnnbook[torch]"'
SMALL = Size(3, 7, 2, 5)


# The plan

NEAR = Contender(gpu.FUSED, "near", "rnnbook.bench.runners_torch:Torch", ("cpu",), ("torch",))
LOOP = Contender(
    "pytorch-cuda-loop", "a loop", "rnnbook.bench.runners_torch_hand:Loop", ("cpu",), ("torch",)
)
ROUGH = Contender(
    "pytorch-cuda-bf16",
    "rough",
    "rnnbook.bench.runners_torch:Torch",
    ("cpu", "bfloat16"),
    ("torch",),
    farthest=contenders.FARTHEST_BF16,
)


def test_plan_is_run_and_its_file_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason=TORCH)
    monkeypatch.setattr(gpu, "WIDER", (Size(2, 4, 1, 4),))
    monkeypatch.setattr(gpu, "LONGER", (Size(4, 2, 1, 3), Size(2, 4, 1, 3)))
    monkeypatch.setattr(gpu, "BOTH", Size(2, 3, 1, 3))
    monkeypatch.setattr(gpu, "STEP_SIZES", (Size(1, 1, 1, 3),))
    monkeypatch.setattr(gpu, "ON_CPU", ("numpy", "loop"))
    stand_ins = (NEAR, LOOP, ROUGH)
    measure = gpu.measure
    monkeypatch.setattr(gpu, "measure", lambda *a: measure(*a, on_gpu=stand_ins))
    path = tmp_path / "cuda.json"
    assert gpu.recorded(path) is None
    options = ["--device", "cuda", "--rounds", "1", "--threads", "1", "--json", str(path)]
    assert command.main(options) == 0
    report = gpu.recorded(path)
    assert report is not None
    assert report.failures == []
    assert capsys.readouterr().out == report.table() + "\n"
    everyone = {"numpy", "loop", *(c.name for c in stand_ins)}
    assert [set(race.times) for race in report.races] == [
        everyone,
        *[everyone - {"loop"}] * 2,
        *[everyone] * 4,
    ]
    assert set(report.about["limits"]) == {gpu.FUSED}
    assert gpu.utilisation(report, report.races[0], gpu.FUSED) > 0  # type: ignore[operator]


def test_it_is_the_plan_only_where_nothing_else_is_chosen() -> None:
    assert command.checked(["--device", "cuda"]).page
    for other in ("--cells lstm", "--sizes 0", "--quick", "--first-result", "--modes step"):
        options = command.checked(["--device", "cuda", *other.split()])
        assert not options.page
        assert options.threads == 2
        assert set(contenders.CUDA) <= set(options.contenders)
    assert not command.checked([]).page


def test_whoever_is_too_far_for_its_precision_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason=TORCH)
    strict = Contender("strict", "strict", ROUGH.factory, ROUGH.options, ROUGH.needs)
    heats = [Heat("gru", "train", SMALL), Heat("gru", "train", SMALL, ("strict",))]
    report = run(heats, [ROUGH, strict], 1, 1, print, limits=["strict", "absent"])
    assert [set(race.times) for race in report.races] == [{"numpy", ROUGH.name}, {"numpy"}]
    assert [text.split(":")[0] for text in report.failures] == ["strict", "strict"]
    assert "its outputs differ from ours by" in report.failures[0]


def test_what_was_measured_is_kept_when_the_run_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "heats", lambda names: [Heat("rnn", "train", SMALL)] * 3)
    monkeypatch.setattr(gpu, "ON_CPU", ("numpy",))
    measure, path = gpu.measure, tmp_path / "cuda.json"

    def stopped(rounds: int, threads: int, say: Any, keep: Callable[[Report], None]) -> Report:
        def say_two(text: str) -> None:
            if text.startswith("3 of 3"):
                raise KeyboardInterrupt

        return measure(rounds, threads, say_two, keep, on_gpu=("loop",))

    monkeypatch.setattr(gpu, "measure", stopped)
    options = ["--device", "cuda", "--rounds", "1", "--threads", "1", "--json", str(path)]
    assert command.main(options) == 130
    report = gpu.recorded(path)
    assert report is not None
    assert len(report.races) == 2
    assert "Doubt: the run was stopped before its end" in gpu.said(report)
    assert report.about["contenders"][gpu.OURS]["threads"] == 1
    monkeypatch.setattr(gpu, "measure", lambda *a: measure(*a, on_gpu=("loop",)))
    assert command.main(options) == 0
    report = gpu.recorded(path)
    assert report is not None
    assert len(report.races) == 3
    assert "stopped" not in gpu.said(report)


def test_command_without_a_gpu(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch", reason=TORCH)
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    measure = gpu.measure
    monkeypatch.setattr(gpu, "ON_CPU", ("numpy",))
    monkeypatch.setattr(gpu, "measure", lambda *a: measure(*a, on_gpu=("pytorch-cuda-graph",)))
    assert command.main(["--device", "cuda", "--threads", "1"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "there is no CUDA device to time on: cuda graph: " in err.splitlines()[-1]
    with pytest.raises(ValueError, match="rounds is 0"):
        gpu.measure(0)


def test_no_framework_for_a_gpu_is_an_error_too() -> None:
    absent = Contender("far", "far", "", ("cuda",), ("no_such_package",), "rnnbook[torch]")
    said = r"no CUDA device to time on: far is left out: no no_such_package"
    with pytest.raises(bench.BenchError, match=said):
        run([Heat("rnn", "train", SMALL)], [absent], 1, 1, print)


# What the page shows of a report. These times are invented.


def invented() -> Report:
    """The GPU takes 1 ms wherever it computes, NumPy H^2 / 10^4 ms: they meet at H = 100."""
    report = Report(
        {
            "date": "2026-01-02 03:04:05 +0000",
            "machine": {"cpu": "a CPU", "cores": 16},
            "versions": {"torch": "2.13"},
            "threads": 8,
            "rounds": 5,
            "devices": {"PyTorch cuda": "Some GPU", "cuda loop": "Some GPU"},
            "contenders": {"numpy": {}, "pytorch-cuda": {"cuda": "CUDA 13, cuDNN 9"}},
            "limits": {gpu.FUSED: {"float32": 5e13, "tf32": 4e14, "bfloat16": 8e14}},
        },
        {name: contender.label for name, contender in contenders.KNOWN.items()},
        failures=["TF cuda: does not start"],
        busy=["others computed"],
    )
    for size in (*gpu.WIDER, *gpu.LONGER):
        times = {name: [1e-3] * 3 for name in contenders.CUDA}
        times |= {"numpy": [1e-7 * size.H**2] * 3, "pytorch-cuda-loop": [1e-4 * size.T] * 3}
        times["pytorch-cuda-bf16"] = [5e-4] * 3
        if size in gpu.WIDER:
            times["pytorch"] = [2e-7 * size.H**2] * 3
        report.races.append(Race(times, "lstm", "train", size))
    return report


def test_where_it_overtakes() -> None:
    report = invented()
    assert gpu.overtakes(report, gpu.FUSED) == gpu.WIDER[2]  # H = 128
    assert gpu.overtakes(report, "pytorch-cuda-loop") == gpu.WIDER[3]  # 6.4 ms: H = 256 is above
    assert gpu.overtakes(report, "keras-cuda") is None
    gpu.races(report, gpu.WIDER)[4].times["numpy"] = [1e-9] * 3  # H = 512: the CPU once more
    assert gpu.overtakes(report, gpu.FUSED) == gpu.WIDER[5]
    assert gpu.overtakes(Report({}, {}), gpu.FUSED) is None


def test_utilisation_is_of_the_limit_of_the_precision() -> None:
    report = invented()
    race = gpu.races(report, gpu.LONGER)[0]
    full = 3 * 2 * 8192 * (64 + 512) * 4 * 512 / 1e-3 / 5e13
    assert gpu.utilisation(report, race, gpu.FUSED) == pytest.approx(full)
    half = gpu.utilisation(report, race, "pytorch-cuda-bf16")
    assert half == pytest.approx(full * 2 * 5e13 / 8e14)
    assert gpu.utilisation(report, race, "pytorch") is None
    del report.about["limits"]
    assert gpu.utilisation(report, race, gpu.FUSED) is None


def test_it_says_what_was_measured_or_that_nothing_was(tmp_path: Path) -> None:
    nothing = gpu.said(gpu.recorded(tmp_path / "none.json"))
    assert nothing.startswith("No measurement on a GPU is recorded yet.")
    assert nothing.endswith(gpu.COMMAND)
    assert command.checked(gpu.COMMAND.split()[3:-2]).page
    path = tmp_path / "cuda.json"
    invented().save(path)
    lines = gpu.said(gpu.recorded(path)).splitlines()
    assert lines == [
        "Recorded on 2026-01-02, on Some GPU (CUDA 13, cuDNN 9),",
        "beside 8 threads of a CPU.",
        "torch 2.13; 5 rounds.",
        "Failed: TF cuda: does not start",
        "Doubt: others computed",
    ]


def test_recorded_file_is_a_report_where_it_is_there() -> None:
    report = gpu.recorded()
    assert report is None or gpu.races(report, gpu.WIDER)


@pytest.fixture
def figures() -> Any:
    pytest.importorskip("matplotlib", reason='needs matplotlib: pip install "rnnbook[pages]"')
    from rnnbook.bench import gpu_figure

    return gpu_figure


def test_figures_draw_what_was_measured(figures: Any) -> None:
    report = invented()
    (ax,) = figures.times(report).axes
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert "TensorFlow, CPU" not in drawn  # which has no times
    np.testing.assert_allclose(drawn["NumPy, CPU"][:, 0], [size.H for size in gpu.WIDER])
    np.testing.assert_allclose(drawn["NumPy, CPU"][0, 1], 1e-4 * 32**2)
    np.testing.assert_allclose(drawn["fused (cuDNN)"][:, 1], 1.0)
    assert [tick.get_text() for tick in ax.get_xticklabels()][:2] == ["32", "64"]
    (ax,) = figures.precision(report).axes
    values = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(values["fused, bfloat16"], 2)
    (ax,) = figures.utilisation(report).axes
    shares = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert len(shares["loop"]) == len(gpu.LONGER)
    assert list(shares["loop"]) == sorted(shares["loop"], reverse=True)  # falls with T
    assert "NumPy, CPU" not in shares


@pytest.mark.parametrize("there", [False, True])
def test_page_shows_the_file_or_says_that_there_is_none(
    there: bool, figures: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cells of the page that use the report, run with one and without."""
    page = Path(__file__).parent.parent / "book" / "comparison" / "gpu.ipynb"
    cells = json.loads(page.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    code = [source for source in code if "report" in source]
    monkeypatch.setattr(gpu, "recorded", lambda: invented() if there else None)
    known: dict[str, Any] = {"gpu": gpu, "gpu_figure": figures}
    shown = []
    for source in code:
        *_, last = ast.parse(source).body
        if isinstance(last, ast.Expr) and source.startswith("gpu_figure"):
            shown.append(eval(source, known))
        else:
            exec(source, known)
    said = capsys.readouterr().out
    assert len(shown) == 3
    assert all(figure is not None for figure in shown) == there
    assert ("Recorded on 2026-01-02" in said) == there
    assert ("fused (cuDNN): ahead of the CPU from H = 128 on" in said) == there
    assert ("Not recorded yet" in said) == (not there)


def test_figures_of_a_part_of_it(figures: Any) -> None:
    report = invented()
    report.races = report.races[:2]
    (ax,) = figures.times(report).axes
    assert len(ax.get_xticks()) == 2
    with pytest.raises(ValueError, match="no training step of an lstm at 4096, 2, 64, 512"):
        figures.utilisation(report)
    assert set(contenders.CUDA) | set(gpu.ON_CPU) == set(figures.NAMES) == set(figures.LOOKS)
