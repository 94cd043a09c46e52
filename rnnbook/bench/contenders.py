"""
Who is timed: each contender's name, what it needs installed, and where its code is.

    numpy             rnnbook.layers: ours, what the others are compared with
    loop              rnnbook.layers.Loop: the cell as a page derives it, step by step
    pytorch           nn.RNN, nn.LSTM, nn.GRU with batch_first; one step: RNNCell, LSTMCell, GRUCell
    tensorflow        keras.layers under tf.function, gradients by GradientTape: what is fast there
    keras             a compiled keras.Model on its TensorFlow backend, with Keras' own settings:
                      train_on_batch, which computes no gradient of the input but updates the
                      weights (by SGD, at learning rate 0), predict_on_batch, stateful for one step
    tensorflow-eager  `tensorflow` without tf.function
    tensorflow-xla    `tensorflow` with jit_compile=True
    pytorch-cuda, tensorflow-cuda, keras-cuda    the same on a GPU, where cuDNN does the work,
                      except for single steps and for Keras' SimpleRNN
    pytorch-cuda-loop           the cell written out in Python, step by step, the product with all
                                inputs hoisted out of the loop
    pytorch-cuda-compile        the loop with its step by torch.compile
    pytorch-cuda-graph          the whole of the loop, backward pass included, as one CUDA graph
    pytorch-cuda-compile-graph  both
    pytorch-cuda-tf32           `pytorch-cuda` with TF32, 10 bits of each factor's mantissa
    pytorch-cuda-bf16           `pytorch-cuda` with everything in bfloat16, which has 7
    pytorch-loop, pytorch-compile, pytorch-bf16    the same on the CPU

For one step PyTorch's and TensorFlow's layers take longer than their cells: each is timed as it is
fastest.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple, Protocol

from rnnbook.arrays import Params
from rnnbook.bench.problems import Problem

FARTHEST: Final = 1e-4  # outputs farther from ours, in units of the array's largest, are refused
#: The same for who computes with fewer bits: rounding errors of 2^-11 and 2^-8, added up.
FARTHEST_TF32: Final = 5e-3
FARTHEST_BF16: Final = 0.2


class Job(NamedTuple):
    """
    A problem made ready in a worker: `run` does it once, `outputs` gives what it computes.

    Of what ours gives (h; in mode "train" also dx and d + name for every parameter) `outputs` may
    leave out all but h.
    """

    run: Callable[[], object]
    outputs: Callable[[], Params]


class Runner(Protocol):
    """A contender at work, in its own process. Its module is imported there and nowhere else."""

    def prepare(self, problem: Problem) -> Job: ...

    def finish(self) -> None:
        """Wait until the device has done all it was given."""

    def facts(self) -> dict[str, object]:
        """The `threads` it really uses; where it is not the CPU, its `device`."""


class Limited(Runner, Protocol):
    """Who knows its device's limits."""

    def limits(self) -> dict[str, float]:
        """Operations a second of a large product, by precision."""


@dataclass(frozen=True)
class Contender:
    """
    `factory` is "module:callable"; called as `factory(threads, *options)`, it gives a Runner.
    Outputs farther than `farthest` from ours are refused.
    """

    name: str
    label: str
    factory: str
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    extra: str = ""
    farthest: float = FARTHEST

    @property
    def device(self) -> str:
        return "cuda" if "cuda" in self.options else "cpu"

    def missing(self) -> str | None:
        """A sentence where something is not installed."""
        absent = [package for package in self.needs if find_spec(package) is None]
        if not absent:
            return None
        return f'{self.label} is left out: no {" and ".join(absent)}; pip install "{self.extra}"'

    def make(self, threads: int) -> Runner:
        module, _, name = self.factory.partition(":")
        runner: Runner = getattr(import_module(module), name)(threads, *self.options)
        return runner


