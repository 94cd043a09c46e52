"""Exercises of the page on the sine wave: naive errors, filters, closed loops, the first state."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Params
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Exercise, Function, Value

# --------------------------------------------------------------- 1 to 3: counting and scoring


def count(D: int, H: int, K: int) -> int:
    return D * H + H * H + H + H * K + K


def draw_horizon(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    return float(rng.uniform(0.05, 0.4)), s["T"]


def persistence(delta: float, m: int) -> Any:
    return 1 - np.cos(m * delta)


def draw_series(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    series = rng.normal(40, 30, 4 * s["T"] + 6)
    target = series[s["T"] : 2 * s["T"] + 3]
    return target, target + rng.normal(0, 15, target.shape), series


def relative_variance(target: Array, prediction: Array, series: Array) -> Any:
    return np.mean((target - prediction) ** 2) / np.var(series)


# --------------------------------------------------------- 4 and 5: the best of one coefficient


def draw_noisy(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    return float(rng.uniform(0.1, 0.6)), float(rng.uniform(0.1, 0.5))


def one_noisy_value(delta: float, sigma: float) -> tuple[Any, Any]:
    together, alone = np.cos(delta) / 2, 1 / 2 + sigma**2
    return together / alone, 1 / 2 + sigma**2 - together**2 / alone


def with_coefficient(c: Any, delta: float, sigma: float, seen: bool = True) -> tuple[Any, Any]:
    """Any coefficient and the error that it has, of the next value seen or of the wave."""
    clean = 1 / 2 - c * np.cos(delta) + c**2 * (1 / 2 + sigma**2)
    return c, clean + sigma**2 * seen


def draw_frequencies(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    return (rng.uniform(0.1, 1.2, max(2, s["V"])),)


def one_for_all(omegas: Array) -> tuple[Any, Any]:
    return 2 * np.cos(omegas).mean(), 2 * np.cos(omegas).var()


def one_at_the_mean(omegas: Array) -> tuple[Any, Any]:
    c = 2 * np.cos(omegas.mean())
    return c, np.mean((2 * np.cos(omegas) - c) ** 2) / 2


# ----------------------------------------------------------------- 6: from filter to frequencies


def draw_filter(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    k = min(s["K"], 4)
    omegas = np.linspace(0.4, 2.4, 4)[:k] + rng.uniform(-0.2, 0.2, k)
    return (-np.poly(np.exp(1j * np.concatenate([omegas, -omegas]))).real[1:],)


def angles(a: Array) -> Array:
    """Of all roots of z^p = a_1 z^(p-1) + ... + a_p, in order."""
    return np.asarray(np.sort(np.angle(np.roots(np.concatenate([[1.0], -a])))))


def frequencies(a: Array) -> Array:
    return angles(a)[len(a) // 2 :]


def wrong_sign(a: Array) -> Array:
    return frequencies(-a)


# ------------------------------------------------------------- 7: the gradient of the first state


def draw_network(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    B, T, D, H, K = (s[letter] for letter in "BTDHK")
    shapes = {"W_xh": (D, H), "W_hh": (H, H), "b_h": (H,), "W_hy": (H, K), "b_y": (K,)}
    p = {name: 0.5 * rng.normal(size=shape) for name, shape in shapes.items()}
    return (
        p,
        rng.normal(size=(B, T, D)),
        rng.normal(size=(B, T, K)),
        0.5 * rng.normal(size=(B, H)),
    )


def back_to_first(p: Params, x: Array, target: Array, h_0: Array) -> list[Array]:
    """The gradients (B, H) of z_1 ... z_T, h_0's own at the end; of the mean squared error."""
    h = [h_0]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ p["W_xh"] + h[-1] @ p["W_hh"] + p["b_h"]))
    dz, found = np.zeros_like(h_0), []
    for t in reversed(range(x.shape[1])):
        dy = 2 * (h[t + 1] @ p["W_hy"] + p["b_y"] - target[:, t]) / target.size
        dz = (dy @ p["W_hy"].T + dz @ p["W_hh"].T) * (1 - h[t + 1] ** 2)
        found.append(dz)
    return [*found[::-1], dz @ p["W_hh"].T]


def first_state(p: Params, x: Array, target: Array, h_0: Array) -> Array:
    return back_to_first(p, x, target, h_0)[-1]


def from_first_step(p: Params, x: Array, target: Array, h_0: Array) -> Array:
    scale = x.shape[1]  # the one step's own mean is over fewer numbers
    return np.asarray(first_state(p, x[:, :1], target[:, :1], h_0) / scale)


def with_an_output(p: Params, x: Array, target: Array, h_0: Array) -> Array:
    """As if the first output were read off h_0."""
    dy = 2 * (h_0 @ p["W_hy"] + p["b_y"] - target[:, 0]) / target.size
    return np.asarray(first_state(p, x, target, h_0) + dy @ p["W_hy"].T)


