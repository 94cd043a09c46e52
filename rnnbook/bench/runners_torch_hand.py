"""
PyTorch's recurrent layers written out in Python, as a reader would: step by step, the step
compiled, all steps in one CUDA graph.

B batch, T steps, D inputs, H hidden units, G gates. Time comes first inside: (T, B, G*H).
"""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call"

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Params
from rnnbook.bench.contenders import Job
from rnnbook.bench.problems import Problem
from rnnbook.bench.runners_numpy import results
from rnnbook.bench.runners_torch import Torch

WARM_UPS: Final = 3  # before a capture: what libraries allocate at first must not be captured

State = tuple[Any, ...]


def rnn_step(zx: Any, state: State, p: dict[str, Any]) -> State:
    """zx = x W_xh + b_h (B, H), of all steps at once -> the next state (h,)."""
    return (zx.addmm(state[0], p["W_hh"]).tanh(),)


def lstm_step(zx: Any, state: State, p: dict[str, Any]) -> State:
    """zx = x W_xh + b_h (B, 4H), gates i f g o -> the next state (h, c)."""
    h, c = state
    i, f, g, o = zx.addmm(h, p["W_hh"]).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(zx: Any, state: State, p: dict[str, Any]) -> State:
    """zx = x W_xh + b_xh (B, 3H), gates r z n -> the next state (h,)."""
    (h,) = state
    x_r, x_z, x_n = zx.chunk(3, dim=1)
    h_r, h_z, h_n = p["b_hh"].addmm(h, p["W_hh"]).chunk(3, dim=1)
    r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
    n = (x_n + r * h_n).tanh()
    return (n + z * (h - n),)


STEPS: Final[dict[str, Callable[[Any, State, dict[str, Any]], State]]] = {
    "rnn": rnn_step,
    "lstm": lstm_step,
    "gru": gru_step,
}


class Loop(Torch):
    """The loop over time in Python; with `how` "compile" its step goes through torch.compile."""

    def __init__(self, threads: int, device: str, how: str = "eager") -> None:
        super().__init__(threads, device)
        if how not in ("eager", "compile"):
            raise ValueError(f"how is {how!r}, but must be eager or compile")
        self.how = how

    def facts(self) -> dict[str, object]:
        return super().facts() | {"how": self.how}

    def step(self, cell: str) -> Callable[[Any, State, dict[str, Any]], State]:
        """The step alone is compiled: of a loop, T copies of it would be."""
        if self.how == "eager":
            return STEPS[cell]
        self.torch.compiler.reset()  # after eight shapes it would compile no more
        compiled: Any = self.torch.compile(STEPS[cell], fullgraph=True, dynamic=False)
        return compiled  # type: ignore[no-any-return]

    def prepare(self, problem: Problem) -> Job:
        p = {name: self.tensor(a) for name, a in problem.params.items()}
        x, step = self.tensor(problem.x), self.step(problem.cell)
        if problem.mode == "step":
            return self.one_step(problem, x, p, step)
        if problem.mode == "forward":
            return self.forward_job(lambda: self.layer(problem, x, p, step))
        return self.train_job(problem, x, p, step)

    def start(self, problem: Problem, x: Any) -> State:
        arrays = 2 if problem.cell == "lstm" else 1
        return tuple(x.new_zeros(len(x), problem.size.H) for _ in range(arrays))

    def inputs(self, x: Any, p: dict[str, Any]) -> Any:
        """The input's part of every step in one product: x (B, T, D) -> (T, B, G*H)."""
        x = x.transpose(0, 1)
        bias = p["b_xh"] if "b_xh" in p else p["b_h"]
        T, B, D = x.shape
        return bias.addmm(x.reshape(T * B, D), p["W_xh"]).view(T, B, -1)

    def layer(self, problem: Problem, x: Any, p: dict[str, Any], step: Any) -> Any:
        """x (B, T, D) -> every h (B, T, H)."""
        state, h = self.start(problem, x), []
        for zx in self.inputs(x, p).unbind(0):
            state = step(zx, state, p)
            h.append(state[0])
        return self.torch.stack(h, dim=1)

    def forward_job(self, layer: Callable[[], Any]) -> Job:
        def forward() -> Any:
            with self.torch.inference_mode():
                return layer()

        forward = self.recorded(forward)
        return Job(forward, lambda: results(self.array(forward())))

    def train_job(self, problem: Problem, x: Any, p: dict[str, Any], step: Any) -> Job:
        dh = self.tensor(problem.dh)
        leaves = {"x": x, **p}
        for leaf in leaves.values():
            leaf.requires_grad_()

        def train() -> Any:
            h = self.layer(problem, x, p, step)
            return h, self.torch.autograd.grad(h, list(leaves.values()), dh)

        train = self.recorded(train)

        def outputs() -> Params:
            h, grads = train()
            dx, *rest = map(self.array, grads)
            return results(self.array(h), dx, dict(zip(p, rest, strict=True)))

        return Job(train, outputs)

    def one_step(self, problem: Problem, x: Any, p: dict[str, Any], step: Any) -> Job:
        """`x_t` and `state` stay where they are, as in a graph they must."""
        torch = self.torch
        x_t, state = x[:, :1].clone(), self.start(problem, x)

        def advance() -> None:
            with torch.inference_mode():
                for old, new in zip(state, step(self.inputs(x_t, p)[0], state, p), strict=True):
                    old.copy_(new)

        run = self.recorded(advance)

        def outputs() -> Params:
            h = []
            for part in state:
                part.zero_()  # `recorded` may have gone some steps
            for t in range(x.shape[1]):
                x_t.copy_(x[:, t : t + 1])
                run()
                h.append(self.array(state[0]).copy())
            x_t.copy_(x[:, :1])
            return results(np.stack(h, axis=1))

        return Job(run, outputs)

    def recorded(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """What does `work` from now on: here `work` itself."""
        return work


class Graph(Loop):
    """
    `Loop` captured once in a CUDA graph and replayed: one launch for all kernels of all steps.

    Nothing else changes: the inputs are read where they lay, the results are written where they
    were, and a kernel still waits for the one whose result it needs.
    """

    def recorded(self, work: Callable[[], Any]) -> Callable[[], Any]:
        cuda = self.torch.cuda
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(WARM_UPS):
                work()
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            static = work()

        def replay() -> Any:
            graph.replay()
            return static

        return replay
