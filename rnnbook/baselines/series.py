"""
Naive forecasts of a series, (n,) or (..., n) for many at once; the last axis is time.

Each baseline answers, for every time at which it has read enough, with the value of one step later.
"""

from dataclasses import dataclass

import numpy as np

from rnnbook.arrays import Array


def persistence(series: Array) -> Array:
    """Tomorrow is as today: the prediction of every value from the one before is that value.

    >>> persistence(np.array([1.0, 2.0, 4.0])).tolist()      # predicts [2.0, 4.0, ...]
    [1.0, 2.0, 4.0]
    """
    return series.copy()


def seasonal_persistence(series: Array, season: int) -> Array:
    """
    The next value is the one of a season m before: s_(t+1) = s_(t+1-m), for t = m, m+1, ..., n.

    (..., n) -> (..., n - m + 1); a season of 1 is persistence (Hyndman and Athanasopoulos 2021,
    section 5.2). Raises ValueError where the series is shorter than its season.

    >>> seasonal_persistence(np.array([1.0, 2.0, 3.0]), season=2).tolist()    # after 2.0, after 3.0
    [1.0, 2.0]
    """
    n = series.shape[-1]
    if not 1 <= season <= n:
        raise ValueError(f"season is {season}, but must be 1 to the series' length {n}")
    return series[..., : n - season + 1].copy()


def linear_extrapolation(series: Array) -> Array:
    """
    The last value plus the difference before: s_(t+1) = 2 s_t - s_(t-1), for t = 2, 3, ..., n.

    (..., n) -> (..., n - 1). Exact for counting in equal steps. Raises ValueError where the series
    has fewer than 2 values, TypeError where it holds unsigned integers, which cannot go below 0.

    >>> linear_extrapolation(np.array([1.0, 2.0, 4.0])).tolist()     # after 2.0, after 4.0
    [3.0, 6.0]
    """
    if series.shape[-1] < 2:
        raise ValueError(f"the series has {series.shape[-1]} values; a difference needs 2")
    if series.dtype.kind not in "fi":
        raise TypeError(f"the series is {series.dtype}, but must be float or signed integer")
    return 2 * series[..., 1:] - series[..., :-1]


def lags(series: Array, p: int) -> Array:
    """
    The p values up to each time, latest first: (..., n) -> (..., n - p + 1, p).

    >>> lags(np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist()
    [[2.0, 1.0], [3.0, 2.0], [4.0, 3.0]]
    """
    if not 1 <= p <= series.shape[-1]:
        raise ValueError(f"p is {p}, but must be 1 to the series' length {series.shape[-1]}")
    return np.lib.stride_tricks.sliding_window_view(series, p, axis=-1)[..., ::-1]


@dataclass(frozen=True)
class LinearAutoregression:
    """
    A linear autoregression of order p, AR(p), fitted by least squares (Yule 1927):

        s_(t+1) = a_1 s_t + a_2 s_(t-1) + ... + a_p s_(t-p+1) + b

    where `coefficients` holds a_1 ... a_p and `intercept` b.

    >>> s = np.sin(0.1 * np.arange(50))
    >>> model = LinearAutoregression.fit(s, p=2)
    >>> bool(np.allclose(model.coefficients, [2 * np.cos(0.1), -1]))
    True
    """

    coefficients: Array
    intercept: float

    @classmethod
    def fit(cls, series: Array, p: int) -> "LinearAutoregression":
        """Fit to one series (n,) or to many at once (..., n), in float64."""
        series = np.asarray(series, np.float64)
        if series.shape[-1] <= p:
            raise ValueError(f"the series has {series.shape[-1]} values; AR({p}) needs {p + 1}")
        if not np.isfinite(series).all():
            bad = np.count_nonzero(~np.isfinite(series))
            raise ValueError(f"the series holds {bad} NaN or infinity")
        past = lags(series[..., :-1], p).reshape(-1, p)
        future = series[..., p:].reshape(-1)
        design = np.column_stack([past, np.ones(len(past))])
        solution = np.linalg.lstsq(design, future, rcond=None)[0]
        return cls(solution[:-1], float(solution[-1]))

    @property
    def p(self) -> int:
        return len(self.coefficients)

    def predict(self, series: Array) -> Array:
        """The next value after each of the times p, p+1, ..., n: (..., n) -> (..., n - p + 1)."""
        return lags(np.asarray(series, np.float64), self.p) @ self.coefficients + self.intercept

    def forecast(self, series: Array, steps: int) -> Array:
        """Feed predictions back: the `steps` values after the end of one series (n,)."""
        if len(series) < self.p:
            raise ValueError(f"the series has {len(series)} values; AR({self.p}) reads {self.p}")
        values = [float(v) for v in series[-self.p :]]
        for _ in range(steps):
            past = np.array(values[: -self.p - 1 : -1])
            values.append(float(past @ self.coefficients) + self.intercept)
        return np.array(values[self.p :])
