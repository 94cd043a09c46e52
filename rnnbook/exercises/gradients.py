"""The exercises of `foundations/gradients`: products of Jacobians, clipping, starting weights."""

from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.cells import relu
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Exercise, Function, Property, Value
from rnnbook.tasks import adding


def _steps_until(factor: float, eps: float) -> float:
    """The smallest k with factor^k <= eps, found by multiplying."""
    k, power = 0, 1.0
    while power > eps and k < 10_000:
        k, power = k + 1, power * factor
    return float(k)


def _draw_horizon(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    gamma, factor = rng.uniform(0.2, 0.6), rng.uniform(0.7, 0.95)
    return float(gamma), float(factor / gamma), float(10 ** -rng.uniform(2, 6))


def _leaky(a: float, z: Array, W_hh: Array, keep: float, of_row: bool = False) -> Array:
    """keep I + a W diag(1 - tanh(z)^2), entry by entry; `of_row` takes the slope of unit i."""
    J = np.zeros_like(W_hh)
    for i, j in np.ndindex(J.shape):
        J[i, j] = keep * (i == j) + a * W_hh[i, j] / np.cosh(z[i if of_row else j]) ** 2
    return J


def _draw_leaky(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    H = s["H"]
    return float(rng.uniform(0.1, 0.9)), rng.normal(size=H), rng.normal(size=(H, H))


def _sensitivity(W_hh: Array, h: Array, slope_of: Array, of_row: bool = False) -> Array:
    """Every unit vector sent forward as a small change: the rows of dh_T / dh_0."""
    change = np.eye(len(W_hh))
    for h_t in slope_of:
        slope = 1 - h_t * h_t
        change = (change * slope) @ W_hh if of_row else (change @ W_hh) * slope
    return change


def _draw_states(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    H = s["H"]
    return rng.normal(size=(H, H)), np.tanh(rng.normal(size=(s["T"] + 1, H)))


def _grows_though_small(W: Any) -> str | None:
    W = np.asarray(W, np.float64)
    if W.shape != (2, 2):
        return f"your matrix has the shape {W.shape}, but must have (2, 2)"
    if not np.isfinite(W).all():
        return "your matrix holds NaN or infinity"
    largest = np.abs(np.linalg.eigvals(W)).max()
    if largest > 0.9 + 1e-5:
        return f"an eigenvalue of it has the absolute value {largest:.3g}"
    P, norm = W @ W, 0.0
    for _ in range(500):
        P = P @ W
        norm = max(norm, float(np.linalg.norm(P, 2)))
    return None if norm >= 100 else f"from the third on, its powers reach a norm of {norm:.3g} only"


def _scaled(dW: Array, db: Array, factor: float) -> tuple[Array, Array]:
    return dW * factor, db * factor


def _global_norm(dW: Array, db: Array) -> float:
    return float(np.linalg.norm(np.concatenate([dW.ravel(), db.ravel()])))


def _each_clipped(dW: Array, db: Array, c: float) -> tuple[Array, Array]:
    return dW * min(1, c / np.linalg.norm(dW)), db * min(1, c / np.linalg.norm(db))


def _draw_clip(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    """Two arrays, and by turns a bound below their norm and one above it."""
    dW, db = rng.normal(size=(s["D"], s["H"])), rng.normal(size=s["H"])
    return dW, db, _global_norm(dW, db) * (0.4 if s["B"] < 6 else 2.5)


def _cosine(a: Array, b: Array) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _draw_vector(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    q = rng.normal(size=s["H"] + 2)
    return q, float(np.median(np.abs(q)) * 0.6)


def _settled(w: float, b: float) -> float:
    h = 0.0
    for _ in range(20_000):
        h = float(np.tanh(w * h + b))
    return h


def _adds(weights: Any) -> str | None:
    names = ("W_xh", "W_hh", "b_h", "W_hy", "b_y")
    if not isinstance(weights, dict) or set(weights) != set(names):
        return f"your answer must be a dictionary of {', '.join(names)}"
    W_xh, W_hh, b_h, W_hy, b_y = (np.asarray(weights[name], np.float64) for name in names)
    H = b_h.size
    for name, a, shape in [
        ("b_h", b_h, (H,)), ("W_xh", W_xh, (2, H)), ("W_hh", W_hh, (H, H)),
        ("W_hy", W_hy, (H, 1)), ("b_y", b_y, (1,)),
    ]:  # fmt: skip
        if a.shape != shape:
            return f"{name} has the shape {a.shape}, but must have {shape}"
    for T in (2, 7, 60):
        split = adding.generate(100, T, np.random.default_rng(T))
        h = np.zeros((100, H))
        for t in range(T):
            h = relu(split.inputs[:, t].astype(np.float64) @ W_xh + h @ W_hh + b_h)
        error = float(np.abs(h @ W_hy + b_y - split.targets).max())
        if not error < 1e-5:
            return f"on sequences of {T} steps it is off by up to {error:.2g}"
    return None


def _critical_gain() -> float:
    """Where mean-field theory's chi is 1, inputs of variance 1: by Gauss and Hermite, bisected."""
    xi, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / weight.sum()
    low, high = 1.0, 3.0
    for _ in range(30):
        gain, variance = (low + high) / 2, 1.0
        for _ in range(60):
            h = np.tanh(np.sqrt(variance) * xi)
            variance = 1 + gain**2 * float(weight @ h**2)
        chi = gain**2 * float(weight @ (1 - h**2) ** 2)
        low, high = (gain, high) if chi < 1 else (low, gain)
    return low


EXERCISES: Final[dict[str, Exercise]] = {
    "gradients-1": Function(
        right=lambda m: 1 / 6 + (m - 1) ** 2,
        draw=lambda rng, s: (float(rng.uniform(-1, 3)),),
        returns={"the error": ""},
        mistakes={
            "that is the variance of one number, not of the sum of two": lambda m: (
                1 / 12 + (m - 1) ** 2
            ),
            "the variance is there, the distance of m from the mean is missing": lambda m: 1 / 6,
            "the variance is missing: even the mean is not the answer": lambda m: (m - 1) ** 2,
            "0.1767 is the misprint: compute the variance of a sum": lambda m: (
                0.1767 + (m - 1) ** 2
            ),
        },
        hint="variance plus squared distance from the mean",
    ),
    "gradients-2": Function(
        right=lambda gamma, sigma, eps: _steps_until(gamma * sigma, eps),
        draw=_draw_horizon,
        returns={"k": ""},
        mistakes={
            "that is one step too early: round up": lambda gamma, sigma, eps: (
                _steps_until(gamma * sigma, eps) - 1
            ),
            "a number of steps is whole: round up": lambda gamma, sigma, eps: (
                np.log(eps) / np.log(gamma * sigma)
            ),
            "gamma is missing: the slopes shrink the gradient, too": lambda gamma, sigma, eps: (
                np.ceil(np.log(eps) / np.log(sigma))
            ),
            "sigma is missing: the weights count, too": lambda gamma, sigma, eps: _steps_until(
                gamma, eps
            ),
        },
        hint="(gamma sigma)^k <= eps, solved for k",
    ),
    "gradients-3": Function(
        right=lambda a, z, W_hh: _leaky(a, z, W_hh, keep=1 - a),
        draw=_draw_leaky,
        returns={"J": "H H"},
        mistakes={
            "the part that is kept is missing": lambda a, z, W_hh: _leaky(a, z, W_hh, keep=0),
            "what is kept of the old state is 1 - a, not 1": lambda a, z, W_hh: _leaky(
                a, z, W_hh, keep=1
            ),
            "1 - a belongs on the diagonal alone: use the identity": lambda a, z, W_hh: (
                1 - a + _leaky(a, z, W_hh, keep=0)
            ),
            "the slope belongs to the unit that is computed, j, not to i": lambda a, z, W_hh: (
                _leaky(a, z, W_hh, keep=1 - a, of_row=True)
            ),
            "the new part counts a times": lambda a, z, W_hh: (
                (1 - a) * np.eye(len(z)) + _leaky(1, z, W_hh, keep=0)
            ),
            "a and 1 - a have changed places": lambda a, z, W_hh: _leaky(1 - a, z, W_hh, keep=a),
            "z is not yet the tanh: the slope is 1 - tanh(z)^2": lambda a, z, W_hh: (
                (1 - a) * np.eye(len(z)) + a * W_hh * (1 - z * z)
            ),
        },
        hint="the state enters in two places",
    ),
    "gradients-4": Function(
        right=lambda W_hh, h: _sensitivity(W_hh, h, h[1:]),
        draw=_draw_states,
        returns={"the product": "H H"},
        mistakes={
            "the slopes are one step early: h[0] was not made by a tanh": lambda W_hh, h: (
                _sensitivity(W_hh, h, h[:-1])
            ),
            "there is a step too many: h[0] was not made by a tanh": lambda W_hh, h: _sensitivity(
                W_hh, h, h
            ),
            "the order is turned round: the first step stands on the left": lambda W_hh, h: (
                _sensitivity(W_hh, h, h[:0:-1])
            ),
            "the slope belongs to the unit that is computed, j, not to i": lambda W_hh, h: (
                _sensitivity(W_hh, h, h[1:], of_row=True)
            ),
            "h is the tanh already: its slope is 1 - h^2": lambda W_hh, h: _sensitivity(
                W_hh, h, np.tanh(h[1:])
            ),
            "the slopes are missing": lambda W_hh, h: np.linalg.matrix_power(W_hh, len(h) - 1),
        },
        hint="one factor for each of the T steps",
    ),
    "gradients-5": Property(_grows_though_small),
    "gradients-6": Function(
        right=lambda dW, db, c: _scaled(dW, db, min(1.0, c / _global_norm(dW, db))),
        draw=_draw_clip,
        returns={"dW": "D H", "db": "H"},
        mistakes={
            "each array is clipped by a norm of its own": _each_clipped,
            "a gradient that is short enough must stay as it is": lambda dW, db, c: _scaled(
                dW, db, c / _global_norm(dW, db)
            ),
            "that is PyTorch's, with 1e-6 added to the norm: leave it out": lambda dW, db, c: (
                _scaled(dW, db, min(1.0, c / (_global_norm(dW, db) + 1e-6)))
            ),
            "the norms of two arrays do not add: their squares do": lambda dW, db, c: _scaled(
                dW, db, min(1.0, c / float(np.linalg.norm(dW) + np.linalg.norm(db)))
            ),
            "that divides by the square of the norm: take the root": lambda dW, db, c: _scaled(
                dW, db, min(1.0, c / _global_norm(dW, db) ** 2)
            ),
            "that clips by value": lambda dW, db, c: (np.clip(dW, -c, c), np.clip(db, -c, c)),
        },
        hint="one norm, one factor for both",
    ),
    "gradients-7": Function(
        right=lambda q, c: _cosine(q, np.minimum(np.abs(q), c) * np.sign(q)),
        draw=_draw_vector,
        returns={"the cosine": ""},
        mistakes={
            "that is the angle; its cosine is wanted": lambda q, c: np.arccos(
                _cosine(q, np.clip(q, -c, c))
            ),
            "that is the angle; its cosine is wanted, no degrees": lambda q, c: np.degrees(
                np.arccos(_cosine(q, np.clip(q, -c, c)))
            ),
            "clipping by norm does not turn, and so has the cosine 1; clip by value": lambda q, c: (
                1.0
            ),
            "divide by both lengths": lambda q, c: float(q @ np.clip(q, -c, c)),
            "a negative entry is bounded by -c": lambda q, c: _cosine(q, np.minimum(q, c)),
        },
        hint="the inner product, divided by both lengths",
    ),
    "gradients-8": Function(
        right=lambda s: 1 / np.sqrt((1 + s * s) / 2),
        draw=lambda rng, s: (float(rng.uniform(0.05, 0.9)),),
        returns={"the gain": ""},
        mistakes={
            "that is the rectifier's: the leak passes something, too": lambda s: np.sqrt(2),
            "square the slopes before you average": lambda s: 2 / (1 + s),
            "half of the units are on either side: take the mean of s^2 and 1": lambda s: (
                1 / np.sqrt(1 + s * s)
            ),
            "that is its square": lambda s: 2 / (1 + s * s),
            "the gain must make up for the slopes, not repeat them": lambda s: np.sqrt(
                (1 + s * s) / 2
            ),
        },
        hint="g^2 times the mean squared slope is 1",
    ),
    "gradients-9": Function(
        right=lambda w, b: np.log(w) - 2 * np.log(np.cosh(w * _settled(w, b) + b)),
        draw=lambda rng, s: (float(rng.uniform(0.3, 3)), float(rng.uniform(-1, 1))),
        returns={"the exponent": ""},
        mistakes={
            "the slope of tanh is missing": lambda w, b: np.log(w),
            "that is the Jacobian; the exponent is its logarithm": lambda w, b: (
                w * (1 - _settled(w, b) ** 2)
            ),
            "the weight is missing: the Jacobian is w times the slope": lambda w, b: np.log(
                1 - _settled(w, b) ** 2
            ),
            "that is the first step's Jacobian: let the state settle": lambda w, b: np.log(
                w * (1 - np.tanh(b) ** 2)
            ),
        },
        hint="ln of w times the slope, at the fixed point",
    ),
    "gradients-10": Property(_adds),
    "gradients-11": Value(
        _critical_gain(),
        "solve for the variance of z first, then for the gain at which chi is 1",
        {
            "that is the critical gain without any input": 1.0,
            "that is the rectifier's": float(np.sqrt(2)),
        },
        tolerance=0.03,
    ),
}
