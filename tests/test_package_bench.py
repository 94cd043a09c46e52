"""
`rnnbook.bench`: its arithmetic, its processes, its files. Nothing here asserts anything about time.
"""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnbook import bench
from rnnbook.bench import __main__ as command
from rnnbook.bench import contenders, first, goals, machine, problems, sine, worker
from rnnbook.bench.report import First, Race, Report, spread_of_ours

ROOT = Path(__file__).resolve().parent.parent
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which Linux alone has")
TINY = bench.Size(2, 4, 1, 3)

# Contenders that go wrong, each in its own way.
WRONG = """
import os
from rnnbook.bench.contenders import Job
from rnnbook.bench.runners_numpy import Fast

class Off(Fast):
    def prepare(self, problem):
        job = super().prepare(problem)
        return Job(job.run, lambda: {"h": job.outputs()["h"] + 0.01})

class NaN(Fast):
    def prepare(self, problem):
        job = super().prepare(problem)
        return Job(job.run, lambda: {"h": job.outputs()["h"] * float("nan")})

class Misshapen(Fast):
    def prepare(self, problem):
        job = super().prepare(problem)
        return Job(job.run, lambda: {"h": job.outputs()["h"][:, :1]})

class Raises(Fast):
    def prepare(self, problem):
        raise MemoryError("no room for this layer")

class Dies(Fast):
    def prepare(self, problem):
        job, calls = super().prepare(problem), []
        def run():
            calls.append(1)
            if len(calls) > 5:
                print("what a framework prints")
                os.write(2, b"the last words")
                os._exit(7)
        return Job(run, job.outputs)

class CannotStart:
    def __init__(self, threads):
        raise OSError("no such library")

class Talks(Fast):
    def prepare(self, problem):
        print("a framework that prints to stdout")
        return super().prepare(problem)
"""


def made_up(sizes: int = 7) -> Report:
    """Times that are easy to reckon with: PyTorch 2, 4, 8 times ours; Keras fails at one size."""
    report = Report(
        {
            "date": "2026-01-01 00:00:00 +0000",
            "machine": {
                "cpu": "X" * 90,
                "cores": 2,
                "system": "S",
                "python": "3",
                "blas": "openblas",
            },
            "versions": {"numpy": "2"},
            "threads": 2,
            "rounds": 3,
            "devices": {"PyTorch": "a GPU"},
        },
        {"numpy": "NumPy", "loop": "loop", "pytorch": "PyTorch", "keras": "Keras", "x": "X"},
        left_out=["TensorFlow is left out"],
        failures=["Keras: " + "long " * 40],
        busy=["others"],
    )
    for k, size in enumerate(bench.SIZES[:sizes]):
        ours = [1e-3, 2e-3, 4e-3]
        times = {"numpy": ours, "pytorch": [4e-3, 4e-3, 32e-3], "loop": [0.1, 0.2, 0.4]}
        if k:
            times["keras"] = [1e-3, 1e-3, 1e-3]
        times["x"] = [1.0, 2.0, 3.0]
        report.races.append(Race(times, "lstm", "train", size, {"pytorch": 1e-7}))
    report.first = First(
        {"numpy": [0.5, 0.6, 0.7], "pytorch": [5.0, 3.0, 7.0]},
        {"numpy": [0.1] * 3, "pytorch": [2.0] * 3},
        {"numpy": 1e-4, "pytorch": 2e-4},
    )
    return report


# What follows from the times


def test_a_ratio_is_taken_round_by_round() -> None:
    race = made_up().races[0]
    assert race.ratio("pytorch") == pytest.approx((4, 2, 8))  # and not 4 ms / 2 ms = 2
    assert race.time("pytorch") == (4e-3, 4e-3, 32e-3)
    assert race.ratio("keras") is None


def test_geometric_mean_is_of_all_sizes_or_there_is_none() -> None:
    report = made_up(2)
    report.races[1].times["pytorch"] = [9e-3, 18e-3, 36e-3]
    assert report.geometric_mean("lstm", "pytorch") == pytest.approx(6)  # of 4 and 9
    assert report.geometric_mean("lstm", "keras") is None  # has times at one of two
    assert report.geometric_mean("gru", "pytorch") is None
    assert report.geometric_mean("lstm", "pytorch", "forward") is None


def test_goals_are_judged_where_they_can_be() -> None:
    judged = {goal.what: str(goal).split()[0] for goal in goals.goals(made_up())}
    assert judged == {
        "lstm, training step, PyTorch / NumPy, geometric mean": "reached",
        "lstm, training step, Keras / NumPy, at its least": "MISSED",
        "first result, the soonest framework / NumPy": "reached",
    }
    assert not any("geometric" in goal.what for goal in goals.goals(made_up(6)))


