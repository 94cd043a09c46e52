"""
Metrics: what a prediction is worth. `*_error`, `*_variance`, perplexity, bits: low is good.

The truth comes first, the prediction second. Perplexity and bits per character take a total and a
count, not an average: averages of batches of different sizes cannot be averaged again.
"""

import math
import operator
from collections.abc import Sequence

import numpy as np

from rnnbook.arrays import Array, check_array


def _same_shape(target: Array, prediction: Array) -> None:
    check_array(target, "target")
    check_array(prediction, "prediction")
    if target.shape != prediction.shape:
        raise ValueError(f"prediction has shape {prediction.shape}, but target has {target.shape}")


def _check_series(**series: Array) -> None:
    for name, a in series.items():
        check_array(a, name)
        if not a.size:
            raise ValueError(f"{name} is empty")
        if not np.isfinite(a).all():
            bad = np.count_nonzero(~np.isfinite(a))
            raise ValueError(f"{name} holds {bad} NaN or infinity")


def _check_ids(target: Array, prediction: Array) -> None:
    _same_shape(target, prediction)
    for name, ids in (("target", target), ("prediction", prediction)):
        if ids.dtype.kind not in "iu":
            raise TypeError(f"{name} is {ids.dtype}, but must be integer: the ids of classes")
    if not target.size:
        raise ValueError("there are no predictions to judge")


def mean_squared_error(target: Array, prediction: Array) -> float:
    """Mean of (target - prediction)^2 over every element; the target's unit, squared.

    >>> mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    2.0
    """
    _same_shape(target, prediction)
    return float(np.mean((target - prediction) ** 2))


def root_mean_squared_error(target: Array, prediction: Array) -> float:
    """Square root of the mean squared error: in the target's unit. Refuses NaN with ValueError.

    >>> root_mean_squared_error(np.array([1.0, 2.0]), np.array([4.0, 6.0]))     # sqrt(25 / 2)
    3.5355339059327378
    """
    _same_shape(target, prediction)
    _check_series(target=target, prediction=prediction)
    return math.sqrt(mean_squared_error(target, prediction))


def average_relative_variance(target: Array, prediction: Array, variance: float) -> float:
    """
    Mean squared error divided by a stated variance: 1 is what the mean as prediction gets.

    The sunspot literature since Weigend, Huberman and Rumelhart (1990) reports it with the
    variance of the *whole* series, not of the part predicted, so the divisor is an argument.

    >>> average_relative_variance(np.array([0.0, 2.0]), np.array([1.0, 1.0]), variance=1.0)
    1.0
    """
    if not variance > 0:
        raise ValueError(f"variance is {variance}, but must be above 0")
    return mean_squared_error(target, prediction) / variance


def mean_absolute_scaled_error(
    target: Array, prediction: Array, train: Array, season: int = 1
) -> float:
    """
    MASE (Hyndman and Koehler 2006): the mean absolute error divided by that which persistence, or
    with a season m seasonal persistence, makes on the training series (n,):

        mean |target - prediction|  /  mean over t of |train_t - train_(t-m)|

    Below 1 is better than the naive answer was there. Raises ValueError where the shapes differ, a
    value is not finite, `train` is no longer than the season, or its naive error is 0.

    >>> train = np.array([1.0, 3.0, 5.0])
    >>> mean_absolute_scaled_error(np.array([7.0, 9.0]), np.array([7.0, 8.0]), train)
    0.25
    """
    _same_shape(target, prediction)
    _check_series(target=target, prediction=prediction, train=train)
    if train.ndim != 1:
        raise ValueError(f"train has shape {train.shape}, but must be one series (n,)")
    if not 1 <= operator.index(season) < len(train):
        raise ValueError(
            f"season is {season}, but must be 1 to {len(train) - 1}: train has one more"
        )
    naive = float(np.abs(train[season:] - train[:-season]).mean())
    if naive == 0:
        raise ValueError(f"train repeats itself every {season} steps: its naive error is 0")
    return float(np.abs(target - prediction).mean()) / naive


def accuracy(target: Array, prediction: Array) -> float:
    """
    The share of ids that are the true ones. Raises TypeError unless both are integer, ValueError
    unless they have one shape and are not empty.

    >>> accuracy(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2]))
    0.75
    """
    _check_ids(target, prediction)
    return float(np.mean(target == prediction))


def confusion_matrix(target: Array, prediction: Array, K: int) -> Array:
    """
    How often each of K classes was taken for each: (K, K) counts, a row for each true class.

    Raises what `accuracy` raises, and ValueError where an id is not 0 to K - 1.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), K=2).tolist()
    [[1, 1], [0, 1]]
    """
    _check_ids(target, prediction)
    for name, ids in (("target", target), ("prediction", prediction)):
        if ids.min() < 0 or ids.max() >= K:
            raise ValueError(f"{name} holds {ids.min()} to {ids.max()}, but must be 0 to {K - 1}")
    cell = target.astype(np.int64) * K + prediction.astype(np.int64)
    return np.bincount(cell.ravel(), minlength=K * K).reshape(K, K)


def perplexity(total_nats: float, tokens: int) -> float:
    """
    exp(total / tokens), where `total_nats` is the sum of -log p over all tokens (Jelinek, Mercer,
    Bahl and Baker 1977): the uniform model over V symbols has perplexity V.

    Infinite where it exceeds what a float holds. Raises ValueError where there are no tokens, or
    the total is below 0 or NaN.

    >>> round(perplexity(3 * math.log(50), 3), 9)
    50.0
    """
    try:
        return math.exp(_per_symbol(total_nats, tokens))
    except OverflowError:
        return math.inf


def bits_per_character(total_nats: float, characters: int) -> float:
    """
    total / (characters ln 2), where `total_nats` is the sum of -log p over all characters.

    Raises ValueError where there are no characters, or the total is below 0 or NaN.

    >>> bits_per_character(10 * math.log(2), 5)
    2.0
    """
    return _per_symbol(total_nats, characters) / math.log(2)


def _per_symbol(total_nats: float, symbols: int) -> float:
    if not operator.index(symbols) > 0:
        raise ValueError(f"the total is over {symbols} symbols, but must be over at least 1")
    if np.ndim(total_nats):
        raise TypeError(f"total_nats has shape {np.shape(total_nats)}, but must be one sum")
    mean = float(total_nats) / symbols
    if not mean > -1e-9:  # rounding may leave less than 0 of a certain answer
        raise ValueError(f"total_nats is {total_nats}, but a sum of -log p is at least 0")
    return mean


def largest_gap(reference: Sequence[float], other: Sequence[float]) -> float:
    """
    The largest relative gap between two loss curves: max |other - reference| / reference.

    Raises ValueError where they are not of one length, or hold a loss that is not above 0.

    >>> round(largest_gap([2.0, 1.0], [2.0, 1.01]), 6)
    0.01
    """
    a, b = np.asarray(reference, np.float64), np.asarray(other, np.float64)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"the curves have shapes {a.shape} and {b.shape}, but must be (n,) both")
    if not (np.minimum(a, b) > 0).all():
        raise ValueError("a curve holds a loss that is not above 0")
    return float((np.abs(b - a) / a).max())
