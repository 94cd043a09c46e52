"""
Naive classifiers of words. A word is a row of ids (N, T), padded behind its length (N,).

Shapes: N words, T steps, V letters, K classes.
"""

from dataclasses import dataclass

import numpy as np

from rnnbook.arrays import Array, Lengths, check_array, check_lengths


@dataclass(frozen=True)
class Majority:
    """
    The most frequent class of the training data, for everything; of equals the lowest id.

    >>> Majority.fit(np.array([2, 0, 2]), K=3).predict(2).tolist()
    [2, 2]
    """

    label: int

    @classmethod
    def fit(cls, labels: Array, K: int) -> "Majority":
        """Count labels (N,). TypeError unless integer; ValueError if none, or not 0 to K - 1."""
        return cls(int(_count_labels(labels, K).argmax()))

    def predict(self, n: int) -> Array:
        """The answer n times: (n,) int64."""
        return np.full(n, self.label, np.int64)


@dataclass(frozen=True)
class NaiveBayesLetters:
    """
    Multinomial naive Bayes on letter counts (McCallum and Nigam 1998), with c(v) letters v:

        log P(k | word) = log P(k) + sum_v c(v) log P(v | k) + constant
        P(v | k) = (count of v in class k + smoothing) / (count of all letters in k + V smoothing)

    where `log_prior` holds log P(k), (K,), and `log_letter` holds log P(v | k), (K, V). The order
    of the letters plays no part: what a network gains over it, it gains by order. A class without
    training words has P(k) = 0 and is never predicted.

    >>> ids = np.array([[0, 0], [1, 9]])     # "aa", and "b" behind which the padding says 9
    >>> model = NaiveBayesLetters.fit(ids, [2, 1], labels=np.array([0, 1]), V=2, K=2)
    >>> model.predict(np.array([[1, 0, 0]]), [3]).tolist()     # "baa"
    [0]
    """

    log_prior: Array
    log_letter: Array

    @classmethod
    def fit(
        cls, ids: Array, lengths: Lengths, labels: Array, V: int, K: int, smoothing: float = 1.0
    ) -> "NaiveBayesLetters":
        """
        Count the letters ids (N, T) of words with labels (N,).

        Raises TypeError unless ids and labels are integer; ValueError where one is out of range,
        the shapes do not fit, there are no words, or smoothing is not above 0.
        """
        if not smoothing > 0:
            raise ValueError(f"smoothing is {smoothing}, but must be above 0")
        words = _count_labels(labels, K)
        letters = _count_letters(ids, lengths, V)
        if len(labels) != len(letters):
            raise ValueError(f"there are {len(letters)} words, but {len(labels)} labels")
        in_class = np.zeros((K, V))
        np.add.at(in_class, labels, letters)
        in_class += smoothing
        with np.errstate(divide="ignore"):  # a class without words: log 0 = -inf is meant
            log_prior = np.log(words / words.sum())
        return cls(log_prior, np.log(in_class / in_class.sum(axis=1, keepdims=True)))

    def log_probability(self, ids: Array, lengths: Lengths) -> Array:
        """log P(k | word), in nats: (N, K), float64. Raises what `fit` raises."""
        letters = _count_letters(ids, lengths, self.log_letter.shape[1])
        z = self.log_prior + letters @ self.log_letter.T
        z -= z.max(axis=1, keepdims=True)
        return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))

    def predict(self, ids: Array, lengths: Lengths) -> Array:
        """The most probable class of every word: (N,); of equals the lowest id."""
        return np.asarray(self.log_probability(ids, lengths).argmax(axis=1))


def _count_labels(labels: Array, K: int) -> Array:
    check_array(labels, "labels")
    if labels.ndim != 1 or not labels.size:
        raise ValueError(f"labels have shape {labels.shape}, but must be (N,) with N at least 1")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels are {labels.dtype}, but must be integer")
    if labels.min() < 0 or labels.max() >= K:
        raise ValueError(f"labels hold {labels.min()} to {labels.max()}, but must be 0 to {K - 1}")
    return np.bincount(labels.astype(np.int64), minlength=K)


def _count_letters(ids: Array, lengths: Lengths, V: int) -> Array:
    """How often each word holds each letter: (N, V), float64."""
    check_array(ids, "ids")
    if ids.ndim != 2:
        raise ValueError(f"ids have shape {ids.shape}, but must be (N, T): a row for each word")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids are {ids.dtype}, but must be integer")
    N, T = ids.shape
    word, step = np.nonzero(np.arange(T) < check_lengths(lengths, N, T)[:, None])
    letter = ids[word, step].astype(np.int64)
    wrong = letter[(letter < 0) | (letter >= V)]
    if wrong.size:
        raise ValueError(f"ids hold {wrong[0]}, but must be 0 to {V - 1}")
    return np.bincount(word * V + letter, minlength=N * V).reshape(N, V).astype(np.float64)
