"""Exercises of the page `memory`: what windows cost, and states that replace them."""

from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.baselines import lags
from rnnbook.cells import rnn_step
from rnnbook.config import ModelConfig
from rnnbook.exercises.diagnosis import Sizes, as_array
from rnnbook.exercises.judging import Arguments, Exercise, Function, Property, Value, named_arrays
from rnnbook.tasks import Scaler

# ------------------------------------------------------------------------- 1: what a window costs


def costs(V: int, p: int) -> tuple[int, int]:
    return V ** (p + 1), V * (p * V + 1)


def draw_costs(rng: np.random.Generator, s: Sizes) -> Arguments:
    return s["V"] + 1, s["B"]


# ------------------------------------------------------------------------- 2: divisible by three

BITS: Final = 200


def remainder(step: Any) -> str | None:
    """Run `step` over random bits; the state must be the remainder, at every step."""
    if not callable(step):
        return f"your answer is of type {type(step).__name__}, but must be a function of (h, x)"
    bits = np.random.default_rng(0).integers(0, 2, BITS).tolist()
    h: Any = 0
    for t, x in enumerate(bits):
        number = int("".join(map(str, bits[: t + 1])), 2)
        h = step(h, x)
        came = as_array(h, "your state")
        if isinstance(came, str):
            return came
        if came.size != 1 or came.ravel()[0] not in (0, 1, 2):
            return f"after bit {t + 1} your state is {h!r:.40}, but must be 0, 1 or 2"
        h = int(came.ravel()[0])
        if h != number % 3:
            return f"after bit {t + 1} the number is {number}, but your state says remainder {h}"
    return None


# ------------------------------------------------------------------------- 3: a window is a state


def shift_register(w: Array) -> tuple[Array, Array, Array]:
    p = len(w)
    W_xh, W_hh = np.zeros((1, p)), np.zeros((p, p))
    W_xh[0, 0] = 1
    for i in range(p - 1):
        W_hh[i, i + 1] = 1
    return W_xh, W_hh, w[:, None]


def oldest_first(w: Array) -> tuple[Array, Array, Array]:
    W_xh, W_hh, _ = shift_register(w)
    return W_xh[:, ::-1], W_hh.T, w[::-1, None]


def never_forgets(w: Array) -> tuple[Array, Array, Array]:
    W_xh, W_hh, W_hy = shift_register(w)
    W_hh[-1, 0] = 1
    return W_xh, W_hh, W_hy


# ------------------------------------------------------------------------- 4: learning the share


def alpha_gradient(x: Array, alpha: float, h0: float) -> float:
    """From the states as explicit sums (11), not by the recurrence for their derivative."""
    T = len(x)
    j = np.arange(T)
    total = 0.0
    for t in range(1, T):  # h_t = alpha sum_j fade^j x_(t-j) + fade^t h_0
        fade, past = 1 - alpha, x[:t][::-1]
        h = alpha * fade ** j[:t] @ past + fade**t * h0
        slope = (fade ** j[:t] - alpha * j[:t] * fade ** np.maximum(j[:t] - 1, 0)) @ past
        slope -= t * fade ** (t - 1) * h0
        total += (x[t] - h) * slope
    return -2 / T * total


def gradient_with(fades: bool = True, mean: bool = True, early: bool = False) -> Any:
    def wrong(x: Array, alpha: float, h0: float) -> float:
        h, g, total = h0, 0.0, 0.0
        for x_t in x:
            before, g = g, ((1 - alpha) * g if fades else 0.0) + x_t - h
            total += (x_t - h) * (g if early else before)
            h = h + alpha * (x_t - h)
        return -2 * total / (len(x) if mean else 1)

    return wrong


def draw_smoothing(rng: np.random.Generator, s: Sizes) -> Arguments:
    return rng.normal(size=s["T"] + 2), float(rng.uniform(0.1, 0.9)), float(rng.normal())


# ------------------------------------------------------------------------- 5: the steady gain


