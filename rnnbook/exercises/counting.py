"""Exercises of the page `counting`: floors and bounds of tanh, rules, weights set by hand."""

from collections.abc import Callable
from math import comb
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.config import ModelConfig
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Arguments, Exercise, Function, Property, Value, named_arrays

# ------------------------------------------------------------------------- 1: the floor


def floor(target: Array) -> float:
    """By the nearest output of all that there are."""
    return float(np.mean((target - np.clip(target, -1, 1)) ** 2))


def draw_targets(rng: np.random.Generator, s: Sizes) -> Arguments:
    return (rng.normal(0, 2, (s["B"] + 3, s["T"], s["K"])),)


# ------------------------------------------------------------------------- 2: what is left open


def family_error(c: float, g: float) -> float:
    """On the sequence 0, g, 2g, ..., as the rule is written."""
    x = np.array([g, 0.0])
    return float(abs(x[0] + 5 + c * (x[0] - x[1] - 1) - 6 * g))


def draw_family(rng: np.random.Generator, s: Sizes) -> Arguments:
    return float(rng.uniform(-2, 9)), float(rng.integers(2, 9) * rng.choice([-1, 1]))


# ------------------------------------------------------------------------- 3: polynomials


def coefficients(k: int) -> Array:
    """By solving for the rule that is right for 1, t, t^2, ..., t^k, with t + 1 = 0."""
    lags = -np.arange(1.0, k + 2)
    powers = np.vander(lags, k + 1, increasing=True).T
    return np.asarray(np.round(np.linalg.solve(powers, np.eye(k + 1)[0])))


def binomials(k: int) -> Array:
    return np.array([comb(k + 1, j) for j in range(1, k + 2)], float)


# ------------------------------------------------------------------------- 4: scaling


def unscaled(
    W_xh: Array, b_h: Array, W_hy: Array, b_y: Array, mean: float, deviation: float
) -> tuple[Array, ...]:
    W = W_xh / deviation
    return W, b_h - mean * W[0], W_hy * deviation, b_y * deviation + mean


def draw_scaled(rng: np.random.Generator, s: Sizes) -> Arguments:
    H = s["H"]
    arrays = (rng.normal(size=shape) for shape in ((1, H), (H,), (H, 1), (1,)))
    return *arrays, float(rng.normal(20, 5)), float(rng.uniform(2, 9))


# ------------------------------------------------------------------------- 5: the bound


def bound(W_hy: Array, b_y: Array) -> tuple[Array, Array]:
    """Every unit at the end that helps."""
    high = np.where(W_hy > 0, W_hy, -W_hy).sum(0)
    return b_y - high, b_y + high


# ------------------------------------------------------------------------- 6 and 7: by hand


def counts(ahead: int, phi: Callable[[Array], Array]) -> Callable[[Any], str | None]:
    """
    Whether a network says the number `ahead` steps later, from the second step on.

    The last of the sequences is far below what the biases could lift above zero.
    """

    def judge(network: Any) -> str | None:
        p = named_arrays(network, lambda H: ModelConfig(H=H).shapes)
        if isinstance(p, str):
            return p
        for start, growth in (
            (3, 2),
            (40, 7),
            (-5, 3),
            (30, -11),
            (-6, -4),
            (1000, 0),
            (-1_000_000, 7),
            (-1000 * _reach(p["W_xh"], p["b_h"]), 7),
        ):
            x = start + growth * np.arange(8.0)
            h = np.zeros((1, p["b_h"].size))
            for t, x_t in enumerate(x):
                h = phi(x_t * p["W_xh"] + h @ p["W_hh"] + p["b_h"])
                y, wanted = float((h @ p["W_hy"] + p["b_y"])[0, 0]), x_t + ahead * growth
                if t and not abs(y - wanted) < 1e-6 * max(1, abs(x_t)):
                    read = ", ".join(f"{v:.0f}" for v in x[: t + 1])
                    return f"after {read} it must say {wanted:.0f}, but your network says {y:.9g}"
        return None

    return judge


