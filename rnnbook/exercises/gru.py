"""
The exercises of the page "The gated recurrent unit".

Shapes: B batch, D inputs, H hidden units. The blocks of a parameter stand in the order r z n; h is
the state before the step, dh the gradient of the state after it.
"""

from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Params
from rnnbook.cells import gru_step, rnn_step, sigmoid
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Exercise, Function, Property, Value

Rng = np.random.Generator


def _states(rng: Rng, s: Sizes, n: int) -> list[Array]:
    """n arrays (B, H) of normal numbers."""
    return [rng.normal(size=(s["B"], s["H"])) for _ in range(n)]


def _gates(rng: Rng, s: Sizes, n: int) -> list[Array]:
    """n arrays (B, H) between 0 and 1."""
    return [sigmoid(a) for a in _states(rng, s, n)]


def _layer(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    D, H = s["D"], s["H"]
    shapes: list[tuple[int, ...]] = [(D, 3 * H), (H, 3 * H), (3 * H,), (3 * H,)]
    return tuple(rng.normal(size=shape) for shape in shapes)


# ------------------------------------------------------------------------------- 1, 10: counting


def _count(D: int, H: int, biases: int = 2) -> int:
    return 3 * (D * H + H * H + biases * H)


def _lstm_count(D: int, H: int) -> int:
    return 4 * (D * H + H * H + H)


def _widest(D: int, H: int, biases: int = 2, first_above: bool = False) -> int:
    h = 0
    while _count(D, h + 1, biases) <= _lstm_count(D, H):
        h += 1
    return h + first_above


# ---------------------------------------------------------------------------- 2, 4: conversions


def _with_sign(arrays: tuple[Array, ...], sign: tuple[int, int, int]) -> tuple[Array, ...]:
    factor = np.repeat(np.array(sign, np.float64), len(arrays[1]))
    return tuple(a * factor for a in arrays)


def _to_book(W_xh: Array, W_hh: Array, b_xh: Array, b_hh: Array) -> tuple[Array, ...]:
    return _with_sign((W_xh, W_hh, b_xh, b_hh), (1, -1, 1))


def _merge(b_xh: Array, b_hh: Array) -> tuple[Array, Array]:
    r_z = 2 * len(b_xh) // 3
    return np.concatenate([b_xh[:r_z] + b_hh[:r_z], b_xh[r_z:]]), b_hh[r_z:].copy()


def _merged_whole(b_xh: Array, b_hh: Array) -> tuple[Array, Array]:
    return b_xh + b_hh, np.zeros(len(b_xh) // 3)


def _merged_twice(b_xh: Array, b_hh: Array) -> tuple[Array, Array]:
    return b_xh + b_hh, b_hh[2 * len(b_xh) // 3 :].copy()


# --------------------------------------------------------------------- 5: a GRU that is an RNN


def _disguise(as_gru: Any) -> str | None:
    """Whether `as_gru(W_xh, W_hh, b_h)` gives a GRU with the states of the simple network."""
    if not callable(as_gru):
        kind = type(as_gru).__name__
        return f"your answer is of type {kind}, but must be a function of (W_xh, W_hh, b_h)"
    for attempt, (D, H) in enumerate([(2, 5), (1, 1), (3, 4)]):
        rng = np.random.default_rng(attempt)
        rnn = {"W_xh": rng.normal(size=(D, H)), "W_hh": rng.normal(size=(H, H))}
        rnn["b_h"] = rng.normal(size=H)
        gru = as_gru(*(w.copy() for w in rnn.values()))
        wanted = {"W_xh": (D, 3 * H), "W_hh": (H, 3 * H), "b_xh": (3 * H,), "b_hh": (3 * H,)}
        if not isinstance(gru, dict) or set(gru) != set(wanted):
            return f"your function must return a dictionary with {', '.join(wanted)}"
        arrays = {name: np.asarray(gru[name], np.float64) for name in wanted}
        for name, shape in wanted.items():
            if arrays[name].shape != shape:
                return f"{name} has the shape {arrays[name].shape}, wanted is {shape}"
        wrong = _told_apart(arrays, rnn, rng)
        if wrong:
            return wrong
    return None


def _told_apart(gru: Params, rnn: Params, rng: Rng) -> str | None:
    D, H = rnn["W_xh"].shape
    x, h = rng.normal(size=(20, D)), rng.uniform(-1, 1, (20, H))
    (came,), cache = gru_step(x, (h,), **gru)
    (wanted,), _ = rnn_step(x, (h,), rnn["W_xh"], rnn["W_hh"], rnn["b_h"])
    r, z = cache[2], cache[3]
    if np.abs(came - wanted).max() < 1e-6:
        return None
    if not np.abs(z).max() < 1e-6:
        return f"the update gate goes up to {np.abs(z).max():.2g}, and lets the old state stay"
    if not np.abs(1 - r).max() < 1e-6:
        return (
            "the update gate is closed, but the candidate is not the simple network's; "
            f"the reset gate is {r.min():.2g} somewhere, and by that it multiplies the state's part"
        )
    return "both gates stand still as they must, but the candidate is not the simple network's"


# --------------------------------------------------------------------------- 8, 9, 11: gradients


def _weight_gradient(h: Array, r: Array, da: Array) -> Array:
    H = h.shape[1]
    return np.concatenate([h.T @ da[:, : 2 * H], (r * h).T @ da[:, 2 * H :]], axis=1)


def _weight_gradient_after(h: Array, r: Array, da: Array) -> Array:
    """That of the other variant, from da of this one."""
    H = h.shape[1]
    du = np.concatenate([da[:, : 2 * H], da[:, 2 * H :] * r], axis=1)
    return np.asarray(h.T @ du)


def _state_gradient(
    dh: Array, h: Array, r: Array, z: Array, n: Array, u_n: Array, W_hh: Array,
    *, through_r: bool = True, direct: bool = True,
) -> Array:  # fmt: skip
    da_n = dh * (1 - z) * (1 - n * n)
    da_r = da_n * u_n * r * (1 - r)
    da_z = dh * (h - n) * z * (1 - z)
    du = np.concatenate([da_r, da_z, da_n * r if through_r else da_n], axis=1)
    return np.asarray(du @ W_hh.T + direct * dh * z)


def _draw_state_gradient(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    dh, h, a_n, u_n = _states(rng, s, 4)
    r, z = _gates(rng, s, 2)
    return dh, h, r, z, np.tanh(a_n), u_n, rng.normal(size=(s["H"], 3 * s["H"]))


def _mgu(
    dh: Array, h: Array, f: Array, n: Array, W_hf: Array, W_hn: Array,
    *, in_k: bool = True, keeps: bool = True,
) -> Array:  # fmt: skip
    dk = (dh * f * (1 - n * n)) @ W_hn.T
    df = dh * (n - h) + in_k * dk * h
    return np.asarray(keeps * dh * (1 - f) + dk * f + (df * f * (1 - f)) @ W_hf.T)


def _draw_mgu(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    dh, h, a_n = _states(rng, s, 3)
    (f,) = _gates(rng, s, 1)
    W_hf, W_hn = rng.normal(size=(2, s["H"], s["H"]))
    return dh, h, f, np.tanh(a_n), W_hf, W_hn


def _draw_fill(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    h, a_n = _states(rng, s, 2)
    return h, np.tanh(a_n), *_gates(rng, s, 1), s["T"]


def _draw_gate(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    dh, h, a_n = _states(rng, s, 3)
    return dh, h, np.tanh(a_n), *_gates(rng, s, 1)


_HALF: Final = 0.5 ** (1 / 1000)

EXERCISES: Final[dict[str, Exercise]] = {
    "gru-1": Function(
        right=lambda D, H: (_count(D, H), _count(D, H, biases=1)),
        draw=lambda rng, s: (s["D"], s["H"]),
        returns={"after": "", "before": ""},
        mistakes={
            "the first of the two has two biases for each block": lambda D, H: (
                _count(D, H, 1),
                _count(D, H, 1),
            ),
            "the second of the two has one bias for each block": lambda D, H: (
                _count(D, H, 2),
                _count(D, H, 2),
            ),
            "the biases are missing": lambda D, H: (_count(D, H, 0), _count(D, H, 0)),
            "the two are exchanged: it is the reset after the product that needs two biases": (
                lambda D, H: (_count(D, H, 1), _count(D, H, 2))
            ),
        },
        hint="three blocks, each with D H and H H weights",
    ),
    "gru-2": Function(
        right=_to_book,
        draw=_layer,
        returns={"W_xh": "D 3H", "W_hh": "H 3H", "b_xh": "3H", "b_hh": "3H"},
        mistakes={
            "only the biases are negated, and the weights go into the gate, too": (
                lambda W_xh, W_hh, b_xh, b_hh: (
                    W_xh,
                    W_hh,
                    *_to_book(W_xh, W_hh, b_xh, b_hh)[2:],
                )
            ),
            "that is the block of the reset gate": lambda *a: _with_sign(a, (-1, 1, 1)),
            "all blocks are negated, and only z's must be": lambda *a: _with_sign(a, (-1, -1, -1)),
        },
        hint="the middle block of each",
    ),
    "gru-3": Function(
        right=lambda dh, h, n, z: dh * (h - n) * z * (1 - z),
        draw=_draw_gate,
        returns={"da_z": "B H"},
        mistakes={
            "the slope of the sigmoid is missing": lambda dh, h, n, z: dh * (h - n),
            "the sign is wrong: z multiplies the old state, 1 - z the candidate": (
                lambda dh, h, n, z: dh * (n - h) * z * (1 - z)
            ),
            "z is in the candidate's term, too: (1 - z) n has the derivative -n": (
                lambda dh, h, n, z: dh * h * z * (1 - z)
            ),
        },
    ),
    "gru-4": Function(
        right=_merge,
        draw=lambda rng, s: tuple(rng.normal(size=(2, 3 * s["H"]))),
        returns={"b": "3H", "b_n": "H"},
        mistakes={
            "the block n is merged, too, so that the reset gate misses b_hn": _merged_whole,
            "b_hn counts twice, inside the bracket and outside": _merged_twice,
        },
        hint="add up the blocks r and z alone",
    ),
    "gru-5": Property(_disguise),
    "gru-6": Function(
        right=lambda h, n, z, t: n + z**t * (h - n),
        draw=_draw_fill,
        returns={"h_t": "B H"},
        mistakes={
            "that starts at n and goes to h; it starts at h": lambda h, n, z, t: h + z**t * (n - h),
            "that is the old state's part alone; the candidate's is missing": (
                lambda h, n, z, t: z**t * h
            ),
            "that is the state after one step": lambda h, n, z, t: n + z * (h - n),
            "gate and 1 - gate are exchanged": lambda h, n, z, t: n + (1 - z) ** t * (h - n),
            "the candidate is written once only": lambda h, n, z, t: z**t * h + (1 - z) * n,
        },
        hint="the distance to n shrinks by z at each step",
    ),
    "gru-7": Value(
        np.log(_HALF / (1 - _HALF)),
        "find z with z^1000 = 1/2, then the number whose sigmoid it is",
        {
            "that is the gate itself, not its bias": _HALF,
            "that is the bias of 1 - z": -np.log(_HALF / (1 - _HALF)),
            "with this one, 1/e is left, not a half": np.log(999),
            "that is near it; four digits are asked": 7.27,
        },
        tolerance=2e-4,
    ),
    "gru-8": Function(
        right=_weight_gradient,
        draw=lambda rng, s: (
            *_states(rng, s, 1),
            *_gates(rng, s, 1),
            rng.normal(size=(s["B"], 3 * s["H"])),
        ),
        returns={"dW_hh": "H 3H"},
        mistakes={
            "W_hn multiplied r * h, not h": lambda h, r, da: h.T @ da,
            "only W_hn multiplied r * h; the gates saw h": lambda h, r, da: (r * h).T @ da,
            "that is the gradient for the reset after the product": _weight_gradient_after,
        },
    ),
    "gru-9": Function(
        right=_state_gradient,
        draw=_draw_state_gradient,
        returns={"dh_before": "B H"},
        mistakes={
            "that is the function as it was printed": (
                lambda *a: _state_gradient(*a, through_r=False, direct=False)
            ),
            "one mistake is mended: the state still has no direct way": (
                lambda *a: _state_gradient(*a, direct=False)
            ),
            "one mistake is mended: the candidate's block still misses the reset gate": (
                lambda *a: _state_gradient(*a, through_r=False)
            ),
        },
    ),
    "gru-10": Function(
        right=_widest,
        draw=lambda rng, s: (s["D"], s["H"] + int(rng.integers(0, 40))),
        returns={"H_gru": ""},
        mistakes={
            "with so many units the GRU is larger than the LSTM": (
                lambda D, H: _widest(D, H, first_above=True)
            ),
            "this GRU resets after the product and has two biases": (
                lambda D, H: _widest(D, H, biases=1)
            ),
            "a GRU of as many units is smaller: there is room for more": lambda D, H: H,
        },
    ),
    "gru-11": Function(
        right=_mgu,
        draw=_draw_mgu,
        returns={"dh_before": "B H"},
        mistakes={
            "the gate is in f * h, too, and gets a gradient from there": (
                lambda *a: _mgu(*a, in_k=False)
            ),
            "the direct way with 1 - f is missing": lambda *a: _mgu(*a, keeps=False),
        },
        hint="the state before is in the blend, in f * h and in the gate",
    ),
    "gru-12": Value(
        6,
        "run the three starts and compare",
        {
            "its gradient reaches least far at the start, and yet it learns; run it": 0,
            "a time scale of 21 steps suits the task; run it": 3,
        },
    ),
}
