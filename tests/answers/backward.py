"""Right and wrong answers to the exercises on backpropagation through time."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from answers import Answers

Array = np.ndarray[Any, Any]


def count(T: int, H: int) -> int:
    return sum((T - s) * H**s for s in range(T))


def weights(h: Array, dz: Array) -> Array:
    B, T, H = dz.shape
    return h[:, :T].reshape(B * T, H).T @ dz.reshape(B * T, H)


def inputs(dz: Array, W_xh: Array, W_hh: Array) -> tuple[Array, Array]:
    return dz @ W_xh.T, dz[:, 0] @ W_hh.T


def last(dh_T: Array, h: Array, W_hh: Array, sloped: bool = True, last_only: bool = False) -> Array:
    found: list[Array] = []
    dh = dh_T
    for state in h.swapaxes(0, 1)[:0:-1]:
        dz = dh * (1 - state**2) if sloped else dh
        found.insert(0, dz)
        dh = 0 * dz if last_only else dz @ W_hh.T
    return np.stack(found, axis=1)


def product(h: Array, W_hh: Array, k: int) -> Array:
    if k == len(h) - 1:
        return np.eye(len(W_hh))
    return W_hh @ np.diag(1 - h[k + 1] ** 2) @ product(h, W_hh, k + 1)


def product_reversed(h: Array, W_hh: Array, k: int) -> Array:
    J = np.eye(len(W_hh))
    for state in h[k + 1 :]:
        J = W_hh * (1 - state**2) @ J
    return J


def leaky(
    dh_new: Array, x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array, a: Array
) -> tuple[Array, Array, Array]:
    n = np.tanh(x @ W_xh + h @ W_hh + b_h)
    dz = dh_new * a * (1 - n * n)
    return dz @ W_hh.T + (1 - a) * dh_new, h.T @ dz, (dh_new * (n - h)).sum(0)


def leaky_with(
    way: str,
    dh_new: Array, x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array, a: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    dh, dW_hh, da = leaky(dh_new, x, h, W_xh, W_hh, b_h, a)
    n = np.tanh(x @ W_xh + h @ W_hh + b_h)
    if way == "no direct way":
        return dh - (1 - a) * dh_new, dW_hh, da
    if way == "direct alone":
        return (1 - a) * dh_new, dW_hh, da
    if way == "leak not summed":
        return dh, dW_hh, dh_new * (n - h)
    if way == "n alone":
        return dh, dW_hh, (dh_new * n).sum(0)
    if way == "leak forgotten":
        dz = dh_new * (1 - n**2)
        return dz @ W_hh.T + (1 - a) * dh_new, h.T @ dz, da
    dz = dh_new * a * (1 - ((1 - a) * h + a * n) ** 2)
    return dz @ W_hh.T + (1 - a) * dh_new, h.T @ dz, da


def embedding(ids: Array, dx: Array, V: int) -> Array:
    dE = np.zeros((V, dx.shape[2]))
    for v, d in zip(ids.ravel(), dx.reshape(-1, dx.shape[2]), strict=True):
        dE[v] += d
    return dE


def embedding_overwritten(ids: Array, dx: Array, V: int) -> Array:
    dE = np.zeros((V, dx.shape[2]))
    dE[ids] += dx
    return dE


def through_time(
    x: Array, h: Array, dh: Array, W_xh: Array, W_hh: Array, back: str = "dz", bias: str = "sum"
) -> tuple[Array, Array, Array]:
    dW_xh, dW_hh = np.zeros_like(W_xh), np.zeros_like(W_hh)
    db_h, dh_next = np.zeros(len(W_hh)), np.zeros_like(h[:, 0])
    for t in reversed(range(x.shape[1])):
        dh_t = dh[:, t] + dh_next
        dz = dh_t * (1 - h[:, t + 1] ** 2)
        dW_xh += x[:, t].T @ dz
        dW_hh += h[:, t].T @ dz
        db_h += dz.sum(0) if bias == "sum" else dz.mean(0)
        dh_next = (dz if back == "dz" else dh_t) @ W_hh.T
    return dW_xh, dW_hh, db_h


def sensitivity(S: Array, h_new: Array, W_hh: Array) -> Array:
    return (S @ W_hh + np.eye(len(h_new))) * (1 - h_new**2)


def reverse(step: Callable[..., Any], first: Any, T: int, s: int) -> Iterator[Any]:
    kept, state = {0: first}, first
    for t in range(1, T - s + 1):
        state = step(state)
        if t % s == 0:
            kept[t] = state
    del state
    for start in range(T - s, -1, -s):
        segment = [kept.pop(start)]
        for _ in range(s):
            segment.append(step(segment[-1]))
        while len(segment) > 1:
            yield segment.pop()
    yield first


def reverse_keeping_all(step: Callable[..., Any], first: Any, T: int, s: int) -> Iterator[Any]:
    states = [first]
    for _ in range(T):
        states.append(step(states[-1]))
    while states:
        yield states.pop()


def reverse_from_the_start(step: Callable[..., Any], first: Any, T: int, s: int) -> Iterator[Any]:
    for t in range(T, -1, -1):
        state = first
        for _ in range(t):
            state = step(state)
        yield state


def without_the_first(step: Callable[..., Any], first: Any, T: int, s: int) -> Iterator[Any]:
    states = list(reverse(step, first, T, s))
    yield from states[:-1]


def forwards(step: Callable[..., Any], first: Any, T: int, s: int) -> Iterator[Any]:
    yield first
    for _ in range(T):
        first = step(first)
        yield first


def random_cut(dh: Array, h: Array, W_hh: Array, cut: Array, q: float, way: str = "") -> Array:
    dz, T = np.zeros_like(dh), dh.shape[1]
    for t in reversed(range(T)):
        back = np.zeros_like(dh[:, 0])
        if t + 1 < T and bool(cut[t]) == (way == "turned"):
            back = dz[:, t + 1] @ W_hh.T / (1 if way == "unscaled" else q)
        dz[:, t] = (dh[:, t] + back) * (1 - h[:, t + 1] ** 2)
    return dz


ANSWERS = {
    "backward-1": Answers(
        count,
        [
            (lambda T, H: T * (T + 1) // 2, "for one unit"),
            (lambda T, H: H * count(T, H), "is fixed, there is no choice"),
            (lambda T, H: sum(H**s for s in range(T)), "last step's loss alone"),
            (lambda T, H: H**T, "used at step k and seen at step t"),
            (21, "must be a function of (T, H)"),
        ],
    ),
    "backward-2": Answers(
        weights,
        [
            (lambda h, dz: np.einsum("bti,btj->ij", h[:, 1:], dz), "the state before the step"),
            (lambda h, dz: weights(h, dz).T, "transposed"),
            (lambda h, dz: np.einsum("bti,btj->bij", h[:, :-1], dz), "sum over the batch"),
            (lambda h, dz: weights(h, dz) / len(h), "B times too small"),
            (lambda h, dz: h.T @ dz, "raises ValueError"),
        ],
    ),
    "backward-3": Answers(
        inputs,
        [
            (lambda dz, W_xh, W_hh: (dz @ W_xh.T, dz[:, 0] @ W_hh), "must be transposed"),
            (lambda dz, W_xh, W_hh: (dz @ W_xh.T, dz[:, -1] @ W_hh.T), "not by the last"),
            (lambda dz, W_xh, W_hh: (dz @ W_xh.T, dz.sum(1) @ W_hh.T), "no sum over the steps"),
            (lambda dz, W_xh, W_hh: dz @ W_xh.T, "must return (dx, dh_0)"),
            (lambda dz, W_xh, W_hh: (dz @ W_xh, dz[:, 0] @ W_hh.T), "raises ValueError"),
        ],
    ),
    "backward-4": Answers(
        last,
        [
            (lambda dh_T, h, W_hh: last(dh_T, h, W_hh, last_only=True), "last step alone"),
            (lambda dh_T, h, W_hh: last(dh_T, h, W_hh.T), "transposed on the way back"),
            (lambda dh_T, h, W_hh: last(dh_T, h[:, [0, *range(len(h[0]) - 1)]], W_hh), "new state"),
            (lambda dh_T, h, W_hh: last(dh_T, h, W_hh)[:, ::-1], "backwards in time"),
        ],
    ),
    "backward-5": Answers(
        product,
        [
            (product_reversed, "order of time"),
            (lambda h, W_hh, k: product(h, W_hh, k).T, "transposed"),
            (lambda h, W_hh, k: np.linalg.matrix_power(W_hh, len(h) - 1 - k), "power of W_hh"),
            (lambda h, W_hh, k: product(h, W_hh, k - 1), "too many"),
        ],
    ),
    "backward-6": Answers(
        leaky,
        [
            (lambda *a: leaky_with("no direct way", *a), "the direct way"),
            (lambda *a: leaky_with("direct alone", *a), "the way through z"),
            (lambda *a: leaky_with("slope of the state", *a), "not that of the new state"),
            (lambda *a: leaky_with("leak not summed", *a), "sum over the batch is missing"),
            (lambda *a: leaky_with("n alone", *a), "in two places"),
            (lambda *a: leaky_with("leak forgotten", *a), "a factor a"),
        ],
    ),
    "backward-7": Answers(
        embedding,
        [
            (embedding_overwritten, "add them up"),
            (lambda ids, dx, V: embedding(ids, dx, V).T, "transposed"),
            (lambda ids, dx, V: embedding(ids, dx, V) / len(ids), "B times too small"),
            (lambda ids, dx, V: dx.sum((0, 1)), "must stay"),
        ],
    ),
    "backward-8": Answers(
        through_time,
        [
            (lambda *a: through_time(*a, back="dh", bias="mean"), "both mistakes"),
            (lambda *a: through_time(*a, back="dh"), "db_h is mended"),
            (lambda *a: through_time(*a, bias="mean"), "mistake is in db_h"),
            (lambda *a: through_time(*a)[:2], "must return (dW_xh, dW_hh, db_h)"),
        ],
    ),
    "backward-9": Answers(
        sensitivity,
        [
            (lambda S, h_new, W_hh: S @ W_hh * (1 - h_new**2), "at this very step"),
            (lambda S, h_new, W_hh: sensitivity(S, h_new, W_hh.T), "not transposed"),
            (lambda S, h_new, W_hh: sensitivity(S, h_new, W_hh).T, "transposed"),
            (lambda S, h_new, W_hh: S @ W_hh + np.eye(len(h_new)), "wanted is"),
        ],
    ),
    "backward-10": Answers(
        reverse,
        [
            (reverse_keeping_all, "holds 101 states at once"),
            (reverse_from_the_start, "calls step"),
            (without_the_first, "down to 0"),
            (forwards, "of the steps 0, 1, 2, 3"),
            (lambda step, first, T, s: [1], "must yield what `step` returns"),
        ],
    ),
    "backward-11": Answers(
        random_cut,
        [
            (lambda *a: random_cut(*a, way="unscaled"), "divided by q"),
            (lambda *a: random_cut(*a, way="turned"), "turned round"),
            (
                lambda dh, h, W_hh, cut, q: random_cut(dh, h, W_hh, np.roll(cut, -1), q),
                "cut[t - 1]",
            ),
            (lambda dh, h, W_hh, cut, q: random_cut(dh, h, W_hh.T, cut, q), "wrong at step"),
        ],
    ),
    "backward-12": Answers(
        [1.0, -0.4, 1.81, 0.729],
        [
            ([1.0, 0.9, 0.81, 0.729], "signs do not differ"),
            ([0.0, 0.0, 0.0, 0.0], "signs do not differ"),
            ([1.0, -0.05, 1.81, 0.729], "one is too small"),
            ([1.0, 2.0], "must be four targets"),
            ([0.0, np.nan, 0.0, 0.0], "NaN or"),
        ],
    ),
    "backward-13": Answers(
        3,
        [
            (5, "without looking further back"),
            (2, "4 steps apart"),
            (4, "a shorter one"),
            (20, "the worst of the four seeds"),
        ],
    ),
}
