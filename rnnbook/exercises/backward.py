"""Checks of the exercises on backpropagation through time."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.exercises.diagnosis import Sizes, as_array
from rnnbook.exercises.judging import Exercise, Function, Property, Value

Rng = np.random.Generator


def _states(rng: Rng, s: Sizes) -> tuple[Array, Array]:
    """States h (B, T+1, H) of a tanh network, and its W_hh."""
    B, T, H = s["B"], s["T"], s["H"]
    return np.tanh(rng.normal(size=(B, T + 1, H))), rng.normal(size=(H, H))


def _back(
    dh: Array, h: Array, W_hh: Array, factor: Array | float = 1.0, slope_at: int = 1
) -> Array:
    """dz (B, T, H); what comes back to step t is multiplied by `factor`, one for each step."""
    T = dh.shape[1]
    dz, factors = np.zeros_like(dh), np.broadcast_to(factor, T)
    for t in reversed(range(T)):
        later = factors[t] * dz[:, t + 1] @ W_hh.T if t + 1 < T else 0.0
        dz[:, t] = (dh[:, t] + later) * (1 - h[:, t + slope_at] ** 2)
    return dz


# ---------------------------------------------------------------------------------- 1: paths


def _count(T: int, H: int) -> int:
    return sum(H ** (t - k) for t in range(1, T + 1) for k in range(1, t + 1))


# ---------------------------------------------------------------------------- 4: the last step


def _last(dh_T: Array, h: Array, W_hh: Array, *, every: bool = False, slope_at: int = 1) -> Array:
    dh = np.zeros_like(h[:, 1:])
    dh[:, slice(None) if every else slice(-1, None)] = dh_T[:, None]
    return _back(dh, h, W_hh, slope_at=slope_at)


def _draw_last(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    h, W_hh = _states(rng, s)
    return rng.normal(size=(s["B"], s["H"])), h, W_hh


# ------------------------------------------------------------------------------ 5: Jacobians


def _product(h: Array, W_hh: Array, k: int, *, rows: bool = False, reverse: bool = False) -> Array:
    steps = list(range(k + 1, len(h)))
    J = np.eye(len(W_hh))
    for s in reversed(steps) if reverse else steps:
        slope = 1 - h[s] ** 2
        J = J @ (slope[:, None] * W_hh if rows else W_hh * slope)
    return J


def _draw_product(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    h, W_hh = _states(rng, s)
    return h[0], W_hh, int(rng.integers(1, max(2, s["T"] - 1)))


# ----------------------------------------------------------------------------- 6: a leaky cell


def _leaky(
    dh_new: Array, x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array, a: Array,
    *, direct: bool = True, of_state: bool = False, leak: bool = True, in_da: float = 1.0,
    through_z: bool = True,
) -> tuple[Array, Array, Array]:  # fmt: skip
    n = np.tanh(x @ W_xh + h @ W_hh + b_h)
    through = (1 - a) * h + a * n if of_state else n
    dz = dh_new * (a if leak else 1.0) * (1 - through * through)
    dh = through_z * np.einsum("bj,ij->bi", dz, W_hh) + direct * dh_new * (1 - a)
    return dh, np.einsum("bi,bj->ij", h, dz), np.einsum("bh,bh->h", dh_new, n - in_da * h)


def _draw_leaky(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    B, D, H = s["B"], s["D"], s["H"]
    shapes = (B, H), (B, D), (B, H), (D, H), (H, H), (H,)
    return *(rng.normal(size=shape) for shape in shapes), rng.uniform(0.1, 0.9, H)


# ---------------------------------------------------------------------------- 7: an embedding


def _embedding(ids: Array, dx: Array, V: int) -> Array:
    one_hot = (ids[..., None] == np.arange(V)).astype(float)
    return np.asarray(np.einsum("btv,btd->vd", one_hot, dx))


def _last_one_wins(ids: Array, dx: Array, V: int) -> Array:
    dE = np.zeros((V, dx.shape[2]))
    dE[ids] += dx
    return dE


def _draw_embedding(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    ids = rng.integers(0, s["V"], (s["B"], s["T"]))
    return ids, rng.normal(size=(s["B"], s["T"], s["D"])), s["V"]


# ------------------------------------------------------------------------------ 8: two mistakes


def _mended(
    x: Array, h: Array, dh: Array, W_xh: Array, W_hh: Array, *, back: bool = True, bias: bool = True
) -> tuple[Array, Array, Array]:
    if back:
        dz = _back(dh, h, W_hh)
    else:  # what goes back is dh: the slope is left out
        dh = _back(dh, np.zeros_like(h), W_hh)
        dz = dh * (1 - h[:, 1:] ** 2)
    db_h = dz.sum((0, 1)) if bias else dz.mean(0).sum(0)
    return np.einsum("btd,bth->dh", x, dz), np.einsum("bti,btj->ij", h[:, :-1], dz), db_h


def _draw_mended(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    h, W_hh = _states(rng, s)
    B, T, D, H = s["B"], s["T"], s["D"], s["H"]
    shapes = (B, T, D), (B, T, H), (D, H)
    x, dh, W_xh = (rng.normal(size=shape) for shape in shapes)
    return x, h, dh, W_xh, W_hh


# ------------------------------------------------------------------------------ 9: sensitivity


def _sensitivity(S: Array, h_new: Array, W_hh: Array) -> Array:
    z_by_b = np.eye(len(h_new)) + np.einsum("mi,ij->mj", S, W_hh)
    return np.asarray(z_by_b @ np.diag(1 - h_new**2))


def _draw_sensitivity(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    H = s["H"]
    return rng.normal(size=(H, H)), np.tanh(rng.normal(size=H)), rng.normal(size=(H, H))


# ------------------------------------------------------------------------------ 10: checkpoints


class _Network:
    """Hands out states, and counts how many are alive and how many steps were made."""

    def __init__(self) -> None:
        self.alive = self.most = self.steps = 0

    def step(self, state: "_State") -> "_State":
        self.steps += 1
        return _State(self, state.t + 1)


class _State:
    """The state after step t; one more is alive until nobody holds it."""

    def __init__(self, network: _Network, t: int) -> None:
        self.network, self.t = network, t
        network.alive += 1
        network.most = max(network.most, network.alive)

    def __del__(self) -> None:
        self.network.alive -= 1


def _reverse(answer: Callable[..., Iterator[Any]]) -> str | None:
    for T, s in ((6, 3), (100, 10), (60, 5), (4, 4), (5, 1)):
        network = _Network()
        times = []
        states = iter(answer(network.step, _State(network, 0), T, s))
        for state in islice(states, T + 2):
            if not isinstance(state, _State):
                return f"it yields a {type(state).__name__}, but must yield what `step` returns"
            times.append(state.t)
            del state
        case = f"for T = {T}, s = {s}"
        if times != list(range(T, -1, -1)):
            came = ", ".join(map(str, times[:4]))
            few = f"{len(times)} states, of the steps {came}" + ", ..." * (len(times) > 4)
            return f"{case} it yields {few}; it must yield T + 1, of the steps {T} down to 0"
        if network.steps > 2 * T:
            return f"{case} it calls step {network.steps} times, more than 2 T = {2 * T}"
        if network.most > T // s + s + 2:
            return (
                f"{case} it holds {network.most} states at once, more than "
                f"T/s + s + 2 = {T // s + s + 2}"
            )
    return None


# ------------------------------------------------------------------------------ 11: random cuts


def _random_cut(dh: Array, h: Array, W_hh: Array, cut: Array, q: float) -> Array:
    return _back(dh, h, W_hh, np.where(cut, 0.0, 1 / q))


def _draw_random_cut(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    h, W_hh = _states(rng, s)
    cut = rng.uniform(size=s["T"]) < 0.4
    if s["T"] > 2:  # one of each that matters
        cut[:2] = True, False
    return rng.normal(size=(s["B"], s["T"], s["H"])), h, W_hh, cut, float(rng.uniform(0.5, 0.9))


# ---------------------------------------------------------------------------- 12: the wrong way


def _wrong_way(answer: Any) -> str | None:
    targets = as_array(answer, "your answer")
    if isinstance(targets, str):
        return targets
    if targets.shape != (4,):
        return f"your answer has the shape {targets.shape}, but must be four targets, (4,)"
    if not np.isfinite(targets).all():
        return "your answer holds NaN or infinity"
    w, h = 0.9, [0.0]
    for x in (1.0, 0.0, 0.0, 0.0):
        h.append(w * h[-1] + x)
    e = np.array(h[1:]) - targets
    full, cut = (
        sum(
            e[t - 1] * w ** (t - k) * h[k - 1]
            for t in range(1, 5)
            for k in range(1, t + 1)
            if whole or (t - 1) // 2 == (k - 1) // 2
        )
        for whole in (True, False)
    )
    if full * cut < 0 and min(abs(full), abs(cut)) >= 0.1:
        return None
    found = f"the full gradient is {full:.3g}, the truncated one {cut:.3g}"
    return f"{found}: {'one is too small' if full * cut < 0 else 'the signs do not differ'}"


EXERCISES: Final[dict[str, Exercise]] = {
    "backward-1": Function(
        right=_count,
        draw=lambda rng, s: (s["T"], s["H"]),
        returns={"the number": ""},
        mistakes={
            "that is the number for one unit": lambda T, H: T * (T + 1) // 2,
            "the unit at the step where the weight is used is fixed, there is no choice": (
                lambda T, H: sum(H ** (t - k + 1) for t in range(1, T + 1) for k in range(1, t + 1))
            ),
            "those are the paths to the last step's loss alone": (
                lambda T, H: sum(H ** (T - k) for k in range(1, T + 1))
            ),
            "the steps at which the weight is used count as well: sum over both": (
                lambda T, H: sum(H ** (t - 1) for t in range(1, T + 1))
            ),
        },
        hint="how many paths are there for a weight used at step k and seen at step t?",
    ),
    "backward-2": Function(
        right=lambda h, dz: sum(h[:, t].T @ dz[:, t] for t in range(dz.shape[1])),
        draw=lambda rng, s: (
            rng.normal(size=(s["B"], s["T"] + 1, s["H"])),
            rng.normal(size=(s["B"], s["T"], s["H"])),
        ),
        returns={"dW_hh": "H H"},
        mistakes={
            "W_hh meets the state before the step, h[:, :-1], not the one after it": (
                lambda h, dz: np.einsum("bti,btj->ij", h[:, 1:], dz)
            ),
            "that is a mean over the steps and the batch: it must be a sum": (
                lambda h, dz: np.einsum("bti,btj->ij", h[:, :-1], dz) / dz[..., 0].size
            ),
        },
    ),
    "backward-3": Function(
        right=lambda dz, W_xh, W_hh: (
            np.einsum("bth,dh->btd", dz, W_xh),
            np.einsum("bj,ij->bi", dz[:, 0], W_hh),
        ),
        draw=lambda rng, s: (
            rng.normal(size=(s["B"], s["T"], s["H"])),
            rng.normal(size=(s["D"], s["H"])),
            rng.normal(size=(s["H"], s["H"])),
        ),
        returns={"dx": "B T D", "dh_0": "B H"},
        mistakes={
            "W_hh must be transposed for dh_0": lambda dz, W_xh, W_hh: (
                dz @ W_xh.T,
                dz[:, 0] @ W_hh,
            ),
            "h_0 is read by the first step, not by the last": lambda dz, W_xh, W_hh: (
                dz @ W_xh.T,
                dz[:, -1] @ W_hh.T,
            ),
            "only the first step reads h_0: no sum over the steps": lambda dz, W_xh, W_hh: (
                dz @ W_xh.T,
                dz.sum(1) @ W_hh.T,
            ),
        },
    ),
    "backward-4": Function(
        right=_last,
        draw=_draw_last,
        returns={"dz": "B T H"},
        mistakes={
            "dh_T arrives once, at the last step, not at every step": (
                lambda dh_T, h, W_hh: _last(dh_T, h, W_hh, every=True)
            ),
            "the slope of step t is that of the new state, h[:, t + 1] in Python": (
                lambda dh_T, h, W_hh: _last(dh_T, h, W_hh, slope_at=0)
            ),
            "W_hh must be transposed on the way back": (
                lambda dh_T, h, W_hh: _last(dh_T, h, W_hh.T)
            ),
        },
    ),
    "backward-5": Function(
        right=_product,
        draw=_draw_product,
        returns={"J": "H H"},
        mistakes={
            "the slope belongs to the new state, to the columns of W_hh": (
                lambda h, W_hh, k: _product(h, W_hh, k, rows=True)
            ),
            "the Jacobians stand in the order of time, from the left to the right": (
                lambda h, W_hh, k: _product(h, W_hh, k, reverse=True)
            ),
            "there is one factor too many: the first is that of step k + 1": (
                lambda h, W_hh, k: _product(h, W_hh, k - 1) if k else _product(h, W_hh, k)
            ),
            "the slopes are missing: this is a power of W_hh": (
                lambda h, W_hh, k: np.linalg.matrix_power(W_hh, len(h) - 1 - k)
            ),
        },
    ),
    "backward-6": Function(
        right=_leaky,
        draw=_draw_leaky,
        returns={"dh": "B H", "dW_hh": "H H", "da": "H"},
        mistakes={
            "in dh the direct way, through (1 - a) h, is missing": (
                lambda *arguments: _leaky(*arguments, direct=False)
            ),
            "in dh the way through z, back by W_hh, is missing": (
                lambda *arguments: _leaky(*arguments, through_z=False)
            ),
            "the slope is that of tanh(z), not that of the new state": (
                lambda *arguments: _leaky(*arguments, of_state=True)
            ),
            "tanh(z) enters the new state times a, so its gradient has a factor a": (
                lambda *arguments: _leaky(*arguments, leak=False)
            ),
            "the leak stands in two places: in da it multiplies tanh(z) minus the old state": (
                lambda *arguments: _leaky(*arguments, in_da=0.0)
            ),
        },
    ),
    "backward-7": Function(
        right=_embedding,
        draw=_draw_embedding,
        returns={"dE": "V D"},
        mistakes={
            "a symbol that stands at several places keeps the gradient of one: add them up": (
                _last_one_wins
            ),
        },
    ),
    "backward-8": Function(
        right=_mended,
        draw=_draw_mended,
        returns={"dW_xh": "D H", "dW_hh": "H H", "db_h": "H"},
        mistakes={
            "both mistakes are still there": lambda *a: _mended(*a, back=False, bias=False),
            "db_h is mended; the other mistake is in what goes back to the step before": (
                lambda *a: _mended(*a, back=False)
            ),
            "what goes back is mended; the other mistake is in db_h": (
                lambda *a: _mended(*a, bias=False)
            ),
        },
    ),
    "backward-9": Function(
        right=_sensitivity,
        draw=_draw_sensitivity,
        returns={"S": "H H"},
        mistakes={
            "what the bias does at this very step is missing": (
                lambda S, h_new, W_hh: S @ W_hh * (1 - h_new**2)
            ),
            "the slope belongs to the units h_j, to the columns of S": (
                lambda S, h_new, W_hh: (S @ W_hh + np.eye(len(h_new))) * (1 - h_new[:, None] ** 2)
            ),
            "forward in time W_hh is not transposed": (
                lambda S, h_new, W_hh: (S @ W_hh.T + np.eye(len(h_new))) * (1 - h_new**2)
            ),
            "every unit is moved by every bias at once: the direct part is the identity": (
                lambda S, h_new, W_hh: (S @ W_hh + 1) * (1 - h_new**2)
            ),
        },
    ),
    "backward-10": Property(_reverse),
    "backward-11": Function(
        right=_random_cut,
        draw=_draw_random_cut,
        returns={"dz": "B T H"},
        mistakes={
            "what comes through must be divided by q": (
                lambda dh, h, W_hh, cut, q: _back(dh, h, W_hh, np.where(cut, 0.0, 1.0))
            ),
            "open and cut are turned round": (
                lambda dh, h, W_hh, cut, q: _back(dh, h, W_hh, np.where(cut, 1 / q, 0.0))
            ),
            "divided by q is what comes back alone, not the step's own gradient": (
                lambda dh, h, W_hh, cut, q: _back(
                    dh * np.where(cut, 1.0, 1 / q)[:, None], h, W_hh, np.where(cut, 0.0, 1 / q)
                )
            ),
            "cut[t - 1] is about what comes from step t + 1 to step t": (
                lambda dh, h, W_hh, cut, q: _back(
                    dh, h, W_hh, np.append(np.where(cut[1:], 0.0, 1 / q), 1.0)
                )
            ),
        },
    ),
    "backward-12": Property(_wrong_way),
    "backward-13": Value(
        3,
        "train with k = 1, 2, 3, ... and look at the worst of the four seeds",
        mistakes={
            "without looking further back that would be so": 5,
            "pieces of 2 steps, and 2 further back, see no pair that is 4 steps apart": 2,
            "that is safe, but a shorter one does it, too": 4,
        },
    ),
}
