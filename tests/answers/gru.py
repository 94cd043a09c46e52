"""Answers to the exercises of the page "The gated recurrent unit"."""

from typing import Any

import numpy as np

from answers import Answers

Arrays = Any


def count(D: int, H: int) -> tuple[int, int]:
    block = D * H + H * H
    return 3 * block + 6 * H, 3 * block + 3 * H


def to_book(W_xh: Arrays, W_hh: Arrays, b_xh: Arrays, b_hh: Arrays) -> Arrays:
    found = []
    for a in (W_xh, W_hh, b_xh, b_hh):
        r, z, n = np.split(a, 3, axis=-1)
        found.append(np.concatenate([r, -z, n], axis=-1))
    return tuple(found)


def biases_only(W_xh: Arrays, W_hh: Arrays, b_xh: Arrays, b_hh: Arrays) -> Arrays:
    return W_xh, W_hh, *to_book(W_xh, W_hh, b_xh, b_hh)[2:]


def last_block(*arrays: Arrays) -> Arrays:
    found = []
    for a in arrays:
        r, z, n = np.split(a, 3, axis=-1)
        found.append(np.concatenate([r, z, -n], axis=-1))
    return tuple(found)


def merge(b_xh: Arrays, b_hh: Arrays) -> Arrays:
    x_r, x_z, x_n = np.split(b_xh, 3)
    h_r, h_z, h_n = np.split(b_hh, 3)
    return np.concatenate([x_r + h_r, x_z + h_z, x_n]), h_n


def as_gru(W_xh: Arrays, W_hh: Arrays, b_h: Arrays) -> dict[str, Arrays]:
    H = len(b_h)
    zeros, ones = np.zeros(H), np.ones(H)
    return {
        "W_xh": np.hstack([np.zeros_like(W_xh), np.zeros_like(W_xh), W_xh]),
        "W_hh": np.hstack([np.zeros_like(W_hh), np.zeros_like(W_hh), W_hh]),
        "b_xh": np.hstack([20 * ones, -20 * ones, zeros]),
        "b_hh": np.hstack([20 * ones, -20 * ones, b_h]),
    }


def reset_only(*rnn: Arrays) -> dict[str, Arrays]:
    gru = as_gru(*rnn)
    H = len(rnn[2])
    gru["b_xh"][H : 2 * H] = gru["b_hh"][H : 2 * H] = 0
    return gru


def update_only(*rnn: Arrays) -> dict[str, Arrays]:
    gru = as_gru(*rnn)
    H = len(rnn[2])
    gru["b_xh"][:H] = gru["b_hh"][:H] = 0
    return gru


def without_bias(W_xh: Arrays, W_hh: Arrays, b_h: Arrays) -> dict[str, Arrays]:
    return as_gru(W_xh, W_hh, 0 * b_h)


def transposed(*rnn: Arrays) -> dict[str, Arrays]:
    return {name: w.T for name, w in as_gru(*rnn).items()}


def filled(h: Arrays, n: Arrays, z: Arrays, t: int) -> Arrays:
    for _ in range(t):
        h = (1 - z) * n + z * h
    return h


def weight_gradient(h: Arrays, r: Arrays, da: Arrays) -> Arrays:
    da_r, da_z, da_n = np.split(da, 3, axis=1)
    pairs = [(h, da_r), (h, da_z), (r * h, da_n)]
    return np.hstack([np.einsum("bi,bj->ij", left, right) for left, right in pairs])


def state_gradient(
    dh: Arrays, h: Arrays, r: Arrays, z: Arrays, n: Arrays, u_n: Arrays, W_hh: Arrays
) -> Arrays:
    W_hr, W_hz, W_hn = np.split(W_hh, 3, axis=1)
    dn = dh * (1 - z) * (1 - n**2)
    through_r = (dn * u_n * r * (1 - r)) @ W_hr.T
    through_z = (dh * (h - n) * z * (1 - z)) @ W_hz.T
    return through_r + through_z + (dn * r) @ W_hn.T + z * dh


def no_direct_way(dh: Arrays, h: Arrays, r: Arrays, z: Arrays, *others: Arrays) -> Arrays:
    return state_gradient(dh, h, r, z, *others) - z * dh


def no_reset(
    dh: Arrays, h: Arrays, r: Arrays, z: Arrays, n: Arrays, u_n: Arrays, W_hh: Arrays
) -> Arrays:
    W_hn = np.split(W_hh, 3, axis=1)[2]
    dn = dh * (1 - z) * (1 - n**2)
    return state_gradient(dh, h, r, z, n, u_n, W_hh) + (dn * (1 - r)) @ W_hn.T


def as_wide_as(D: int, H: int) -> int:
    """The root of 3 h^2 + 3 (D + 2) h - budget = 0, rounded down."""
    budget = 4 * H * (D + H + 1)
    p = (D + 2) / 2
    return int(np.floor(np.sqrt(p * p + budget / 3) - p + 1e-9))


def mgu(dh: Arrays, h: Arrays, f: Arrays, n: Arrays, W_hf: Arrays, W_hn: Arrays) -> Arrays:
    """By the Jacobian of each sequence."""
    found = []
    for b in range(len(dh)):
        df = np.diag(f[b] * (1 - f[b])) @ W_hf.T  # df_i / dh_j
        dk = np.diag(f[b]) + np.diag(h[b]) @ df
        dn = np.diag(1 - n[b] ** 2) @ W_hn.T @ dk
        J = np.diag(1 - f[b]) + np.diag(f[b]) @ dn + np.diag(n[b] - h[b]) @ df
        found.append(dh[b] @ J)
    return np.array(found)