def _reach(W_xh: Array, b_h: Array) -> int:
    """At least the size of the inputs that a bias can outweigh."""
    read = np.abs(W_xh[W_xh != 0])
    return 1 + int(np.abs(b_h).max(initial=0) / read.min(initial=1))


# ------------------------------------------------------------------------- 8: impulse response


def response(W_xh: Array, W_hh: Array, W_hy: Array, n: int) -> Array:
    return np.array([W_xh @ np.linalg.matrix_power(W_hh, k) @ W_hy for k in range(n)])


def draw_linear(rng: np.random.Generator, s: Sizes) -> Arguments:
    D, H, K = s["D"], s["H"], s["K"]
    return *(rng.normal(size=shape) for shape in ((D, H), (H, H), (H, K))), s["T"]


# ------------------------------------------------------------------------- 9: slowly


def creeping(z0: float, y: float, s: float) -> float:
    return float(z0 + 0.5 * np.log1p(16 * (y - 1) * s * np.exp(-2 * z0)))


def draw_creeping(rng: np.random.Generator, s: Sizes) -> Arguments:
    return tuple(float(v) for v in rng.uniform([1, 2, 0.5], [3, 15, 20]))


EXERCISES: Final[dict[str, Exercise]] = {
    "counting-1": Function(
        right=floor,
        draw=draw_targets,
        returns={"floor": ""},
        mistakes={
            "a target within -1 and 1 can be met: its floor is 0": lambda target: np.mean(
                (np.abs(target) - 1) ** 2
            ),
            "a target below -1 is nearest to -1, not to 1": lambda target: np.mean(
                np.where(target < -1, target - 1, target - np.clip(target, -1, 1)) ** 2
            ),
            "targets below -1 have a floor, too": lambda target: np.mean(
                np.maximum(target - 1, 0) ** 2
            ),
            "the loss is a mean, not a sum": lambda target: floor(target) * target.size,
            "the loss is of squares": lambda target: np.mean(np.maximum(np.abs(target) - 1, 0)),
        },
    ),
    "counting-2": Function(
        right=family_error,
        draw=draw_family,
        returns={"error": ""},
        mistakes={
            "a size is not negative": lambda c, g: (5 - c) * (g - 1),
            "the size of a negative error is positive": lambda c, g: -abs((5 - c) * (g - 1)),
            "the bracket is the growth minus 1, not the growth": lambda c, g: abs(
                5 + c * g - 5 * g
            ),
            "wanted is the number five steps ahead, five growths later": lambda c, g: abs(
                5 + c * (g - 1) - g
            ),
        },
    ),
    "counting-3": Function(
        right=coefficients,
        draw=lambda rng, s: (s["B"] - 1,),
        returns={"a": "B"},
        mistakes={
            "the signs alternate, the first is +": binomials,
            "they stand latest first": lambda k: coefficients(k)[::-1],
            "all signs are turned": lambda k: -coefficients(k),
            "degree k wants k + 1 numbers: the rule is one too short": lambda k: coefficients(
                max(k - 1, 0)
            ),
        },
        hint="expand (1 - q)^(k+1)",
    ),
    "counting-4": Function(
        right=unscaled,
        draw=draw_scaled,
        returns={"W_xh": "1 H", "b_h": "H", "W_hy": "H 1", "b_y": "1"},
        mistakes={
            "b_h must take the mean out of the input": lambda W_xh, b_h, W_hy, b_y, m, d: (
                W_xh / d,
                b_h,
                W_hy * d,
                b_y * d + m,
            ),
            "the mean in b_h passes W_xh, and the deviation": lambda W_xh, b_h, W_hy, b_y, m, d: (
                W_xh / d,
                b_h - m * W_xh[0],
                W_hy * d,
                b_y * d + m,
            ),
            "b_y is in the network's scale: it is multiplied, too": (
                lambda W_xh, b_h, W_hy, b_y, m, d: (
                    *unscaled(W_xh, b_h, W_hy, b_y, m, d)[:3],
                    b_y + m,
                )
            ),
            "that is the other direction: from numbers to the scale": (
                lambda W_xh, b_h, W_hy, b_y, m, d: unscaled(W_xh, b_h, W_hy, b_y, -m / d, 1 / d)
            ),
        },
    ),
    "counting-5": Function(
        right=bound,
        draw=lambda rng, s: (rng.normal(size=(s["H"], s["K"])), rng.normal(size=s["K"])),
        returns={"lowest": "K", "highest": "K"},
        mistakes={
            "b_y is missing": lambda W_hy, b_y: bound(W_hy, 0 * b_y),
            "the lowest comes first": lambda W_hy, b_y: bound(W_hy, b_y)[::-1],
            "each output has a sum of its own, over the units": lambda W_hy, b_y: (
                b_y - np.abs(W_hy).sum(),
                b_y + np.abs(W_hy).sum(),
            ),
            "b_y is a constant and has no sign to choose": lambda W_hy, b_y: (
                -np.abs(W_hy).sum(0) - np.abs(b_y),
                np.abs(W_hy).sum(0) + np.abs(b_y),
            ),
            "a unit may be negative as well: take absolute values": lambda W_hy, b_y: (
                b_y - W_hy.sum(0),
                b_y + W_hy.sum(0),
            ),
            "a state that is 0 or 1 would be a sigmoid's": lambda W_hy, b_y: (
                b_y + np.minimum(W_hy, 0).sum(0),
                b_y + np.maximum(W_hy, 0).sum(0),
            ),
        },
    ),
    "counting-6": Property(counts(5, lambda z: z)),
    "counting-7": Property(counts(1, lambda z: np.maximum(z, 0))),
    "counting-8": Function(
        right=response,
        draw=draw_linear,
        returns={"g": "T D K"},
        mistakes={
            "the first entry is k = 0, with no W_hh in it": lambda W_xh, W_hh, W_hy, n: response(
                W_xh @ W_hh, W_hh, W_hy, n
            ),
            "W_hh is transposed: a state is a row": lambda W_xh, W_hh, W_hy, n: response(
                W_xh, W_hh.T, W_hy, n
            ),
            "latest first: entry k is k steps back": lambda W_xh, W_hh, W_hy, n: response(
                W_xh, W_hh, W_hy, n
            )[::-1],
            "a power of a matrix is of the whole, not of its entries": (
                lambda W_xh, W_hh, W_hy, n: np.array([W_xh @ W_hh**k @ W_hy for k in range(n)])
            ),
        },
    ),
    "counting-9": Function(
        right=creeping,
        draw=draw_creeping,
        returns={"z": ""},
        mistakes={
            "a factor 2 is missing, that of the square or that of e^(2z)": lambda z0, y, s: (
                creeping(z0, y, s / 2)
            ),
            "e^(2z) grows: take the logarithm, and half of it": lambda z0, y, s: (
                np.exp(2 * z0) + 16 * (y - 1) * s
            ),
            "the logarithm is 2z, not z": lambda z0, y, s: 2 * creeping(z0, y, s),
            "it starts at z0": lambda z0, y, s: np.log(16 * (y - 1) * s) / 2,
            "the slope is 4 e^(-2z)": lambda z0, y, s: creeping(z0, y, s / 4),
            "the error is y - 1": lambda z0, y, s: creeping(z0, y + 1, s),
        },
    ),
    "counting-10": Value(
        right="stops",
        hint="run 300 steps and print the last ten answers of each seed",
        mistakes={
            "its answers are bounded: it cannot count on": "counts",
            "most seeds come to rest at one number": "swings",
        },
    ),
}
