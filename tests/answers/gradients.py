"""Answers to the exercises of `foundations/gradients`."""

from typing import Any, Final

import numpy as np

from answers import Answers


def leaky_by_formula(a: float, z: Any, W_hh: Any) -> Any:
    return (1 - a) * np.eye(len(z)) + a * W_hh @ np.diag(1 - np.tanh(z) ** 2)


def product(W_hh: Any, h: Any) -> Any:
    """From the last step back: rows of the transpose are gradients."""
    dh = np.eye(len(W_hh))
    for h_t in h[:0:-1]:
        dh = (dh * (1 - h_t**2)) @ W_hh.T
    return dh.T


def no_initial(W_hh: Any, h: Any) -> Any:
    return product(W_hh, np.concatenate([h[:1], h[:-1]]))


def row_slopes(W_hh: Any, h: Any) -> Any:
    P = np.eye(len(W_hh))
    for h_t in h[1:]:
        P = P @ np.diag(1 - h_t**2) @ W_hh
    return P


def clip(dW: Any, db: Any, c: float) -> Any:
    norm = np.hypot(np.linalg.norm(dW), np.linalg.norm(db))
    return (dW, db) if norm <= c else (dW * c / norm, db * c / norm)


def clip_in_place(dW: Any, db: Any, c: float) -> Any:
    norm = np.hypot(np.linalg.norm(dW), np.linalg.norm(db))
    dW *= min(1, c / norm)
    db *= min(1, c / norm)
    return dW, db


def cosine(q: Any, c: float) -> Any:
    short = np.where(q > c, c, np.where(q < -c, -c, q))
    return (q * short).sum() / np.sqrt((q**2).sum() * (short**2).sum())


def exponent(w: float, b: float) -> float:
    """The mean growth of a small difference, long after the start."""
    h, logs = 0.0, []
    for k in range(6000):
        h = np.tanh(w * h + b)
        if k >= 5900:
            logs.append(np.log(w * (1 - h**2)))
    return float(np.mean(logs))


def weights(**changed: Any) -> dict[str, Any]:
    """The two units of the page; one of the arrays may be another."""
    two = {
        "W_xh": [[1, 0], [1, 0]],
        "W_hh": [[0, 1], [0, 1]],
        "b_h": [-1, 0],
        "W_hy": [[1], [1]],
        "b_y": [0],
    }
    return {name: np.array(a, float) for name, a in (two | changed).items()}


