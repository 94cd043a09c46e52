"""
One contender in a process of its own: `python -m rnnbook.bench.worker FACTORY THREADS OPTION...`

It reads a JSON object a line and answers each with one, {"error": ...} where it could not. First
it says what it is; then

    {"do": "prepare", "cell", "mode", "size", "outputs": FILE}   build, compute, save the outputs
    {"do": "warm"}     run for a while, choose how many calls make a sample
    {"do": "time"}     one sample: seconds a call
    {"do": "limits"}   what its device can do at most: {"limits": {"float32": operations a second}}
"""

import gc
import json
import os
import signal
import sys
from itertools import repeat
from time import perf_counter
from typing import Any, Final, TextIO, cast

import numpy as np

from rnnbook.bench import problems
from rnnbook.bench.contenders import Contender, Job, Limited, Runner

SAMPLE: Final = 0.04  # seconds that a sample lasts at least
WARM: Final = 0.1  # seconds, and at least `WARM_CALLS`, before the first sample
WARM_CALLS: Final = 3


class Bench:
    """What the process does: a method for each verb."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.job: Job | None = None
        self.calls = 1

    def answer(self, do: str, **request: Any) -> dict[str, Any]:
        if do == "prepare":
            return self.prepare(**request)
        if do == "limits":
            return {"limits": cast(Limited, self.runner).limits()}
        if self.job is None:
            raise RuntimeError("there is nothing prepared")
        return self.warm(self.job) if do == "warm" else self.time(self.job)

    def prepare(self, cell: str, mode: str, size: list[int], outputs: str) -> dict[str, Any]:
        self.job = None  # what it holds is free before the next is built
        job = self.runner.prepare(problems.make(cell, mode, problems.Size(*size)))
        np.savez(outputs, **job.outputs())  # type: ignore[arg-type]
        self.job = job
        return {}

    def warm(self, job: Job) -> dict[str, Any]:
        start, calls, fastest = perf_counter(), 0, float("inf")
        while calls < WARM_CALLS or perf_counter() - start < WARM:
            before = perf_counter()
            job.run()
            self.runner.finish()
            fastest, calls = min(fastest, perf_counter() - before), calls + 1
        self.calls = max(1, round(SAMPLE / fastest))
        return {"calls": self.calls}

    def time(self, job: Job) -> dict[str, Any]:
        """The first call is not counted: others have used the caches since."""
        run, calls = job.run, repeat(None, self.calls)
        run()
        self.runner.finish()
        gc.disable()  # for every contender
        start = perf_counter()
        for _ in calls:
            run()
        self.runner.finish()
        seconds = perf_counter() - start
        gc.enable()
        return {"seconds": seconds / self.calls}


def described(error: BaseException) -> str:
    """An error's kind and its first line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def serve(contender: Contender, threads: int, requests: TextIO, answers: TextIO) -> None:
    """Answer until there are no more requests, which is also when the parent is no more."""

    def say(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    try:
        bench = Bench(contender.make(threads))
        say(bench.runner.facts())
    except Exception as error:
        say({"error": described(error)})
        return
    for line in requests:
        try:
            say(bench.answer(**json.loads(line)))
        except Exception as error:
            say({"error": described(error)})


def main(arguments: list[str]) -> None:
    factory, threads, *options = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who then ends us
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints goes to stderr, not among the answers
    serve(Contender(factory, factory, factory, tuple(options)), int(threads), sys.stdin, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
