"""
The task `sine`: predict the next value of a wave, at every step.

The training part is the wave of the article that the book replaces: t in [0, 30) in steps of
0.1, 300 points, cut into 6 windows of 50, and trained on for 500 updates with all of them. Its
target is the next value, so point 300 is the last target; validation and test go on behind it.

Three more tasks ask for more than two numbers can do: `make_noisy`, where each window has a
frequency of its own, `make_drifting`, where it drifts, and `make_several`, with a sum of waves.
They train on windows of 50 steps, and are judged on windows of 200, of which the first 40 do not
count: an adaptive answer needs its time. Their settings, `WAVES` and its variant, were chosen on
windows drawn like their validation parts, drifts of 0, 0.03 and 0.1, three seeds each. Tried were
64 and 100 ReLU units and 64 of tanh; learning rates of 2e-3, 3e-3, 6e-3 and 1e-2, constant and
lowered; with and without clipping; batches of 32 and 64; LSTM and GRU of 32 units at 5e-3, 1e-2 and
2e-2. A higher rate than 6e-3 was no better with noise, better without, and nearer to the edge. 600
updates are what a page can afford several times; more lower the error a little. Errors on a test
part were in view during these trials, so when the settings stood, the test part got a stream of
random numbers of its own; no network was changed after the first look at it.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.baselines import LinearAutoregression, persistence
from rnnbook.config import ModelConfig
from rnnbook.metrics import mean_squared_error
from rnnbook.tasks import Score, Setup, Split, Task, windows
from rnnbook.training import TrainConfig

STEP: Final = 0.1  # time between two points
WINDOW: Final = 50
TRAIN: Final = slice(0, 301)  # 6 windows and the last target
VALIDATION: Final = slice(301, 402)  # 2 windows and the last target
TEST: Final = slice(402, 503)

FREQUENCIES: Final = (1.0, 4.0)  # between which a window's own frequency lies
SEVERAL: Final = (1.0, 2.7)  # the frequencies of `make_several`
#: The standard deviation of a step of the frequency. At 0.1, without noise, a GRU of 32 units was
#: a little better in trials than any adaptive linear answer; at 0.03 no network was.
DRIFT: Final = 0.03
NOISE: Final = 0.1
KNOWN: Final = 40  # steps of a window before which nothing counts
ORDERS: Final = (2, 10, 20, 40)  # of the linear baselines
#: The network for many waves, and how it is trained; see the module's text.
WAVES: Final = Setup(
    ModelConfig(H=64, activation="relu"),
    TrainConfig(updates=600, lr=6e-3, batch_size=32, clip_norm=1.0, schedule="linear"),
)
WAVES_LSTM: Final = Setup(
    ModelConfig(cell="lstm", H=32),
    TrainConfig(updates=600, lr=2e-2, batch_size=32, clip_norm=1.0, schedule="linear"),
)


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


def make_noisy(seed: int = 0) -> Task:
    """
    Waves of one frequency each, its own, in noise: `noisy_waves`.

    >>> task = make_noisy()
    >>> task.train.inputs.shape, task.test.inputs.shape, task.scored_from
    ((4000, 50, 1), (300, 200, 1), 40)
    """
    return _many("noisy waves", seed, noisy_waves)


def make_drifting(noise: float = NOISE, seed: int = 0) -> Task:
    """Waves whose frequency drifts: `drifting_waves`, with `noise` or, at 0, without."""
    return _many(
        "drifting waves",
        seed,
        lambda n, rng, length: drifting_waves(n, rng, noise=noise, length=length),
    )


def make_several(seed: int = 0) -> Task:
    """Sums of waves, of the same frequencies in every window, in noise: `several_waves`."""
    return _many(
        "several waves",
        seed,
        lambda n, rng, length: several_waves(n, rng, SEVERAL, length=length),
    )


def _many(name: str, seed: int, draw: Callable[..., Split]) -> Task:
    rng = np.random.default_rng(seed)
    train, validation = (draw(n, rng, length=k) for n, k in ((4000, WINDOW), (300, 200)))
    test = draw(300, np.random.default_rng([seed, 1]), length=200)  # see the module's text
    return Task(
        name=name,
        train=train,
        validation=validation,
        test=test,
        model=WAVES.model,
        training=WAVES.training,
        metric="mean squared error",
        score_baselines=lambda: _linear(train, validation, test),
        scored_from=KNOWN,
        variants={"lstm": WAVES_LSTM},
    )


def _linear(train: Split, validation: Split, test: Split) -> dict[str, Score]:
    """Persistence, and autoregressions of the training part, where KNOWN values are known."""
    parts = (validation, test)
    found = {"persistence": Score(*(_late_error(persistence(p.inputs[..., 0]), p) for p in parts))}
    for order in ORDERS:
        ar = LinearAutoregression.fit(train.inputs[..., 0], order)
        errors = (_late_error(ar.predict(p.inputs[..., 0]), p) for p in parts)
        found[f"AR({order})"] = Score(*errors)
    return found


def _late_error(prediction: Array, split: Split) -> float:
    """Of predictions (N, n) of the last n steps, n at least as many as count."""
    target = split.targets[:, KNOWN:, 0]
    return mean_squared_error(target, prediction[:, -target.shape[1] :])


def several_waves(
    n: int,
    rng: np.random.Generator,
    frequencies: Array | Sequence[float],
    noise: float = NOISE,
    length: int = WINDOW,
) -> Split:
    """
    n windows, each a sum of k waves, seen through noise:

        s_t = sum over j of sin(w_j STEP t + phase_j)   +   noise * normal,    phase_j in [0, 2 pi)

    `frequencies` are the k numbers w_j, the same in every window, or (n, k), its own for each. The
    target is the next value as it will be observed, noise and all, so no prediction can have a
    mean squared error below noise^2. Raises ValueError where they have another shape.

    >>> split = several_waves(3, np.random.default_rng(0), [1.0, 2.7], noise=0)
    >>> split.inputs.shape, bool((split.inputs[:, 1:] == split.targets[:, :-1]).all())
    ((3, 50, 1), True)
    """
    w = np.asarray(frequencies, np.float64)
    if w.ndim not in (1, 2) or (w.ndim == 2 and len(w) != n):
        raise ValueError(f"frequencies have shape {w.shape}, but must be (k,) or ({n}, k)")
    w = np.broadcast_to(w, (n, w.shape[-1]))[..., None]
    phase = rng.uniform(0, 2 * np.pi, (*w.shape[:2], 1))
    clean = np.sin(w * STEP * np.arange(length + 1) + phase).sum(axis=1)
    return _observed(clean, rng, noise)


def noisy_waves(
    n: int, rng: np.random.Generator, noise: float = NOISE, length: int = WINDOW
) -> Split:
    """
    n windows, each of one wave with its own frequency, uniform in [1, 4], as `several_waves` has
    them.

    >>> noisy_waves(3, np.random.default_rng(0)).inputs.shape
    (3, 50, 1)
    """
    return several_waves(n, rng, rng.uniform(*FREQUENCIES, (n, 1)), noise, length)


def drifting_frequencies(
    n: int,
    rng: np.random.Generator,
    drift: float = DRIFT,
    length: int = WINDOW,
    start: float | None = None,
) -> Array:
    """
    n random walks (n, length) of a frequency, from `start` or from anywhere in [1, 4]:

        w_(t+1) = w_t + drift * normal, thrown back at 1 and at 4 as by mirrors

    Raises ValueError for a start outside.

    >>> w = drifting_frequencies(2, np.random.default_rng(0), drift=0.5, length=1000)
    >>> w.shape, bool(w.min() >= 1), bool(w.max() <= 4)
    ((2, 1000), True, True)
    """
    lowest, highest = FREQUENCIES
    if start is not None and not lowest <= start <= highest:
        raise ValueError(f"start is {start}, but must be in [{lowest:g}, {highest:g}]")
    first = rng.uniform(lowest, highest, (n, 1)) if start is None else np.full((n, 1), start)
    steps = drift * rng.normal(size=(n, length - 1))
    walk = np.concatenate([first, first + steps.cumsum(axis=1)], axis=1)
    width = highest - lowest
    return np.asarray(lowest + np.abs((walk - highest) % (2 * width) - width))


def drifting_waves(
    n: int,
    rng: np.random.Generator,
    drift: float = DRIFT,
    noise: float = NOISE,
    length: int = WINDOW,
    start: float | None = None,
) -> Split:
    """
    n windows, each of one wave whose frequency w_t drifts, seen through noise:

        s_t = sin(phase_t) + noise * normal,    phase_(t+1) = phase_t + w_t STEP

    with w_t from `drifting_frequencies`. The target is the next value as it will be observed. Of
    the newest w_t nobody knows more than w_(t-1) and the noise in between, so no prediction can
    have a mean squared error below noise^2 + (1 - exp(-(drift STEP)^2)) / 2, walls aside.

    >>> drifting_waves(3, np.random.default_rng(0), drift=0.1).inputs.shape
    (3, 50, 1)
    """
    w = drifting_frequencies(n, rng, drift, length, start)
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    turned = np.concatenate([np.zeros((n, 1)), STEP * w.cumsum(axis=1)], axis=1)
    return _observed(np.sin(phase + turned), rng, noise)


def _observed(clean: Array, rng: np.random.Generator, noise: float) -> Split:
    """Inputs and next values of waves (n, length + 1), with noise on each, in float32."""
    seen = (clean + noise * rng.normal(size=clean.shape)).astype(np.float32)[..., None]
    return Split(seen[:, :-1].copy(), seen[:, 1:].copy())