def steady_gain(a: float, q: float, r: float) -> float:
    """By running the recursion of the variances until it stands."""
    P = q
    for _ in range(1000):
        P = a * a * P * r / (P + r) + q
    return P / (P + r)


def gain_of_root(a: float, q: float, r: float) -> float:
    """With the negative root of (18)."""
    c = (r - a * a * r - q) / 2
    P = -c - np.sqrt(c * c + q * r)
    return float(P / (P + r))


def gain_of_posterior(a: float, q: float, r: float) -> float:
    v = steady_gain(a, q, r) * r
    return v / (v + r)


def draw_level(rng: np.random.Generator, s: Sizes) -> Arguments:
    a, q, r = rng.uniform([0.5, 0.2, 0.5], [0.99, 2.0, 2.0])
    return float(a), float(q), float(r)


# ------------------------------------------------------------------- 6 and 7: a hidden Markov model


def hmm(rng: np.random.Generator, s: Sizes) -> tuple[Array, Array, Array]:
    """A belief (H,), swaps A (H, H), symbols C (H, V)."""
    H, V = s["H"], s["V"]
    return (
        rng.dirichlet(np.ones(H)),
        rng.dirichlet(np.ones(H), H),
        rng.dirichlet(np.ones(V), H),
    )


def ahead(h: Array, A: Array, C: Array, k: int) -> Array:
    return np.asarray(h @ np.linalg.matrix_power(A, k) @ C)


def draw_ahead(rng: np.random.Generator, s: Sizes) -> Arguments:
    return *hmm(rng, s), s["K"]


def log_probability(x: Array, h: Array, A: Array, C: Array) -> float:
    """In logarithms throughout: log-sum-exp at every step, no division."""
    with np.errstate(divide="ignore"):
        log_h, log_A, log_C = np.log(h), np.log(A), np.log(C)
    for x_t in x:
        paths = log_h[:, None] + log_A
        top = paths.max(axis=0)
        log_h = top + np.log(np.exp(paths - top).sum(axis=0)) + log_C[:, x_t]
    return float(log_h.max() + np.log(np.exp(log_h - log_h.max()).sum()))


def underflowing(x: Array, h: Array, A: Array, C: Array) -> float:
    for x_t in x:
        h = (h @ A) * C[:, x_t]
    return float(np.log(h.sum()))


def late_start(x: Array, h: Array, A: Array, C: Array) -> float:
    joint = h * C[:, x[0]]
    return float(np.log(joint.sum())) + log_probability(x[1:], joint / joint.sum(), A, C)


def draw_rolls(rng: np.random.Generator, s: Sizes) -> Arguments:
    h, A, C = hmm(rng, {**s, "V": s["V"] + 1})
    return rng.integers(0, s["V"] + 1, 400 * s["T"]), h, A, C


# ------------------------------------------------------------------------- 8: two rectifiers


def light(network: Any) -> str | None:
    """Run the network over 200 presses; its output must be the light."""
    p = named_arrays(network, lambda H: ModelConfig(H=H).shapes)
    if isinstance(p, str):
        return p
    H = p["b_h"].size
    x = np.random.default_rng(0).integers(0, 2, 200)
    state = (np.zeros((1, H)),)
    for t, (x_t, wanted) in enumerate(zip(x, np.cumsum(x) % 2, strict=True)):
        state, _ = rnn_step(
            np.full((1, 1), float(x_t)), state, p["W_xh"], p["W_hh"], p["b_h"], "relu"
        )
        y = float((state[0] @ p["W_hy"] + p["b_y"])[0, 0])
        if not abs(y - wanted) < 1e-6:
            presses = " ".join(map(str, x[: t + 1]))
            after = presses if t < 12 else f"{t + 1} presses"
            return f"after {after} the light is {wanted}, but your output is {y:.4g}"
    return None


# ------------------------------------------------------------------------- 9: windows


