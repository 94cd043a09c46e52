"""Exercises of the page on a text: sizes, streams, codes, what is drawn, copied, mixed, counted."""

from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.exercises.diagnosis import Sizes, as_array
from rnnbook.exercises.judging import FIRST, Exercise, Function, Property, Value
from rnnbook.layers import GRU


def distribution(rng: np.random.Generator, *shape: int) -> Array:
    """Random probabilities over the last axis, none of them 0."""
    p = rng.uniform(0.05, 1, shape) ** 2
    return np.asarray(p / p.sum(-1, keepdims=True))


# --------------------------------------------------------------------------------- 1: equal size


def lstm_size(H: int, D: int, V: int) -> int:
    """With its embedding and head."""
    return V * D + 4 * (D * H + H * H + H) + H * V + V


def nearest(P: int, D: int, V: int, size: Any = lstm_size) -> int:
    H = 1
    while size(H + 1, D, V) <= P:
        H += 1
    return H + int(abs(size(H + 1, D, V) - P) < abs(size(H, D, V) - P))


def without_head(H: int, D: int, V: int) -> int:
    return 4 * (D * H + H * H + H)


def three_gates(H: int, D: int, V: int) -> int:
    return V * D + 3 * (D * H + H * H + H) + H * V + V


def draw_size(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """A size between those of two neighbours, nearer to the upper one in half of the tries."""
    D, V, H = s["D"] * 8, s["V"] * 10, 20 * s["H"]
    below, above = lstm_size(H, D, V), lstm_size(H + 1, D, V)
    return round(below + (above - below) * (0.7 if s["T"] % 2 == 0 else 0.3)), D, V


# ------------------------------------------------------------------------------------- 2: stream


def pieces(ids: Array, B: int, T: int) -> tuple[Array, Array]:
    row = (len(ids) - 1) // B
    starts = [[b * row + k * T for b in range(B)] for k in range(row // T)]
    at = np.array(starts)[..., None] + np.arange(T)
    return ids[at], ids[at + 1]


def side_by_side(ids: Array, B: int, T: int) -> tuple[Array, Array]:
    """Row b of a batch goes on in row b + 1, not in the next batch."""
    K = (len(ids) - 1) // B // T
    return (
        ids[: K * B * T].reshape(K, B, T),
        ids[1 : K * B * T + 1].reshape(K, B, T),
    )


def wrapped(ids: Array, B: int, T: int) -> tuple[Array, Array]:
    """The last target of each piece is its first input."""
    x, _ = pieces(ids, B, T)
    return x, np.roll(x, -1, axis=2)


def packed(ids: Array, B: int, T: int) -> tuple[Array, Array]:
    """Rows only as long as their pieces."""
    K = (len(ids) - 1) // B // T
    return pieces(ids[: B * K * T + 1], B, T)


def draw_stream(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Almost a piece is left over in every row, and something behind the rows."""
    B, T, K = s["B"], s["T"], s["K"]
    return rng.permutation(B * (T * K + T - 1) + B), B, T


# --------------------------------------------------------------------------------- 3, 4: what for


def connected(T: int, d: int) -> float:
    return max(0, T - d) / T


def draw_lag(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Within a piece at first, later beyond it."""
    T = s["T"]
    return T, int(rng.integers(2, T - 1)) if FIRST["T"] == T else T + 1


def nats(y: Array, target: Array) -> Array:
    """Of each character."""
    log_q = y - np.logaddexp.reduce(y, axis=-1, keepdims=True)
    return np.asarray(-log_q[np.arange(len(target)), target])


def code(y: Array, target: Array) -> int:
    return int(np.ceil(nats(y, target).sum() / np.log(2))) + 1


def draw_logits(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    T, V = 3 * s["T"], max(2, s["V"])
    return 2 * rng.normal(size=(T, V)), rng.integers(0, V, T)


# ------------------------------------------------------------------------------------ 5: nucleus


def nucleus(p: Array, mass: float) -> Array:
    q, kept = np.zeros_like(p), 0.0
    for symbol in np.argsort(-p):
        if kept >= mass:
            break
        q[symbol] = p[symbol]
        kept += p[symbol]
    return np.asarray(q / q.sum())


def one_too_few(p: Array, mass: float) -> Array:
    order = np.argsort(-p)
    q = np.where(np.isin(np.arange(len(p)), order[np.cumsum(p[order]) <= mass]), p, 0)
    return np.asarray(q / q.sum())


def unlikeliest(p: Array, mass: float) -> Array:
    order = np.argsort(p)
    kept = order[np.cumsum(p[order]) - p[order] < mass]
    q = np.where(np.isin(np.arange(len(p)), kept), p, 0)
    return np.asarray(q / q.sum())


# ------------------------------------------------------------------------------------ 6: entropy


def slope(y: Array, tau: float) -> Any:
    """By the derivatives of q: dH = -sum dq ln q."""
    log_q = y / tau - np.logaddexp.reduce(y / tau)
    q = np.exp(log_q)
    dq = -q * (y - q @ y) / tau**2
    return -(dq * log_q).sum()


# ---------------------------------------------------------------------------------- 7: longest


def longest(a: Array, b: Array) -> int:
    a, b = a.tolist(), b.tolist()
    runs = ((i, n) for n in range(len(a), 0, -1) for i in range(len(a) - n + 1))
    there = {tuple(b[j : j + n]) for n in range(1, len(b) + 1) for j in range(len(b) - n + 1)}
    return next((n for i, n in runs if tuple(a[i : i + n]) in there), 0)


def with_gaps(a: Array, b: Array) -> int:
    """The longest common subsequence."""
    best = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, u in enumerate(a):
        for j, w in enumerate(b):
            best[i + 1, j + 1] = best[i, j] + 1 if u == w else max(best[i, j + 1], best[i + 1, j])
    return int(best[-1, -1])


def at_the_same_place(a: Array, b: Array) -> int:
    n, best = 0, 0
    for u, w in zip(a, b, strict=False):
        n = n + 1 if u == w else 0
        best = max(best, n)
    return best


def at_the_beginning(a: Array, b: Array) -> int:
    same = [u == w for u, w in zip(a, b, strict=False)]
    return same.index(False) if False in same else len(same)


def draw_texts(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Two texts of few symbols, so that they share runs at different places."""
    V = max(2, min(4, s["V"]))
    a, b = rng.integers(0, V, 4 + 3 * s["T"]), rng.integers(0, V, 6 + 2 * s["H"])
    b[0] = a[0]  # so that beginnings agree, for one symbol or more
    return a, b


# ----------------------------------------------------------------------------------- 8: mixture


def draw_shares(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    n = 3 * s["T"]
    return rng.uniform(0.05, 1, n), rng.uniform(0.05, 1, n), float(rng.uniform(0.2, 0.4))


def em_step(p: Array, q: Array, share: float) -> Any:
    return np.mean(1 / (1 + (1 - share) * q / (share * p)))


# ------------------------------------------------------------------------------ 9: by hand a unit

SHAPES: Final = {"W_xh": (1, 3), "W_hh": (1, 3), "b_xh": (3,), "b_hh": (3,)}


def toggles(answer: Any) -> str | None:
    """Whether the unit of a GRU is above 0.5 just where an odd number of marks was read."""
    if not isinstance(answer, tuple | list) or len(answer) != len(SHAPES):
        return f"your answer must be the tuple ({', '.join(SHAPES)})"
    params = {}
    for (name, shape), value in zip(SHAPES.items(), answer, strict=True):
        came = as_array(value, name)
        if isinstance(came, str):
            return came
        if came.shape != shape:
            return f"{name} has the shape {came.shape}, but must have {shape}"
        if not np.isfinite(came).all():
            return f"{name} holds NaN or infinity"
        params[name] = came
    rng = np.random.default_rng(0)
    for rate in (0.3, 0.9, 0.01):
        x = (rng.random(3000) < rate).astype(np.float64)
        h, _ = GRU(params).forward(x[None, :, None])
        wrong = np.flatnonzero((h[0, :, 0] > 0.5) != (np.cumsum(x) % 2 == 1))
        if wrong.size:
            return _how(x, int(wrong[0]))
    return None


def _how(x: Array, step: int) -> str:
    marks = int(x[: step + 1].sum())
    if x[step]:
        return f"the unit is on the wrong side after mark number {marks}: it must turn there"
    if not marks:
        return "without a mark the unit must hold its state, but it is above 0.5 before the first"
    since = step - int(np.flatnonzero(x[: step + 1])[-1])
    return f"without a mark the unit must hold its state, but it turns after {since} steps"


EXERCISES: Final[dict[str, Exercise]] = {
    "text-1": Function(
        right=nearest,
        draw=draw_size,
        returns={"H": ""},
        mistakes={
            "embedding and head have parameters, too": lambda P, D, V: nearest(
                P, D, V, without_head
            ),
            "an LSTM has four blocks, with the candidate": lambda P, D, V: nearest(
                P, D, V, three_gates
            ),
            "one too few: with one bias to a block, the next may come closer": (
                lambda P, D, V: nearest(P, D, V) - 1
            ),
        },
        hint="the equation is quadratic in H",
    ),
    "text-2": Function(
        right=pieces,
        draw=draw_stream,
        returns={"x": "K B T", "target": "K B T"},
        mistakes={
            "the rows of a batch follow each other; row b must go on in the next batch": (
                side_by_side
            ),
            "the last target of a piece is the first input of the next piece of its row": wrapped,
            "a row has (n - 1) // B inputs, of which the last may stay unused": packed,
        },
        hint="first rows, then pieces",
    ),
    "text-3": Function(
        right=connected,
        draw=draw_lag,
        returns={"share": ""},
        mistakes={
            "a share is never below 0": lambda T, d: (T - d) / T,
            "the character just read is d = 0, and always connected": lambda T, d: (
                max(0, T - d - 1) / T
            ),
            "that is a number of steps; divide by T": lambda T, d: max(0, T - d),
        },
        hint="count the steps of a piece that have step t - d in it",
    ),
    "text-4": Function(
        right=code,
        draw=draw_logits,
        returns={"bits": ""},
        mistakes={
            "each character is rounded by itself; round the sum": lambda y, target: (
                int(np.ceil(nats(y, target) / np.log(2)).sum()) + 1
            ),
            "round up; then one bit more, so that no word begins another": lambda y, target: (
                code(y, target) - 1
            ),
            "these are nats; a bit is ln 2 of them": lambda y, target: (
                int(np.ceil(nats(y, target).sum())) + 1
            ),
            "the number of bits is a whole one: round up": lambda y, target: (
                nats(y, target).sum() / np.log(2) + 1
            ),
        },
    ),
    "text-5": Function(
        right=nucleus,
        draw=lambda rng, s: (distribution(rng, max(3, s["V"])), float(rng.uniform(0.55, 0.8))),
        returns={"q": "V"},
        mistakes={
            "the symbol that crosses the border belongs to the nucleus": one_too_few,
            "all symbols are kept": lambda p, mass: p,
            "these are the unlikeliest symbols": unlikeliest,
            "what is kept must be scaled to sum to 1": lambda p, mass: np.where(
                nucleus(p, mass) > 0, p, 0
            ),
        },
        hint="sort from the likeliest down",
    ),
    "text-6": Function(
        right=slope,
        draw=lambda rng, s: (
            2 * rng.normal(size=max(2, s["V"])),
            float(rng.uniform(0.5, 0.8)),
        ),
        returns={"slope": ""},
        mistakes={
            "that is the derivative by 1 / tau": lambda y, tau: -slope(y, tau) * tau**2,
            "the variance is over q at temperature tau": lambda y, tau: slope(y, 1.0) / tau**3,
            "the variance is weighted by q, not over all symbols alike": lambda y, tau: (
                y.var() / tau**3
            ),
            "the power of tau is 3": lambda y, tau: slope(y, tau) * tau,
            "divide the variance by tau cubed": lambda y, tau: slope(y, tau) * tau**3,
            "that is in bits; wanted are nats": lambda y, tau: slope(y, tau) / np.log(2),
        },
    ),
    "text-7": Function(
        right=longest,
        draw=draw_texts,
        returns={"length": ""},
        mistakes={
            "that has gaps: the run must be without": with_gaps,
            "the run may stand at different places in a and b": at_the_same_place,
            "only the beginnings are compared": at_the_beginning,
        },
    ),
    "text-8": Function(
        right=em_step,
        draw=draw_shares,
        returns={"share": ""},
        mistakes={
            "that is the share of the count, q": lambda p, q, share: 1 - em_step(p, q, share),
            "the mean is of the quotients, not the quotient of the means": lambda p, q, share: (
                share * p.mean() / (share * p.mean() + (1 - share) * q.mean())
            ),
            "the share weighs p and q": lambda p, q, share: np.mean(p / (p + q)),
            "divide by the number of characters": lambda p, q, share: em_step(p, q, share) * len(p),
        },
    ),
    "text-9": Property(toggles),
    "text-10": Value(
        right="beginning",
        hint="compare the bits of the first letter of a word with those of the fifth",
        mistakes={"there the table of all words is ahead": "inside"},
    ),
}
