"""Answers to the exercises of the page `memory`."""

from typing import Any

import numpy as np

from answers import Answers

# ------------------------------------------------------------------------- 4: learning the share


def smoothing_loss(x: Any, alpha: float, h0: float) -> float:
    h, total = h0, 0.0
    for x_t in x:
        total += (x_t - h) ** 2
        h = alpha * x_t + (1 - alpha) * h
    return total / len(x)


def alpha_gradient(x: Any, alpha: float, h0: float) -> float:
    """By a complex step: exact to rounding, and no derivative is taken by hand."""
    return float(np.imag(smoothing_loss(x, alpha + 1e-30j, h0)) / 1e-30)


def alpha_gradient_of_one_step(x: Any, alpha: float, h0: float) -> float:
    h, before, total = h0, 0.0, 0.0
    for x_t in x:
        total += (x_t - h) * before
        before = x_t - h
        h = h + alpha * before
    return -2 * total / len(x)


def alpha_gradient_one_late(x: Any, alpha: float, h0: float) -> float:
    h, g, total = h0, 0.0, 0.0
    for x_t in x:
        g = (1 - alpha) * g + (x_t - h)
        total += (x_t - h) * g
        h = (1 - alpha) * h + alpha * x_t
    return -2 * total / len(x)


# ------------------------------------------------------------------------- 5: the steady gain


def gain(a: float, q: float, r: float) -> float:
    """The gain's own quadratic: a^2 k^2 + (1 - a^2 + q/r) k - q/r = 0."""
    roots = np.roots([a * a, 1 - a * a + q / r, -q / r])
    return float(roots[roots > 0][0])


def gain_of(a_squared: float, q: float, r: float, which: int) -> float:
    P = np.sort(np.roots([1, r - a_squared * r - q, -q * r]))[which]
    return float(P / (P + r))


def posterior_gain(a: float, q: float, r: float) -> float:
    v = gain(a, q, r) * r  # (1 - k) P = k r
    return v / (v + r)


# ------------------------------------------------------------------- 6 and 7: a hidden Markov model


def ahead(h: Any, A: Any, C: Any, k: int) -> Any:
    p = np.array(h)
    for _ in range(k):
        p = np.array([sum(p[i] * A[i, j] for i in range(len(p))) for j in range(len(p))])
    return np.array([p @ C[:, v] for v in range(C.shape[1])])


def log_probability(x: Any, h: Any, A: Any, C: Any) -> float:
    """Multiplied up by powers of two, which are exact, and taken off again."""
    shift = 0
    for x_t in x:
        h = (h @ A) * C[:, x_t]
        _, power = np.frexp(h.max())
        h, shift = np.ldexp(h, -power), shift + int(power)
    return float(np.log(h.sum()) + shift * np.log(2))


def without_division(x: Any, h: Any, A: Any, C: Any) -> float:
    for x_t in x:
        h = (h @ A) * C[:, x_t]
    return float(np.log(h.sum()))


def last_factor_only(x: Any, h: Any, A: Any, C: Any) -> float:
    for x_t in x:
        h = (h @ A) * C[:, x_t]
        p, h = h.sum(), h / h.sum()
    return float(np.log(p))


def no_swap_first(x: Any, h: Any, A: Any, C: Any) -> float:
    h = h * C[:, x[0]]
    return float(np.log(h.sum())) + log_probability(x[1:], h / h.sum(), A, C)


# ------------------------------------------------------------------------- 8: two rectifiers