_OURS: Final = "rnnbook.bench.runners_numpy"
_TORCH: Final = "rnnbook.bench.runners_torch:Torch"
_HAND: Final = "rnnbook.bench.runners_torch_hand"
_TF: Final = "rnnbook.bench.runners_tf"
_EXTRA_TF: Final = "rnnbook[tensorflow,keras]"

KNOWN: Final[dict[str, Contender]] = {
    name: Contender(name, label, factory, options, needs, extra)
    for name, label, factory, options, needs, extra in (
        ("numpy", "NumPy", f"{_OURS}:Fast", (), (), ""),
        ("loop", "loop", f"{_OURS}:StepByStep", (), (), ""),
        ("pytorch", "PyTorch", _TORCH, ("cpu",), ("torch",), "rnnbook[torch]"),
        *(
            (name, label, f"{_TF}:{runner}", options, ("tensorflow", "keras"), _EXTRA_TF)
            for name, label, runner, options in (
                ("tensorflow", "TensorFlow", "TensorFlow", ("cpu", "function")),
                ("keras", "Keras", "Keras", ("cpu",)),
                ("tensorflow-eager", "TF eager", "TensorFlow", ("cpu", "eager")),
                ("tensorflow-xla", "TF XLA", "TensorFlow", ("cpu", "xla")),
                ("tensorflow-cuda", "TF cuda", "TensorFlow", ("cuda", "function")),
                ("keras-cuda", "Keras cuda", "Keras", ("cuda",)),
            )
        ),
        ("pytorch-cuda", "PyTorch cuda", _TORCH, ("cuda",), ("torch",), "rnnbook[torch]"),
    )
}
KNOWN.update(
    (name, Contender(name, label, factory, options, ("torch",), "rnnbook[torch]", farthest))
    for name, label, factory, options, farthest in (
        *(
            (f"pytorch-{name}", label, f"{_HAND}:{kind}", options, FARTHEST)
            for name, label, kind, options in (
                ("loop", "PyTorch loop", "Loop", ("cpu",)),
                ("compile", "PyTorch compile", "Loop", ("cpu", "compile")),
                ("cuda-loop", "cuda loop", "Loop", ("cuda",)),
                ("cuda-compile", "cuda compile", "Loop", ("cuda", "compile")),
                ("cuda-graph", "cuda graph", "Graph", ("cuda",)),
                ("cuda-compile-graph", "cuda comp+graph", "Graph", ("cuda", "compile")),
            )
        ),
        ("pytorch-bf16", "PyTorch bf16", _TORCH, ("cpu", "bfloat16"), FARTHEST_BF16),
        ("pytorch-cuda-tf32", "cuda TF32", _TORCH, ("cuda", "tf32"), FARTHEST_TF32),
        ("pytorch-cuda-bf16", "cuda bf16", _TORCH, ("cuda", "bfloat16"), FARTHEST_BF16),
    )
)
ALIASES: Final = {"torch": "pytorch", "tf": "tensorflow", "torch-cuda": "pytorch-cuda"}
DEFAULT: Final = ("numpy", "loop", "pytorch", "tensorflow", "keras")
CUDA: Final = (
    "pytorch-cuda",
    "pytorch-cuda-loop",
    "pytorch-cuda-compile",
    "pytorch-cuda-graph",
    "pytorch-cuda-compile-graph",
    "pytorch-cuda-tf32",
    "pytorch-cuda-bf16",
    "tensorflow-cuda",
)


def named(names: Iterable[str | Contender]) -> list[Contender]:
    """
    The contenders of these names, each once, ours first: it is always there.

    >>> [contender.label for contender in named(["torch", "loop"])]
    ['NumPy', 'PyTorch', 'loop']
    """
    found = {"numpy": KNOWN["numpy"]}
    for name in names:
        if isinstance(name, Contender):
            found[name.name] = name
        elif (name := ALIASES.get(name, name)) in KNOWN:
            found[name] = KNOWN[name]
        else:
            raise ValueError(f"contender is {name!r}, but must be one of {', '.join(KNOWN)}")
    return list(found.values())
