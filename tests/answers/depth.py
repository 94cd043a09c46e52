"""Answers to the exercises of "Depth and direction"."""

from typing import Any

import numpy as np

from answers import Answers


def count(G: int, D: int, H: int, L: int, directions: int) -> int:
    widths = [D] + [directions * H] * (L - 1)
    return sum(directions * (width * G * H + H * G * H + G * H) for width in widths)


def paths(L: int, k: int) -> int:
    if L < 1 or k < 0:
        return 0
    if L == 1 and k == 0:
        return 1
    return paths(L, k - 1) + paths(L - 1, k) + paths(L - 2, k)


def turn(x: Any, lengths: Any) -> Any:
    t = np.arange(x.shape[1])
    place = np.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)
    return np.take_along_axis(x, place[..., None], axis=1)


def summary(h: Any, lengths: Any) -> Any:
    ahead, back = np.split(h, 2, axis=2)
    last = np.take_along_axis(ahead, (lengths - 1)[:, None, None], axis=1)[:, 0]
    return np.hstack([last, back[:, 0]])


def lower_dz(dz_high: Any, h: Any, W_xh_high: Any, W_hh: Any) -> Any:
    dz = (dz_high @ W_xh_high.T) * (1 - h**2)
    for t in range(h.shape[1] - 2, -1, -1):
        dz[:, t] += (dz[:, t + 1] @ W_hh.T) * (1 - h[:, t] ** 2)
    return dz


def lower_wrong_matrix(dz_high: Any, h: Any, W_xh_high: Any, W_hh: Any) -> Any:
    return lower_dz(dz_high, h, W_xh_high, W_hh.T)


def lower_handing_on_dh(dz_high: Any, h: Any, W_xh_high: Any, W_hh: Any) -> Any:
    dh, later = dz_high @ W_xh_high.T, 0
    for t in reversed(range(h.shape[1])):
        dh[:, t] = later = dh[:, t] + later
        later = later @ W_hh.T
    return dh * (1 - h**2)


def down(h0: Any, weights: Any, dh: Any) -> Any:
    if not weights:
        return dh
    u = np.tanh(h0 @ weights[0])
    d = down(h0 + u, weights[1:], dh)
    return d + np.einsum("bj,ij->bi", d * (1 - u * u), weights[0])


def down_transposed(h0: Any, weights: Any, dh: Any) -> Any:
    if not weights:
        return dh
    u = np.tanh(h0 @ weights[0])
    d = down_transposed(h0 + u, weights[1:], dh)
    return d + (d * (1 - u * u)) @ weights[0]


def down_once(h0: Any, weights: Any, dh: Any) -> Any:
    h, d = h0, dh
    for W in weights:
        u = np.tanh(h @ W)
        d, h = (d * (1 - u * u)) @ W.T, u
    return dh + d


def mask(rng: Any, B: int, T: int, H: int, p: float) -> Any:
    one = np.where(rng.random((B, H)) < p, 0.0, 1 / (1 - p))
    return np.broadcast_to(one[:, None], (B, T, H))


def rms_backward(x: Any, gamma: Any, eps: float, dy: Any) -> Any:
    r2 = (x * x).mean(1, keepdims=True) + eps
    d = dy * gamma
    dx = d / np.sqrt(r2) - x * (d * x).mean(1, keepdims=True) / r2**1.5
    return dx, (dy * x / np.sqrt(r2)).sum(0)


def log_odds(x: Any, q: float, sigma: float) -> Any:
    """Forward and backward in probabilities."""
    B, T = x.shape
    seen = np.stack([np.exp(-((x - s) ** 2) / (2 * sigma**2)) for s in (-1, 1)], axis=2)
    move = np.array([[q, 1 - q], [1 - q, q]])
    past, future = np.full((B, T, 2), 0.5), np.ones((B, T, 2))
    for t in range(T):
        past[:, t] = (past[:, t - 1] @ move if t else past[:, 0]) * seen[:, t]
    for t in range(T - 2, -1, -1):
        future[:, t] = (future[:, t + 1] * seen[:, t + 1]) @ move
    both = past * future
    return np.log(both[..., 1]) - np.log(both[..., 0])


