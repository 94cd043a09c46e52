"""
The exercises of the page "Depth and direction".

Shapes: B batch, T steps, D inputs, H hidden units, K units of an upper layer, L layers.
"""

from itertools import product
from math import factorial
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.config import ModelConfig
from rnnbook.exercises.diagnosis import Sizes, as_array
from rnnbook.exercises.judging import Exercise, Function, Property, Value
from rnnbook.layers import LayerNorm

Rng = np.random.Generator
CELL_OF_GATES: Final = {1: "rnn", 4: "lstm"}


# ------------------------------------------------------------------------------------- counting


def count(G: int, D: int, H: int, L: int, directions: int) -> int:
    """From the shapes that the models of the book have."""
    config = ModelConfig(D=D, H=H, L=L, cell=CELL_OF_GATES[G], bidirectional=directions == 2)
    shapes = config.shapes.items()
    return sum(int(np.prod(s)) for name, s in shapes if name not in ("W_hy", "b_y"))


def draw_count(rng: Rng, s: Sizes) -> tuple[int, ...]:
    return int(rng.choice([1, 4])), s["D"], s["H"], s["L"], 1 if s["B"] == 1 else 2


def count_narrow(G: int, D: int, H: int, L: int, directions: int) -> int:
    return directions * G * H * (D + H + 1 + (L - 1) * (2 * H + 1))


def count_wide_state(G: int, D: int, H: int, L: int, directions: int) -> int:
    wide = directions * H
    return G * wide * (D + wide + 1 + (L - 1) * (2 * wide + 1))


def count_without_bias(G: int, D: int, H: int, L: int, directions: int) -> int:
    return directions * G * H * (D + H + (L - 1) * (directions + 1) * H)