ANSWERS: Final = {
    "gradients-1": Answers(
        lambda m: (m * m - 2 * m) + 7 / 6,
        [
            (lambda m: 0.1767 + (m - 1) ** 2, "misprint"),
            (lambda m: 1 / 6, "distance"),
            (lambda m: (m - 1) ** 2, "variance is missing"),
            (lambda m: 1 / 12 + (m - 1) ** 2, "of one number"),
            (1 / 6, "must be a function of (m)"),
        ],
    ),
    "gradients-2": Answers(
        lambda gamma, sigma, eps: int(np.ceil(np.log(eps) / np.log(gamma * sigma))),
        [
            (lambda gamma, sigma, eps: np.log(eps) // np.log(gamma * sigma), "round up"),
            (lambda gamma, sigma, eps: np.log(eps) / np.log(gamma * sigma), "whole"),
            (lambda gamma, sigma, eps: np.ceil(np.log(eps) / np.log(gamma)), "sigma is missing"),
            (lambda gamma, sigma, eps: np.ceil(np.log(eps) / np.log(sigma)), "gamma is missing"),
        ],
    ),
    "gradients-3": Answers(
        leaky_by_formula,
        [
            (lambda a, z, W_hh: leaky_by_formula(a, z, W_hh).T, "transposed"),
            (lambda a, z, W_hh: a * W_hh * (1 - np.tanh(z) ** 2), "kept is missing"),
            (
                lambda a, z, W_hh: (1 - a) * np.eye(len(z)) + W_hh * (1 - np.tanh(z) ** 2),
                "counts a times",
            ),
            (lambda a, z, W_hh: leaky_by_formula(1 - a, z, W_hh), "changed places"),
            (
                lambda a, z, W_hh: (1 - a) + a * W_hh * (1 - np.tanh(z) ** 2),
                "use the identity",
            ),
            (
                lambda a, z, W_hh: (
                    (1 - a) * np.eye(len(z)) + a * (1 - np.tanh(z) ** 2)[:, None] * W_hh
                ),
                "not to i",
            ),
            (
                lambda a, z, W_hh: (1 - a) * np.eye(len(z)) + a * W_hh * (1 - z**2),
                "not yet the tanh",
            ),
        ],
    ),
    "gradients-4": Answers(
        product,
        [
            (lambda W_hh, h: product(W_hh, h).T, "transposed"),
            (no_initial, "one step early"),
            (lambda W_hh, h: product(W_hh, np.tanh(h)), "tanh already"),
            (row_slopes, "not to i"),
            (lambda W_hh, h: np.linalg.matrix_power(W_hh, len(h) - 1), "slopes are missing"),
            (lambda W_hh, h: product(W_hh, np.concatenate([h[:1], h[:0:-1]])), "turned round"),
        ],
    ),
    "gradients-5": Answers(
        [[0.5, 1000.0], [0.0, -0.6]],
        [
            ([[0.9, 1.0], [0.0, 0.9]], "norm of"),
            ([[0.0, 1e6], [0.0, 0.0]], "from the third on"),
            ([[1.1, 0.0], [0.0, 1.1]], "eigenvalue"),
            (np.eye(3), "must have (2, 2)"),
        ],
    ),
    "gradients-6": Answers(
        clip,
        [
            (
                lambda dW, db, c: (clip(dW, 0 * db, c)[0], clip(0 * dW, db, c)[1]),
                "norm of its own",
            ),
            (
                lambda dW, db, c: tuple(
                    g * c / np.hypot(np.linalg.norm(dW), np.linalg.norm(db)) for g in (dW, db)
                ),
                "short enough",
            ),
            (
                lambda dW, db, c: tuple(
                    g * min(1, c / (np.hypot(np.linalg.norm(dW), np.linalg.norm(db)) + 1e-6))
                    for g in (dW, db)
                ),
                "leave it out",
            ),
            (
                lambda dW, db, c: tuple(
                    g * min(1, c / (np.linalg.norm(dW) + np.linalg.norm(db))) for g in (dW, db)
                ),
                "their squares do",
            ),
            (
                lambda dW, db, c: tuple(
                    g * min(1, c / ((dW**2).sum() + (db**2).sum())) for g in (dW, db)
                ),
                "take the root",
            ),
            (lambda dW, db, c: (np.clip(dW, -c, c), np.clip(db, -c, c)), "by value"),
            (clip_in_place, "changes its arguments"),
        ],
    ),
    "gradients-7": Answers(
        cosine,
        [
            (lambda q, c: np.arccos(cosine(q, c)), "that is the angle"),
            (lambda q, c: cosine(q, np.inf), "clip by value"),
            (lambda q, c: q @ np.clip(q, -c, c), "both lengths"),
            (
                lambda q, c: (
                    q @ np.minimum(q, c) / np.linalg.norm(q) / np.linalg.norm(np.minimum(q, c))
                ),
                "negative entry",
            ),
        ],
    ),
    "gradients-8": Answers(
        lambda s: (0.5 + 0.5 * s**2) ** -0.5,
        [
            (lambda s: np.sqrt(2), "rectifier"),
            (lambda s: 2 / (1 + s), "before you average"),
            (lambda s: 2 / (1 + s**2), "its square"),
            (lambda s: (1 + s**2) ** -0.5, "either side"),
        ],
    ),
    "gradients-9": Answers(
        exponent,
        [
            (lambda w, b: np.log(w), "slope of tanh is missing"),
            (lambda w, b: np.exp(exponent(w, b)), "logarithm"),
            (lambda w, b: exponent(w, b) - np.log(w), "weight is missing"),
            (lambda w, b: np.log(w * (1 - np.tanh(b) ** 2)), "let the state settle"),
        ],
    ),
    "gradients-10": Answers(
        weights(),
        [
            (weights(W_hh=[[1, 0], [0, 1]]), "off by up to"),
            (weights(b_h=[0, 0]), "off by up to"),
            (weights(W_hy=[[0], [1]]), "on sequences of 2 steps"),
            (weights(W_xh=[[1, 1], [0, 0]]), "off by up to"),
            (weights(b_y=[0, 0]), "b_y has the shape"),
            (list(weights().values()), "must be a dictionary"),
        ],
    ),
    "gradients-11": Answers(
        1.9,
        [
            (1.0, "without any input"),
            (2**0.5, "the rectifier's"),
            (3.0, "variance of z"),
        ],
    ),
}
