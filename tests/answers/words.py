"""Answers to the exercises of the page `words`: right ones, and what readers try."""

from itertools import product
from typing import Any

import numpy as np

from answers import Answers
from rnnbook.config import ModelConfig
from rnnbook.losses import softmax_cross_entropy
from rnnbook.metrics import confusion_matrix


def count(V: int, H: int, K: int) -> int:
    """The arrays of the cell, one by one."""
    shapes = [(V, H), (H, H), (H,), (V, K), (H, K), (K,)]
    return sum(int(np.prod(shape)) for shape in shapes)


def by_one_hot(dy: Any, W_hy: Any, lengths: Any, T: int) -> Any:
    read = np.arange(T + 1) == lengths[:, None]
    return read[..., None] * (dy @ W_hy.T)[:, None]


def by_powers(W_xh: Any, W_hh: Any, b_h: Any, W_hy: Any, b_y: Any, ids: Any) -> Any:
    n = len(ids)
    powers = [np.linalg.matrix_power(W_hh, n - 1 - t) for t in range(n)]
    return b_y + sum((W_xh[v] + b_h) @ A @ W_hy for v, A in zip(ids, powers, strict=True))


def rank(V: int, n: int) -> int:
    """Of the design matrix: all words of n letters, a column for each letter in each place."""
    if V**n > 5000:  # the rank of one place more is V - 1 more
        return rank(V, n - 1) + V - 1
    words = np.array(list(product(range(V), repeat=n)))
    design = np.eye(V)[words].reshape(len(words), n * V)
    return int(np.linalg.matrix_rank(design))


def bayes(first: Any, second: Any, ids: Any) -> Any:
    p = np.stack([first, second]) + 1.0
    p /= p.sum(axis=1, keepdims=True)
    return np.log(p[0, ids]) - np.log(p[1, ids])


def read_along(h: Any, W_hy: Any, b_y: Any, lengths: Any) -> Any:
    y = h @ W_hy + b_y
    log_p = y - np.logaddexp.reduce(y, axis=-1, keepdims=True)
    return np.exp(log_p) * (np.arange(h.shape[1]) < lengths[:, None])[..., None]


def leave_out(score: Any, ids: Any) -> Any:
    whole = score(ids)
    return [whole - score([*ids[:t], *ids[t + 1 :]]) for t in range(len(ids))]


def rates(C: Any) -> Any:
    """From the names themselves, counted again."""
    K = len(C)
    pairs = np.repeat(np.indices((K, K)).reshape(2, -1), C.ravel(), axis=1)
    target, answer = pairs
    assert np.array_equal(confusion_matrix(target, answer, K), C)
    recall = [np.mean(answer[target == k] == k) for k in range(K)]
    return recall, [np.mean(target[answer == k] == k) for k in range(K)]


def paid(K: int) -> Any:
    return softmax_cross_entropy(np.eye(K), np.arange(K))[0]


def mean_probability(y: Any) -> Any:
    return np.exp(y - np.logaddexp.reduce(y, axis=-1, keepdims=True)).mean(0)


def of_package(V: int, H: int, K: int) -> int:
    """The package's own network, which reads the new state."""
    shapes = ModelConfig(D=V, H=H, K=K).shapes.values()
    return sum(int(np.prod(shape)) for shape in shapes)


