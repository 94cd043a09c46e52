"""
The contenders of `rnnbook.bench` on a GPU, as far as a machine without one can tell: hand-written
loops on the CPU, a CUDA graph with its CUDA faked, bfloat16.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnnbook import bench
from rnnbook.bench import contenders, problems
from rnnbook.bench.problems import Size

TORCH = 'needs PyTorch: pip install "rnnbook[torch]"'
SMALL = Size(3, 7, 2, 5)
EXACT = 2e-6  # float32 summed in another order


def gap(runner: Any, cell: str, mode: str) -> float:
    """How far a runner is from ours, after two turns; it must give whatever ours gives."""
    problem = problems.make(cell, mode, SMALL._replace(B=1, T=1) if mode == "step" else SMALL)
    ours = contenders.KNOWN["numpy"].make(1).prepare(problem).outputs()
    job = runner.prepare(problem)
    job.run()
    job.run()
    found = job.outputs()
    assert set(found) == set(ours)
    assert all(a.dtype == np.float32 for a in found.values())
    assert problems.gap(job.outputs(), found) == 0  # the same again
    return problems.gap(found, ours)


ALL = pytest.mark.parametrize("mode", [*bench.MODES])
CELLS = pytest.mark.parametrize("cell", bench.CELLS)


@ALL
@CELLS
def test_loop_computes_the_same(cell: str, mode: str) -> None:
    pytest.importorskip("torch", reason=TORCH)
    assert gap(contenders.KNOWN["pytorch-loop"].make(1), cell, mode) < EXACT


@pytest.fixture
def compiled_by() -> Iterator[Callable[[Any, str], Any]]:
    """A runner whose steps go through torch.compile with a backend that needs no compiler."""
    torch = pytest.importorskip("torch", reason=TORCH)

    def wrap(runner: Any, backend: str) -> Any:
        calls: list[dict[str, Any]] = []

        def compile_(f: Any, **options: Any) -> Any:
            calls.append(options)
            return torch.compile(f, backend=backend, **options)

        runner.torch = SimpleNamespace(
            compile=compile_,
            **{
                name: getattr(torch, name)
                for name in ("compiler", "inference_mode", "stack", "autograd", "from_numpy")
            },
        )
        runner.calls = calls
        return runner

    yield wrap
    torch.compiler.reset()


# torch.compile looks for a gradient of the state, which is no leaf.
COMPILES = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")


@COMPILES
@ALL
@CELLS
def test_compiled_step_computes_the_same(
    cell: str, mode: str, compiled_by: Callable[[Any, str], Any]
) -> None:
    runner = compiled_by(contenders.KNOWN["pytorch-compile"].make(1), "aot_eager")
    assert gap(runner, cell, mode) < EXACT
    assert runner.calls == [{"fullgraph": True, "dynamic": False}]


@COMPILES
@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_step_compiled_by_inductor_computes_the_same() -> None:
    torch = pytest.importorskip("torch", reason=TORCH)
    assert gap(contenders.KNOWN["pytorch-compile"].make(1), "lstm", "train") < EXACT
    torch.compiler.reset()


class FakeCuda:
    """
    Enough of torch.cuda for a capture, and a log of it. What is captured is computed at once; a
    replay computes nothing.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self.streams = 0
        self.current = SimpleNamespace(name="default", wait_stream=self.waits("default"))

    def waits(self, name: str) -> Callable[[Any], None]:
        return lambda other: self.log.append(f"{name} waits for {other.name}")

    def Stream(self) -> Any:
        self.streams += 1
        name = f"side{self.streams}"
        return SimpleNamespace(name=name, wait_stream=self.waits(name))

    def current_stream(self) -> Any:
        return self.current

    @contextlib.contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    def CUDAGraph(self) -> Any:
        return SimpleNamespace(replay=lambda: self.log.append("replay"))

    @contextlib.contextmanager
    def graph(self, graph: Any) -> Iterator[None]:
        self.log.append("capture")
        yield


@pytest.fixture
def graph_of() -> Callable[[str], Any]:
    torch = pytest.importorskip("torch", reason=TORCH)
    from rnnbook.bench import runners_torch_hand

    def make(how: str = "eager") -> Any:
        runner = runners_torch_hand.Graph(1, "cpu", how)
        runner.torch = SimpleNamespace(
            cuda=FakeCuda(),
            **{
                name: getattr(torch, name)
                for name in ("inference_mode", "stack", "autograd", "from_numpy")
            },
        )
        return runner

    return make


@pytest.mark.parametrize("mode", ["train", "forward"])
@CELLS
def test_graph_captures_the_whole_of_it(
    cell: str, mode: str, graph_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = graph_of()
    layer, calls = runner.layer, []
    monkeypatch.setattr(runner, "layer", lambda *a: calls.append(1) or layer(*a))
    assert gap(runner, cell, mode) < EXACT
    assert len(calls) == 4  # three to warm up, one captured; four turns are replays
    assert runner.torch.cuda.log == [
        "side1 waits for default",
        "default waits for side1",
        "capture",
        *["replay"] * 4,
    ]


@CELLS
def test_graph_of_a_single_step_keeps_its_state_in_place(
    cell: str, graph_of: Callable[..., Any]
) -> None:
    """Every replay advances the state that was captured, from the input that was put in."""
    runner = graph_of()
    captured: list[Callable[[], Any]] = []
    real = runner.recorded

    def recorded(work: Callable[[], Any]) -> Callable[[], Any]:
        replay = real(work)
        captured.append(work)

        def again() -> Any:
            replay()
            return work()

        return again

    runner.recorded = recorded
    assert gap(runner, cell, "step") < EXACT
    assert len(captured) == 1
    assert runner.torch.cuda.log.count("capture") == 1


@ALL
@CELLS
def test_bfloat16_is_near_but_not_the_same(cell: str, mode: str) -> None:
    pytest.importorskip("torch", reason=TORCH)
    contender = contenders.KNOWN["pytorch-bf16"]
    assert contenders.FARTHEST < gap(contender.make(1), cell, mode) < contender.farthest / 2


def test_what_cannot_be_asked_of_a_runner() -> None:
    pytest.importorskip("torch", reason=TORCH)
    from rnnbook.bench import runners_torch, runners_torch_hand

    with pytest.raises(ValueError, match="precision is 'int8'"):
        runners_torch.Torch(1, "cpu", "int8")
    with pytest.raises(ValueError, match="how is 'fast'"):
        runners_torch_hand.Loop(1, "cpu", "fast")


def test_limits_are_of_the_device() -> None:
    pytest.importorskip("torch", reason=TORCH)
    limits = contenders.KNOWN["pytorch"].make(1).limits()  # type: ignore[attr-defined]
    assert set(limits) == {"float32", "bfloat16"}
    assert min(limits.values()) > 0


def test_every_contender_on_a_gpu_says_that_there_is_none() -> None:
    torch = pytest.importorskip("torch", reason=TORCH)
    if torch.cuda.is_available():
        pytest.skip("there is one")
    for name in contenders.CUDA:
        if name.startswith("pytorch"):
            with pytest.raises(RuntimeError, match="finds no CUDA device"):
                contenders.KNOWN[name].make(1)
