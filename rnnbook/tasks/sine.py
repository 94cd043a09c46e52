"""
The task `sine`: predict the next value of a wave, at every step.

The training part is the wave of the article that the book replaces: t in [0, 30) in steps of
0.1, 300 points, cut into 6 windows of 50, and trained on for 500 updates with all of them. Its
target is the next value, so point 300 is the last target; validation and test go on behind it.
"""

from typing import Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.baselines import LinearAutoregression, persistence
from rnnbook.config import ModelConfig
from rnnbook.metrics import mean_squared_error
from rnnbook.tasks import Score, Split, Task, windows
from rnnbook.training import TrainConfig

STEP: Final = 0.1  # time between two points
WINDOW: Final = 50
TRAIN: Final = slice(0, 301)  # 6 windows and the last target
VALIDATION: Final = slice(301, 402)  # 2 windows and the last target
TEST: Final = slice(402, 503)


def wave(n: int = TEST.stop) -> Array:
    """sin(t) at t = 0, 0.1, 0.2, ...: n points, float64."""
    return np.asarray(np.sin(STEP * np.arange(n)))


def make() -> Task:
    """
    The task, in float32, with the article's network: 100 ReLU units.

    >>> print(make())    # doctest: +ELLIPSIS
    sine: train (6, 50, 1), validation (2, 50, 1), test (2, 50, 1); loss mse; mean squared error ...
    """
    series = wave().astype(np.float32)
    train, validation, test = (windows(series[part], WINDOW) for part in (TRAIN, VALIDATION, TEST))
    return Task(
        name="sine",
        train=train,
        validation=validation,
        test=test,
        model=ModelConfig(H=100, activation="relu"),
        training=TrainConfig(updates=500, lr=1e-3),
        metric="mean squared error",
        score_baselines=lambda: _baselines(series[TRAIN], validation, test),
    )


def _baselines(train: Array, validation: Split, test: Split) -> dict[str, Score]:
    """AR(2) needs two values, so it is scored from each window's second step on."""
    ar2 = LinearAutoregression.fit(train, p=2)

    def error(split: Split, p: int) -> float:
        x, target = split.inputs[..., 0], split.targets[:, p - 1 :, 0]
        return mean_squared_error(target, persistence(x) if p == 1 else ar2.predict(x))

    return {
        "persistence": Score(error(validation, 1), error(test, 1)),
        "AR(2)": Score(error(validation, 2), error(test, 2)),
    }


def noisy_waves(
    n: int, rng: np.random.Generator, noise: float = 0.1, length: int = WINDOW
) -> Split:
    """
    n windows, each of a wave with its own frequency and phase, seen through noise:

        s_t = sin(w STEP t + phase) + noise * normal,    w uniform in [1, 4], phase in [0, 2 pi)

    The target is the next value as it will be observed, noise and all, so no prediction can have
    a mean squared error below noise^2.
    """
    frequency = rng.uniform(1, 4, (n, 1))
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    clean = np.sin(frequency * STEP * np.arange(length + 1) + phase)
    observed = (clean + noise * rng.normal(size=clean.shape)).astype(np.float32)[..., None]
    return Split(observed[:, :-1].copy(), observed[:, 1:].copy())
