"""The exercises of `foundations/lstm`: its gates, its gradient, weights set by hand."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Params
from rnnbook.cells import cell_named, lstm_step, sigmoid
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Exercise, Function, Property, Value

STEPS: Final = 40  # of each sequence that a counter is tried on


def slope(z: float) -> float:
    """The derivative of the sigmoid."""
    s = float(sigmoid(np.array(z)))
    return s * (1 - s)


# ----------------------------------------------------------------- the forget bias of a half-life


def bias_of_half_life(n: Array) -> Array:
    """f^n = 1/2, f = sigmoid(b)."""
    f = 0.5 ** (1 / n)
    return np.log(f / (1 - f))


# --------------------------------------------------------------------------- back along the cell


def along_c(e: Array, f: Array) -> Array:
    """dc_t = e_t + dc_(t+1) f_(t+1), all (B, T, H)."""
    dc = e.copy()
    for t in reversed(range(e.shape[1] - 1)):
        dc[:, t] += dc[:, t + 1] * f[:, t + 1]
    return dc


def along_c_own_gate(e: Array, f: Array) -> Array:
    dc = e.copy()
    for t in reversed(range(e.shape[1] - 1)):
        dc[:, t] += dc[:, t + 1] * f[:, t]
    return dc


def along_c_no_gate(e: Array, f: Array) -> Array:
    return np.asarray(e[:, ::-1].cumsum(1)[:, ::-1])


def along_c_one_step(e: Array, f: Array) -> Array:
    dc = e.copy()
    dc[:, :-1] += e[:, 1:] * f[:, 1:]
    return dc


def draw_along_c(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    shape = s["B"], s["T"], s["H"]
    return rng.normal(size=shape), rng.uniform(size=shape)


# ------------------------------------------------------------------------------------- peepholes


def peephole_sums(dz: Array, c: Array, seen: tuple[int, int, int]) -> tuple[Array, ...]:
    """dz (B, T, 3H) of i, f, o; `seen`: 0 for a gate that sees the cell before, 1 the new one."""
    T = dz.shape[1]
    blocks = np.split(dz, 3, axis=2)
    return tuple((d * c[:, k : T + k]).sum((0, 1)) for d, k in zip(blocks, seen, strict=True))


def draw_peepholes(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    B, T, H = s["B"], s["T"], s["H"]
    return rng.normal(size=(B, T, 3 * H)), rng.normal(size=(B, T + 1, H))


# -------------------------------------------------------------------- a backward pass to be mended


def step_back(dh: Array, dc: Array, cache: Any, faults: str = "") -> tuple[Array, Array]:
    """dz (B, 4H) and the dc that goes to the step before; with some of the page's three faults."""
    c, i, f, g, o, c_new = cache
    value = np.tanh(c_new)
    dc_new = dc + dh * o * (1 - (c_new if "slope" in faults else value) ** 2)
    dz_i = dc_new * g * i * (1 - i)
    dz_f = dc_new * (c_new if "cell" in faults else c) * f * (1 - f)
    dz_g = dc_new * i * (1 - g**2)
    dz_o = dh * value * o * (1 - o)
    dz = np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=1)
    return dz, dc_new if "path" in faults else dc_new * f


def with_faults(faults: str) -> Any:
    return lambda dh, dc, cache: step_back(dh, dc, cache, faults)