def mgu_without_direct(dh: Arrays, h: Arrays, f: Arrays, *others: Arrays) -> Arrays:
    return mgu(dh, h, f, *others) - dh * (1 - f)


def mgu_without_k(
    dh: Arrays, h: Arrays, f: Arrays, n: Arrays, W_hf: Arrays, W_hn: Arrays
) -> Arrays:
    dk = (dh * f * (1 - n**2)) @ W_hn.T
    return mgu(dh, h, f, n, W_hf, W_hn) - (dk * h * f * (1 - f)) @ W_hf.T


ANSWERS: dict[str, Answers] = {
    "gru-1": Answers(
        count,
        [
            (lambda D, H: (3 * H * (D + H + 1),) * 2, "two biases for each block"),
            (lambda D, H: (3 * H * (D + H + 2),) * 2, "one bias for each block"),
            (lambda D, H: (3 * H * (D + H),) * 2, "the biases are missing"),
            (lambda D, H: count(D, H)[::-1], "exchanged"),
            (lambda D, H: (4 * H * (D + H + 1), 3 * H * (D + H + 1)), "wanted is"),
        ],
    ),
    "gru-2": Answers(
        to_book,
        [
            (biases_only, "only the biases"),
            (lambda *a: tuple(-w for w in a), "all blocks"),
            (lambda *a: a, "the middle block"),
            (last_block, "the middle block"),
        ],
    ),
    "gru-3": Answers(
        lambda dh, h, n, z: (h - n) * dh * (z - z**2),
        [
            (lambda dh, h, n, z: dh * (h - n), "slope of the sigmoid"),
            (lambda dh, h, n, z: dh * (n - h) * z * (1 - z), "sign is wrong"),
            (lambda dh, h, n, z: dh * h * z * (1 - z), "the derivative -n"),
            (lambda dh, h, n, z: dh * (h - n) * (1 - z**2), "wanted is"),
        ],
    ),
    "gru-4": Answers(
        merge,
        [
            (lambda x, h: (x + h, 0 * h[: len(h) // 3]), "merged, too"),
            (lambda x, h: (x + h, h[2 * len(h) // 3 :]), "counts twice"),
            (lambda x, h: (x, h[2 * len(h) // 3 :]), "the blocks r and z"),
            (lambda x, h: x + h, "must return (b, b_n)"),
        ],
    ),
    "gru-5": Answers(
        as_gru,
        [
            (reset_only, "the update gate goes up to"),
            (update_only, "the reset gate is"),
            (without_bias, "the candidate is not"),
            (transposed, "has the shape"),
            (lambda *rnn: tuple(as_gru(*rnn).values()), "must return a dictionary"),
        ],
    ),
    "gru-6": Answers(
        filled,
        [
            (lambda h, n, z, t: filled(h, n, z, 1), "after one step"),
            (lambda h, n, z, t: filled(h, n, 1 - z, t), "exchanged"),
            (lambda h, n, z, t: z**t * h + (1 - z) * n, "once only"),
            (lambda h, n, z, t: filled(n, h, z, t), "it starts at h"),
            (lambda h, n, z, t: filled(h, 0 * n, z, t), "the candidate's is missing"),
            (lambda h, n, z, t: filled(h, n, z, t + 1), "shrinks by z"),
        ],
    ),
    "gru-7": Answers(
        7.2738,
        [
            (0.99931, "the gate itself"),
            (-7.2738, "the bias of 1 - z"),
            (6.9068, "not a half"),
            (7.27, "four digits"),
            (7.0, "whose sigmoid it is"),
        ],
    ),
    "gru-8": Answers(
        weight_gradient,
        [
            (lambda h, r, da: h.T @ da, "W_hn multiplied r * h"),
            (lambda h, r, da: (r * h).T @ da, "the gates saw h"),
            (lambda h, r, da: weight_gradient(h, r, da).T, "transposed"),
            (
                lambda h, r, da: h.T @ (da * np.hstack([1 + 0 * r, 1 + 0 * r, r])),
                "after the product",
            ),
        ],
    ),
    "gru-9": Answers(
        state_gradient,
        [
            (no_direct_way, "no direct way"),
            (no_reset, "misses the reset gate"),
            (lambda dh, h, r, z, *a: no_reset(dh, h, r, z, *a) - z * dh, "as it was printed"),
            (lambda *a: 0.3 * state_gradient(*a), "0.3 times"),
        ],
    ),
    "gru-10": Answers(
        as_wide_as,
        [
            (lambda D, H: as_wide_as(D, H) + 1, "larger than the LSTM"),
            (lambda D, H: H, "room for more"),
            (lambda D, H: 2 * H, "wanted is"),
        ],
    ),
    "gru-11": Answers(
        mgu,
        [
            (mgu_without_direct, "direct way"),
            (mgu_without_k, "f * h, too"),
            (lambda dh, h, f, n, W_hf, W_hn: mgu(dh, h, f, n, W_hf.T, W_hn.T), "in the blend"),
        ],
    ),
    "gru-12": Answers(
        6,
        [
            (0, "and yet it learns"),
            (3, "suits the task"),
            (1, "run the three starts"),
        ],
    ),
}