ANSWERS: dict[str, Answers] = {
    "words-1": Answers(
        count,
        [
            (of_package, "output reads the input"),
            (lambda V, H, K: (V + H) * H + (V + H) * K, "has a bias"),
            (lambda V, H, K: (H + 2) * (H + K), "one-hot"),
            (lambda V, H, K: (V + H + 1) * H + (V + 1) * K, "old state"),
            (lambda V, H, K: V * H * K, "two maps"),
            (7, "must be a function"),
        ],
    ),
    "words-2": Answers(
        by_one_hot,
        [
            (lambda dy, W, n, T: by_one_hot(dy, W, n - 1, T), "printed cell"),
            (lambda dy, W, n, T: by_one_hot(dy, W, np.full(len(n), T), T), "last column"),
            (lambda dy, W, n, T: by_one_hot(dy, W, n, T)[:, 1:], "shape"),
            (lambda dy, W, n, T: np.stack([dy @ W.T] * (T + 1), axis=1), "others get nothing"),
        ],
    ),
    "words-3": Answers(
        by_powers,
        [
            (lambda *a: by_powers(*a[:5], a[5][::-1]), "from the end"),
            (lambda W, A, b, U, c, i: by_powers(W, A, 0 * b, U, c, i), "passes through A"),
            (lambda W, A, b, U, c, i: by_powers(W, A, 0 * b, U, c + b @ U, i), "not once"),
            (lambda W, A, b, U, c, i: by_powers(W, A, b, A @ U, c, i), "too many"),
            (lambda W, A, b, U, c, i: by_powers(W, A.T, b, U, c, i), "A is transposed"),
            (lambda W, A, b, U, c, i: c + sum((W[v] + b) @ U for v in i), "letter behind it"),
            (lambda W, A, b, U, c, i: W[i[-1]] @ U + c, "wanted is"),
        ],
    ),
    "words-4": Answers(
        rank,
        [
            (lambda V, n: V**n, "number of names"),
            (lambda V, n: V * n, "count it once"),
            (lambda V, n: V * n + 1, "one constant too many"),
            (lambda V, n: (V - 1) * n, "one constant is left"),
            (lambda V, n: V + n, "moved between them"),
        ],
    ),
    "words-5": Answers(
        bayes,
        [
            (lambda a, b, i: bayes(b, a, i), "second over the first"),
            (lambda a, b, i: bayes(a - 1, b - 1, i), "never counted"),
            (lambda a, b, i: bayes(a, b, i).sum(), "not their sum"),
            (lambda a, b, i: np.log((a + 1) / a.sum() / (b + 1) * b.sum())[i], "smoothing"),
            (lambda a, b, i: np.log((a + 1) / (b + 1))[i], "not probabilities"),
            (
                lambda a, b, i: np.log((a + 1) / (a.sum() + 1) / (b + 1) * (b.sum() + 1))[i],
                "not one for all",
            ),
            (lambda a, b, i: bayes(a, b, i) / np.log(2), "natural logarithm"),
        ],
    ),
    "words-6": Answers(
        read_along,
        [
            (lambda h, W, b, n: read_along(h, W, b, np.full(len(n), h.shape[1])), "padding"),
            (
                lambda h, W, b, n: read_along(
                    h * (np.arange(h.shape[1]) == n[:, None] - 1)[..., None], W, b, n
                ),
                "last step alone",
            ),
            (lambda h, W, b, n: read_along(h, W, 0 * b, n), "has a bias"),
            (
                lambda h, W, b, n: (h @ W + b) * (np.arange(h.shape[1]) < n[:, None])[..., None],
                "softmax",
            ),
            (lambda h, W, b, n: (h @ W + b), "wanted is"),
        ],
    ),
    "words-7": Answers(
        leave_out,
        [
            (lambda score, ids: -np.array(leave_out(score, ids)), "fall is the score"),
            (lambda score, ids: score(ids) - np.array(leave_out(score, ids)), "subtract it"),
            (
                lambda score, ids: [score(ids[: t + 1]) - score(ids[:t]) for t in range(len(ids))],
                "while reading",
            ),
            (
                lambda score, ids: [
                    score(ids) - score(np.where(np.arange(len(ids)) == t, 0, ids))
                    for t in range(len(ids))
                ],
                "take it out",
            ),
            (lambda score, ids: [score([v]) - score([]) for v in ids], "without its word"),
            (
                lambda score, ids: [score(ids) - score(ids[t + 1 :]) for t in range(len(ids))],
                "stand before it",
            ),
            (
                lambda score, ids: [score(ids) - score(ids[:t]) for t in range(len(ids))],
                "stand behind it",
            ),
        ],
    ),
    "words-8": Answers(
        rates,
        [
            (lambda C: rates(C)[::-1], "swapped"),
            (lambda C: (np.diag(C) / C.sum(),) * 2, "share of all"),
            (lambda C: rates(C)[0], "must return"),
            (lambda C: (rates(C)[0], rates(C)[0]), "recall twice"),
            (lambda C: (rates(C)[1], rates(C)[1]), "precision twice"),
        ],
    ),
    "words-9": Answers(
        paid,
        [
            (lambda K: np.log(K), "knows nothing"),
            (lambda K: np.log(np.e + K) - 1, "K - 1 others"),
            (lambda K: np.log(np.e + K - 1), "own logit"),
            (lambda K: -paid(K), "positive"),
            (lambda K: 0.0, "zero"),
        ],
    ),
    "words-10": Answers(
        mean_probability,
        [
            (lambda y: mean_probability(y.mean(0)[None]), "logits"),
            (lambda y: np.eye(y.shape[2])[y.argmax(2)].mean(0), "votes"),
            (lambda y: mean_probability(y) * len(y), "not added"),
            (lambda y: np.exp(mean_probability(y)) / np.exp(mean_probability(y)).sum(-1)[:, None],
             "second softmax"),
            (lambda y: mean_probability(np.swapaxes(y, 0, 1)), "first axis"),
            (lambda y: y.mean(0), "wanted is"),
        ],
    ),
}  # fmt: skip
