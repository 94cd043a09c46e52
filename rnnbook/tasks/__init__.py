"""
The book's tasks: data in three parts, a loss, and the naive answers to beat.

Shapes: N sequences, T steps, D inputs, K outputs. Import a task's own module:
`from rnnbook.tasks import sine`.
"""

from dataclasses import dataclass

import numpy as np

from rnnbook.arrays import Array
from rnnbook.training import TrainConfig


@dataclass(frozen=True)
class Split:
    """One part of a task: inputs (N, T, D) and targets (N, T, K), float, finite, of one length."""

    inputs: Array
    targets: Array

    def __post_init__(self) -> None:
        for name in ("inputs", "targets"):
            a = getattr(self, name)
            if a.ndim != 3:
                raise ValueError(f"{name} have shape {a.shape}, but the axes are (N, T, features)")
            if a.dtype not in (np.float32, np.float64):
                raise TypeError(f"{name} are {a.dtype}, but must be float32 or float64")
            if not np.isfinite(a).all():
                raise ValueError(f"{name} hold {np.count_nonzero(~np.isfinite(a))} NaN or infinity")
        if self.inputs.shape[:2] != self.targets.shape[:2]:
            raise ValueError(
                f"inputs are {self.inputs.shape}, but targets {self.targets.shape}: "
                "N and T must be the same"
            )


@dataclass(frozen=True)
class Task:
    """
    A task: its three parts, how a model is trained on it, and its baselines' validation losses.

    A choice is made by looking at `validation`; `test` is looked at once, at the end.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    training: TrainConfig
    baselines: dict[str, float]

    def __str__(self) -> str:
        parts = ", ".join(
            f"{part} {getattr(self, part).inputs.shape}" for part in ("train", "validation", "test")
        )
        naive = ", ".join(f"{name} {loss:.2g}" for name, loss in self.baselines.items())
        return f"{self.name}: {parts}; validation loss of {naive}"


def windows(series: Array, length: int) -> Split:
    """
    Cut a series (n,) into windows side by side; each target is the value one step later.

    Window k holds s[kL] ... s[kL + L - 1] and its targets s[kL + 1] ... s[kL + L], L = `length`.
    What is left over at the end is not used. Raises ValueError where not one window fits.

    >>> split = windows(np.arange(7.0), length=3)
    >>> split.inputs[..., 0].tolist(), split.targets[..., 0].tolist()
    ([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    """
    n = (len(series) - 1) // length
    if n < 1:
        raise ValueError(f"the series has {len(series)} values; one window needs {length + 1}")
    used = n * length
    return Split(
        series[:used].reshape(n, length, 1).copy(),
        series[1 : used + 1].reshape(n, length, 1).copy(),
    )
