"""
Copy memory: read 10 symbols, wait, and write them down again.

From Hochreiter and Schmidhuber (1997), as in Arjovsky, Shah and Bengio (2016, section 4.1): 10
symbols out of 8, T - 1 blanks, a delimiter that says "now", 10 more blanks; T + 20 steps. The
answer is blank for T + 10 steps, and then the 10 symbols in their order.
"""

from functools import partial
from typing import Final

import numpy as np

from rnnbook.config import ModelConfig
from rnnbook.tasks import Score, Split, Task
from rnnbook.training import TrainConfig

COPIED: Final = 10  # symbols to be kept
SYMBOLS: Final = 8  # ids 1 ... 8
BLANK: Final = 0
DELIMITER: Final = 9
V: Final = 10


def chance(T: int) -> float:
    """
    The loss in nats a step of one who keeps nothing: blanks are certain, each of the last 10
    symbols is one of 8, so 10 ln 8 / (T + 20).

    >>> round(chance(1000), 4)
    0.0204
    """
    return float(COPIED * np.log(SYMBOLS) / (T + 2 * COPIED))


def generate(n: int, T: int, rng: np.random.Generator) -> Split:
    """
    n sequences: inputs (n, T + 20) and targets (n, T + 20), ids as int64.

    >>> split = generate(1, 3, np.random.default_rng(0))
    >>> print(split.inputs[0])
    [7 6 5 3 3 1 1 1 2 7 0 0 9 0 0 0 0 0 0 0 0 0 0]
    >>> print(split.targets[0])
    [0 0 0 0 0 0 0 0 0 0 0 0 0 7 6 5 3 3 1 1 1 2 7]
    """
    if T < 1:
        raise ValueError(f"T is {T}, but must be at least 1")
    symbols = rng.integers(1, SYMBOLS + 1, (n, COPIED))
    inputs = np.full((n, T + 2 * COPIED), BLANK)
    targets = np.full_like(inputs, BLANK)
    inputs[:, :COPIED] = symbols
    inputs[:, COPIED + T - 1] = DELIMITER
    targets[:, -COPIED:] = symbols
    return Split(inputs, targets)


def make(T: int = 30, seed: int = 0, n: int = 10_000) -> Task:
    """
    n training sequences of T + 20 steps, and a tenth of that in each other part.

    >>> print(make(T=30, n=1000))    # doctest: +ELLIPSIS
    copying: train (1000, 50), validation (100, 50), ... on validation: blanks, then guessing 0.416
    """
    sizes = (n, max(n // 10, 1), max(n // 10, 1))
    train, validation, test = (  # each from a stream of its own
        generate(size, T, np.random.default_rng([seed, part])) for part, size in enumerate(sizes)
    )
    return Task(
        name="copying",
        train=train,
        validation=validation,
        test=test,
        model=ModelConfig(D=V, H=64, K=V, V=V, cell="gru", loss="softmax_cross_entropy"),
        training=TrainConfig(
            updates=2000,
            lr=1e-3,
            batch_size=32,
            clip_norm=1.0,
            validate_every=100,
            seed=seed,
            optimizer="rmsprop",
        ),
        metric="nats per step",
        score_baselines=partial(_baselines, T),
    )


def _baselines(T: int) -> dict[str, Score]:
    return {"blanks, then guessing": Score(chance(T), chance(T))}
