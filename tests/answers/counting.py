"""Answers to the exercises on counting."""

from typing import Any

import numpy as np

from . import Answers


def floor(target: Any) -> Any:
    over = np.abs(target)[np.abs(target) > 1] - 1
    return (over**2).sum() / target.size


def coefficients(k: int) -> Any:
    """From the coefficients of (1 - q)^(k+1), multiplied out."""
    polynomial = np.array([1.0])
    for _ in range(k + 1):
        polynomial = np.convolve(polynomial, [1, -1])
    return -polynomial[1:]


def weights(W_xh: Any, b_h: Any, W_hy: Any, b_y: Any, mean: float, deviation: float) -> Any:
    return (
        W_xh / deviation,
        b_h - (mean / deviation) * W_xh.ravel(),
        deviation * W_hy,
        mean + deviation * b_y,
    )


def bound(W_hy: Any, b_y: Any) -> Any:
    reach = np.linalg.norm(W_hy, 1, axis=0) if W_hy.size else 0
    return np.stack([b_y - reach, b_y + reach])


def shift(a: float, b: float, size: float = 1.0) -> Any:
    """Two linear units, the state held `size` times as large."""
    W_hh = np.array([[0, 1], [0, 0.0]])
    return [[size, 0]], W_hh, np.zeros(2), [[a / size], [b / size]], [0]


def rectified(growing: bool = True) -> Any:
    """With other copies than the page's: units of x and -x, of the step before and of this one."""
    W_hh = np.zeros((4, 4))
    W_hh[2, 0] = W_hh[3, 1] = 0.5
    W_hy = np.array([[-2.0], [2], [1], [-1]]) if growing else np.array([[0.0], [0], [0.5], [-0.5]])
    return np.array([[0, 0, 2.0, -2]]), W_hh, np.zeros(4), W_hy, np.zeros(1)


def rectified_right() -> Any:
    """State 2 max(x, 0), 2 max(-x, 0) in the last two, max(+-x) of the step before in the first."""
    W_xh, W_hh, b_h, _, b_y = rectified()
    return W_xh, W_hh, b_h, np.array([[-1.0], [1], [1], [-1]]), b_y


def response(W_xh: Any, W_hh: Any, W_hy: Any, n: int) -> Any:
    """From the right: W_hh^k W_hy."""
    found = []
    for _ in range(n):
        found.append(np.einsum("dh,hk->dk", W_xh, W_hy))
        W_hy = W_hh @ W_hy
    return np.stack(found)


def creeping(z0: float, y: float, s: float) -> Any:
    """By small steps of the differential equation, with Runge and Kutta."""
    z, n = z0, 20000
    for _ in range(n):
        k1 = 8 * (y - 1) * np.exp(-2 * z)
        k2 = 8 * (y - 1) * np.exp(-2 * (z + s / n / 2 * k1))
        k3 = 8 * (y - 1) * np.exp(-2 * (z + s / n / 2 * k2))
        k4 = 8 * (y - 1) * np.exp(-2 * (z + s / n * k3))
        z += s / n * (k1 + 2 * k2 + 2 * k3 + k4) / 6
    return z


def closed_form(z0: float, y: float, s: float, factor: float = 16) -> Any:
    return np.log(np.exp(2 * z0) + factor * (y - 1) * s) / 2


