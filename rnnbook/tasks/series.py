"""
Real series, each as one long sequence: the yearly sunspot numbers, and the task to predict them.

The sunspot benchmark of Weigend, Huberman and Rumelhart (1990) fits on 1700 to 1920, tests on
1921 to 1955 and on 1956 to 1979, and reports the mean squared error divided by the variance of
1700 to 1979. The numbers are the ones of before the Observatory's revision of 2015, which is what
the published figures are for; they ship with statsmodels.

The task fits to the years up to 1899, chooses by 1900 to 1920 and tests on what came after. On the
day of a forecast the whole past is known, so baselines reach back across the parts, and a network
should carry its state from one part into the next: each part's first input is the last year of
the part before. No year is a target twice.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.baselines import LinearAutoregression, persistence, seasonal_persistence
from rnnbook.config import ModelConfig
from rnnbook.metrics import average_relative_variance, mean_squared_error
from rnnbook.tasks import Scaler, Score, Setup, Task, from_pages, windows
from rnnbook.training import TrainConfig

#: The benchmark's periods, first and last year of each. AR(12) can predict from 1712 on.
PERIODS: Final = {
    "1712-1920": (1712, 1920),
    "1921-1955": (1921, 1955),
    "1956-1979": (1956, 1979),
    "1980-2008": (1980, 2008),
}
LAST_YEAR_OF_VARIANCE: Final = 1979
#: First and last year that each part of the task asks for.
TARGETS: Final = {"train": (1701, 1899), "validation": (1900, 1920), "test": (1921, 2008)}
#: How networks of 8 units are trained. By 1900 to 1920 and three seeds each of RNN, GRU and LSTM,
#: 1000 updates at 3e-3 were as good, and pieces of 49 years a little worse; without patience the
#: error there is lower by up to 4 %, at twice the cost.
SMALL: Final = TrainConfig(updates=400, lr=1e-2, clip_norm=1.0, patience=12)
CYCLE: Final = 11  # years from one maximum to the next, roughly


@dataclass(frozen=True)
class Sunspots:
    """Yearly mean sunspot numbers: `years` (n,) integer, `numbers` (n,) float64."""

    years: Array
    numbers: Array

    @property
    def variance(self) -> float:
        """The variance of 1700 to 1979, by which the benchmark divides."""
        return float(self.numbers[self.years <= LAST_YEAR_OF_VARIANCE].var())

    def until(self, year: int) -> Array:
        """The numbers up to and including `year`."""
        return self.numbers[self.years <= year]

    def scores(self, years: Array, prediction: Array) -> dict[str, float]:
        """Average relative variance of predictions for `years`, for each of `PERIODS`."""
        if years.shape != prediction.shape:
            raise ValueError(f"{prediction.shape} predictions, but for {years.shape} years")
        result = {}
        for period, (first, last) in PERIODS.items():
            asked = (years >= first) & (years <= last)
            missing = last - first + 1 - np.count_nonzero(asked)
            if missing:
                raise ValueError(f"{missing} years of {period} have no prediction")
            target = self.numbers[np.searchsorted(self.years, years[asked])]
            result[period] = average_relative_variance(target, prediction[asked], self.variance)
        return result


def sunspots() -> Sunspots:
    """
    The yearly sunspot numbers 1700 to 2008.

    Raises ModuleNotFoundError, saying what to install, where statsmodels is not there.

    >>> data = sunspots()
    >>> len(data.years), int(data.years[0]), float(data.numbers.max())
    (309, 1700, 190.2)
    """
    with from_pages("the sunspot numbers ship with statsmodels"):
        from statsmodels.datasets import sunspots as source
    table = source.load_pandas().data
    return Sunspots(
        table["YEAR"].to_numpy().astype(int), table["SUNACTIVITY"].to_numpy(np.float64, copy=True)
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class SunspotTask(Task):
    """
    A task on standardised sunspot numbers.

    data: the series in its own unit; scaler: from it to the task's. A mean squared error of the
    task times scaler.deviation**2 / data.variance is the benchmark's average relative variance.
    """

    data: Sunspots
    scaler: Scaler


def make() -> SunspotTask:
    """
    Predict next year's number; float32, each part one sequence.

    `variants`: GRU and LSTM as small as the network itself, and "wide", the one of the task `sine`.

    >>> task = make()
    >>> task.train.inputs.shape, task.validation.inputs.shape, task.test.inputs.shape
    ((1, 199, 1), (1, 21, 1), (1, 88, 1))
    """
    data = sunspots()
    scaler = Scaler.fit(data.until(TARGETS["train"][1]))
    series = scaler.scale(data.numbers)
    first_year = int(data.years[0])
    parts = {
        name: windows(series[first - 1 - first_year : last + 1 - first_year], last + 1 - first)
        for name, (first, last) in TARGETS.items()
    }
    return SunspotTask(
        name="sunspots",
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        model=ModelConfig(H=8),
        training=SMALL,
        metric="mean squared error",
        score_baselines=lambda: _baselines(data, scaler),
        data=data,
        scaler=scaler,
        variants={
            "gru": Setup(ModelConfig(cell="gru", H=8), SMALL),
            "lstm": Setup(ModelConfig(cell="lstm", H=8), SMALL),
            "wide": Setup(
                ModelConfig(H=100, activation="relu"),
                TrainConfig(updates=200, lr=1e-3, validate_every=5),
            ),
        },
    )


def _baselines(data: Sunspots, scaler: Scaler) -> dict[str, Score]:
    series = scaler.scale(data.numbers, "float64")
    fitted = series[data.years <= TARGETS["train"][1]]
    answers = {  # each ends with the prediction of the last year
        "persistence": persistence(series[:-1]),
        f"{CYCLE} years before": seasonal_persistence(series[:-1], CYCLE),
        "AR(2)": LinearAutoregression.fit(fitted, 2).predict(series[:-1]),
        "AR(12)": LinearAutoregression.fit(fitted, 12).predict(series[:-1]),
    }

    def error(prediction: Array, part: str) -> float:
        first, last = (year - int(data.years[-1]) for year in TARGETS[part])
        target = series[first - 1 : last or None]
        return mean_squared_error(target, prediction[first - 1 : last or None])

    return {
        name: Score(error(answer, "validation"), error(answer, "test"))
        for name, answer in answers.items()
    }