def test_goal_of_single_steps_depends_on_the_width() -> None:
    report = made_up(0)
    for H in (128, 512):
        times = {"numpy": [1.0], "pytorch": [2.0], "tensorflow": [9.0]}
        report.races.append(Race(times, "gru", "step", bench.Size(1, 1, 64, H)))
    judged = [goal for goal in goals.goals(report) if "step" in goal.what]
    assert [(goal.wanted, goal.reached) for goal in judged] == [(3, 2), (1, 2)]


def test_table_fits_a_terminal_and_says_everything() -> None:
    text = made_up().table()
    assert max(map(len, text.splitlines())) <= 100
    row = next(line for line in text.splitlines() if line.startswith("50, 20, 1, 100"))
    assert row.split()[4:] == [
        *("2.00", "100", "[100-100]", "4.00", "[2.00-8.00]"),
        *("0.50", "[0.25-1.00]", "1000", "[750-1000]"),
    ]
    for said in ("geometric mean", "BUSY     others", "FAILED   Keras", "TensorFlow is left out"):
        assert said in text
    mean = next(line for line in text.splitlines() if line.startswith("geometric mean"))
    assert mean.split() == ["geometric", "mean", "100", "4.00", "-", "1000"]
    assert "a GPU" in text


def test_spread_of_ours() -> None:
    assert spread_of_ours(made_up()) == pytest.approx(4)
    assert spread_of_ours(Report({}, {})) == 1


def test_busy_machine_is_said_to_be() -> None:
    quiet = {"load_before": 0.0, "steal": 0.0, "others": 0.0}
    assert machine.busy(quiet, 1, 1.2) == []
    loaded = {"load_before": 50.0 + machine.cores(), "steal": 0.1, "others": 0.5}
    assert len(machine.busy(loaded, 1, 2.0)) == 4
    assert machine.busy({"load_before": None, "steal": None, "others": None}, 1, 1.0) == []
    assert "share" in machine.busy(quiet, machine.cores() + 1, 1.0)[-1]


def test_gap_is_in_units_of_the_largest_number() -> None:
    ours = {"h": np.array([1.0, -10.0]), "dx": np.array([1e-3])}
    assert problems.gap({"h": np.array([1.0, -9.0])}, ours) == pytest.approx(0.1)
    assert problems.gap({"h": ours["h"], "dx": np.array([2e-3])}, ours) == pytest.approx(1)
    assert problems.gap({"h": np.array([np.nan, 1.0])}, ours) == np.inf
    with pytest.raises(ValueError, match="must give h"):
        problems.gap({"dx": ours["dx"]}, ours)


# Files


def test_json_round_trip() -> None:
    report = made_up()
    again = Report.from_json(report.to_json())
    assert again == report
    assert isinstance(again.races[0].size, bench.Size)
    parts = json.loads(report.to_json())
    assert parts["races"][0]["derived"]["pytorch"]["ratio"]["median"] == pytest.approx(4)
    assert parts["geometric_means"]["lstm train"]["pytorch"] == pytest.approx(4)


def spoilt(**changes: Any) -> str:
    parts = json.loads(made_up().to_json())
    parts["races"][0] |= changes
    return json.dumps(parts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a report"),
        ("[]", "not a report"),
        ('{"format": "other"}', "its format is 'other'"),
        (spoilt(times={"pytorch": [1.0]}), "none of numpy"),
        (spoilt(times={"numpy": [1.0], "loop": [1.0, 2.0]}), "different numbers"),
        (spoilt(times={"numpy": []}), "or none"),
        (spoilt(times={"numpy": [0.0]}), "not above 0"),
        (spoilt(size=[1, 2, 3]), "not a report"),
        (spoilt(surprise=1), "surprise"),
        (made_up().to_json()[:-200], "not a report"),
    ],
)
def test_what_is_no_report_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Report.from_json(text)


def test_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bench.json"
    report = made_up()
    report.save(path)
    assert Report.load(path) == report
    before = path.read_bytes()

    def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="full"):
        made_up(1).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["bench.json"]


def test_figure_has_a_panel_for_each_cell() -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: pip install "rnnbook[pages]"')
    report = made_up()
    report.races += [Race(r.times, "gru", "train", r.size) for r in report.races]
    (first_panel, second) = report.figure("train").axes
    assert [first_panel.get_title(loc="left"), second.get_title(loc="left")] == [
        "LSTM, training step",
        "GRU, training step",
    ]
    assert [t.get_text() for t in first_panel.get_yticklabels()] == list(map(str, bench.SIZES))
    with pytest.raises(ValueError, match="no races of mode 'step'"):
        report.figure("step")