ANSWERS: dict[str, Answers] = {
    "counting-1": Answers(
        floor,
        [
            (lambda target: np.mean((target - 1) ** 2), "wanted is"),
            (lambda target: np.mean((abs(target) - 1) ** 2), "can be met"),
            (lambda target: floor(target) * target.size, "not a sum"),
            (lambda target: np.mean(np.maximum(target - 1, 0) ** 2), "have a floor, too"),
        ],
    ),
    "counting-2": Answers(
        lambda c, g: abs(5 * g - 5 - c * g + c),
        [
            (lambda c, g: (5 - c) * (g - 1), "not negative"),
            (lambda c, g: abs(5 + c * g - 5 * g), "minus 1"),
            (lambda c, g: abs(5 + c * (g - 1) - g), "five growths later"),
            (lambda c, g: abs(5 - c), "wanted is"),
        ],
    ),
    "counting-3": Answers(
        coefficients,
        [
            (lambda k: abs(coefficients(k)), "signs alternate"),
            (lambda k: coefficients(k)[::-1], "latest first"),
            (lambda k: -coefficients(k), "signs are turned"),
            (lambda k: coefficients(max(0, k - 1)), "k + 1 numbers"),
        ],
    ),
    "counting-4": Answers(
        weights,
        [
            (lambda W, b, V, c, m, d: (W / d, b, V * d, c * d + m), "take the mean out"),
            (lambda W, b, V, c, m, d: (W / d, b - m * W[0], V * d, c * d + m), "the deviation"),
            (lambda W, b, V, c, m, d: (*weights(W, b, V, c, m, d)[:3], c + m), "b_y is in"),
            (lambda W, b, V, c, m, d: (W * d, b + m * W[0], V / d, (c - m) / d), "other direction"),
            (lambda W, b, V, c, m, d: (W, b, V), "must return"),
        ],
    ),
    "counting-5": Answers(
        bound,
        [
            (lambda W, b: (-abs(W).sum(0), abs(W).sum(0)), "b_y is missing"),
            (lambda W, b: bound(W, b)[::-1], "lowest comes first"),
            (lambda W, b: (b - W.sum(0), b + W.sum(0)), "absolute values"),
            (lambda W, b: (b - abs(W).sum(1), b + abs(W).sum(1)), "raises"),
            (lambda W, b: (b - abs(W).sum(), b + abs(W).sum()), "a sum of its own"),
            (lambda W, b: (b + np.minimum(W, 0).sum(0), b + np.maximum(W, 0).sum(0)), "sigmoid"),
        ],
    ),
    "counting-6": Answers(
        shift(6, -5, size=-3.0),
        [
            (shift(2, -1), "it must say"),
            (shift(5, -4), "after 3, 5 it must say 15"),
            (shift(6, -5)[:4], "must be the tuple"),
            (([[1, 0]], np.array([[0, 0], [1, 0]]), [0, 0], [[6], [-5]], [0]), "your network says"),
            (([[1], [0]], np.zeros((2, 2)), [0, 0], [[6], [-5]], [0]), "W_xh has the shape"),
        ],
    ),
    "counting-7": Answers(
        rectified_right(),
        [
            (shift(2, -1), "after -5, -2"),
            (rectified(), "it must say"),
            (rectified(growing=False), "it must say"),
            (([[1, 0]], np.eye(2, k=1), [500.0, 0], [[2], [-1]], [-500.0]), "your network says"),
            (([[1, 0]], np.eye(2, k=1), [1e8, 0], [[2], [-1]], [-1e8]), "your network says"),
        ],
    ),
    "counting-8": Answers(
        response,
        [
            (lambda W, U, V, n: response(W @ U, U, V, n), "k = 0"),
            (lambda W, U, V, n: response(W, U.T, V, n), "transposed"),
            (lambda W, U, V, n: response(W, U, V, n)[::-1], "latest first"),
            (lambda W, U, V, n: np.array([W @ U**k @ V for k in range(n)]), "of its entries"),
            (lambda W, U, V, n: response(W, U, V, n).sum((1, 2)), "shape"),
        ],
    ),
    "counting-9": Answers(
        creeping,
        [
            (lambda z0, y, s: closed_form(z0, y, s, 8), "a factor 2 is missing"),
            (lambda z0, y, s: np.exp(2 * closed_form(z0, y, s)), "take the logarithm"),
            (lambda z0, y, s: 2 * closed_form(z0, y, s), "2z, not z"),
            (lambda z0, y, s: closed_form(-np.inf, y, s), "starts at z0"),
            (lambda z0, y, s: closed_form(z0, y + 1, s), "the error is y - 1"),
        ],
    ),
    "counting-10": Answers(
        "stops", [("counts", "bounded"), ("swings", "come to rest"), ("grows", "last ten")]
    ),
}
