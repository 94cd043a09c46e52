"""Answers to the exercises of the page `lengths`: right ones, and what readers try."""

from typing import Any

import numpy as np

from answers import Answers
from rnnbook.layers import RNN
from rnnbook.layers.nested import reverse
from rnnbook.losses import mse


def last_by_mask(h: Any, lengths: Any) -> Any:
    at_end = np.arange(h.shape[1]) == lengths[:, None] - 1
    return (h * at_end[..., None]).sum(1)


def per_sequence(y: Any, target: Any, lengths: Any) -> Any:
    """The mean of each sequence's own loss, as a loop makes it by itself."""
    dy, total = np.zeros_like(y), 0.0
    for b, n in enumerate(lengths):
        loss, d = mse(y[b, :n], target[b, :n])
        total, dy[b, :n] = total + loss / len(y), d / len(y)
    return total, dy


def padding_too(y: Any, target: Any, lengths: Any) -> Any:
    return mse(y, target)


def all_steps(y: Any, target: Any, lengths: Any) -> Any:
    loss, dy = mse(y, target, lengths)
    share = lengths.sum() / (y.shape[0] * y.shape[1])
    return loss * share, dy * share


def no_factor_two(y: Any, target: Any, lengths: Any) -> Any:
    loss, dy = mse(y, target, lengths)
    return loss, dy / 2


def half(y: Any, target: Any, lengths: Any) -> Any:
    loss, dy = mse(y, target, lengths)
    return loss / 2, dy / 2


def by_rolling(x: Any, lengths: Any) -> Any:
    """Whole rows turned round, then pushed to the left."""
    turned = x[:, ::-1]
    return np.stack([np.roll(row, n, axis=0) for row, n in zip(turned, lengths, strict=True)])


def by_bincount(b: Any) -> Any:
    ends = -np.diff(b, append=0)
    return np.repeat(np.arange(1, len(b) + 1), ends)[::-1]


def by_layer(W_xh: Any, W_hh: Any, h: Any, dlast: Any, lengths: Any) -> Any:
    """By the package's layer, which is given inputs that lead to these states."""
    B, T = h.shape[0], h.shape[1] - 1
    layer = RNN({"W_xh": np.eye(len(W_hh)), "W_hh": W_hh, "b_h": np.zeros(len(W_hh))})
    z = np.arctanh(h[:, 1:]) - h[:, :-1] @ W_hh
    layer.forward(z, (h[:, 0],), lengths)
    dz, (dfirst,), _ = layer.backward(np.zeros((B, T, len(W_hh))), (dlast,))
    return dz @ W_xh.T, dfirst


def backward_through_all(W_xh: Any, W_hh: Any, h: Any, dlast: Any, lengths: Any) -> Any:
    return by_layer(W_xh, W_hh, h, dlast, np.full(len(h), h.shape[1] - 1))


def not_held(W_xh: Any, W_hh: Any, h: Any, dlast: Any, lengths: Any) -> Any:
    """dh is zeroed at the padding instead of being passed on."""
    dx = np.zeros((h.shape[0], h.shape[1] - 1, len(W_xh)))
    dh = dlast
    for t in reversed(range(dx.shape[1])):
        real = (t < lengths)[:, None]
        dz = np.where(real, dh * (1 - h[:, t + 1] ** 2), 0)
        dx[:, t], dh = dz @ W_xh.T, dz @ W_hh.T
    return dx, dh


def no_slope(W_xh: Any, W_hh: Any, h: Any, dlast: Any, lengths: Any) -> Any:
    dx, dh = np.zeros((h.shape[0], h.shape[1] - 1, len(W_xh))), dlast
    for t in reversed(range(dx.shape[1])):
        real = (t < lengths)[:, None]
        dx[:, t] = np.where(real, dh @ W_xh.T, 0)
        dh = np.where(real, dh @ W_hh.T, dh)
    return dx, dh


def counted(q: float, a: int, c: int, B: int) -> float:
    """Over all ways in which k of B sequences can be short."""
    from math import comb

    p = [comb(B, k) * q**k * (1 - q) ** (B - k) for k in range(B + 1)]
    computed = sum(w * B * (a if k == B else c) for k, w in enumerate(p))
    steps = sum(w * (k * a + (B - k) * c) for k, w in enumerate(p))
    return computed / steps


def one_by_one(x: Any, first: Any, W_xh: Any, W_hh: Any, b_h: Any) -> Any:
    """Each document by itself, with the package's layer."""
    layer = RNN({"W_xh": W_xh, "W_hh": W_hh, "b_h": b_h})
    found = np.empty((*x.shape[:2], len(b_h)))
    for row in range(len(x)):
        starts = sorted({0, *np.flatnonzero(first[row]).tolist()})
        for start, end in zip(starts, [*starts[1:], x.shape[1]], strict=True):
            found[row, start:end] = layer.forward(x[row : row + 1, start:end])[0][0]
    return found


def emptied_after(x: Any, first: Any, W_xh: Any, W_hh: Any, b_h: Any) -> Any:
    h, found = np.zeros((len(x), len(b_h))), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_xh + h @ W_hh + b_h)
        found.append(h)
        h = np.where(first[:, t, None], 0, h)
    return np.stack(found, axis=1)


def never_emptied(x: Any, first: Any, W_xh: Any, W_hh: Any, b_h: Any) -> Any:
    return one_by_one(x, np.zeros_like(first), W_xh, W_hh, b_h)


def all_emptied(x: Any, first: Any, W_xh: Any, W_hh: Any, b_h: Any) -> Any:
    return one_by_one(x, np.tile(first.any(0), (len(first), 1)), W_xh, W_hh, b_h)