# The command line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--cells rnn,foo", "cell is 'foo', but must be one of rnn, lstm, gru"),
        ("--cells ,", "there is no cell to time"),
        ("--modes backward", "mode is 'backward'"),
        ("--contenders jax", "contender is 'jax'"),
        ("--rounds 0", "rounds is 0, but must be at least 1"),
        ("--threads -1", "threads is -1"),
        ("--rounds many", "invalid int value"),
        ("--sizes 7", "neither numbers from 0 to 6 nor sizes"),
        ("--sizes 32,35,28", "neither"),
        ("--sizes 32,35,28,x", "neither"),
        ("--sizes 32,35,0,128", "four numbers above 0"),
        ("--device tpu", "invalid choice"),
        ("--json no/such/folder.json", "there is no folder"),
        ("--json .", "is a folder"),
        ("--figure f.txt", "must end in .svg, .png or .pdf"),
        ("--first-result --figure f.svg", "there are none"),
        ("--quik", "unrecognized arguments"),
    ],
)
def test_wrong_options_are_refused_with_a_sentence(
    options: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: Any = command.main(options.split())
    except SystemExit as end:
        code = end.code
    assert code == 2
    out, err = capsys.readouterr()
    assert said in err.splitlines()[-1]
    assert not out
    assert "Traceback" not in err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(["-h"])
    assert end.value.code == 0
    assert "python -m rnnbook.bench --cells lstm" in capsys.readouterr().out


def test_command_measures_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    options = "--quick --cells rnn --modes train --contenders loop --rounds 2 --threads 1 --json"
    assert command.main([*options.split(), str(path)]) == 0
    report = Report.load(path)
    assert [race.size for race in report.races] == list(bench.QUICK_SIZES)
    assert capsys.readouterr().out == report.table() + "\n"
    assert {"date", "machine", "versions", "threads", "rounds", "seen"} <= report.about.keys()


@LINUX
def test_interrupt_leaves_no_process_behind() -> None:
    options = "--cells rnn --modes train --contenders loop --rounds 1000 --threads 1"
    process = subprocess.Popen(
        [sys.executable, "-m", "rnnbook.bench", *options.split()],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("1 of 7")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 2
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "stopped\n")
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_importing_it_imports_no_framework() -> None:
    program = "import sys, rnnbook.bench.__main__; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert not loaded & {"torch", "tensorflow", "keras", "matplotlib"}
    assert "rnnbook" in loaded


# Workers


def test_worker_answers_line_by_line(tmp_path: Path) -> None:
    prepare = {"do": "prepare", "cell": "rnn", "mode": "train", "size": list(TINY)}
    requests = [
        {"do": "time"},
        {**prepare, "cell": "nothing", "outputs": ""},
        {**prepare, "outputs": str(tmp_path / "out.npz")},
        {"do": "warm"},
        {"do": "time"},
    ]
    answers = io.StringIO()
    lines = io.StringIO("".join(json.dumps(request) + "\n" for request in requests))
    worker.serve(contenders.KNOWN["numpy"], 1, lines, answers)
    facts, early, unknown, prepared, warm, timed = map(json.loads, answers.getvalue().splitlines())
    assert "threads" in facts
    assert early == {"error": "RuntimeError: there is nothing prepared"}
    assert "nothing" in unknown["error"]
    assert prepared == {}
    assert warm["calls"] >= 1
    assert timed["seconds"] > 0
    with np.load(tmp_path / "out.npz") as outputs:
        assert set(outputs) == {"h", "dx", "dW_xh", "dW_hh", "db_h"}


@pytest.mark.parametrize("threads", [1, 2])
def test_ours_and_the_loop_take_turns_on_pinned_threads(threads: int) -> None:
    modes = [*bench.MODES] if threads == 1 else ["train"]
    report = bench.measure(["lstm"], modes, [TINY], ["loop"], rounds=2, threads=threads)
    assert [race.mode for race in report.races] == modes
    for race in report.races:
        assert {name: len(times) for name, times in race.times.items()} == {"numpy": 2, "loop": 2}
        assert race.gaps["loop"] < 1e-5
    assert report.failures == []
    if sys.platform == "linux":
        used = {name: facts["threads"] for name, facts in report.about["contenders"].items()}
        assert used == {"numpy": threads, "loop": threads}
    assert Report.from_json(report.to_json()) == report


def test_who_goes_wrong_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "going_wrong.py").write_text(WRONG, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    counts = {
        "Off": 2,
        "NaN": 2,
        "Misshapen": 2,
        "Raises": 2,
        "Dies": 1,
        "CannotStart": 1,
        "Talks": 0,
    }
    kinds = list(counts)
    wrong = [bench.Contender(kind, kind, f"going_wrong:{kind}") for kind in kinds]
    sizes = [TINY, (1, 3, 1, 2)]
    absent = bench.Contender("absent", "Absent", "", needs=("no_such_package",), extra="all")
    report = bench.measure(["rnn"], ["forward"], sizes, [*wrong, absent], rounds=2, threads=1)
    for race in report.races:
        assert set(race.times) == {"numpy", "Talks"}
    said = {kind: [text for text in report.failures if text.startswith(kind)] for kind in kinds}
    assert {kind: len(texts) for kind, texts in said.items()} == counts
    assert "refused: its outputs differ from ours by" in said["Off"][0]
    assert "differ from ours by inf" in said["NaN"][0]
    assert "its h has shape (2, 1, 3), but ours (2, 4, 3)" in said["Misshapen"][0]
    assert "rnn forward (2, 4, 1, 3): MemoryError: no room for this layer" in said["Raises"][0]
    assert "its process ended with code 7: the last words" in said["Dies"][0]
    assert "does not start: OSError: no such library" in said["CannotStart"][0]
    assert report.left_out == ['Absent is left out: no no_such_package; pip install "all"']
    assert "Absent" not in report.labels.values()


def test_nothing_is_measured_where_ours_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = bench.Contender("numpy", "NumPy", "no_such_module:Fast")
    monkeypatch.setitem(contenders.KNOWN, "numpy", broken)
    with pytest.raises(bench.BenchError, match=r"NumPy: does not start: .*no_such_module"):
        bench.measure(["rnn"], ["forward"], [TINY], ["loop"], rounds=1, threads=1)


def test_no_gpu_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "class NoGPU:\n    def __init__(self, threads, device): raise OSError('no GPU')\n"
    (tmp_path / "on_gpu.py").write_text(text, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    gpu = bench.Contender("gpu", "GPU", "on_gpu:NoGPU", options=("cuda",))
    with pytest.raises(bench.BenchError, match=r"no CUDA device .* GPU: .*no GPU"):
        bench.measure(["rnn"], ["forward"], [TINY], [gpu], rounds=1, threads=1)


# Frameworks: the same numbers as ours in every mode, or they would be refused


def all_modes(contender: str | bench.Contender, cells: list[str]) -> Report:
    """Every mode of these cells at a tiny size, no failure on the way."""
    report = bench.measure(cells, [*bench.MODES], [TINY], [contender], rounds=1, threads=1)
    assert report.failures == []
    assert len(report.races) == 3 * len(cells)
    assert all(len(race.times) == 2 for race in report.races)
    return report


def test_pytorch_computes_the_same() -> None:
    pytest.importorskip("torch", reason='needs PyTorch: pip install "rnnbook[torch]"')
    report = all_modes("pytorch", [*bench.CELLS])
    assert report.about["contenders"]["pytorch"]["threads"] == 1


BOTH = """
from rnnbook.bench.contenders import KNOWN, Job
from rnnbook.bench.problems import gap

class Both:
    def __init__(self, threads):
        self.runners = [KNOWN[name].make(threads) for name in ("tensorflow", "keras")]
        self.facts, self.finish = self.runners[0].facts, self.runners[0].finish

    def prepare(self, problem):
        tensorflow, keras = (runner.prepare(problem) for runner in self.runners)
        def outputs():
            found = tensorflow.outputs()
            assert gap(keras.outputs(), found) < 1e-4, "Keras differs from TensorFlow"
            return found
        return Job(lambda: (tensorflow.run(), keras.run()), outputs)
"""


def test_tensorflow_and_keras_compute_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both in one process: each start of TensorFlow takes seconds."""
    if contenders.KNOWN["keras"].missing():
        pytest.skip('needs TensorFlow: pip install "rnnbook[tensorflow,keras]"')
    (tmp_path / "both.py").write_text(BOTH, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = all_modes(bench.Contender("both", "Both", "both:Both"), ["gru"])
    assert report.about["contenders"]["both"]["threads"] == 1


# Time to first result


def test_first_result_of_numpy_and_of_a_program_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sine.JOBS, "broken", lambda: (0.0, 0.0))  # which the process does not know
    broken = bench.Contender("broken", "Broken", "")
    timed, failures = first.first_result([contenders.KNOWN["numpy"], broken], 1, repeats=2)
    assert set(timed.times) == set(timed.imports) == set(timed.losses) == {"numpy"}
    assert len(timed.times["numpy"]) == len(timed.imports["numpy"]) == 2
    assert timed.losses["numpy"] < first.LEARNT
    assert failures == ["Broken: first result: its program ended with code 1"]


def test_jobs_learn_from_the_task_s_windows() -> None:
    from rnnbook.tasks import sine as task

    made = task.make()
    x, target = sine.windows()
    np.testing.assert_allclose(x, made.train.inputs, atol=1e-7)
    np.testing.assert_allclose(target, made.train.targets, atol=1e-7)
    assert made.training.updates == sine.UPDATES
    assert (made.model.H, made.model.activation) == (100, "relu")
