"""The contenders of this package: the fast layers, and the cell step by step."""

from functools import partial
from typing import Any

import numpy as np

from rnnbook.arrays import Params
from rnnbook.bench.contenders import Job
from rnnbook.bench.problems import Problem
from rnnbook.layers import Loop, recurrent_layer


def results(h: Any, dx: Any = None, grads: Params | None = None) -> Params:
    """What ours gives, under the names by which outputs are compared."""
    named = {} if dx is None else {"dx": dx}
    return {"h": h, **named, **{"d" + name: g for name, g in (grads or {}).items()}}


class Fast:
    """`rnnbook.layers`. Threads are those of NumPy's BLAS, which the environment sets."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def layer(self, problem: Problem) -> Any:
        return recurrent_layer(problem.cell, problem.params)

    def prepare(self, problem: Problem) -> Job:
        layer, x, dh = self.layer(problem), problem.x, problem.dh
        if problem.mode == "step":
            step, _ = layer.stepper()
            x0 = x[0, 0]

            def steps() -> Params:
                again, _ = layer.stepper()
                return results(np.stack([again(x_t).copy() for x_t in x[0]])[None])

            return Job(partial(step, x0), steps)
        if problem.mode == "forward":
            return Job(lambda: layer.forward(x), lambda: results(layer.forward(x)[0]))

        def train() -> Params:
            h, _ = layer.forward(x)
            dx, _, grads = layer.backward(dh)
            return results(h, dx, grads)

        return Job(train, train)

    def finish(self) -> None:
        pass

    def facts(self) -> dict[str, object]:
        return {"threads": blas_threads()}


class StepByStep(Fast):
    def layer(self, problem: Problem) -> Any:
        return Loop(problem.cell, problem.params)


def blas_threads() -> int | None:
    """
    How many threads this process has once BLAS has worked: NumPy has no way to ask. Linux only.
    """
    a = np.ones((512, 512), np.float32)
    a @ a
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
    except (OSError, StopIteration):
        return None