def by_array(b: int, k: int, t: int, n: int, B: int, steps: int) -> Any:
    """Where it stands in the rows that `training.stream_batches` cuts."""
    rows = np.arange(n)[: n // B * B].reshape(B, n // B)
    return rows[b, k * steps : (k + 1) * steps][t]


def pools(lengths: Any, size: int, rng: Any) -> Any:
    order = rng.permutation(len(lengths))
    found = []
    for start in range(0, len(order), 10 * size):
        pool = order[start : start + 10 * size]
        pool = pool[np.argsort(lengths[pool])]
        found += [pool[i : i + size] for i in range(0, len(pool), size)]
    rng.shuffle(found)
    return found


def random_batches(lengths: Any, size: int, rng: Any) -> Any:
    order = rng.permutation(len(lengths))
    return [order[i : i + size] for i in range(0, len(order), size)]


def sorted_batches(lengths: Any, size: int, rng: Any) -> Any:
    order = np.argsort(lengths, kind="stable")
    return [order[i : i + size] for i in range(0, len(order), size)]


def sorted_then_shuffled(lengths: Any, size: int, rng: Any) -> Any:
    found = sorted_batches(lengths, size, rng)
    rng.shuffle(found)
    return found


def loses_some(lengths: Any, size: int, rng: Any) -> Any:
    return pools(lengths[:900], size, rng)


def too_big(lengths: Any, size: int, rng: Any) -> Any:
    return pools(lengths, size + 1, rng)


ANSWERS: dict[str, Answers] = {
    "lengths-1": Answers(
        last_by_mask,
        [
            (lambda h, lengths: h[:, -1], "padding for every shorter"),
            (
                lambda h, lengths: h[np.arange(len(h)), np.minimum(lengths, h.shape[1] - 1)],
                "step behind the last",
            ),
            (lambda h, lengths: h[:, lengths - 1], "shape"),
            (lambda h, lengths: h[np.arange(len(h)), lengths], "raises IndexError"),
        ],
    ),
    "lengths-2": Answers(
        mse,
        [
            (all_steps, "padding is in the divisor"),
            (padding_too, "padding counts"),
            (per_sequence, "step of a short one counts more"),
            (no_factor_two, "has a factor 2"),
            (half, "leave the half out"),
            (lambda y, target, lengths: mse(y, target, lengths)[0], "must return (loss, dy)"),
        ],
    ),
    "lengths-3": Answers(
        reverse,
        [
            (lambda x, lengths: x[:, ::-1], "padding now comes first"),
            (lambda x, lengths: x, "wanted is"),
            (lambda x, lengths: x[::-1], "wanted is"),
            (lambda x, lengths: np.stack([r[:n][::-1] for r, n in zip(x, lengths, strict=True)]),
             "raises ValueError"),
        ],
    ),
    "lengths-4": Answers(
        by_bincount,
        [
            (lambda b: by_bincount(b)[::-1], "longest must come first"),
            (lambda b: -np.diff(b, append=0), "how many sequences end"),
            (lambda b: b, "running at step t"),
        ],
    ),
    "lengths-5": Answers(
        by_layer,
        [
            (backward_through_all, "leave nothing there"),
            (not_held, "gradient is lost at the padding"),
            (no_slope, "slope of tanh"),
        ],
    ),
    "lengths-6": Answers(
        counted,
        [
            (lambda q, a, c, B: c / (q * a + (1 - q) * c), "without a long sequence"),
            (lambda q, a, c, B: 1.0, "all B must be short"),
            (lambda q, a, c, B: B * counted(q, a, c, B), "leave B out"),
            (lambda q, a, c, B: 1 - 1 / counted(q, a, c, B), "share of padding"),
            (lambda q, a, c, B: counted(1 - q, a, c, B), "ratio is"),
        ],
    ),
    "lengths-7": Answers(
        (True, True, False, True, False, True),
        [
            ([False, False, True, False, True, False], "the other way round"),
            ([True, True, False, False, False, True], "below 0"),
            ([True, True, False, True, False, False], "softmax"),
            ([True, True, False, True, True, True], "zeros add nothing"),
            ([True, True, True, True, False, True], "divides by the lengths"),
            ([True, True], "shape"),
        ],
    ),
    "lengths-8": Answers(
        one_by_one,
        [
            (emptied_after, "one step late"),
            (never_emptied, "runs on over the borders"),
            (all_emptied, "none in the others"),
        ],
    ),
    "lengths-9": Answers(
        by_array,
        [
            (lambda b, k, t, n, B, steps: k * B * steps + b * steps + t, "no row goes on"),
            (lambda b, k, t, n, B, steps: b * n / B + k * steps + t, "left over is not used"),
            (lambda b, k, t, n, B, steps: b * n // B + k * steps + t, "from the left"),
            (lambda b, k, t, n, B, steps: b * (n // B) + k + t, "k pieces"),
            (lambda b, k, t, n, B, steps: k * steps + t, "row's own start"),
        ],
    ),
    "lengths-10": Answers(
        pools,
        [
            (random_batches, "steps are computed for each real one"),
            (sorted_batches, "order of their lengths"),
            (sorted_then_shuffled, "same batches"),
            (loses_some, "in one batch, and in one only"),
            (too_big, "is the size"),
            (pools(np.arange(1, 41), 8, np.random.default_rng(0)), "must be a function"),
        ],
    ),
    "lengths-11": Answers(
        0.447,
        [
            (2.24, "take its inverse"),
            (0.39, "own longest name"),
            (0.553, "share of the padding"),
            (1.0, "real steps of a batch"),
            ("0.447", "must be a number"),
        ],
    ),
}  # fmt: skip