def with_a_slope(p: Params, x: Array, target: Array, h_0: Array) -> Array:
    return np.asarray(first_state(p, x, target, h_0) * (1 - h_0**2))


# -------------------------------------------------------------------------- 8: the closed loop

Step = Callable[[Array, Any], tuple[Array, Any]]


def draw_step(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """A random network that reads and predicts D numbers; its state is None at the beginning."""
    D, H = s["D"], s["H"]
    W_xh, W_hh, W_hy = (rng.normal(size=shape) for shape in ((D, H), (H, H), (H, D)))

    def step(x: Array, state: Any) -> tuple[Array, Any]:
        h = np.tanh(x @ W_xh + (0.3 if state is None else state[0] @ W_hh))
        return h @ W_hy, (h,)

    return step, rng.normal(size=(s["T"], D)), s["L"]


def loop(step: Step, x: Array, steps: int) -> Array:
    state, y = None, x[0]
    for each in x:
        y, state = step(each, state)
    found = [y]
    while len(found) < steps:
        y, state = step(y, state)
        found.append(y)
    return np.array(found)


def forgetful(step: Step, x: Array, steps: int) -> Array:
    """Each prediction from the one before, the state lost."""
    found = [loop(step, x, 1)[0]]
    while len(found) < steps:
        found.append(step(found[-1], None)[0])
    return np.array(found)


def always_forgetful(step: Step, x: Array, steps: int) -> Array:
    return loop(step, x[-1:], 1) if steps == 1 else forgetful(step, x[-1:], steps)


def last_only(step: Step, x: Array, steps: int) -> Array:
    return loop(step, x[-1:], steps)


def with_the_last(step: Step, x: Array, steps: int) -> Array:
    return np.concatenate([x[-1:], loop(step, x, steps)])[:steps]


def one_late(step: Step, x: Array, steps: int) -> Array:
    return loop(step, x, steps + 1)[1:]


def last_read_twice(step: Step, x: Array, steps: int) -> Array:
    return loop(step, np.concatenate([x, x[-1:]]), steps)


# --------------------------------------------------------------------- 9: noise, m steps ahead


def draw_ahead(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    return float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.05, 0.3)), s["T"]


def ahead(delta: float, sigma: float, m: int) -> Any:
    """AR(2), fed back, is (sin((m+1) delta) s_i - sin(m delta) s_(i-1)) / sin(delta)."""
    return sigma**2 * (np.sin((m + 1) * delta) ** 2 + np.sin(m * delta) ** 2) / np.sin(delta) ** 2