def draw_step(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    dh, dc, c, g = rng.normal(size=(4, s["B"], s["H"]))
    i, f, o = rng.uniform(0.1, 0.9, (3, s["B"], s["H"]))
    g = np.tanh(g)
    return dh, dc, (c, i, f, g, o, f * c + i * g)


# ------------------------------------------------------------------------ gates that sum to one


def normalised(dc: Array, c: Array, g: Array, z_i: Array, z_f: Array) -> tuple[Array, Array]:
    """c' = (f c + i g) / (i + f): dz_i and dz_f from dc'."""
    i, f = sigmoid(z_i), sigmoid(z_f)
    dshare = dc * (c - g) / (i + f) ** 2
    return -dshare * f * i * (1 - i), dshare * i * f * (1 - f)


def normalised_fixed_sum(
    dc: Array, c: Array, g: Array, z_i: Array, z_f: Array
) -> tuple[Array, Array]:
    i, f = sigmoid(z_i), sigmoid(z_f)
    return dc * g * i * (1 - i) / (i + f), dc * c * f * (1 - f) / (i + f)


def normalised_without_slopes(
    dc: Array, c: Array, g: Array, z_i: Array, z_f: Array
) -> tuple[Array, Array]:
    i, f = sigmoid(z_i), sigmoid(z_f)
    dshare = dc * (c - g) / (i + f) ** 2
    return -dshare * f, dshare * i


def draw_normalised(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    return tuple(rng.normal(size=(5, s["B"], s["H"])))


# ---------------------------------------------------------------------------- the gradient of 1997


def truncated(dh: Array, c: Array, i: Array, f: Array, g: Array, o: Array) -> Array:
    """dz (B, T, 4H) where no error goes back through W_hh; c (B, T+1, H)."""
    value = np.tanh(c[:, 1:])
    dc = along_c(dh * o * (1 - value**2), f)
    return to_z(dh, dc, value, c, (i, f, g, o))


def truncated_one_step(dh: Array, c: Array, i: Array, f: Array, g: Array, o: Array) -> Array:
    value = np.tanh(c[:, 1:])
    return to_z(dh, dh * o * (1 - value**2), value, c, (i, f, g, o))


def truncated_own_gate(dh: Array, c: Array, i: Array, f: Array, g: Array, o: Array) -> Array:
    value = np.tanh(c[:, 1:])
    dc = along_c_own_gate(dh * o * (1 - value**2), f)
    return to_z(dh, dc, value, c, (i, f, g, o))


def to_z(dh: Array, dc: Array, value: Array, c: Array, gates: tuple[Array, ...]) -> Array:
    i, f, g, o = gates
    dz_i, dz_f = dc * g * i * (1 - i), dc * c[:, :-1] * f * (1 - f)
    dz_g, dz_o = dc * i * (1 - g**2), dh * value * o * (1 - o)
    return np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=2)


def draw_truncated(rng: np.random.Generator, s: Sizes) -> tuple[Any, ...]:
    B, T, H = s["B"], s["T"], s["H"]
    i, f, o = rng.uniform(0.1, 0.9, (3, B, T, H))
    g = rng.uniform(-1, 1, (B, T, H))
    return rng.normal(size=(B, T, H)), rng.normal(size=(B, T + 1, H)), i, f, g, o


# --------------------------------------------------------------------------------------- a counter


def counted(weights: Params, x: Array) -> Array:
    """The cell c (N, T) of one unit that reads x (N, T, 2)."""
    state: tuple[Array, ...] = (np.zeros((len(x), 1)), np.zeros((len(x), 1)))
    found = np.empty(x.shape[:2])
    for t in range(x.shape[1]):
        state, _ = lstm_step(x[:, t], state, **weights)
        found[:, t] = state[1][:, 0]
    return found


def is_counter(answer: Any) -> str | None:
    """What is wrong with the weights of a counter with reset, or None."""
    shapes = cell_named("lstm").shapes(2, 1)
    if not isinstance(answer, Mapping) or set(answer) != set(shapes):
        return 'your answer must be a dictionary with the keys "W_xh", "W_hh" and "b_h"'
    weights = {name: np.asarray(answer[name], np.float64) for name in shapes}
    for name, w in weights.items():
        if w.shape != shapes[name]:
            return f"{name} has the shape {w.shape}, but must have {shapes[name]}"
        if not np.isfinite(w).all():
            return f"{name} holds NaN or infinity"
    events = np.array([[0.0, 0], [1, 0], [0, 1]])
    alone = events[[[0] * STEPS, [1] * 3 + [0] * (STEPS - 3), [1] * 3 + [2] + [0] * (STEPS - 4)]]
    still, three, reset = counted(weights, alone)
    if abs(still[-1]) > 0.1:
        return f"with no mark at all the cell should stay at 0, but comes to {still[-1]:.2f}"
    if np.abs(three[:3] - [1, 2, 3]).max() > 0.1:
        said = ", ".join(f"{c:.2f}" for c in three[:3])
        return f"three counts in a row should give 1, 2, 3 in the cell, but give {said}"
    if abs(three[-1] - 3) > 0.1:
        return (
            f"after three counts the cell should keep 3, but {STEPS} steps on holds {three[-1]:.2f}"
        )
    if abs(reset[3]) > 0.1:
        return f"a reset after three counts should leave 0, but leaves {reset[3]:.2f}"
    kinds = np.random.default_rng(0).choice(3, p=[0.5, 0.4, 0.1], size=(50, STEPS))
    wanted = np.zeros(kinds.shape)
    for t in range(STEPS):
        before = wanted[:, t - 1] if t else 0.0
        wanted[:, t] = np.where(kinds[:, t] == 2, 0, before + (kinds[:, t] == 1))
    if np.abs(counted(weights, events[kinds]) - wanted).max() > 0.1:
        return "it counts three and resets once, but is off by more than 0.1 in longer sequences"
    return None


EXERCISES: Final[dict[str, Exercise]] = {
    "lstm-1": Value(
        [2480, 2540, 2560],
        "each of the four blocks has a matrix from the input, one from the state, and a bias",
        {
            "the biases are missing": [2400, 2460, 2480],
            "that is one block; there are four": [620, 640, 640],
            "that is one block; there are four of them": [620, 680, 640],
            "three of the four blocks have a peephole, the candidate has none": [2480, 2560, 2560],
            "a peephole is a vector of H numbers, not a matrix": [2480, 3680, 2560],
            "PyTorch's second bias is for all four blocks": [2480, 2540, 2500],
        },
    ),
    "lstm-2": Function(
        bias_of_half_life,
        lambda rng, s: (rng.uniform(1.5, 200, s["K"]),),
        {"b": "K"},
        {
            "that makes n the mean memory, 1 + exp(b); asked is where half is left": lambda n: (
                np.log(n - 1)
            ),
            "that is where 1/e is left, not half": lambda n: -np.log(np.exp(1 / n) - 1),
            "that is the gate itself; its bias is the number whose sigmoid it is": lambda n: (
                0.5 ** (1 / n)
            ),
        },
        hint="solve f^n = 1/2 for f, then sigmoid(b) = f for b",
    ),
    "lstm-3": Value(
        slope(1) / slope(8),
        "compare the slopes s (1 - s) at the two biases",
        {
            "that is the quotient of the gates, not of their slopes": float(
                sigmoid(np.array(8.0)) / sigmoid(np.array(1.0))
            ),
            "that is a quotient of the gates; asked is that of their slopes": float(
                sigmoid(np.array(1.0)) / sigmoid(np.array(8.0))
            ),
            "that is the inverse: how many times smaller, so a number above 1": slope(8) / slope(1),
            "exp(7) is only the quotient far out, where the slope is exp(-b)": float(np.exp(7)),
        },
        tolerance=1e-2,
    ),
    "lstm-4": Function(
        along_c,
        draw_along_c,
        {"dc": "B T H"},
        {
            "what comes back from step t + 1 is multiplied by the gate of step t + 1, not t": (
                along_c_own_gate
            ),
            "what comes back from step t + 1 must pass that step's forget gate": along_c_no_gate,
            "that is passed through the own gate once more: it is what goes to the step before": (
                lambda e, f: along_c(e, f) * f
            ),
            "each step gets only what its neighbour asks directly: the recursion is missing": (
                along_c_one_step
            ),
        },
        hint="start at the last step, and carry dc back",
    ),
    "lstm-5": Function(
        lambda dz, c: peephole_sums(dz, c, (0, 0, 1)),
        draw_peepholes,
        {"dp_i": "H", "dp_f": "H", "dp_o": "H"},
        {
            "the output gate sees the new cell, c[:, 1:]": lambda dz, c: peephole_sums(
                dz, c, (0, 0, 0)
            ),
            "input and forget gate see the cell before the step, c[:, :-1]": lambda dz, c: (
                peephole_sums(dz, c, (1, 1, 1))
            ),
            "old and new cell are exchanged": lambda dz, c: peephole_sums(dz, c, (1, 1, 0)),
        },
        hint="see equation (23): which gate sees which cell",
    ),
    "lstm-6": Function(
        step_back,
        draw_step,
        {"dz": "B 4H", "dc": "B H"},
        {
            "that is the page's faulty pass, unchanged": with_faults("slope cell path"),
            "the slope of tanh is 1 - tanh(c)^2, of its value": with_faults("slope"),
            "the forget gate multiplies the old cell, not the new one": with_faults("cell"),
            "what goes to the step before passes the forget gate": with_faults("path"),
            "the slope of tanh is mended; two faults are left": with_faults("cell path"),
            "df is mended; two faults are left": with_faults("slope path"),
            "the way out is mended; two faults are left": with_faults("slope cell"),
        },
        hint="there are three faults in all",
    ),
    "lstm-7": Function(
        normalised,
        draw_normalised,
        {"dz_i": "B H", "dz_f": "B H"},
        {
            "the sum i + f hangs on both gates: its derivative is missing": normalised_fixed_sum,
            "the slopes of the two sigmoids are missing": normalised_without_slopes,
        },
        hint="write the cell as q c + (1 - q) g with q = f / (i + f)",
    ),
    "lstm-8": Property(is_counter),
    "lstm-9": Function(
        truncated,
        draw_truncated,
        {"dz": "B T 4H"},
        {
            "the additive path is cut, too: dc must still come back along c": truncated_one_step,
            "dc comes back through the forget gate of the later step": truncated_own_gate,
        },
        hint="only the term with W_hh is dropped",
    ),
    "lstm-10": Value(
        8,
        "run all three, and compare with 0.1 and the baseline of 1/3",
        {
            "its half-life is one step; sixty are asked": 0,
            "its half-life is about two steps; run it": 1,
        },
    ),
}
