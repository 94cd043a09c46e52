"""
The adding problem: of T numbers two are marked; what is their sum?

From Hochreiter and Schmidhuber (1997, experiment 4), with values drawn uniformly from [0, 1] as
in Le, Jaitly and Hinton (2015, section 4.1): a step holds a value and a marker, 1 at one step of
each half, else 0. The answer stands at the end, so the first number must be kept for T/2 steps
and more.
"""

from functools import partial
from typing import Final

import numpy as np

from rnnbook.config import ModelConfig
from rnnbook.metrics import mean_squared_error
from rnnbook.tasks import Score, Split, Task
from rnnbook.training import TrainConfig

#: The mean squared error of always answering 1, the mean: the variance of a sum of two uniform
#: numbers, 2/12 = 0.1667. Le, Jaitly and Hinton print 0.1767, and others after them; Arjovsky,
#: Shah and Bengio (2016) have 0.167.
CHANCE: Final = 1 / 6


def generate(n: int, T: int, rng: np.random.Generator) -> Split:
    """
    n sequences: inputs (n, T, 2) value and marker, targets (n, 1) the sum, float32.

    The first marker is at one of the steps 0 ... T//2 - 1, the second at one of T//2 ... T - 1,
    each equally likely.

    >>> split = generate(1, 5, np.random.default_rng(0))
    >>> split.inputs[0, :, 1].tolist()
    [0.0, 1.0, 0.0, 0.0, 1.0]
    >>> bool(split.targets[0, 0] == split.inputs[0, 1, 0] + split.inputs[0, 4, 0])
    True
    """
    if T < 2:
        raise ValueError(f"T is {T}, but two marked steps need at least 2")
    row = np.arange(n)
    values = rng.uniform(size=(n, T)).astype(np.float32)
    first, second = rng.integers(0, T // 2, n), rng.integers(T // 2, T, n)
    marker = np.zeros((n, T), np.float32)
    marker[row, first] = marker[row, second] = 1
    target = values[row, first] + values[row, second]
    return Split(np.stack([values, marker], axis=-1), target[:, None])


def make(T: int = 100, seed: int = 0, n: int = 10_000) -> Task:
    """
    n training sequences of T steps, and a fifth of that in each other part.

    >>> make(T=20, n=1000).train.inputs.shape
    (1000, 20, 2)
    """
    sizes = (n, max(n // 5, 1), max(n // 5, 1))
    train, validation, test = (  # each from a stream of its own
        generate(size, T, np.random.default_rng([seed, part])) for part, size in enumerate(sizes)
    )
    return Task(
        name="adding",
        train=train,
        validation=validation,
        test=test,
        model=ModelConfig(D=2, H=64, cell="gru", output="last"),
        training=TrainConfig(
            updates=2000, lr=2e-3, batch_size=64, clip_norm=1.0, validate_every=100, seed=seed
        ),
        metric="mean squared error",
        score_baselines=partial(_baselines, validation, test),
    )


def _baselines(*parts: Split) -> dict[str, Score]:
    """Measured on the very sequences, so near `CHANCE`, not equal to it."""
    errors = (mean_squared_error(part.targets, np.ones_like(part.targets)) for part in parts)
    return {"always 1": Score(*errors)}
