"""Right and wrong answers to the exercises of the page on the recurrent cell, forward."""

from itertools import product
from typing import Any

import numpy as np

from answers import Answers

Array = Any


# ------------------------------------------------------------------------------ one product


def stack(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> tuple[Array, Array]:
    (B, D), H = x.shape, h.shape[1]
    R, W = np.ones((B, D + 1 + H)), np.empty((D + 1 + H, H))
    R[:, :D], R[:, D + 1 :] = x, h
    W[:D], W[D], W[D + 1 :] = W_xh, b_h, W_hh
    return R, W


def stack_bias_last(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Any:
    R = np.concatenate([x, h, np.ones((len(x), 1))], axis=1)
    return R, np.concatenate([W_xh, W_hh, b_h[None]])


def stack_bias_first(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Any:
    R = np.concatenate([np.ones((len(x), 1)), x, h], axis=1)
    return R, np.concatenate([b_h[None], W_xh, W_hh])


def stack_unfit(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Any:
    R, _ = stack(x, h, W_xh, W_hh, b_h)
    return R, np.concatenate([W_xh, W_hh, b_h[None]])


def stack_no_bias(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Any:
    return np.concatenate([x, h], axis=1), np.concatenate([W_xh, W_hh])


def stack_transposed(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Any:
    R, W = stack(x, h, W_xh, W_hh, b_h)
    return R, W.T


def stack_one(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Any:
    return stack(x, h, W_xh, W_hh, b_h)[0]


# ------------------------------------------------------------------------------------ counts


def multiply_adds(B: int, T: int, D: int, H: int, K: int) -> int:
    """Counted one by one."""
    in_one_step = sum(1 for _ in product(range(B), range(D + H), range(H)))
    return T * in_one_step + sum(1 for _ in product(range(B), range(H), range(K)))


# --------------------------------------------------------------------------- linear networks


def kernel(W_xh: Array, W_hh: Array, T: int) -> Array:
    """The response to one unit input, run step by step."""
    D, H = W_xh.shape
    found = np.zeros((T, D, H))
    for d in range(D):
        h = W_xh[d]
        for k in range(T):
            found[k, d] = h
            h = h @ W_hh
    return found


def kernel_late(W_xh: Array, W_hh: Array, T: int) -> Array:
    return kernel(W_xh @ W_hh, W_hh, T)


def compose(A_1: Array, c_1: Array, A_2: Array, c_2: Array) -> tuple[Array, Array]:
    """From what the two maps make of zero and of the unit rows."""
    zero = np.zeros_like(c_1)

    def both(h: Array) -> Array:
        return (h @ A_1 + c_1[:1]) @ A_2 + c_2[:1]

    unit = np.eye(len(A_1))
    return both(unit) - both(0 * unit), (zero @ A_1 + c_1) @ A_2 + c_2


# ------------------------------------------------------------------------ weights by hand


def maximum(scale: float = 2.0) -> tuple[Array, ...]:
    """Three units: the new one in two halves; and every state scaled."""
    W_xh = scale * np.array([[0.5, 0.5, 0.0]])
    toward = np.array([-0.5, -0.5, 1.0])  # what m_{t-1} does to each unit
    W_hh = np.tile(toward, (3, 1))
    W_hy = np.ones((3, 1)) / scale
    return W_xh, W_hh, np.zeros(3), W_hy, np.zeros(1)


RIGHT_MAXIMUM = maximum()
PARITY = (
    np.array([[1.0, -1.0]]),
    np.array([[-1.0, 1.0], [-1.0, 1.0]]),
    np.zeros(2),
    np.ones((2, 1)),
    np.zeros(1),
)
LAST = (np.eye(1), np.zeros((1, 1)), np.zeros(1), np.eye(1), np.zeros(1))
SUM = (np.eye(1), np.eye(1), np.zeros(1), np.eye(1), np.zeros(1))
COLUMNS = (
    np.array([[1.0], [0.0]]),
    np.array([[-1.0, 1.0], [-1.0, 1.0]]),
    np.zeros(2),
    np.ones((2, 1)),
    np.zeros(1),
)


def machine(table: Array) -> tuple[Array, ...]:
    """Unit 0 stands for the start, then the pairs, symbol by symbol."""
    S, V = table.shape
    H = 1 + S * V
    W_xh, W_hh, W_hy = np.zeros((V, H)), np.zeros((H, H)), np.zeros((H, S))

    def unit(s: int, a: int) -> int:
        return 1 + a * S + s

    for a in range(V):
        for s in range(S):
            W_xh[a, unit(s, a)] = 1
            W_hy[unit(s, a), table[s, a]] = 1
            for b in range(V):
                W_hh[unit(s, a), unit(table[s, a], b)] = 1
        W_hh[0, unit(0, a)] = 1
    h_0 = np.zeros(H)
    h_0[0] = 1
    return W_xh, W_hh, np.full(H, -1.0), W_hy, h_0


def machine_without_start(table: Array) -> tuple[Array, ...]:
    *weights, h_0 = machine(table)
    return *weights, 0 * h_0


def machine_before(table: Array) -> tuple[Array, ...]:
    """Says in which state the machine was, not where it has gone."""
    S, V = table.shape
    W_xh, W_hh, b_h, W_hy, h_0 = machine(table)
    W_hy = np.concatenate([np.zeros((1, S)), np.tile(np.eye(S), (V, 1))])
    return W_xh, W_hh, b_h, W_hy, h_0


def machine_batched(table: Array) -> tuple[Array, ...]:
    *weights, h_0 = machine(table)
    return *weights, h_0[None]


# -------------------------------------------------------------------------- whole networks


def jordan(x: Array, W_xh: Array, W_yh: Array, b_h: Array, W_hy: Array, b_y: Array) -> Array:
    """As a cell whose state is z: linear in the fed back, one row at a time."""
    B, T, _ = x.shape
    y = np.zeros((B, T + 1, len(b_y)))
    for b in range(B):
        for t in range(T):
            h = np.tanh(W_xh.T @ x[b, t] + W_yh.T @ y[b, t] + b_h)
            y[b, t + 1] = W_hy.T @ h + b_y
    return y[:, 1:]


def jordan_no_loop(
    x: Array, W_xh: Array, W_yh: Array, b_h: Array, W_hy: Array, b_y: Array
) -> Array:
    return np.tanh(x @ W_xh + b_h) @ W_hy + b_y


def jordan_hidden(x: Array, W_xh: Array, W_yh: Array, b_h: Array, W_hy: Array, b_y: Array) -> Array:
    y = jordan(x, W_xh, W_yh, b_h, W_hy, b_y)
    before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
    return np.tanh(x @ W_xh + before @ W_yh + b_h)


def jordan_early(x: Array, W_xh: Array, W_yh: Array, b_h: Array, W_hy: Array, b_y: Array) -> Array:
    y = jordan(x, W_xh, W_yh, b_h, W_hy, b_y)
    return np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)


def states(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    found = np.zeros((len(x), x.shape[1] + 1, len(b_h)))
    found[:, 0] = h
    for t in range(x.shape[1]):
        found[:, t + 1] = np.tanh(x[:, t] @ W_xh + found[:, t] @ W_hh + b_h)
    return found[:, 1:]


def states_unmended(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    found = []
    for t in range(x.shape[1]):
        np.tanh(x[:, t] @ W_xh + h @ W_hh + b_h, out=h)
        found.append(h)
    return np.stack(found, axis=1)


def states_half_mended(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    return states_unmended(x, h.copy(), W_xh, W_hh, b_h)


def states_old(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    return np.concatenate([h[:, None], states(x, h, W_xh, W_hh, b_h)[:, :-1]], axis=1)


def states_from_zero(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    return states(x, 0 * h, W_xh, W_hh, b_h)


def states_last(x: Array, h: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    return states(x, h, W_xh, W_hh, b_h)[:, -1]


ANSWERS: dict[str, Answers] = {
    "forward-1": Answers(
        [3, 0, 5],
        [
            ([3, -2, 7], "the ReLU is missing"),
            ([2, 0, 4], "the bias is missing"),
            ([3, 1, 5], "the old state is missing"),
            ([3, 0, 7], "after the ReLU"),
            ([3, 4, 9], "subtracted"),
            (5, "must be an array"),
            ([3, 5], "must have (3,)"),
        ],
    ),
    "forward-2": Answers(
        stack,
        [
            (stack_bias_last, "stands last"),
            (stack_bias_first, "stands first"),
            (stack_unfit, "the row that the ones meet"),
            (stack_no_bias, "column of ones"),
            (stack_transposed, "W is transposed"),
            (stack_one, "must return (R, W)"),
        ],
    ),
    "forward-3": Answers(
        2480,
        [(20, "that is H"), (2560, "one bias vector"), (2640, "three"), (2400, "without any")],
    ),
    "forward-4": Answers(
        multiply_adds,
        [
            (lambda B, T, D, H, K: B * T * (D * H + H * H + H * K), "once, after the last"),
            (lambda B, T, D, H, K: B * T * (D + H) * H, "the head is missing"),
            (lambda B, T, D, H, K: T * (D + H) * H + H * K, "the batch is missing"),
            (lambda B, T, D, H, K: B * ((D + H) * H + H * K), "the steps are missing"),
            (lambda B, T, D, H, K: 2 * B * (T * (D + H) * H + H * K), "FLOPs"),
            (240, "must be a function of (B, T, D, H, K)"),
        ],
    ),
    "forward-5": Answers(
        kernel,
        [
            (lambda W_xh, W_hh, T: np.stack([W_xh @ W_hh**k for k in range(T)]), "entry by entry"),
            (kernel_late, "one step early"),
            (lambda W_xh, W_hh, T: kernel(W_xh, W_hh, T)[::-1], "backwards in time"),
            (lambda W_xh, W_hh, T: kernel(W_xh, W_hh.T, T), "not transposed"),
            (lambda W_xh, W_hh, T: kernel(W_xh, W_hh, T).sum(0), "summed over the steps"),
        ],
    ),
    "forward-6": Answers(
        compose,
        [
            (lambda A, c, B, d: (B @ A, d @ A + c), "turned round"),
            (lambda A, c, B, d: (A @ B, c + d), "goes through the second map"),
            (lambda A, c, B, d: (B @ A, c @ B + d), "in this order"),
            (lambda A, c, B, d: A @ B, "must return (A, c)"),
        ],
    ),
    "forward-7": Answers(
        RIGHT_MAXIMUM,
        [
            (PARITY, "your output is"),
            (LAST, "your output is"),
            (SUM, "your output is"),
            (COLUMNS, "W_xh has the shape (2, 1)"),
            (RIGHT_MAXIMUM[:3], "must be the tuple"),
            (dict(enumerate(RIGHT_MAXIMUM)), "must be the tuple"),
        ],
    ),
    "forward-8": Answers(
        jordan,
        [
            (jordan_no_loop, "nothing is fed back"),
            (jordan_hidden, "wanted is (B, T, K)"),
            (jordan_early, "one step late"),
        ],
    ),
    "forward-9": Answers(
        states,
        [
            (states_unmended, "changes its arguments"),
            (states_half_mended, "one array T times"),
            (states_old, "the old states"),
            (states_from_zero, "wanted is"),
            (states_last, "wanted is (B, T, H)"),
        ],
    ),
    "forward-10": Answers(
        [0.1, 0.0],
        [
            ([0.0, 0.1], "other way round"),
            ([0.0, 0.0], "does not heal"),
            ([0.1, 0.1], "does heal"),
            ([5.0, 0.0], "do not add up"),
            (0.1, "must be an array"),
        ],
    ),
    "forward-11": Answers(
        machine,
        [
            (machine_without_start, "after step 1"),
            (machine_before, "the machine is in state"),
            (machine_batched, "h_0 has the shape"),
            (lambda table: machine(table)[:4], "must return (W_xh, W_hh, b_h, W_hy, h_0)"),
            (np.eye(2), "must be a function of (table)"),
        ],
    ),
}
