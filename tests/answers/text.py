"""Answers to the exercises on a text."""

from math import ceil, log2
from typing import Any

import numpy as np

from . import Answers


def units(P: int, D: int, V: int, gates: int = 4) -> int:
    def gap(H: int) -> int:
        return abs(V * (D + 1) + H * (V + gates * (D + H + 1)) - P)

    return min(range(1, 2000), key=gap)


def cut(ids: Any, B: int, T: int, shift: int = 1) -> Any:
    row = (len(ids) - 1) // B
    rows = [ids[b * row : (b + 1) * row + 1] for b in range(B)]
    K = row // T
    x = [[r[k * T : (k + 1) * T] for r in rows] for k in range(K)]
    y = [[r[k * T + shift : (k + 1) * T + shift] for r in rows] for k in range(K)]
    return np.array(x), np.array(y)


def blocks(ids: Any, B: int, T: int) -> Any:
    n = (len(ids) - 1) // B // T * B * T
    return ids[:n].reshape(-1, B, T), ids[1 : n + 1].reshape(-1, B, T)


def share(T: int, d: int) -> float:
    return sum(t - d >= 1 for t in range(1, T + 1)) / T


def bits(y: Any, target: Any) -> Any:
    q = np.exp(y) / np.exp(y).sum(1, keepdims=True)
    return [-log2(row[k]) for row, k in zip(q, target, strict=True)]


def kept(p: Any, mass: float) -> Any:
    """A symbol stays where those likelier than it sum to less than the mass."""
    stays = np.array([p[p > v].sum() < mass for v in p])
    return np.where(stays, p, 0) / p[stays].sum()


def below(p: Any, mass: float) -> Any:
    stays = np.array([p[p >= v].sum() <= mass for v in p])
    return np.where(stays, p, 0) / p[stays].sum()


def variance(y: Any, tau: float) -> Any:
    q = np.exp(y / tau) / np.exp(y / tau).sum()
    return q @ y**2 - (q @ y) ** 2


def run(a: Any, b: Any) -> int:
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i in range(len(a)):
        for j in range(len(b)):
            table[i + 1, j + 1] = table[i, j] + 1 if a[i] == b[j] else 0
    return int(table.max())


def same_place(a: Any, b: Any) -> int:
    marks = "".join("x" if u == w else " " for u, w in zip(a, b, strict=False))
    return max(map(len, marks.split(" ")))


def subsequence(a: Any, b: Any) -> int:
    row = [0] * (len(b) + 1)
    for u in a:
        new = [0]
        for j, w in enumerate(b):
            new.append(row[j] + 1 if u == w else max(row[j + 1], new[-1]))
        row = new
    return row[-1]


def step(p: Any, q: Any, weight: float) -> Any:
    return np.average(weight * p / (weight * p + (1 - weight) * q))


def toggle(hold: float = 20.0, turn: float = -60.0, back: float = -8.0, bias: float = 4.0) -> Any:
    return [[[0, turn, 0]], [[0, 0, back]], [30, hold, bias], [0, 0, 0]]


ANSWERS: dict[str, Answers] = {
    "text-1": Answers(
        units,
        [
            (lambda P, D, V: units(P, D, V, 3), "four blocks"),
            (lambda P, D, V: round((P / 4) ** 0.5), "quadratic"),
            (lambda P, D, V: units(P + V * D + V, D, 0) or 1, "wanted is"),
            (lambda P, D, V: units(P, D, V) - 1, "come closer"),
            (lambda P, D, V: units(P - 4 * units(P, D, V), D, V), "one bias"),
        ],
    ),
    "text-2": Answers(
        cut,
        [
            (blocks, "must go on in the next batch"),
            (lambda ids, B, T: (cut(ids, B, T)[0],) * 2, "first rows, then pieces"),
            (
                lambda ids, B, T: (cut(ids, B, T)[0], np.roll(cut(ids, B, T)[0], -1, 2)),
                "the last target of a piece",
            ),
            (lambda ids, B, T: cut(ids, B, T)[0], "must return (x, target)"),
            (lambda ids, B, T: [a.swapaxes(0, 1) for a in cut(ids, B, T)], "the shape"),
        ],
    ),
    "text-3": Answers(
        share,
        [
            (lambda T, d: 1 - d / T, "never below 0"),
            (lambda T, d: share(T, d + 1), "always connected"),
            (lambda T, d: T * share(T, d), "divide by T"),
            (lambda T, d: float(d < T), "count the steps"),
        ],
    ),
    "text-4": Answers(
        lambda y, target: ceil(sum(bits(y, target))) + 1,
        [
            (lambda y, target: sum(map(ceil, bits(y, target))) + 1, "round the sum"),
            (lambda y, target: ceil(sum(bits(y, target))), "one bit more"),
            (lambda y, target: ceil(sum(bits(y, target)) * np.log(2)) + 1, "nats"),
            (lambda y, target: sum(bits(y, target)) + 1, "round up"),
        ],
    ),
    "text-5": Answers(
        kept,
        [
            (below, "crosses the border"),
            (lambda p, mass: np.where(kept(p, mass) > 0, p, 0), "sum to 1"),
            (lambda p, mass: p, "are kept"),
            (lambda p, mass: np.where(p > 1 - mass, p, 0), "wanted is"),
        ],
    ),
    "text-6": Answers(
        lambda y, tau: variance(y, tau) / tau**3,
        [
            (lambda y, tau: -variance(y, tau) / tau, "derivative by 1 / tau"),
            (lambda y, tau: variance(y, tau) / tau**2, "power of tau"),
            (variance, "divide the variance"),
            (lambda y, tau: variance(y, tau) / tau**3 / np.log(2), "in bits"),
            (lambda y, tau: variance(y, 1) / tau**3, "at temperature tau"),
            (lambda y, tau: np.var(y) / tau**3, "weighted by q"),
        ],
    ),
    "text-7": Answers(
        run,
        [
            (subsequence, "gaps"),
            (same_place, "different places"),
            (lambda a, b: 0, "zero everywhere"),
            (lambda a, b: run(a, b) + 1, "wanted is"),
        ],
    ),
    "text-8": Answers(
        step,
        [
            (lambda p, q, w: step(q, p, 1 - w), "the share of the count"),
            (lambda p, q, w: w * p.sum() / (w * p + (1 - w) * q).sum(), "quotient of the means"),
            (lambda p, q, w: step(p, q, 0.5), "weighs p and q"),
            (lambda p, q, w: step(p, q, w) * len(q), "number of characters"),
        ],
    ),
    "text-9": Answers(
        toggle(),
        [
            (toggle(hold=3.0), "hold its state"),
            (toggle(turn=0.0), "must turn"),
            (toggle(back=8.0), "must turn"),
            (toggle()[:3], "W_hh"),
            ([[[0, 0]], *toggle()[1:]], "the shape (1, 2)"),
            ([[[0, np.nan, 0]], *toggle()[1:]], "holds NaN"),
            ([toggle()[0], toggle()[1], [30, 0, 4], [0, 0, 0]], "must turn"),
        ],
    ),
    "text-10": Answers(
        "beginning", [("inside", "table"), ("nowhere", "first letter"), (1, "a word")]
    ),
}
