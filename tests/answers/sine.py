"""Answers to the exercises on the sine wave, found by averages, differences and matrices."""

from typing import Any

import numpy as np

from . import Answers

TURN = 2 * np.pi * np.arange(720) / 720  # phases over which averages are taken


def count(D: int, H: int, K: int) -> int:
    return sum(int(np.prod(shape)) for shape in ((D + 1, H), (H, H), (H + 1, K)))


def persistence(delta: float, m: int) -> Any:
    return np.mean((np.sin(TURN + m * delta) - np.sin(TURN)) ** 2)


def arv(target: Any, prediction: Any, series: Any) -> Any:
    spread = (series**2).mean() - series.mean() ** 2
    return ((target - prediction) @ (target - prediction)) / len(target) / spread


def one_value(delta: float, sigma: float) -> Any:
    seen = np.mean(np.sin(TURN) ** 2) + sigma**2
    both = np.mean(np.sin(TURN) * np.sin(TURN + delta))
    c = both / seen
    return c, seen - 2 * c * both + c**2 * seen


def mixture(omegas: Any) -> Any:
    s = np.tile(np.sin(TURN), len(omegas))
    w = np.repeat(omegas, len(TURN))
    wanted = np.sin(np.tile(TURN, len(omegas)) + w) + np.sin(np.tile(TURN, len(omegas)) - w)
    c = (s @ wanted) / (s @ s)
    return c, np.mean((wanted - c * s) ** 2)


def companion(a: Any) -> Any:
    return np.vstack([a, np.eye(len(a))[:-1]])


def prony(a: Any) -> Any:
    found = np.angle(np.linalg.eigvals(companion(a)))
    return sorted(found[found > 0])


def first_state(p: Any, x: Any, target: Any, h_0: Any) -> Any:
    def loss(first: Any) -> float:
        h, errors = first, []
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] @ p["W_xh"] + h @ p["W_hh"] + p["b_h"])
            errors.append((h @ p["W_hy"] + p["b_y"] - target[:, t]) ** 2)
        return float(np.mean(errors))

    found, eps = np.zeros_like(h_0), 1e-4
    for i in np.ndindex(h_0.shape):
        move = np.zeros_like(h_0)
        move[i] = eps
        near = loss(h_0 + move) - loss(h_0 - move)
        far = loss(h_0 + 2 * move) - loss(h_0 - 2 * move)
        found[i] = (8 * near - far) / (12 * eps)  # exact but for the fifth derivative
    return found


def loop(step: Any, x: Any, steps: int) -> Any:
    values, state = list(x), None
    for t in range(len(x) + steps - 1):
        y, state = step(values[t], state)
        if t >= len(x) - 1:
            values.append(y)
    return np.array(values[len(x) :])


def without_state(step: Any, x: Any, steps: int) -> Any:
    return loop(lambda each, state: step(each, None), x, steps)


def state_lost_later(step: Any, x: Any, steps: int) -> Any:
    y = loop(step, x, 1)[0]
    found = [y]
    for _ in range(steps - 1):
        y, _ = step(y, None)
        found.append(y)
    return np.array(found)


def ahead(delta: float, sigma: float, m: int) -> Any:
    power = np.linalg.matrix_power(companion(np.array([2 * np.cos(delta), -1])), m)
    return sigma**2 * (power[0] @ power[0])


def scaled(k: float) -> Any:
    return lambda *arguments: k * first_state(*arguments)


