"""
The task `counting`: sequences that grow by the same step; what is the next number?

The article that the book replaces has two sequences, 1..5 -> 6..10 and 6..10 -> 11..15: the
target at every step is the number five steps ahead (`article`). The task has every pair of a
start in 0..99 and a step in 1..10, each in one part only, and standardises the numbers. The test
part is `inside` moved up, so that all its numbers lie beyond those of training: whoever answers
one and not the other has learned a range, not to count.

At the first step of a sequence its growth is not known, so scores count from the second on.

The settings were chosen on the validation part: of H 16, 32, 64, learning rates 0.002 to 0.05,
batches of 32, 64, 100, 2000 and 3000 updates, gradients clipped at 0.1, 0.3, 1 and not at all, and
a constant or a falling rate (which wins), with three seeds each. H = 64 is no better and twice as
slow. For the variants 0.001 to 0.02 ("relu") and 0.005 to 0.04 ("gru") were tried. Of each network
the highest learning rate tried is a little better still on the validation part; a lower one is
kept, away from the edge. Errors on the test part were seen meanwhile; nothing was chosen by them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.baselines import LinearAutoregression, linear_extrapolation, persistence
from rnnbook.config import ModelConfig
from rnnbook.metrics import mean_squared_error
from rnnbook.tasks import Scaler, Score, Setup, Split, Task
from rnnbook.training import TrainConfig

STARTS: Final = 100  # 0 ... 99
GROWTHS: Final = 10  # 1 ... 10
#: The places of each part's pairs in their shuffled order.
PLACES: Final = {
    "train": slice(0, 700),
    "validation": slice(700, 850),
    "inside": slice(850, 1000),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Counting(Task):
    """
    A task whose numbers are `scaler.scale` of whole ones.

    inside: the test part before it was moved up by `offset`, within the range of training.
    """

    scaler: Scaler
    inside: Split
    offset: int


def article() -> Split:
    """
    The article's two sequences, as they are printed there: (2, 5, 1), float32, not scaled.

    >>> split = article()
    >>> split.inputs[1, :, 0].tolist(), split.targets[1, :, 0].tolist()
    ([6.0, 7.0, 8.0, 9.0, 10.0], [11.0, 12.0, 13.0, 14.0, 15.0])
    """
    return cut(sequences(np.array([[1, 1], [6, 1]]), 10).astype(np.float32), ahead=5)


def sequences(pairs: Array, length: int) -> Array:
    """
    Start and growth (n, 2) -> the `length` numbers that they make, (n, length), whole.

    >>> sequences(np.array([[3, 2]]), 4).tolist()
    [[3, 5, 7, 9]]
    """
    return np.asarray(pairs[:, :1] + pairs[:, 1:] * np.arange(length))


def cut(numbers: Array, ahead: int) -> Split:
    """Inputs: all but the last `ahead` of the numbers (n, T + ahead); targets: `ahead` later."""
    return Split(numbers[:, :-ahead, None].copy(), numbers[:, ahead:, None].copy())


def make(seed: int = 0, T: int = 10, ahead: int = 1) -> Counting:
    """
    T numbers a sequence, float32; the target at each step is the number `ahead` steps later.

    >>> task = make()
    >>> task.train.inputs.shape, task.offset
    ((700, 10, 1), 200)
    >>> float(task.scaler.unscale(task.test.inputs).min().round()) >= 200
    True
    """
    for name, value, least in (("T", T, 2), ("ahead", ahead, 1)):
        if value < least:
            raise ValueError(f"{name} is {value}, but must be at least {least}")
    start, growth = np.divmod(np.arange(STARTS * GROWTHS), GROWTHS)
    pairs = np.random.default_rng(seed).permutation(np.stack([start, growth + 1], axis=-1))
    offset = STARTS + GROWTHS * (T + ahead - 1)
    numbers = {name: sequences(pairs[place], T + ahead) for name, place in PLACES.items()}
    numbers["test"] = numbers["inside"] + offset
    scaler = Scaler.fit(numbers["train"])
    part = {name: cut(scaler.scale(a), ahead) for name, a in numbers.items()}
    training = TrainConfig(
        updates=3000,
        lr=2e-2,
        batch_size=64,
        clip_norm=1.0,
        validate_every=100,
        seed=seed,
        schedule="linear",
    )
    shorter = replace(training, updates=2000)
    return Counting(
        name="counting",
        train=part["train"],
        validation=part["validation"],
        test=part["test"],
        model=ModelConfig(H=32),
        training=training,
        variants={
            "relu": Setup(ModelConfig(H=32, activation="relu"), replace(shorter, lr=1e-2)),
            "gru": Setup(ModelConfig(H=32, cell="gru"), shorter),
        },
        metric="mean squared error",
        score_baselines=partial(_baselines, scaler.scale(numbers["train"]), part, ahead),
        scored_from=1,
        scaler=scaler,
        inside=part["inside"],
        offset=offset,
    )


def _baselines(train: Array, splits: dict[str, Split], ahead: int) -> dict[str, Score]:
    """All from the second step on, where each of them has what it needs."""
    ar2 = LinearAutoregression.fit(train, p=2)

    def score(rule: Callable[[Array], Array]) -> Score:
        parts = (splits["validation"], splits["test"])
        return Score(
            *(mean_squared_error(p.targets[:, 1:, 0], rule(p.inputs[..., 0])) for p in parts)
        )

    return {
        "persistence": score(lambda x: persistence(x)[:, 1:]),
        "last value plus the difference before": score(lambda x: _extrapolate(x, ahead)),
        "AR(2)": score(lambda x: _feed_back(ar2, x, ahead)),
    }


def _extrapolate(x: Array, ahead: int) -> Array:
    """The exact rule, x_t + ahead * (x_t - x_(t-1)): (n, T) -> (n, T - 1)."""
    x = x.astype(np.float64)
    return np.asarray(x[:, 1:] + ahead * (linear_extrapolation(x) - x[:, 1:]))


def _feed_back(ar2: LinearAutoregression, x: Array, ahead: int) -> Array:
    """AR(2) on its own predictions until it is `ahead`: (n, T) -> (n, T - 1)."""
    pair = np.stack([x[:, :-1], x[:, 1:]], axis=-1).astype(np.float64)
    for _ in range(ahead):
        pair = np.concatenate([pair[..., 1:], ar2.predict(pair)], axis=-1)
    return np.asarray(pair[..., 1])
