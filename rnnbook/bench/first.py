"""Time to first result: the programs of `sine`, each from the start of a fresh process."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from rnnbook.bench import machine, sine
from rnnbook.bench.contenders import Contender
from rnnbook.bench.race import BenchError
from rnnbook.bench.report import OURS, First

REPEATS: Final = 3
LEARNT: Final = 0.02  # mean squared error; "no wave at all" would be 0.5


def run(name: str, threads: int) -> tuple[float, dict[str, Any]]:
    """Seconds until the program has printed its result, and that. Raises ValueError if it fails."""
    program = [sys.executable, "-P", str(Path(sine.__file__)), name]
    start = perf_counter()
    with subprocess.Popen(
        program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=machine.environment(threads),
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = perf_counter() - start
            process.wait()
        finally:
            process.kill()
    try:
        result: dict[str, Any] = json.loads(line)
    except ValueError:
        raise ValueError(f"its program ended with code {process.returncode}") from None
    if not result["loss"] < LEARNT:
        raise ValueError(f"it has not learnt the wave, its loss is {result['loss']:.1e}")
    return seconds, result


def first_result(
    contenders: Sequence[Contender], threads: int, repeats: int = REPEATS
) -> tuple[First, list[str]]:
    """All in turns, as many times; and sentences about who failed."""
    racing = {c.name: c.label for c in contenders if c.name in sine.JOBS}
    timed, failures = First({name: [] for name in racing}), []
    for _ in range(repeats):
        for name in list(timed.times):
            try:
                seconds, result = run(name, threads)
            except ValueError as error:
                failures.append(f"{racing[name]}: first result: {error}")
                if name == OURS:
                    raise BenchError(failures[-1]) from None
                timed.drop(name)
                continue
            timed.times[name].append(seconds)
            timed.imports.setdefault(name, []).append(result["imports"])
            timed.losses[name] = result["loss"]
    return timed, failures
