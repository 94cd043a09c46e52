"""
The exercises of the page on the recurrent cell, forward: states, shapes and counts, linear
networks, weights that are set by hand.
"""

from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.cells import relu
from rnnbook.config import ModelConfig
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Exercise, Function, Property, Value, named_arrays

Rng = np.random.Generator


# ------------------------------------------------------------------------------- one product


def stack(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> tuple[Array, Array]:
    ones = np.ones((len(x), 1))
    return np.hstack([x, ones, h]), np.vstack([W_xh, b_h, W_hh])


def stack_bias_last(
    x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array
) -> tuple[Array, Array]:
    return np.hstack([x, h, np.ones((len(x), 1))]), np.vstack([W_xh, W_hh, b_h])


def stack_bias_first(
    x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array
) -> tuple[Array, Array]:
    return np.hstack([np.ones((len(x), 1)), x, h]), np.vstack([b_h, W_xh, W_hh])


def stack_without_bias(
    x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array
) -> tuple[Array, Array]:
    return np.hstack([x, h]), np.vstack([W_xh, W_hh])


def draw_step(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    """x (B, D), h (B, H), W_xh (D, H), W_hh (H, H), b_h (H,)."""
    B, D, H = s["B"], s["D"], s["H"]
    return tuple(rng.normal(size=size) for size in ((B, D), (B, H), (D, H), (H, H), (H,)))


# ------------------------------------------------------------------------------------- counts


def multiply_adds(B: int, T: int, D: int, H: int, K: int) -> int:
    return T * B * D * H + T * B * H * H + B * H * K


def draw_sizes(rng: Rng, s: Sizes) -> tuple[int, ...]:
    return s["B"], s["T"], s["D"], s["H"], s["K"]


# ---------------------------------------------------------------------------- linear networks


def kernel(W_xh: Array, W_hh: Array, T: int) -> Array:
    return np.stack([W_xh @ np.linalg.matrix_power(W_hh, k) for k in range(T)])


def kernel_entrywise(W_xh: Array, W_hh: Array, T: int) -> Array:
    return np.stack([W_xh @ W_hh**k for k in range(T)])


def kernel_transposed(W_xh: Array, W_hh: Array, T: int) -> Array:
    return kernel(W_xh, W_hh.T, T)


def draw_kernel(rng: Rng, s: Sizes) -> tuple[Any, ...]:
    return rng.normal(size=(s["D"], s["H"])), rng.normal(size=(s["H"], s["H"])), s["T"]


def compose(A_1: Array, c_1: Array, A_2: Array, c_2: Array) -> tuple[Array, Array]:
    return A_1 @ A_2, c_1 @ A_2 + c_2


def draw_maps(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    B, H = s["B"], s["H"]
    return tuple(rng.normal(size=size) for size in ((H, H), (B, H), (H, H), (B, H)))


# --------------------------------------------------------------------- weights set by hand


def maximum_is_exact(answer: Any) -> str | None:
    """Whether the network of the five arrays outputs the running maximum."""
    p = named_arrays(answer, lambda H: ModelConfig(H=H).shapes)
    if isinstance(p, str):
        return p
    H = p["b_h"].size
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(0, 9, (4, 60)), 1e3 + rng.uniform(0, 9, (4, 60)).cumsum(1)])
    h = np.zeros((len(x), H))
    for t in range(x.shape[1]):
        h = relu(x[:, t, None] @ p["W_xh"] + h @ p["W_hh"] + p["b_h"])
        y, largest = (h @ p["W_hy"] + p["b_y"])[:, 0], x[:, : t + 1].max(1)
        if not np.allclose(y, largest, rtol=1e-6, atol=1e-9):
            b = int(np.abs(y - largest).argmax())
            read = ", ".join(f"{value:.2f}" for value in x[b, : t + 1])
            if t > 5:
                read = f"{t + 1} inputs, the last of them {x[b, t]:.2f}"
            return f"after reading {read} your output is {y[b]:.2f}, wanted is {largest[b]:.2f}"
    return None


def machine_is_imitated(answer: Any) -> str | None:
    """Whether `answer(table)` gives the weights of a cell that runs through the table's states."""
    if not callable(answer):
        return "your answer must be a function of (table)"
    tables = [np.array([[0, 1], [1, 0]]), np.array([[0, 1], [1, 2], [2, 0]])]
    rng = np.random.default_rng(0)
    tables += [rng.integers(0, S, size=(S, V)) for S, V in ((4, 3), (5, 1), (1, 2), (3, 4))]
    for table in tables:
        wrong = machine_is_wrong(answer(table.copy()), table)
        if wrong:
            return f"with table = {table.tolist()}, {wrong}"
    return None


def machine_is_wrong(weights: Any, table: Array) -> str | None:
    """What is wrong with the weights for one table, or None."""
    S, V = table.shape

    def shapes(H: int) -> dict[str, tuple[int, ...]]:
        return {"W_xh": (V, H), "W_hh": (H, H), "b_h": (H,), "W_hy": (H, S), "h_0": (H,)}

    p = named_arrays(weights, shapes, "your function must return")
    if isinstance(p, str):
        return p
    rng, B = np.random.default_rng(1), 8
    h, state = np.tile(p["h_0"], (B, 1)), np.zeros(B, int)
    for t in range(1, 31):
        symbol = rng.integers(0, V, B)
        h = relu(np.eye(V)[symbol] @ p["W_xh"] + h @ p["W_hh"] + p["b_h"])
        state = table[state, symbol]
        y = h @ p["W_hy"]
        if not np.allclose(y, np.eye(S)[state], atol=1e-6):
            b = int(np.abs(y - np.eye(S)[state]).max(1).argmax())
            shown = y[b].round(2).tolist()
            return f"after step {t} the output is {shown}, but the machine is in state {state[b]}"
    return None


# --------------------------------------------------------------------------- whole networks


def jordan(x: Array, W_xh: Array, W_yh: Array, b_h: Array, W_hy: Array, b_y: Array) -> Array:
    y, found = np.zeros((len(x), len(b_y))), []
    for x_t in x.swapaxes(0, 1):
        y = np.tanh(x_t @ W_xh + y @ W_yh + b_h) @ W_hy + b_y
        found.append(y)
    return np.stack(found, axis=1)


def jordan_without_memory(
    x: Array, W_xh: Array, W_yh: Array, b_h: Array, W_hy: Array, b_y: Array
) -> Array:
    return np.asarray(np.tanh(x @ W_xh + b_h) @ W_hy + b_y)


def jordan_squashed(
    x: Array, W_xh: Array, W_yh: Array, b_h: Array, W_hy: Array, b_y: Array
) -> Array:
    y, found = np.zeros((len(x), len(b_y))), []
    for x_t in x.swapaxes(0, 1):
        y = np.tanh(np.tanh(x_t @ W_xh + y @ W_yh + b_h) @ W_hy + b_y)
        found.append(y)
    return np.stack(found, axis=1)


def draw_jordan(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    B, T, D, H, K = s["B"], s["T"], s["D"], s["H"], s["K"]
    sizes = ((B, T, D), (D, H), (K, H), (H,), (H, K), (K,))
    return tuple(rng.normal(size=size) for size in sizes)


def states(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    found = []
    for x_t in x.swapaxes(0, 1):
        h = np.tanh(x_t @ W_xh + h @ W_hh + b_h)
        found.append(h)
    return np.stack(found, axis=1)


def states_aliased(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    h = states(x, h, W_xh, W_hh, b_h)
    return np.repeat(h[:, -1:], h.shape[1], axis=1)


def states_of_old(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    after = states(x, h, W_xh, W_hh, b_h)
    return np.concatenate([h[:, None], after[:, :-1]], axis=1)


def states_stuck(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    return np.asarray(np.tanh(x @ W_xh + (h @ W_hh)[:, None] + b_h))


def draw_sequence(rng: Rng, s: Sizes) -> tuple[Array, ...]:
    """x (B, T, D), h (B, H), W_xh (D, H), W_hh (H, H), b_h (H,)."""
    x = rng.normal(size=(s["B"], s["T"], s["D"]))
    return (x, *draw_step(rng, s)[1:])


EXERCISES: Final[dict[str, Exercise]] = {
    "forward-1": Value(
        [3.0, 0.0, 5.0],
        "z = 2 x - h + 1 with the h of the step before, and below zero it is cut off",
        {
            "the state may not be negative: the ReLU is missing": [3.0, -2.0, 7.0],
            "the bias is missing": [2.0, 0.0, 4.0],
            "the old state is missing": [3.0, 1.0, 5.0],
            "what comes back is the state after the ReLU, not z before it": [3.0, 0.0, 7.0],
            "W_hh is -1: the old state is subtracted": [3.0, 4.0, 9.0],
        },
    ),
    "forward-2": Function(
        right=stack,
        draw=draw_step,
        returns={"R": "B R", "W": "R H"},
        mistakes={
            "the column of ones stands last, it was wanted between x and h": stack_bias_last,
            "the column of ones stands first, it was wanted between x and h": stack_bias_first,
            "R is right, but in W the bias must be the row that the ones meet": (
                lambda *a: (stack(*a)[0], stack_bias_last(*a)[1])
            ),
            "the bias is missing: R needs a column of ones, and W a row for it": stack_without_bias,
        },
    ),
    "forward-3": Value(
        2480,
        "find H from 4 H (10 + H + 2) = 2560, then count with one bias vector",
        {
            "that is H; the number of parameters was asked for": 20,
            "Keras' LSTM has one bias vector, not two": 2560,
            "that is with three bias vectors: take one away, do not add one": 2640,
            "that is without any bias": 2400,
            "each of the four gates has a bias": 2540,
        },
    ),
    "forward-4": Function(
        right=multiply_adds,
        draw=draw_sizes,
        returns={"count": ""},
        mistakes={
            "the head is used once, after the last step": lambda B, T, D, H, K: (
                B * T * H * (D + H + K)
            ),
            "the head is missing": lambda B, T, D, H, K: B * T * H * (D + H),
            "the batch is missing": lambda B, T, D, H, K: T * H * (D + H) + H * K,
            "the steps are missing": lambda B, T, D, H, K: B * H * (D + H + K),
            "those are FLOPs: a multiply-add is one operation here": lambda B, T, D, H, K: (
                2 * multiply_adds(B, T, D, H, K)
            ),
            "those are the parameters without the biases": lambda B, T, D, H, K: (
                D * H + H * H + H * K
            ),
        },
    ),
    "forward-5": Function(
        right=kernel,
        draw=draw_kernel,
        returns={"kernel": "T D H"},
        mistakes={
            "W ** k takes powers entry by entry; wanted are matrix products": kernel_entrywise,
            "W_hh is not transposed in this equation": kernel_transposed,
        },
    ),
    "forward-6": Function(
        right=compose,
        draw=draw_maps,
        returns={"A": "H H", "c": "B H"},
        mistakes={
            "the order is turned round: map 1 comes first, so A_1 stands next to h": (
                lambda A_1, c_1, A_2, c_2: (A_2 @ A_1, c_2 @ A_1 + c_1)
            ),
            "c_1 goes through the second map, too": lambda A_1, c_1, A_2, c_2: (
                A_1 @ A_2,
                c_1 + c_2,
            ),
            "A is A_1 A_2, in this order": lambda A_1, c_1, A_2, c_2: (
                A_2 @ A_1,
                c_1 @ A_2 + c_2,
            ),
        },
    ),
    "forward-7": Property(maximum_is_exact),
    "forward-8": Function(
        right=jordan,
        draw=draw_jordan,
        returns={"y": "B T K"},
        mistakes={
            "nothing is fed back: W_yh is not used": jordan_without_memory,
            "the output is linear, without a tanh": jordan_squashed,
        },
    ),
    "forward-9": Function(
        right=states,
        draw=draw_sequence,
        returns={"h": "B T H"},
        mistakes={
            "every step shows the last state: the list holds one array T times": states_aliased,
            "what is kept are the old states: keep h after the step": states_of_old,
            "every step starts from the initial state: h must go on": states_stuck,
        },
    ),
    "forward-10": Value(
        [0.1, 0.0],
        "push both by hand, as in the hint, and look at the outputs 50 steps later",
        {
            "the two are the other way round": [0.0, 0.1],
            "the ReLU does not heal: |x - p - 0.1| is off by 0.1 again": [0.0, 0.0],
            "tanh does heal: where it is flat, a disturbance is divided by 30 or more": [0.1, 0.1],
            "errors do not add up here: look at |x - p - 0.1| case by case": [5.0, 0.0],
        },
        tolerance=0.05,
    ),
    "forward-11": Property(machine_is_imitated),
}