LIGHT = (
    np.array([[1.0, -1.0, 0.5]]),  # with a third unit that nobody reads
    np.array([[-1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
    np.zeros(3),
    np.array([[1.0], [1.0], [0.0]]),
    np.zeros(1),
)
ADDS_UP = (np.eye(1), np.eye(1), np.zeros(1), np.ones((1, 1)), np.zeros(1))
TRANSPOSED = (
    np.array([[-1.0, 1.0]]),
    np.array([[1.0, 1.0], [-1.0, -1.0]]),
    np.zeros(2),
    np.ones((2, 1)),
    np.zeros(1),
)


# ------------------------------------------------------------------------- 9: windows


def parts(series: Any, n_train: int, p: int, scale: Any = None, back: int = 0) -> Any:
    train = series[:n_train]
    mean, deviation = (np.mean(train), np.std(train)) if scale is None else scale(series)
    found: list[Any] = []
    for part in (train, series[n_train - back :]):
        rows = range(len(part) - p)
        found.append(np.array([[(part[i + j] - mean) / deviation for j in range(p)] for i in rows]))
        found.append(np.array([(part[i + p] - mean) / deviation for i in rows]))
    return found


def whole(series: Any) -> Any:
    return np.mean(series), np.std(series)


def unbiased(series: Any, n_train: int, p: int) -> Any:
    train = series[:n_train]
    return parts(series, n_train, p, lambda _: (np.mean(train), np.std(train, ddof=1)))


def one_window_too_many(series: Any, n_train: int, p: int) -> Any:
    X, y, *test = parts(series, n_train, p)
    return np.vstack([X, X[-1:]]), y, *test


ANSWERS: dict[str, Answers] = {
    "memory-1": Answers(
        lambda V, p: (V**p * V, (p * V) * V + V),
        [
            (lambda V, p: (V**p, p * V * V + V), "each holds V counts"),
            (lambda V, p: (V ** (p + 1), p * V * V), "biases"),
            (lambda V, p: (V ** (p + 1), p * V + V), "V outputs come out"),
            (lambda V, p: V ** (p + 1), "must return (table, linear)"),
            (lambda V, p: (p * V * V + V, V ** (p + 1)), "comes first"),
            (lambda V, p: (p * V, p * V * V + V), "wanted is"),
        ],
    ),
    "memory-2": Answers(
        lambda h, x: ((0, 1), (2, 0), (1, 2))[h][x],
        [
            (lambda h, x: 2 * h + x, "must be 0, 1 or 2"),
            (lambda h, x: (h + x) % 3, "the number is 3, but"),
            (lambda h, x: (2 * h + x) % 2, "says remainder"),
            (lambda h, x: 2 * x, "after bit 1 the number is 1"),
            (3, "must be a function of (h, x)"),
        ],
    ),
    "memory-3": Answers(
        lambda w: (
            np.array([[1.0] + [0.0] * (len(w) - 1)]),
            np.diag(np.ones(len(w) - 1), 1),
            np.array([[each] for each in w]),
        ),
        [
            (lambda w: (np.eye(1, len(w)), np.eye(len(w), k=-1), w[:, None]), "transposed"),
            (
                lambda w: (
                    np.eye(1, len(w))[:, ::-1],
                    np.eye(len(w), k=-1),
                    w[::-1, None],
                ),
                "oldest first",
            ),
            (
                lambda w: (np.eye(1, len(w)), np.roll(np.eye(len(w)), 1, axis=1), w[:, None]),
                "forgets nothing",
            ),
            (lambda w: (np.eye(1, len(w)), np.eye(len(w), k=1), w), "must be a column"),
            (lambda w: (np.eye(len(w))[0], np.eye(len(w), k=1), w[:, None]), "must be a row"),
            (lambda w: (np.eye(1, len(w)), np.eye(len(w)), w[:, None]), "how much of the old"),
        ],
    ),
    "memory-4": Answers(
        alpha_gradient,
        [
            (alpha_gradient_of_one_step, "a product rule is missing"),
            (lambda x, alpha, h0: len(x) * alpha_gradient(x, alpha, h0), "T times too large"),
            (lambda x, alpha, h0: -alpha_gradient(x, alpha, h0), "wrong sign"),
            (lambda x, alpha, h0: alpha_gradient(x, alpha, h0) / 2, "half of what it should be"),
            (alpha_gradient_one_late, "before it moves on"),
            (lambda x, alpha, h0: 0.0, "zero everywhere"),
        ],
    ),
    "memory-5": Answers(
        gain,
        [
            (lambda a, q, r: gain(1.0, q, r), "right for a = 1 alone"),
            (lambda a, q, r: gain(a, q, r) * r / (1 - gain(a, q, r)), "this is the variance P"),
            (posterior_gain, "the one after"),
            (lambda a, q, r: gain_of(a, q, r, 1), "a is squared"),
            (lambda a, q, r: gain_of(a * a, q, r, 0), "the other root"),
            (lambda a, q, r: q / (q + r), "wanted is"),
        ],
    ),
    "memory-6": Answers(
        ahead,
        [
            (lambda h, A, C, k: ahead(h, A, C, k - 1), "one time too few"),
            (lambda h, A, C, k: ahead(h, A, C, k + 1), "one time too many"),
            (lambda h, A, C, k: ahead(h, A.T, C, k), "a belief is a row"),
            (lambda h, A, C, k: h @ np.linalg.matrix_power(A, k), "turns it into symbols"),
            (lambda h, A, C, k: h @ A @ C, "whatever k is"),
        ],
    ),
    "memory-7": Answers(
        log_probability,
        [
            (without_division, "has become 0"),
            (lambda x, h, A, C: log_probability(x, h, A, C) / np.log(2), "natural logarithm"),
            (lambda x, h, A, C: log_probability(x, h, A, C) / len(x), "the sum is wanted"),
            (last_factor_only, "the logarithms of the divisors"),
            (no_swap_first, "even that comes after A"),
        ],
    ),
    "memory-8": Answers(
        LIGHT,
        [
            (ADDS_UP, "the light is 0, but your output is 2"),
            (TRANSPOSED, "the light is"),
            (LIGHT[:3], "must be the tuple (W_xh, W_hh"),
            ((LIGHT[0].T, *LIGHT[1:]), "W_xh has the shape (3, 1)"),
        ],
    ),
    "memory-9": Answers(
        parts,
        [
            (lambda s, n, p: parts(s, n, p, whole), "the future is in them"),
            (lambda s, n, p: parts(s, n, p, back=p), "reach back across the split"),
            (lambda s, n, p: parts(s, n, p, lambda _: (0.0, 1.0)), "not standardised"),
            (
                lambda s, n, p: [*parts(s, n, p)[:2], *parts(s[n:], len(s) - n, p)[:2]],
                "scaled by itself",
            ),
            (unbiased, "ddof"),
            (one_window_too_many, "has the shape"),
            (lambda s, n, p: [a[:, ::-1] if a.ndim == 2 else a for a in parts(s, n, p)], "latest"),
        ],
    ),
    "memory-10": Answers(
        np.array([3, 5, 8, 13]),
        [
            ([2, 4, 7, 12], "one too few"),
            ([4, 6, 9, 14], "one too many"),
            ([13, 8, 5, 3], "turned round"),
            ([3, 5, 8], "must have (4,)"),
            (13, "must be an array"),
        ],
    ),
}