ANSWERS: dict[str, Answers] = {
    "sine-1": Answers(
        count,
        [
            (lambda D, H, K: D * H + H * H + H * K, "both biases"),
            (lambda D, H, K: count(D, H, K) - K, "output's bias"),
            (lambda D, H, K: count(D, H, K) - H, "state's bias"),
            (lambda D, H, K: D * H + 2 * H + H * K + K, "from each unit to each"),
            (lambda D, H, K: D * H + H * H + 2 * H + H * K + K, "one bias, not two"),
            (lambda D, H, K: 10_301, "wanted is"),
        ],
    ),
    "sine-2": Answers(
        persistence,
        [
            (lambda delta, m: persistence(delta, 1), "one step ahead"),
            (lambda delta, m: 4 * np.sin(m * delta / 2) ** 2, "one half on average"),
            (lambda delta, m: m * persistence(delta, 1), "not independent"),
            (lambda delta, m: np.sin(m * delta) ** 2 / 2, "a product"),
        ],
    ),
    "sine-3": Answers(
        arv,
        [
            (lambda t, p, s: arv(t, p, t), "not of the years asked for"),
            (lambda t, p, s: arv(t, p, s) * (len(s) - 1) / len(s), "not by one less"),
            (lambda t, p, s: np.mean((t - p) ** 2) / np.mean(s * s), "about the mean"),
            (lambda t, p, s: np.mean((t - p) ** 2), "wanted is"),
        ],
    ),
    "sine-4": Answers(
        one_value,
        [
            (
                lambda delta, sigma: (
                    np.cos(delta),
                    0.5 * np.sin(delta) ** 2 + sigma**2 * (1 + np.cos(delta) ** 2),
                ),
                "best without noise",
            ),
            (
                lambda delta, sigma: (
                    one_value(delta, sigma)[0],
                    one_value(delta, sigma)[1] - sigma**2,
                ),
                "through noise, too",
            ),
            (lambda delta, sigma: one_value(delta, sigma)[0], "must return (c, error)"),
            (lambda delta, sigma: (1.0, 1 - np.cos(delta)), "mean of the product"),
        ],
    ),
    "sine-5": Answers(
        mixture,
        [
            (
                lambda w: (
                    2 * np.cos(w.mean()),
                    2 * np.mean((np.cos(w) - np.cos(w.mean())) ** 2),
                ),
                "the cosine of the mean",
            ),
            (lambda w: (mixture(w)[0], np.var(2 * np.cos(w))), "mean square is one half"),
            (lambda w: (np.cos(w).mean(), mixture(w)[1]), "twice the mean"),
            (lambda w: mixture(w)[0], "must return (c, error)"),
        ],
    ),
    "sine-6": Answers(
        prony,
        [
            (lambda a: np.sort(np.angle(np.linalg.eigvals(companion(a)))), "with its negative"),
            (lambda a: prony(-a), "a sign is wrong"),
            (lambda a: prony(a)[::-1], "smallest comes first"),
            (lambda a: 2 * np.cos(prony(a)), "2 cos of each"),
            (lambda a: np.arccos(a[:1] / 2), "the powers of a number"),
        ],
    ),
    "sine-7": Answers(
        first_state,
        [
            (lambda p, x, t, h: np.linalg.solve(p["W_hh"], first_state(p, x, t, h).T).T, "of z_1"),
            (lambda p, x, t, h: first_state(p, x[:, :1], t[:, :1], h) / x.shape[1], "later steps"),
            (lambda p, x, t, h: t.size * first_state(p, x, t, h), "a mean over all outputs"),
            (lambda p, x, t, h: (1 - h * h) * first_state(p, x, t, h), "there is no slope"),
            (scaled(-1), "wrong sign"),
            (lambda p, x, t, h: first_state(p, x, t, h).T, "is transposed"),
        ],
    ),
    "sine-8": Answers(
        loop,
        [
            (state_lost_later, "the state is lost"),
            (without_state, "known values are not read, and the state is lost"),
            (lambda step, x, n: loop(step, x[-1:], n), "not the last alone"),
            (lambda step, x, n: np.vstack([x[-1:], loop(step, x, n)[:-1]]), "is no prediction"),
            (lambda step, x, n: loop(step, x, n + 1)[1:], "first prediction is there"),
            (lambda step, x, n: loop(step, x[[*range(len(x)), -1]], n), "once, not twice"),
            (lambda step, x, n: loop(step, x, n + 1), "has the shape"),
        ],
    ),
    "sine-9": Answers(
        ahead,
        [
            (lambda delta, sigma, m: ahead(delta, sigma, 1), "one step ahead"),
            (lambda delta, sigma, m: m * ahead(delta, sigma, 1), "does not just add up"),
            (lambda delta, sigma, m: ahead(delta, sigma, m) + sigma**2, "the wave itself"),
            (lambda delta, sigma, m: ahead(delta, sigma, m) ** 0.5, "the deviation"),
            (lambda delta, sigma, m: ahead(delta, sigma, m + 1), "one step further"),
            (lambda delta, sigma, m: ahead(delta, sigma, m - 1), "through two values"),
        ],
    ),
    "sine-10": Answers(
        "network", [("AR(2)", "AR(2) is linear"), ("both", "plot the last"), (0, "a word")]
    ),
}