def cut(part: Array, p: int) -> tuple[Array, Array]:
    return np.asarray(lags(part, p)[:-1, ::-1]), part[p:]


def parts(series: Array, n_train: int, p: int) -> tuple[Array, ...]:
    scaled = Scaler.fit(series[:n_train]).scale(series, "float64")
    return *cut(scaled[:n_train], p), *cut(scaled[n_train:], p)


def scaled_by_all(series: Array, n_train: int, p: int) -> tuple[Array, ...]:
    scaled = Scaler.fit(series).scale(series, "float64")
    return *cut(scaled[:n_train], p), *cut(scaled[n_train:], p)


def scaled_apart(series: Array, n_train: int, p: int) -> tuple[Array, ...]:
    found = (Scaler.fit(a).scale(a, "float64") for a in (series[:n_train], series[n_train:]))
    return tuple(array for part in found for array in cut(part, p))


def scaled_by_sample(series: Array, n_train: int, p: int) -> tuple[Array, ...]:
    n = n_train
    return tuple(a * np.sqrt((n - 1) / n) for a in parts(series, n_train, p))


def crossing(series: Array, n_train: int, p: int) -> tuple[Array, ...]:
    scaled = Scaler.fit(series[:n_train]).scale(series, "float64")
    return *cut(scaled[:n_train], p), *cut(scaled[n_train - p :], p)


def not_scaled(series: Array, n_train: int, p: int) -> tuple[Array, ...]:
    return *cut(series[:n_train], p), *cut(series[n_train:], p)


def draw_series(rng: np.random.Generator, s: Sizes) -> Arguments:
    p, n_train = s["D"], s["D"] + s["B"]
    return rng.normal(3, 2, n_train + p + s["T"]), n_train, p


# ------------------------------------------------------------------------- 10: how long

RATES: Final = (1.0, 0.25, 0.05, 0.01)


def long_enough(q: float, a: float = 0.99, r: float = 1.0, noise: bool = True) -> int:
    """The least p whose error is within 1 % of P + r; without `noise`, of P."""
    P = steady_gain(a, q, r) * r / (1 - steady_gain(a, q, r))
    p, error = 0, np.inf
    while error - (0 if noise else r) > 1.01 * (P + (r if noise else 0)):
        p += 1
        gamma = q / (1 - a * a) * a ** np.arange(p + 1.0)
        gamma[0] += r
        Gamma = gamma[np.abs(np.subtract.outer(np.arange(p), np.arange(p)))]
        error = gamma[0] - gamma[1:] @ np.linalg.solve(Gamma, gamma[1:])
    return p


LENGTHS: Final = [long_enough(q) for q in RATES]