def paths(L: int, k: int) -> int:
    """Words of k letters "right", j letters "up by two" and the rest "up by one", over all j."""
    total = 0
    for j in range((L - 1) // 2 + 1):
        ones = L - 1 - 2 * j
        total += factorial(k + ones + j) // (factorial(k) * factorial(ones) * factorial(j))
    return total


# ------------------------------------------------------------------------------------- direction


def draw_lengths(rng: Rng, s: Sizes, features: str, factor: int = 1) -> tuple[Array, Array]:
    lengths = rng.integers(1, s["T"] + 1, s["B"])
    return rng.normal(size=(s["B"], s["T"], factor * s[features])), lengths


def turn(x: Array, lengths: Array) -> Array:
    B, T, _ = x.shape
    turned = x.copy()
    for b, t in product(range(B), range(T)):
        if t < lengths[b]:
            turned[b, t] = x[b, lengths[b] - 1 - t]
    return turned


def turn_to_the_end(x: Array, lengths: Array) -> Array:
    """The real steps reversed, but behind the padding."""
    pairs = zip(x, lengths, strict=True)
    return np.stack([np.concatenate([s[n:], s[:n][::-1]]) for s, n in pairs])


def summary(h: Array, lengths: Array) -> Array:
    H = h.shape[2] // 2
    rows = [np.concatenate([h[b, n - 1, :H], h[b, 0, H:]]) for b, n in enumerate(lengths)]
    return np.array(rows)


def summary_of_first_steps(h: Array, lengths: Array) -> Array:
    """Each half where it has read one step."""
    H = h.shape[2] // 2
    rows = [np.concatenate([h[b, 0, :H], h[b, n - 1, H:]]) for b, n in enumerate(lengths)]
    return np.array(rows)


# ----------------------------------------------------------------------------------------- depth


def draw_lower(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    B, T, H, K = (s[k] for k in "BTHK")
    h = np.tanh(rng.normal(size=(B, T, H)))
    return rng.normal(size=(B, T, K)), h, rng.normal(size=(H, K)), rng.normal(size=(H, H))


def lower_dz(dz_high: Array, h: Array, W_xh_high: Array, W_hh: Array) -> Array:
    """By the definition, one step of one sequence at a time."""
    dz = np.zeros_like(h)
    B, T, _ = h.shape
    for b in range(B):
        for t in range(T - 1, -1, -1):
            dh = W_xh_high @ dz_high[b, t]
            if t + 1 < T:
                dh = dh + W_hh @ dz[b, t + 1]
            dz[b, t] = dh * (1 - h[b, t] ** 2)
    return dz


def lower_without_later(dz_high: Array, h: Array, W_xh_high: Array, W_hh: Array) -> Array:
    return np.asarray((dz_high @ W_xh_high.T) * (1 - h * h))


def lower_transposed(dz_high: Array, h: Array, W_xh_high: Array, W_hh: Array) -> Array:
    return lower_dz(dz_high, h, W_xh_high, W_hh.T)


def lower_handing_on_dh(dz_high: Array, h: Array, W_xh_high: Array, W_hh: Array) -> Array:
    """What goes to the step before has not passed the slope."""
    dh, slope = dz_high @ W_xh_high.T, 1 - h * h
    for t in range(h.shape[1] - 2, -1, -1):
        dh[:, t] += dh[:, t + 1] @ W_hh.T
    return np.asarray(dh * slope)


def lower_dh(dz_high: Array, h: Array, W_xh_high: Array, W_hh: Array) -> Array:
    return np.asarray(lower_dz(dz_high, h, W_xh_high, W_hh) / (1 - h * h))


def draw_down(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    B, H, L = (s[k] for k in "BHL")
    weights = [rng.normal(size=(H, H)) / np.sqrt(H) for _ in range(L)]
    return rng.normal(size=(B, H)), weights, rng.normal(size=(B, H))


def down(h0: Array, weights: list[Array], dh: Array) -> Array:
    """Through the Jacobian of every layer, sequence by sequence."""
    found = []
    for h, d in zip(h0, dh, strict=True):
        through = np.eye(len(h))
        for W in weights:
            u = np.tanh(h @ W)
            through = through @ (np.eye(len(h)) + W * (1 - u * u))
            h = h + u
        found.append(through @ d)
    return np.array(found)


def down_plain(h0: Array, weights: list[Array], dh: Array) -> Array:
    h, states = h0, []
    for W in weights:
        states.append(np.tanh(h @ W))
        h = h + states[-1]
    for W, u in zip(weights[::-1], states[::-1], strict=True):
        dh = (dh * (1 - u * u)) @ W.T
    return dh


def down_transposed(h0: Array, weights: list[Array], dh: Array) -> Array:
    h, states = h0, []
    for W in weights:
        states.append(np.tanh(h @ W))
        h = h + states[-1]
    for W, u in zip(weights[::-1], states[::-1], strict=True):
        dh = dh + (dh * (1 - u * u)) @ W
    return dh


def down_slope_of_sum(h0: Array, weights: list[Array], dh: Array) -> Array:
    h, states = h0, []
    for W in weights:
        h = h + np.tanh(h @ W)
        states.append(h)
    for W, u in zip(weights[::-1], states[::-1], strict=True):
        dh = dh + (dh * (1 - u * u)) @ W.T
    return dh


# ------------------------------------------------------------------------ dropout, normalisation


def test_mask(answer: Any) -> str | None:
    if not callable(answer):
        return f"your answer is of type {type(answer).__name__}, but must be a function"
    B, T, H, p = 60, 5, 50, 0.3
    rng = np.random.default_rng(0)
    m = as_array(answer(rng, B, T, H, p), "the mask")
    if isinstance(m, str):
        return m
    if m.shape != (B, T, H):
        return f"the mask has the shape {m.shape}, wanted is (B, T, H) = {(B, T, H)}"
    if (m != m[:, :1]).any():
        return "the mask changes from step to step, but must be one for the whole sequence"
    return wrong_numbers(m[:, 0], p) or not_random(answer, m, (B, T, H, p))


def wrong_numbers(m: Array, p: float) -> str | None:
    """What is wrong with the entries (B, H) of a mask."""
    values = np.unique(m)
    if np.array_equal(values, [0, 1]):
        return "what is kept is 1, so that the expectation shrinks: divide by 1 - p"
    if len(values) == 2 and values[0] == 0 and np.isclose(values[1], 1 / p):
        return "what is kept is divided by p, but must be divided by 1 - p"
    if len(values) != 2 or values[0] != 0 or not np.isclose(values[1], 1 / (1 - p)):
        return "the entries of the mask must be 0 or 1 / (1 - p)"
    dropped = np.mean(m == 0)
    if abs(dropped - (1 - p)) < 0.05:
        return "p is the share that is dropped, but here it is the share that is kept"
    if (m == m[:1]).all():
        return "all sequences have the same mask"
    if (m == m[:, :1]).all():
        return "all units of a sequence have the same mask"
    if abs(dropped - p) > 0.05:
        return f"at p = {p} a share of {dropped:.2f} is dropped"
    return None


def not_random(answer: Any, m: Array, sizes: tuple[Any, ...]) -> str | None:
    again = np.asarray(answer(np.random.default_rng(0), *sizes))
    other = np.asarray(answer(np.random.default_rng(1), *sizes))
    if not np.array_equal(m, again) or np.array_equal(m, other):
        return "the mask must be drawn from `rng`, and from nothing else"
    return None


def draw_rms(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    x, dy = rng.normal(size=(2, s["B"], s["H"])) + 0.5
    return x, rng.normal(size=s["H"]), 0.1, dy


def rms_backward(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array]:
    """Through the Jacobian of n = x / r, sequence by sequence."""
    H = x.shape[1]
    dx, dgamma = np.empty_like(x), np.zeros(H)
    for b, row in enumerate(x):
        square = (row @ row) / H + eps
        jacobian = np.eye(H) / square**0.5 - np.outer(row, row) / (H * square**1.5)
        dx[b] = jacobian @ (gamma * dy[b])
        dgamma += dy[b] * row / square**0.5
    return dx, dgamma


def rms_with_mean(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array]:
    """Layer normalisation itself."""
    layer = LayerNorm({"gamma": gamma, "beta": np.zeros_like(gamma)}, eps)
    layer.forward(x)
    dx, grads = layer.backward(dy)
    return dx, grads["gamma"]


def rms_constant(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array]:
    r = np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    return dy * gamma / r, (dy * x / r).sum(0)


def rms_without_eps(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array]:
    return rms_backward(x, gamma, 0.0, dy)


def rms_without_gamma(x: Array, gamma: Array, eps: float, dy: Array) -> tuple[Array, Array]:
    return rms_backward(x, np.ones_like(gamma), eps, dy)


# ------------------------------------------------------------------------------ built and derived


def test_latch(answer: Any) -> str | None:
    pair = as_array(answer, "your answer")
    if isinstance(pair, str):
        return pair
    if pair.shape != (2,):
        return f"your answer has the shape {pair.shape}, but must be a pair (w, u)"
    if not np.isfinite(pair).all():
        return "your answer holds NaN or infinity"
    w, u = pair
    if w <= 0:
        return "w must be positive: a report of +1 is to make the state positive"
    x = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (50, 600), p=[0.1, 0.8, 0.1])
    x[:, :3], x[:, 300:500] = [1.0, -1.0, 1.0], 0.0
    h, last = np.zeros(50), np.zeros(50)
    for x_t in x.T:
        h = np.tanh(w * x_t + u * h)
        last = np.where(x_t != 0, x_t, last)
        if ((h * last <= 0) & (x_t != 0)).any():
            return "a report does not turn the state over: w must be stronger against u"
        if (h * last <= 0).any():
            return "in silence the state loses or changes its sign: u must be positive"
        if ((h * last < 0.5) & (x_t != 0)).any():
            return "after a report the state is smaller than 1/2: w must be stronger against u"
        if (h * last < 0.5).any():
            return "in silence the state gets smaller than 1/2: h = tanh(u h) must hold it"
    return None


def draw_light(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    return rng.normal(size=(s["B"], s["T"])), float(rng.uniform(0.55, 0.95)), 1.5


def log_odds(x: Array, q: float, sigma: float) -> Array:
    """By Bayes' rule, over every possible sequence of states."""
    T = x.shape[1]
    states = np.array(list(product([-1, 1], repeat=T)))  # (2^T, T)
    same = states[:, 1:] == states[:, :-1]
    prior = np.where(same, q, 1 - q).prod(1)  # (2^T,)
    error = (x[:, None, :] - states) ** 2 / (2 * sigma**2)
    joint = prior * np.exp(-error.sum(2))  # (B, 2^T)
    return np.asarray(np.log(joint @ (states > 0)) - np.log(joint @ (states < 0)))


def one_way(x: Array, q: float, sigma: float) -> Array:
    """The past and the present alone."""
    steps = [log_odds(x[:, : t + 1], q, sigma)[:, t] for t in range(x.shape[1])]
    return np.stack(steps, axis=1)


def other_way(x: Array, q: float, sigma: float) -> Array:
    return one_way(x[:, ::-1], q, sigma)[:, ::-1]


def present_twice(x: Array, q: float, sigma: float) -> Array:
    return one_way(x, q, sigma) + other_way(x, q, sigma)


EXERCISES: Final[dict[str, Exercise]] = {
    "depth-1": Function(
        right=count,
        draw=draw_count,
        returns={"the count": ""},
        mistakes={
            "a half of a higher layer reads every half of the layer below: directions * H inputs": (
                count_narrow
            ),
            "a half's own state is H wide, not directions * H: the halves do not see each "
            "other's states": count_wide_state,
            "the biases are missing": count_without_bias,
        },
    ),
    "depth-2": Function(
        right=paths,
        draw=lambda rng, s: (s["L"], s["T"]),
        returns={"the number": ""},
        mistakes={
            "that is the number without skips": lambda L, k: (
                factorial(k + L - 1) // (factorial(k) * factorial(L - 1))
            ),
            "from layer 1 to layer L it is L - 1 up, not L": lambda L, k: paths(L + 1, k),
        },
    ),
    "depth-3": Function(
        right=turn,
        draw=lambda rng, s: draw_lengths(rng, s, "D"),
        returns={"the turned x": "B T D"},
        mistakes={
            "the whole array is reversed, so that the padding comes first": lambda x, n: x[:, ::-1],
            "the padding must stay behind the real steps": turn_to_the_end,
            "the padding must be left as it is": lambda x, n: np.where(
                np.arange(x.shape[1])[:, None] < n[:, None, None], turn(x, n), 0.0
            ),
            "nothing is turned round": lambda x, n: x,
        },
    ),
    "depth-4": Function(
        right=summary,
        draw=lambda rng, s: draw_lengths(rng, s, "H", 2),
        returns={"the summary": "B 2H"},
        mistakes={
            "h[:, -1] is padding for short sequences, and one step of the backward half": (
                lambda h, n: h[:, -1]
            ),
            "at a sequence's last step the backward half has read one step": lambda h, n: h[
                np.arange(len(h)), n - 1
            ],
            "the forward half ends at lengths - 1, not at the end of the padding": (
                lambda h, n: summary(h, np.full(len(h), h.shape[1]))
            ),
            "at step 1 the forward half has read one step": lambda h, n: h[:, 0],
            "each half is taken where it starts, not where it ends": summary_of_first_steps,
            "the forward half comes first, then the backward half": lambda h, n: np.roll(
                summary(h, n), h.shape[2] // 2, axis=1
            ),
        },
    ),
    "depth-5": Value(
        0.75,
        "count, of the four pairs, how many signs can be right at once",
        {
            "that is the coin; a threshold can do better than the probability": 0.5,
            "all four signs cannot be right: add the two sums that must be positive": 1.0,
            "it is more than that: three of the four pairs can be right": 2 / 3,
        },
    ),
    "depth-6": Function(
        right=lower_dz,
        draw=draw_lower,
        returns={"dz": "B T H"},
        mistakes={
            "what comes back from later steps of the lower layer is missing": lower_without_later,
            "W_hh must be transposed on the way back": lower_transposed,
            "what goes to the step before is dz, behind the slope, not dh": lower_handing_on_dh,
            "that is the gradient of h: the slope of the tanh is missing in what is returned": (
                lower_dh
            ),
        },
    ),
    "depth-7": Function(
        right=down,
        draw=draw_down,
        returns={"dh0": "B H"},
        mistakes={
            "the connection sends back dh itself: add it": down_plain,
            "the slope is that of the branch, 1 - u^2, not that of the sum": down_slope_of_sum,
            "W must be transposed on the way down": down_transposed,
        },
    ),
    "depth-8": Property(test_mask),
    "depth-9": Function(
        right=rms_backward,
        draw=draw_rms,
        returns={"dx": "B H", "dgamma": "H"},
        mistakes={
            "that is the gradient with the mean taken out": rms_with_mean,
            "r depends on every x, too": rms_constant,
            "gamma is missing in dx": rms_without_gamma,
            "eps is missing in r": rms_without_eps,
        },
    ),
    "depth-10": Property(test_latch),
    "depth-11": Function(
        right=log_odds,
        draw=draw_light,
        returns={"the log odds": "B T"},
        mistakes={
            "that is what the past and the present tell: the future is missing": one_way,
            "that is what the present and the future tell: the past is missing": other_way,
            "x_t is counted twice: the past or the future must do without it": present_twice,
        },
    ),
    "depth-12": Value(
        "yes",
        "answer yes or no, by the test accuracy of several seeds",
        {"did you train every seed for 300 updates, at a learning rate of 0.01?": "no"},
    ),
}
