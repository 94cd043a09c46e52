"""The machine: what it is, how a worker's environment pins its threads, whether others use it."""

import os
import platform
from pathlib import Path
from typing import Any, Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parents[2]  # where the package is, for the workers' path
THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
MUCH_STEAL: Final = 0.02  # shares of all cores' time
MUCH_OTHER: Final = 0.05
MUCH_SPREAD: Final = 1.5  # our own slowest sample over our fastest


def environment(threads: int, device: str = "cpu") -> dict[str, str]:
    """
    A worker's environment variables: threads pinned before anything is imported, GPUs hidden from
    who computes on the CPU. oneDNN, which the notebooks switch off, is as TensorFlow has it.
    """
    env = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    env.pop("TF_ENABLE_ONEDNN_OPTS", None)
    env |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    if device == "cpu":
        env["CUDA_VISIBLE_DEVICES"] = "-1"
    path = os.environ.get("PYTHONPATH")
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([path] if path else [])])
    return env


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def facts() -> dict[str, Any]:
    """Processor, cores, system, Python, NumPy and its BLAS."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return {
        "cpu": name,
        "cores": cores(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
    }


def _clock() -> tuple[float, float, float] | None:
    """Seconds of all cores since the start: in all, at work, stolen by a neighbour. Linux only."""
    try:
        numbers = Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:9]
        user, nice, system, idle, wait, irq, softirq, steal = (int(n) for n in numbers)
    except (OSError, ValueError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    work = user + nice + system + irq + softirq
    return (work + idle + wait + steal) / ticks, work / ticks, steal / ticks


class Watch:
    """What others do on this machine, from now until `stop`, when our workers have ended."""

    def __init__(self) -> None:
        self.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        self.clock, self.ours = _clock(), sum(os.times()[:4])

    def stop(self) -> dict[str, float | None]:
        """Load before the run; the shares of the cores' time that were stolen and others used."""
        now = _clock()
        found: dict[str, float | None] = {"load_before": self.load, "steal": None, "others": None}
        if self.clock and now and now[0] > self.clock[0]:
            total, work, steal = (b - a for a, b in zip(self.clock, now, strict=True))
            others = max(0.0, work - (sum(os.times()[:4]) - self.ours))
            found |= {"steal": round(steal / total, 4), "others": round(others / total, 4)}
        return found


def busy(seen: dict[str, float | None], threads: int, spread: float) -> list[str]:
    """
    Sentences about why these times are to be doubted; none on a quiet machine.

    >>> busy({"load_before": 0.1, "steal": 0.0, "others": 0.2}, threads=1, spread=1.1)
    ['other processes used 20% of the processor during the run']
    """
    said, free = [], cores() - (seen["load_before"] or 0)
    if free < threads - 0.5:
        said.append(f"before the run the load was {seen['load_before']:.1f} on {cores()} cores")
    if threads > cores():
        said.append(f"{threads} threads share {cores()} cores")
    if (seen["steal"] or 0) > MUCH_STEAL:
        said.append(f"neighbours on the host took {seen['steal']:.0%} of the processor's time")
    if (seen["others"] or 0) > MUCH_OTHER:
        said.append(f"other processes used {seen['others']:.0%} of the processor during the run")
    if spread > MUCH_SPREAD:
        said.append(f"our own times differ by a factor of up to {spread:.1f} within a row")
    return said