EXERCISES: Final[dict[str, Exercise]] = {
    "sine-1": Function(
        right=count,
        draw=lambda rng, s: (s["D"], s["H"], s["K"]),
        returns={"count": ""},
        mistakes={
            "both biases are missing": lambda D, H, K: D * H + H * H + H * K,
            "the state's bias is missing": lambda D, H, K: count(D, H, K) - H,
            "the output's bias is missing": lambda D, H, K: count(D, H, K) - K,
            "W_hh leads from each unit to each: H times H numbers": lambda D, H, K: (
                count(D, H, K) - H * H + H
            ),
            "W_hh is missing": lambda D, H, K: count(D, H, K) - H * H,
            "the state of this network has one bias, not two": lambda D, H, K: count(D, H, K) + H,
        },
        hint="three matrices and two biases",
    ),
    "sine-2": Function(
        right=persistence,
        draw=draw_horizon,
        returns={"error": ""},
        mistakes={
            "that is one step ahead": lambda delta, m: 1 - np.cos(delta),
            "the squared cosine is one half on average": lambda delta, m: 2 * persistence(delta, m),
            "m errors of one step do not just add up: they are not independent": lambda delta, m: (
                m * (1 - np.cos(delta))
            ),
            "m differences of one step add up, but they change": lambda delta, m: (
                m**2 * (1 - np.cos(delta))
            ),
            "that is the root: the mean squared error is wanted": lambda delta, m: np.sqrt(
                persistence(delta, m)
            ),
        },
        hint="the difference of two sines is a product",
    ),
    "sine-3": Function(
        right=relative_variance,
        draw=draw_series,
        returns={"arv": ""},
        mistakes={
            "the divisor is the variance of the series, not of the years asked for": (
                lambda target, prediction, series: relative_variance(target, prediction, target)
            ),
            "the variance divides by the number of values, not by one less": (
                lambda target, prediction, series: (
                    np.mean((target - prediction) ** 2) / np.var(series, ddof=1)
                )
            ),
            "a variance is taken about the mean": lambda target, prediction, series: (
                np.mean((target - prediction) ** 2) / np.mean(series**2)
            ),
            "that is its root": lambda target, prediction, series: np.sqrt(
                relative_variance(target, prediction, series)
            ),
            "that is 1 less it: here low is good": lambda target, prediction, series: (
                1 - relative_variance(target, prediction, series)
            ),
        },
    ),
    "sine-4": Function(
        right=one_noisy_value,
        draw=draw_noisy,
        returns={"c": "", "error": ""},
        mistakes={
            "that is best without noise; with it, a smaller c is better": lambda delta, sigma: (
                with_coefficient(np.cos(delta), delta, sigma)
            ),
            "the next value is seen through noise, too": lambda delta, sigma: with_coefficient(
                one_noisy_value(delta, sigma)[0], delta, sigma, seen=False
            ),
            "the mean square of a sine is one half, not one": lambda delta, sigma: (
                np.cos(delta) / (1 + sigma**2),
                1 + sigma**2 - np.cos(delta) ** 2 / (1 + sigma**2),
            ),
        },
        hint="the best c is the mean of the product over the mean of the square",
    ),
    "sine-5": Function(
        right=one_for_all,
        draw=draw_frequencies,
        returns={"c": "", "error": ""},
        mistakes={
            "the cosine of the mean is not the mean of the cosines": one_at_the_mean,
            "c multiplies the wave, whose mean square is one half": lambda omegas: (
                one_for_all(omegas)[0],
                2 * one_for_all(omegas)[1],
            ),
            "c is twice the mean of the cosines": lambda omegas: (
                one_for_all(omegas)[0] / 2,
                one_for_all(omegas)[1],
            ),
        },
        hint="with the frequency w the error is (2 cos w - c) s_i",
    ),
    "sine-6": Function(
        right=frequencies,
        draw=draw_filter,
        returns={"omegas": "K"},
        mistakes={
            "each frequency comes with its negative: keep the positive ones": angles,
            "a sign is wrong: the polynomial is z^p - a_1 z^(p-1) - ... - a_p": wrong_sign,
            "that is 2 cos of each": lambda a: 2 * np.cos(frequencies(a)),
            "the smallest comes first": lambda a: frequencies(a)[::-1],
            "in radians, not in degrees": lambda a: np.degrees(frequencies(a)),
        },
        hint="put the powers of a number z into the autoregression",
    ),
    "sine-7": Function(
        right=first_state,
        draw=draw_network,
        returns={"dh_0": "B H"},
        mistakes={
            "that is the gradient of z_1: one product with W_hh is left": (
                lambda p, x, target, h_0: back_to_first(p, x, target, h_0)[0]
            ),
            "what comes back from later steps is missing": from_first_step,
            "no output is read off the first state": with_an_output,
            "the first state has not come out of a tanh, so there is no slope": with_a_slope,
            "the loss is a mean over all outputs": lambda p, x, target, h_0: (
                first_state(p, x, target, h_0) * target.size
            ),
            "W_hh must be transposed": lambda p, x, target, h_0: (
                back_to_first(p, x, target, h_0)[0] @ p["W_hh"]
            ),
        },
    ),
    "sine-8": Function(
        right=loop,
        draw=draw_step,
        returns={"y": "L D"},
        mistakes={
            "the state is lost: each step must get the one that the step before returned": (
                forgetful
            ),
            "the known values are not read, and the state is lost": always_forgetful,
            "all known values must be read, not the last alone": last_only,
            "the last known value is no prediction": with_the_last,
            "the first prediction is there once the known values are read": one_late,
            "the last known value must be read once, not twice": last_read_twice,
        },
        hint="every call returns the state for the next",
    ),
    "sine-9": Function(
        right=ahead,
        draw=draw_ahead,
        returns={"variance": ""},
        mistakes={
            "that is one step ahead": lambda delta, sigma, m: ahead(delta, sigma, 1),
            "that is one step further": lambda delta, sigma, m: ahead(delta, sigma, m + 1),
            "the noise of one step does not just add up m times": lambda delta, sigma, m: (
                m * ahead(delta, sigma, 1)
            ),
            "the two noises are independent: add their squares": lambda delta, sigma, m: (
                sigma**2 * (np.sin((m + 1) * delta) - np.sin(m * delta)) ** 2 / np.sin(delta) ** 2
            ),
            "the wave itself is the target, not what is seen of it": lambda delta, sigma, m: (
                ahead(delta, sigma, m) + sigma**2
            ),
            "that is the deviation: the variance is wanted": lambda delta, sigma, m: np.sqrt(
                ahead(delta, sigma, m)
            ),
        },
        hint="a wave through two values: what does m steps later depend on?",
    ),
    "sine-10": Value(
        right="network",
        hint='the answer is "network" or "AR(2)": plot the last hundred steps of ten runs of each',
        mistakes={
            "AR(2) is linear: twice as large a start gives a wave twice as large, for ever": "AR(2)"
        },
    ),
}