EXERCISES: Final[dict[str, Exercise]] = {
    "memory-1": Function(
        right=costs,
        draw=draw_costs,
        returns={"table": "", "linear": ""},
        mistakes={
            "these are the table's rows: each holds V counts": lambda V, p: (V**p, V * (p * V + 1)),
            "the table's number comes first": lambda V, p: costs(V, p)[::-1],
            "the linear window has V biases, too": lambda V, p: (V ** (p + 1), p * V * V),
            "p V numbers go in, but V outputs come out": lambda V, p: (V ** (p + 1), p * V + V),
        },
    ),
    "memory-2": Property(remainder),
    "memory-3": Function(
        right=shift_register,
        draw=lambda rng, s: (rng.normal(size=s["H"]),),
        returns={"W_xh": "1 H", "W_hh": "H H", "W_hy": "H 1"},
        mistakes={
            "your state holds the window oldest first": oldest_first,
            "your state forgets nothing: the oldest value must drop out": never_forgets,
            "W_hy must be a column, (p, 1)": lambda w: (*shift_register(w)[:2], w),
            "W_xh must be a row of two axes, (1, p)": lambda w: (
                shift_register(w)[0][0],
                *shift_register(w)[1:],
            ),
        },
        hint="row i, column j: how much of the old h_i goes into the new h_j",
    ),
    "memory-4": Function(
        right=alpha_gradient,
        draw=draw_smoothing,
        returns={"dalpha": ""},
        mistakes={
            "h of the step before depends on alpha, too: a product rule is missing": gradient_with(
                fades=False
            ),
            "dalpha is T times too large: the loss is a mean": gradient_with(mean=False),
            "x_t is predicted by h_(t-1): take its derivative, before it moves on": gradient_with(
                early=True
            ),
            "dalpha is half of what it should be: a square has been differentiated": (
                lambda x, alpha, h0: alpha_gradient(x, alpha, h0) / 2
            ),
        },
    ),
    "memory-5": Function(
        right=steady_gain,
        draw=draw_level,
        returns={"gain": ""},
        mistakes={
            "this is right for a = 1 alone": lambda a, q, r: steady_gain(1.0, q, r),
            "a is squared in P = a^2 v + q": lambda a, q, r: steady_gain(np.sqrt(a), q, r),
            "a variance is positive: take the other root": gain_of_root,
            "this is the variance P; the gain is P / (P + r)": lambda a, q, r: (
                steady_gain(a, q, r) * r / (1 - steady_gain(a, q, r))
            ),
            "P is the variance before the update, and this is the one after": gain_of_posterior,
        },
    ),
    "memory-6": Function(
        right=ahead,
        draw=draw_ahead,
        returns={"p": "V"},
        mistakes={
            "A is one time too few: the die may be swapped before every roll": lambda h, A, C, k: (
                ahead(h, A, C, k - 1)
            ),
            "A is one time too many": lambda h, A, C, k: ahead(h, A, C, k + 1),
            "A is transposed: a belief is a row": lambda h, A, C, k: ahead(h, A.T, C, k),
            "p is the belief about the die; C turns it into symbols": lambda h, A, C, k: (
                h @ np.linalg.matrix_power(A, k)
            ),
            "A and C are taken once, whatever k is": lambda h, A, C, k: ahead(h, A, C, 1),
        },
    ),
    "memory-7": Function(
        right=log_probability,
        draw=draw_rolls,
        returns={"log p": ""},
        mistakes={
            "the product has become 0 on the way, and its logarithm -inf": underflowing,
            "these are bits: take the natural logarithm": lambda x, h, A, C: (
                log_probability(x, h, A, C) / np.log(2)
            ),
            "this is the mean over the symbols, and the sum is wanted": lambda x, h, A, C: (
                log_probability(x, h, A, C) / len(x)
            ),
            "h is the belief before the first symbol: even that comes after A": late_start,
        },
        hint="add up the logarithms of the divisors",
    ),
    "memory-8": Property(light),
    "memory-9": Function(
        right=parts,
        draw=draw_series,
        returns={"X_train": "B D", "y_train": "B", "X_test": "T D", "y_test": "T"},
        mistakes={
            "mean and deviation are those of the whole series: the future is in them": (
                scaled_by_all
            ),
            "the test part is scaled by itself: its future is in it": scaled_apart,
            "the first test windows reach back across the split": crossing,
            "the parts are not standardised": not_scaled,
            "the deviation is np.std as it is, with ddof=0": scaled_by_sample,
            "the windows stand latest first": lambda series, n_train, p: tuple(
                a[:, ::-1] if a.ndim == 2 else a for a in parts(series, n_train, p)
            ),
        },
    ),
    "memory-10": Value(
        LENGTHS,
        "run p = 1, 2, 3, ... for each q until the error is at most 1.01 (P + r)",
        {
            "each is one too few: the first window has p = 1": [p - 1 for p in LENGTHS],
            "each is one too many: the first window that is good enough is wanted": [
                p + 1 for p in LENGTHS
            ],
            "the optimum of a prediction is P + r: the noise of the next value counts": [
                long_enough(q, noise=False) for q in RATES
            ],
            "the order is turned round: the first is for q = 1": LENGTHS[::-1],
        },
    ),
}