ANSWERS: dict[str, Answers] = {
    "depth-1": Answers(
        count,
        [
            (lambda G, D, H, L, n: n * G * H * (D + H + 1 + (L - 1) * (2 * H + 1)), "every half"),
            (lambda G, D, H, L, n: count(G, D, n * H, L, 1), "own state is H wide"),
            (lambda G, D, H, L, n: n * G * H * (D + H + (L - 1) * (n + 1) * H), "biases"),
            (lambda G, D, H, L, n: count(G, D, H, L, n) + H, "the count is"),
            (1000, "must be a function"),
        ],
    ),
    "depth-2": Answers(
        paths,
        [
            (lambda L, k: round(np.prod([(k + i) / i for i in range(1, L)])), "without skips"),
            (lambda L, k: paths(L + 1, k), "L - 1 up"),
            (lambda L, k: L * k, "the number is"),
        ],
    ),
    "depth-3": Answers(
        turn,
        [
            (lambda x, n: x[:, ::-1], "padding comes first"),
            (lambda x, n: x, "nothing is turned"),
            (
                lambda x, n: np.stack([np.roll(s[::-1], 0, 0) for s in x]),
                "padding comes first",
            ),
            (
                lambda x, n: np.stack(
                    [np.concatenate([s[k:], s[:k][::-1]]) for s, k in zip(x, n, strict=True)]
                ),
                "stay behind",
            ),
            (lambda x, n: x[::-1], "wanted is"),
            (
                lambda x, n: turn(x, n) * (np.arange(x.shape[1]) < n[:, None])[..., None],
                "left as it is",
            ),
        ],
    ),
    "depth-4": Answers(
        summary,
        [
            (lambda h, n: h[:, -1], "padding for short"),
            (lambda h, n: h[np.arange(len(h)), n - 1], "has read one step"),
            (lambda h, n: h[:, 0], "forward half has read one step"),
            (
                lambda h, n: np.hstack(
                    [h[:, -1, : h.shape[2] // 2], h[:, 0, h.shape[2] // 2 :]],
                ),
                "end of the padding",
            ),
            (
                lambda h, n: np.hstack(
                    [h[:, 0, : h.shape[2] // 2], h[np.arange(len(h)), n - 1, h.shape[2] // 2 :]],
                ),
                "where it starts",
            ),
            (
                lambda h, n: np.hstack(
                    [h[:, 0, h.shape[2] // 2 :], h[np.arange(len(h)), n - 1, : h.shape[2] // 2]],
                ),
                "comes first",
            ),
        ],
    ),
    "depth-5": Answers(
        3 / 4, [(0.5, "coin"), (1, "cannot be right"), (2 / 3, "three of the four"), (0.9, "signs")]
    ),
    "depth-6": Answers(
        lower_dz,
        [
            (lambda d, h, W, U: (d @ W.T) * (1 - h * h), "later steps"),
            (lower_wrong_matrix, "transposed"),
            (lower_handing_on_dh, "behind the slope"),
            (lambda d, h, W, U: lower_dz(d, h, W, U) / (1 - h * h), "slope of the tanh"),
            (lambda d, h, W, U: d @ W, "raises ValueError"),
        ],
    ),
    "depth-7": Answers(
        down,
        [
            (lambda h0, weights, dh: dh, "wanted is"),
            (down_once, "wanted is"),
            (down_transposed, "W must be transposed"),
            (lambda h0, weights, dh: down(h0, weights, dh) - dh, "wanted is"),
            (lambda h0, weights, dh: down(h0, weights[::-1], dh), "wanted is"),
        ],
    ),
    "depth-8": Answers(
        mask,
        [
            (lambda rng, B, T, H, p: (rng.random((B, T, H)) >= p) / (1 - p), "step to step"),
            (lambda rng, B, T, H, p: np.repeat(rng.random((B, 1, H)) >= p, T, 1) * 1.0, "shrinks"),
            (
                lambda rng, B, T, H, p: np.repeat((rng.random((B, 1, H)) < p) / (1 - p), T, 1),
                "share that is kept",
            ),
            (
                lambda rng, B, T, H, p: np.repeat(rng.random((B, 1, H)) >= p, T, 1) / p,
                "divided by p",
            ),
            (
                lambda rng, B, T, H, p: np.ones((B, T, 1)) * (rng.random(H) >= p) / (1 - p),
                "all sequences",
            ),
            (
                lambda rng, B, T, H, p: np.ones((1, T, H)) * (rng.random((B, 1, 1)) >= p) / (1 - p),
                "all units",
            ),
            (
                lambda rng, B, T, H, p: mask(np.random.default_rng(3), B, T, H, p),
                "drawn from `rng`",
            ),
            (lambda rng, B, T, H, p: mask(rng, B, T, H, p)[:, 0], "the shape (60, 50)"),
            (lambda rng, B, T, H, p: mask(rng, B, T, H, p) - 0.5, "must be 0 or 1 / (1 - p)"),
        ],
    ),
    "depth-9": Answers(
        rms_backward,
        [
            (
                lambda x, g, e, dy: (
                    dy * g / np.sqrt((x * x).mean(1, keepdims=True) + e),
                    dy.sum(0),
                ),
                "wanted is",
            ),
            (
                lambda x, g, e, dy: (
                    dy * g / np.sqrt((x * x).mean(1, keepdims=True) + e),
                    (dy * x / np.sqrt((x * x).mean(1, keepdims=True) + e)).sum(0),
                ),
                "depends on every x",
            ),
            (lambda x, g, e, dy: rms_backward(x, np.ones_like(g), e, dy), "gamma is missing"),
            (lambda x, g, e, dy: rms_backward(x, g, 0, dy), "eps is missing"),
            (lambda x, g, e, dy: rms_backward(x, g, e, dy)[0], "must return (dx, dgamma)"),
        ],
    ),
    "depth-10": Answers(
        [5, 2],
        [
            ((5, 0.9), "smaller than 1/2"),
            ((1, 2), "turn the state over"),
            ((2.3, 2), "after a report the state is smaller"),
            ((5, -2), "changes its sign"),
            ((5, 0), "loses or changes its sign"),
            ((-5, 2), "w must be positive"),
            ((5, 2, 0), "a pair (w, u)"),
            (5, "a pair (w, u)"),
        ],
    ),
    "depth-11": Answers(
        log_odds,
        [
            (lambda x, q, sigma: 2 * x / sigma**2, "wanted is"),
            (
                lambda x, q, sigma: log_odds(x, q, sigma) + 2 * x / sigma**2,
                "counted twice",
            ),
            (
                lambda x, q, sigma: np.stack(
                    [log_odds(x[:, : t + 1], q, sigma)[:, t] for t in range(x.shape[1])], axis=1
                ),
                "future is missing",
            ),
            (
                lambda x, q, sigma: np.stack(
                    [log_odds(x[:, t:], q, sigma)[:, 0] for t in range(x.shape[1])], axis=1
                ),
                "past is missing",
            ),
            (lambda x, q, sigma: -log_odds(x, q, sigma), "wrong sign"),
        ],
    ),
    "depth-12": Answers(
        "yes", [("no", "300 updates"), ("maybe", "yes or no"), (0.95, "must be a word")]
    ),
}
