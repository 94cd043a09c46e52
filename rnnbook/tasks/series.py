"""
Real series, each as one long sequence: today the yearly sunspot numbers.

The sunspot benchmark of Weigend, Huberman and Rumelhart (1990) fits on 1700 to 1920, tests on
1921 to 1955 and on 1956 to 1979, and reports the mean squared error divided by the variance of
1700 to 1979. The numbers are the ones of before the Observatory's revision of 2015, which is what
the published figures are for; they ship with statsmodels.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.metrics import average_relative_variance

#: The benchmark's periods, first and last year of each. AR(12) can predict from 1712 on.
PERIODS: Final = {
    "1712-1920": (1712, 1920),
    "1921-1955": (1921, 1955),
    "1956-1979": (1956, 1979),
    "1980-2008": (1980, 2008),
}
LAST_YEAR_OF_VARIANCE: Final = 1979


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
    try:
        from statsmodels.datasets import sunspots as source
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'the sunspot numbers ship with statsmodels: pip install "rnnbook[pages]"'
        ) from error
    table = source.load_pandas().data
    return Sunspots(
        table["YEAR"].to_numpy().astype(int), table["SUNACTIVITY"].to_numpy(np.float64, copy=True)
    )
