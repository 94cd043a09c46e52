"""
Naive models of a text: n-grams, and a compressor.

A text is an array of ids (n,), each 0 to V - 1.
"""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnbook.arrays import Array, check_array


@dataclass(frozen=True)
class Grams:
    """
    The k-grams of a text for one k: each is a context, which is a (k-1)-gram, and a symbol.

    A gram's number is its place in `key`, (G,) ascending, where key = context's number * V +
    symbol. Every other array has one entry more, its last, which -1 finds: that of the unknown.
    """

    key: Array
    count: Array  # of each gram
    total: Array  # of each context: how many grams it begins
    distinct: Array  # how many different ones; 1 where it begins none

    @classmethod
    def of(cls, key: Array, contexts: int, V: int) -> tuple["Grams", Array]:
        """Count the grams `key` of a text; return also the number of each of them."""
        key, number, count = np.unique(key, return_inverse=True, return_counts=True)
        total = np.bincount(key // V, weights=count, minlength=contexts + 1)
        distinct = np.bincount(key // V, minlength=contexts + 1)
        return cls(key, np.append(count, 0), total, np.maximum(distinct, 1)), number

    def find(self, key: Array) -> Array:
        """The number of each key, -1 for one that the text has not."""
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[place] == key, place, -1)

    def interpolate(self, p: Array, context: Array, number: Array) -> Array:
        """Witten and Bell's mixture of counts and p; it is p where the context is unknown."""
        distinct = self.distinct[context]
        return np.asarray((self.count[number] + distinct * p) / (self.total[context] + distinct))


@dataclass(frozen=True)
class NGram:
    """
    A language model of n-grams with Witten-Bell smoothing, interpolated (Witten and Bell 1991;
    Chen and Goodman 1999, section 2.5), for a context h and h' without its oldest symbol:

        P(w | h) = (c(h w) + N(h) P(w | h')) / (c(h) + N(h))

    where c(h w) counts w after h in the training text, c(h) = sum_w c(h w), and N(h) is the number
    of different symbols after h. The orders go down from n to 1, whose h' is the uniform 1/V:
    nothing has probability 0. Where h was never seen, P(w | h) = P(w | h'). Order 0 is the uniform
    model, order 1 the unigram, and order n looks at the n - 1 symbols before.

    >>> model = NGram.fit(np.array([0, 1, 0, 1, 0]), V=2, order=2)
    >>> model.distribution(np.array([0])).round(4).tolist()     # after 0 came 1, twice
    [0.1905, 0.8095]
    >>> model.nats(np.array([0, 1])).round(4).tolist()     # -log P(0), -log P(1 | 0)
    [0.5596, 0.2113]
    """

    V: int
    order: int
    levels: tuple[Grams, ...]

    @classmethod
    def fit(cls, ids: Array, V: int, order: int) -> "NGram":
        """
        Count a text (n,).

        Raises TypeError unless it is integer; ValueError where it is empty, an id is not
        0 to V - 1, V is below 1 or the order below 0.
        """
        if V < 1 or order < 0:
            raise ValueError(f"V is {V} and must be at least 1; order is {order}, at least 0")
        ids = _check_text("ids", ids, V)
        if not ids.size:
            raise ValueError("ids are empty: there is no text to count")
        levels = []
        context, contexts = np.zeros_like(ids), 1
        for k in range(1, min(order, len(ids)) + 1):  # a longer gram is not in the text
            grams, number = Grams.of(context * V + ids[k - 1 :], contexts, V)
            levels.append(grams)
            context, contexts = number[:-1], len(grams.key)
        return cls(V, order, tuple(levels))

    def nats(self, ids: Array, context: Array | None = None) -> Array:
        """
        -log P of each symbol of a text (n,), in nats, given those before it: (n,), float64.

        `context` (m,) is what stands before the text; without it the first symbols have shorter
        contexts than the others. Raises what `fit` raises, but an empty text is none to refuse.
        """
        ids, before = _check_text("ids", ids, self.V), self._last(context)
        text = np.concatenate([before, ids])
        p = np.full(len(text), 1 / self.V)
        for grams, known, number in self._walk(text):
            p = grams.interpolate(p, known, number)
        return np.asarray(-np.log(p[len(before) :]))

    def distribution(self, context: Array | None = None) -> Array:
        """P of every symbol after `context` (m,), of which the last order - 1 count: (V,)."""
        text = np.append(self._last(context), 0)  # any symbol: only its contexts are asked for
        p = np.full(self.V, 1 / self.V)
        for grams, known, _ in self._walk(text):
            here = known[-1]
            number = grams.find(here * self.V + np.arange(self.V))
            p = grams.interpolate(p, here, number)
        return p

    def _last(self, context: Array | None) -> Array:
        """The part of a context that the model looks at."""
        if context is None:
            return np.zeros(0, np.int64)
        context = _check_text("context", context, self.V)
        return context[max(len(context) - max(self.order - 1, 0), 0) :]

    def _walk(self, text: Array) -> Iterator[tuple[Grams, Array, Array]]:
        """For k = 1, 2, ...: at each symbol the numbers of its context and of its k-gram."""
        context = np.zeros_like(text)
        for grams in self.levels:
            number = grams.find(context * self.V + text)  # below 0, so not found, for context -1
            yield grams, context, number
            context = np.concatenate([[-1], number[:-1]])


def lzma_bits_per_character(train: str | bytes, held_out: str | bytes) -> float:
    """
    What a compressor pays for a held-out text after it has read the training text:

        8 (size of xz(train + held_out) - size of xz(train)) / characters of held_out

    An empty `train` gives the compressor's price without training. The data are a raw LZMA stream
    at preset 9 | EXTREME, xz's strongest, as what the .xz format adds is no part of a prediction: a
    header, a checksum, padding to 4 bytes, LZMA2's cut into blocks. The dictionary, which is how
    far back a match may lie, covers both texts. A `str` is compressed as UTF-8, but divided by its
    characters.

    Raises TypeError unless both are str or both bytes, ValueError where `held_out` is empty.

    >>> text = "to be or not to be"
    >>> lzma_bits_per_character(text, text) < lzma_bits_per_character("", text)
    True
    """
    if not held_out:
        raise ValueError("held_out is empty: there is no character to divide by")
    if isinstance(train, str) and isinstance(held_out, str):
        before, after = train.encode(), held_out.encode()
    elif isinstance(train, bytes) and isinstance(held_out, bytes):
        before, after = train, held_out
    else:
        raise TypeError(
            f"train is {type(train).__name__} and held_out {type(held_out).__name__}, "
            "but both must be str or both bytes"
        )
    size = max(len(before) + len(after), 4096)  # liblzma's least dictionary
    code = {"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}
    paid = [
        len(lzma.compress(data, lzma.FORMAT_RAW, filters=[code]))
        for data in (before, before + after)
    ]
    return 8 * (paid[1] - paid[0]) / len(held_out)


def _check_text(name: str, ids: Array, V: int) -> Array:
    """The ids as int64: uint64 plus an int64 number would make float64 of both."""
    check_array(ids, "ids")
    if ids.ndim != 1:
        raise ValueError(f"{name} have shape {ids.shape}, but a text is (n,)")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name} are {ids.dtype}, but must be integer")
    if ids.size and (ids.min() < 0 or ids.max() >= V):
        raise ValueError(f"{name} hold {ids.min()} to {ids.max()}, but must be 0 to {V - 1}")
    return ids.astype(np.int64)
