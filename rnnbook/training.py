"""What a training run needs beside the model: its settings, its batches, its history."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from rnnbook.arrays import Array

Batch = tuple[Array, Array]


@dataclass(frozen=True)
class TrainConfig:
    """
    How a model is trained, in words that every framework's `fit` understands.

    updates: optimiser steps; lr: Adam's learning rate; batch_size: sequences in a batch, None
    for all of them; clip_norm: bound on the gradient's global norm, None for no bound;
    validate_every: updates between two looks at the validation data, whose best look is kept.
    """

    updates: int
    lr: float = 1e-3
    batch_size: int | None = None
    clip_norm: float | None = None
    validate_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("updates", "validate_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}, but must be at least 1")


@dataclass
class History:
    """
    What happened: the loss before each update, and the validation loss at each look.

    `best` is the number of updates after which the validation loss was lowest; 0 without one.
    """

    loss: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)

    @property
    def best(self) -> int:
        return min(self.validation, key=lambda look: look[1])[0] if self.validation else 0


def minibatches(inputs: Array, targets: Array, config: TrainConfig) -> Iterator[Batch]:
    """
    `config.updates` batches, epoch after epoch in an order drawn from `config.seed`.

    With no batch size every batch is the whole, in its own order. The last batch of an epoch may
    be smaller. Every framework iterates over this, and so sees the same sequences in the same
    order.

    >>> x = np.arange(4.0)
    >>> [len(a) for a, _ in minibatches(x, x, TrainConfig(updates=3, batch_size=3))]
    [3, 1, 3]
    """
    if len(inputs) != len(targets):
        raise ValueError(f"there are {len(inputs)} inputs, but {len(targets)} targets")
    if not len(inputs):
        raise ValueError("there are no sequences to make a batch of")
    n = len(inputs)
    size = config.batch_size or n
    rng = np.random.default_rng(config.seed)
    done = 0
    while done < config.updates:
        order = np.arange(n) if size >= n else rng.permutation(n)
        for start in range(0, n, size):
            if done == config.updates:
                return
            chosen = order[start : start + size]
            yield inputs[chosen], targets[chosen]
            done += 1
