"""Metrics: what a prediction is worth. `*_error` and `*_variance`: low is good."""

import numpy as np

from rnnbook.arrays import Array


def _same_shape(target: Array, prediction: Array) -> None:
    if target.shape != prediction.shape:
        raise ValueError(f"prediction has shape {prediction.shape}, but target has {target.shape}")


def mean_squared_error(target: Array, prediction: Array) -> float:
    """Mean of (target - prediction)^2 over every element; the target's unit, squared.

    >>> mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    2.0
    """
    _same_shape(target, prediction)
    return float(np.mean((target - prediction) ** 2))


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
