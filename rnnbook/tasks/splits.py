"""
One part of a task: what goes in, what should come out, and where each sequence ends.

Shapes: N sequences, T steps, D inputs, K outputs. Numbers have D features a step; ids, as of
letters, have none.
"""

from dataclasses import dataclass

import numpy as np

from rnnbook.arrays import Array, check_lengths


@dataclass(frozen=True, eq=False)
class Split:
    """
    inputs:  (N, T, D) float32 or float64, or (N, T) ids, whole numbers from 0
    targets: (N, T, K) float or (N, T) ids, one for every step; (N, K) float or (N,) ids, one for
             a sequence
    lengths: (N,) whole numbers from 1 to T where sequences end early, else None. Behind its end a
             sequence is padded with zeros, in the inputs and in targets for every step.

    Raises ValueError or TypeError, saying what came and what was wanted; NaN is refused.

    >>> ids = np.array([[3, 5], [4, 0]])
    >>> names = Split(ids, targets=np.array([1, 0]), lengths=np.array([2, 1]))
    >>> len(names), names.output
    (2, 'last')
    """

    inputs: Array
    targets: Array
    lengths: Array | None = None

    def __post_init__(self) -> None:
        _check_kind("inputs", self.inputs, {2: "(N, T)"}, {3: "(N, T, D)"})
        _check_kind(
            "targets", self.targets, {2: "(N, T)", 1: "(N,)"}, {3: "(N, T, K)", 2: "(N, K)"}
        )
        inputs, targets = self.inputs.shape, self.targets.shape
        shared = "N and T" if self.output == "every" else "N"
        axes = 2 if self.output == "every" else 1
        if inputs[:axes] != targets[:axes]:
            raise ValueError(
                f"inputs are {inputs}, but targets {targets}: {shared} must be the same"
            )
        if not self.inputs.size:
            raise ValueError(f"inputs are {inputs}: there is not one step of one sequence")
        if self.lengths is not None:
            _check_lengths(self, self.lengths)

    def __len__(self) -> int:
        """N, the number of sequences."""
        return len(self.inputs)

    @property
    def output(self) -> str:
        """Where targets stand: "every" step, or the "last" one; the word of `ModelConfig`."""
        per_step = 2 if np.issubdtype(self.targets.dtype, np.integer) else 3
        return "every" if self.targets.ndim == per_step else "last"


def _check_kind(name: str, a: Array, ids: dict[int, str], numbers: dict[int, str]) -> None:
    """Ids from 0, or finite floats, with as many axes as each may have and what they are called."""
    if np.issubdtype(a.dtype, np.integer) and a.ndim in ids:
        if a.size and a.min() < 0:
            raise ValueError(f"{name} hold the id {a.min()}, but ids start at 0")
        return
    if a.ndim not in numbers:
        axes, axes_of_ids = " or ".join(numbers.values()), " or ".join(ids.values())
        raise ValueError(
            f"{name} have shape {a.shape}, but the axes are {axes}, and those of ids {axes_of_ids}"
        )
    if a.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} are {a.dtype}, but must be float32 or float64")
    if not np.isfinite(a).all():
        raise ValueError(f"{name} hold {np.count_nonzero(~np.isfinite(a))} NaN or infinity")


def _check_lengths(split: Split, lengths: Array) -> None:
    N, T = split.inputs.shape[:2]
    lengths = check_lengths(lengths, N, T)
    behind = np.arange(T) >= lengths[:, None]
    padded = [("inputs", split.inputs)]
    padded += [("targets", split.targets)] if split.output == "every" else []
    for name, a in padded:
        wrong = np.count_nonzero(a[behind].reshape(len(a[behind]), -1).any(axis=1))
        if wrong:
            raise ValueError(f"{name} are not zero at {wrong} steps behind their sequence's length")


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
