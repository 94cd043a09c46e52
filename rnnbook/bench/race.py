"""Contenders in processes of their own take turns: A B C, A B C, ..."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from rnnbook.bench import machine, problems
from rnnbook.bench.contenders import Contender
from rnnbook.bench.problems import Size
from rnnbook.bench.report import OURS, Race

PAUSE: Final = 0.03  # between two turns: so long do OpenBLAS's idle threads keep a core busy


class BenchError(Exception):
    """The benchmark cannot go on; its text says why."""


class WorkerError(Exception):
    """A contender could not do what it was asked; `died` says that its process has ended."""

    def __init__(self, text: str, died: bool) -> None:
        super().__init__(text)
        self.died = died


class Worker:
    """A contender's process, from outside."""

    def __init__(self, contender: Contender, threads: int) -> None:
        self.contender = contender
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        program = [sys.executable, "-P", "-m", "rnnbook.bench.worker"]
        self.process = subprocess.Popen(
            [*program, contender.factory, str(threads), *contender.options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            encoding="utf-8",
            env=machine.environment(threads, contender.device),
        )

    def send(self, do: str, **request: Any) -> None:
        assert self.process.stdin is not None
        try:
            print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)
        except OSError:
            raise WorkerError(self.last_words(), died=True) from None

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(self.last_words(), died=True)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"], died=False)
        return answer

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        self.send(do, **request)
        return self.receive()

    def last_words(self) -> str:
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"its process ended with code {code}" + (f": {lines[-1][:200]}" if lines else "")

    def close(self) -> None:
        """End the process, whatever it is doing."""
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass
        self.process.kill()
        self.process.wait()
        self.errors.close()


class Workers:
    """The processes that are alive, ours first, and sentences about who failed."""

    def __init__(self, alive: dict[str, Worker]) -> None:
        self.alive = alive
        self.facts: dict[str, dict[str, Any]] = {}
        self.failures: list[str] = []

    def each(self, do: Callable[[Worker], Any], names: Iterable[str], where: str) -> dict[str, Any]:
        """What each of these gives; who fails is not in it but named, and who died is gone."""
        results = {}
        for name in list(names):
            try:
                results[name] = do(self.alive[name])
            except WorkerError as error:
                self.fail(name, f"{where}{error}")
                if error.died:
                    self.alive.pop(name).close()
        return results

    def fail(self, name: str, text: str) -> None:
        self.failures.append(f"{self.alive[name].contender.label}: {text}")
        if name == OURS:
            raise BenchError(self.failures[-1])


@contextmanager
def started(contenders: Sequence[Contender], threads: int) -> Iterator[Workers]:
    """A process for each contender, ready; all have ended when the block is left."""
    processes: dict[str, Worker] = {}
    try:
        for contender in contenders:
            processes[contender.name] = Worker(contender, threads)
        workers = Workers(dict(processes))
        workers.facts = workers.each(Worker.receive, processes, "does not start: ")
        workers.alive = {name: processes[name] for name in workers.facts}
        yield workers
    finally:
        for worker in processes.values():
            worker.close()


def race(
    workers: Workers,
    cell: str,
    mode: str,
    size: Size,
    rounds: int,
    names: Collection[str] | None = None,
) -> Race:
    """
    All who are alive on one problem: first compared with ours, then warmed up, then timed in turns.
    With `names` these alone, and ours.

    Who fails on the way is not in it. The problem is prepared by all at once, which is when the
    frameworks compile.
    """
    where = f"{cell} {mode} ({size}): "
    with tempfile.TemporaryDirectory(prefix="rnnbook-bench-") as folder:

        def prepare(worker: Worker) -> None:
            path = outputs_of(worker, folder)
            worker.send("prepare", cell=cell, mode=mode, size=size, outputs=str(path))

        here = [name for name in workers.alive if names is None or name in (OURS, *names)]
        asked = workers.each(prepare, here, where)
        prepared = workers.each(Worker.receive, asked, where)
        gaps = compare(workers, prepared, folder, where)
    racing = workers.each(lambda worker: worker.ask("warm"), [OURS, *gaps], where)
    times: dict[str, list[float]] = {name: [] for name in racing}
    for _ in range(rounds):
        turn = workers.each(sample, times, where)
        times = {name: [*times[name], seconds] for name, seconds in turn.items()}
    return Race(times, cell, mode, size, {name: gap for name, gap in gaps.items() if name in times})


def sample(worker: Worker) -> float:
    """One turn, when the threads of the one before have come to rest."""
    time.sleep(PAUSE)
    seconds: float = worker.ask("time")["seconds"]
    return seconds


def outputs_of(worker: Worker, folder: str) -> Path:
    return Path(folder) / f"{worker.contender.name}.npz"


def compare(workers: Workers, prepared: Iterable[str], folder: str, where: str) -> dict[str, float]:
    """How far each one's outputs are from ours; who is farther than it may be is not in it."""
    loaded = {}
    for name in prepared:
        with np.load(outputs_of(workers.alive[name], folder)) as file:
            loaded[name] = dict(file)
    ours, gaps = loaded.pop(OURS), {}
    for name, theirs in loaded.items():
        try:
            gap = problems.gap(theirs, ours)
        except ValueError as error:
            workers.fail(name, f"{where}{error}")
            continue
        farthest = workers.alive[name].contender.farthest
        if gap <= farthest:
            gaps[name] = gap
        else:
            text = f"refused: its outputs differ from ours by {gap:.1e}, at most {farthest:.0e} may"
            workers.fail(name, f"{where}{text}")
    return gaps
