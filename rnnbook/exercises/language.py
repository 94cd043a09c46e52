"""Exercises of the page on language models: nats, perplexity, smoothing, embeddings, entropy."""

from itertools import pairwise
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Exercise, Function, Value

DEEPEST: Final = 6


def distribution(rng: np.random.Generator, *shape: int) -> Array:
    """Random probabilities over the last axis, none of them 0."""
    p = rng.uniform(0.1, 1, shape)
    return np.asarray(p / p.sum(-1, keepdims=True))


# ------------------------------------------------------------------- 1: the price of a text


def draw_text(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    V, T = max(2, s["V"]), s["T"]
    return distribution(rng, V), distribution(rng, V, V), rng.integers(0, V, T)


def nats(start: Array, P: Array, x: Array) -> Any:
    return -np.log(start[x[0]]) - sum(np.log(P[u, w]) for u, w in pairwise(x))


# ------------------------------------------------------------------- 2: the gradient, padded


def draw_padded(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    B, T, V = s["B"], s["T"], s["V"]
    lengths = rng.integers(1, T + 1, B)
    lengths[0] = max(1, T - 1)
    return rng.normal(size=(B, T, V)), rng.integers(0, V, (B, T)), lengths


def softmax(y: Array) -> Array:
    e = np.exp(y - y.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def padded_gradient(y: Array, target: Array, lengths: Array) -> Array:
    dy = np.zeros_like(y)
    for b, length in enumerate(lengths):
        for t in range(length):
            dy[b, t] = softmax(y[b, t])
            dy[b, t, target[b, t]] -= 1
    return np.asarray(dy / lengths.sum())


def over_everything(y: Array, target: Array, lengths: Array) -> Array:
    dy = softmax(y) - np.eye(y.shape[2])[target]
    return np.asarray(dy / target.size)


# --------------------------------------------------------------------- 3 and 5: what to average


def draw_batches(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    return rng.uniform(0.5, 3, s["B"]), rng.integers(1, 200, s["B"])


def perplexity(means: Array, symbols: Array) -> Any:
    return np.exp(np.average(means, weights=symbols))


def draw_counts(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    V = max(2, s["V"])
    counts = rng.integers(0, 5, (V, V)).astype(float)
    counts[-1] = 0
    return counts, distribution(rng, V)


def witten_bell(counts: Array, p: Array) -> Array:
    rows = []
    for row in counts:
        N = np.count_nonzero(row)
        rows.append((row + N * p) / (row.sum() + N) if N else p)
    return np.array(rows)


def add_one(counts: Array, p: Array) -> Array:
    return np.asarray((counts + 1) / (counts + 1).sum(1, keepdims=True))


def all_counts(counts: Array, p: Array) -> Array:
    total = counts.sum(1, keepdims=True)
    return np.asarray((counts + total * p) / (2 * total))


def unseen_is_nan(counts: Array, p: Array) -> Array:
    N = np.count_nonzero(counts, axis=1, keepdims=True)
    return np.asarray((counts + N * p) / (counts.sum(1, keepdims=True) + N))


# ------------------------------------------------------------------------------ 6: temperature


def draw_tempered(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    return distribution(rng, max(2, s["V"])), float(rng.uniform(0.3, 0.8))


def tempered(p: Array, tau: float) -> Array:
    return softmax(np.log(p) / tau)


# ------------------------------------------------------------------- 7: the likeliest text


def likeliest(start: Array, P: Array, T: int) -> Array:
    """By looking at all texts."""
    V = len(start)
    texts = np.indices((V,) * T).reshape(T, -1)
    cost = np.log(start[texts[0]]) + np.log(P[texts[:-1], texts[1:]]).sum(0)
    return np.asarray(texts[:, cost.argmax()])


def greedy(start: Array, P: Array, T: int) -> Array:
    text = [int(start.argmax())]
    while len(text) < T:
        text.append(int(P[text[-1]].argmax()))
    return np.array(text)


def best_at_each_step(start: Array, P: Array, T: int) -> Array:
    """The likeliest symbol at each step, whatever the others are."""
    p, text = start, []
    for _ in range(T):
        text.append(int(p.argmax()))
        p = p @ P
    return np.array(text)


def draw_likeliest(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """A model in which the mistakes show, where texts are long enough to make them."""
    V, T = max(2, s["K"]), s["T"]
    for _ in range(200):
        start, P = distribution(rng, V), distribution(rng, V, V)
        right = likeliest(start, P, T).tolist()
        wrong = [greedy(start, P, T).tolist(), best_at_each_step(start, P, T).tolist()]
        if right not in wrong and wrong[0] != wrong[1]:
            break
    return start, P, T


# --------------------------------------------------------------------------- 8: entropy rate


def stationary(P: Array) -> Array:
    return np.asarray(np.linalg.matrix_power(P, 1 << 12)[0])


def row_entropies(P: Array) -> Array:
    return np.asarray(-(P * np.log(P)).sum(1))


def entropy_of_stationary(P: Array) -> Any:
    return row_entropies(stationary(P)[None])[0]


# --------------------------------------------------------------------------- 9: the brackets


def rules(depth: int) -> Array:
    if depth == 0:
        return np.array([0.2, 0.8, 0.0])
    return np.array([0.0, 0.5, 0.5]) if depth < DEEPEST else np.array([0.0, 0.0, 1.0])


def draw_brackets(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """A legal text that ends at the greatest depth, at none or, for most sizes, half way."""
    end, depth = {6: DEEPEST, 1: 0}.get(s["T"], DEEPEST // 2), 0
    x: list[int] = []
    while len(x) < 5 * s["T"] or depth != end:
        symbol = int(rng.choice(3, p=rules(depth)))
        depth += (symbol == 1) - (symbol == 2)
        x.append(symbol)
    return (np.array(x),)


def reader(x: Array) -> Array:
    return rules(int((x == 1).sum() - (x == 2).sum()))


def without_deepest(x: Array) -> Array:
    return np.array([0.2, 0.8, 0.0]) if reader(x)[0] else np.array([0.0, 0.5, 0.5])


def without_bottom(x: Array) -> Array:
    return reader(x) if reader(x)[2] == 1 else np.array([0.0, 0.5, 0.5])


EXERCISES: Final[dict[str, Exercise]] = {
    "language-1": Function(
        right=nats,
        draw=draw_text,
        returns={"nats": ""},
        mistakes={
            "the first symbol is not paid for": lambda start, P, x: -np.log(P[x[:-1], x[1:]]).sum(),
            "the row of P is the symbol before, the column the next": lambda start, P, x: (
                -np.log(start[x[0]]) - np.log(P[x[1:], x[:-1]]).sum()
            ),
            "these are bits: nats take the natural logarithm": lambda start, P, x: (
                nats(start, P, x) / np.log(2)
            ),
            "that is the mean, not the total": lambda start, P, x: nats(start, P, x) / len(x),
            "that is the log probability: nats are its negative": lambda start, P, x: (
                -nats(start, P, x)
            ),
        },
    ),
    "language-2": Function(
        right=padded_gradient,
        draw=draw_padded,
        returns={"dy": "B T V"},
        mistakes={
            "the padding has a gradient, and N counts it": over_everything,
            "the mean is over the real symbols, not over B T": lambda y, target, lengths: (
                padded_gradient(y, target, lengths) * lengths.sum() / target.size
            ),
            "the sum is not divided by the number of real symbols": lambda y, target, lengths: (
                padded_gradient(y, target, lengths) * lengths.sum()
            ),
            "the padding has a gradient": lambda y, target, lengths: (
                over_everything(y, target, lengths) * target.size / lengths.sum()
            ),
        },
    ),
    "language-3": Function(
        right=perplexity,
        draw=draw_batches,
        returns={"perplexity": ""},
        mistakes={
            "a short batch must not count as much as a long one": lambda means, symbols: np.exp(
                means.mean()
            ),
            "the mean of exponentials is too large: average first": lambda means, symbols: (
                (np.exp(means) * symbols).sum() / symbols.sum()
            ),
            "a mean of perplexities is no perplexity": lambda means, symbols: np.exp(means).mean(),
            "the nats are natural logarithms: take exp, not a power of 2": lambda means, symbols: (
                2 ** np.average(means, weights=symbols)
            ),
            "that is the cross-entropy; the perplexity is its exponential": lambda means, symbols: (
                np.average(means, weights=symbols)
            ),
        },
    ),
    "language-4": Value(
        right=2 ** (1.5 * 5.5),
        hint="add up the bits of a word, then ask among how many words that chooses",
        mistakes={
            "bits want a power of 2, not of e": np.exp(1.5 * 5.5),
            "that is the perplexity per character": 2**1.5,
            "those are the bits of a word; its perplexity is 2 to that power": 1.5 * 5.5,
            "perplexities multiply over the characters of a word": 5.5 * 2**1.5,
        },
        tolerance=5e-3,
    ),
    "language-5": Function(
        right=witten_bell,
        draw=draw_counts,
        returns={"P": "V V"},
        mistakes={
            "that is add-one smoothing": add_one,
            "a context that was never seen must be left with p": unseen_is_nan,
            "N counts the different symbols, not all": all_counts,
        },
    ),
    "language-6": Function(
        right=tempered,
        draw=draw_tempered,
        returns={"q": "V"},
        mistakes={
            "that is the temperature 1 / tau": lambda p, tau: tempered(p, 1 / tau),
            "p takes the place of the logits: take its logarithm": lambda p, tau: softmax(p / tau),
            "it does not sum to 1": lambda p, tau: p ** (1 / tau),
        },
    ),
    "language-7": Function(
        right=likeliest,
        draw=draw_likeliest,
        returns={"text": "T"},
        mistakes={
            "that is greedy: a good beginning may have a bad end": greedy,
            "each symbol alone is the likeliest, but not the text": best_at_each_step,
        },
        hint="keep the best text for each last symbol",
    ),
    "language-8": Function(
        right=lambda P: stationary(P) @ row_entropies(P),
        draw=lambda rng, s: (distribution(rng, max(2, s["V"]), max(2, s["V"])),),
        returns={"rate": ""},
        mistakes={
            "symbols are not equally frequent: weigh the rows by the stationary distribution": (
                lambda P: row_entropies(P).mean()
            ),
            "that is the floor of unigram models: the entropy of the stationary distribution": (
                entropy_of_stationary
            ),
            "these are bits, not nats": lambda P: stationary(P) @ row_entropies(P) / np.log(2),
        },
    ),
    "language-9": Function(
        right=reader,
        draw=draw_brackets,
        returns={"p": ""},
        mistakes={
            "at the greatest depth only closing is left": without_deepest,
            "at depth 0 nothing is open, and a full stop may come": without_bottom,
        },
        hint="the answer depends on the depth alone",
    ),
    "language-10": Value(
        right="safer",
        hint="compare how often its sentences end with how often they should",
        mistakes={"a cold text lacks what is rare, and full stops are rare": "truer"},
    ),
}
