"""
Naive answers, to be beaten before a network may be believed.

`series`: the next value of a series; `classes`: which class a word belongs to; `language`: the next
character of a text. Import them from here: `from rnnbook.baselines import NGram`.
"""

from rnnbook.baselines.classes import Majority, NaiveBayesLetters
from rnnbook.baselines.language import NGram, lzma_bits_per_character
from rnnbook.baselines.series import (
    LinearAutoregression,
    lags,
    linear_extrapolation,
    persistence,
    seasonal_persistence,
)

__all__ = [
    "LinearAutoregression",
    "Majority",
    "NGram",
    "NaiveBayesLetters",
    "lags",
    "linear_extrapolation",
    "lzma_bits_per_character",
    "persistence",
    "seasonal_persistence",
]
