"""Right and wrong answers to the exercises of `foundations/lstm`."""

from typing import Any

import numpy as np

from answers import Answers


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def half_life(n: np.ndarray) -> np.ndarray:
    """Another form: sigma(b)^n = 1/2 is 1 + exp(-b) = 2^(1/n)."""
    return -np.log(2 ** (1 / n) - 1)


def cell_back(e: np.ndarray, f: np.ndarray) -> np.ndarray:
    """As a sum over later steps s of e_s times the product of the gates from t + 1 to s."""
    dc = np.zeros_like(e)
    for t in range(e.shape[1]):
        for s in range(t, e.shape[1]):
            dc[:, t] += e[:, s] * f[:, t + 1 : s + 1].prod(1)
    return dc


def cell_back_forwards(e: np.ndarray, f: np.ndarray) -> np.ndarray:
    dc = e.copy()
    for t in range(1, e.shape[1]):
        dc[:, t] += dc[:, t - 1] * f[:, t]
    return dc


def cell_back_own(e: np.ndarray, f: np.ndarray) -> np.ndarray:
    dc, carried = np.zeros_like(e), 0.0
    for t in reversed(range(e.shape[1])):
        dc[:, t] = e[:, t] + carried * f[:, t]
        carried = dc[:, t]
    return dc


def peepholes(dz: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    H = c.shape[2]
    i = np.einsum("bth,bth->h", dz[..., :H], c[:, :-1])
    f = np.einsum("bth,bth->h", dz[..., H : 2 * H], c[:, :-1])
    o = np.einsum("bth,bth->h", dz[..., 2 * H :], c[:, 1:])
    return i, f, o


def peepholes_old_only(dz: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple((d * c[:, :-1]).sum((0, 1)) for d in np.split(dz, 3, axis=2))


def peepholes_new_only(dz: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple((d * c[:, 1:]).sum((0, 1)) for d in np.split(dz, 3, axis=2))


def exchanged(dz: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    old, new = c[:, :-1], c[:, 1:]
    return tuple(
        (d * a).sum((0, 1)) for d, a in zip(np.split(dz, 3, axis=2), (new, new, old), strict=True)
    )


def peepholes_unsummed(dz: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    i, f, o = np.split(dz, 3, axis=2)
    return (i * c[:, :-1]).sum(1), (f * c[:, :-1]).sum(1), (o * c[:, 1:]).sum(1)


def mended(dh: Any, dc: Any, cache: Any) -> tuple[np.ndarray, np.ndarray]:
    c, i, f, g, o, c_new = cache
    t = np.tanh(c_new)
    total = dc + dh * o / np.cosh(c_new) ** 2
    z_i, z_f = total * g * i * (1 - i), total * c * f * (1 - f)
    dz = np.hstack([z_i, z_f, total * i * (1 + g) * (1 - g), dh * t * o * (1 - o)])
    return dz, total * f


def page_faulty(dh: Any, dc: Any, cache: Any) -> tuple[np.ndarray, np.ndarray]:
    _, i, f, g, o, c_new = cache
    do, dc = dh * np.tanh(c_new), dc + dh * o * (1 - c_new**2)
    di, df, dg = dc * g, dc * c_new, dc * i
    blocks = [di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)]
    return np.concatenate(blocks, axis=1), dc


def path_left(dh: Any, dc: Any, cache: Any) -> tuple[np.ndarray, np.ndarray]:
    dz, before = mended(dh, dc, cache)
    return dz, before / cache[2]


def cell_left(dh: Any, dc: Any, cache: Any) -> tuple[np.ndarray, np.ndarray]:
    dz, before = mended(dh, dc, cache)
    H = before.shape[1]
    dz[:, H : 2 * H] *= cache[5] / cache[0]
    return dz, before


def in_place(dh: Any, dc: Any, cache: Any) -> tuple[np.ndarray, np.ndarray]:
    found = mended(dh, dc, cache)
    dc += 1
    return found


def order(dh: Any, dc: Any, cache: Any) -> tuple[np.ndarray, np.ndarray]:
    dz, before = mended(dh, dc, cache)
    i, f, g, o = np.split(dz, 4, axis=1)
    return np.concatenate([i, f, o, g], axis=1), before


def share(dc: Any, c: Any, g: Any, z_i: Any, z_f: Any) -> tuple[np.ndarray, np.ndarray]:
    """By q = f / (i + f): dq/df = (1 - q) / (i + f), dq/di = -q / (i + f)."""
    i, f = sigma(z_i), sigma(z_f)
    q = f / (i + f)
    dq = dc * (c - g) / (i + f)
    return -dq * q * i * (1 - i), dq * (1 - q) * f * (1 - f)


def share_fixed(dc: Any, c: Any, g: Any, z_i: Any, z_f: Any) -> tuple[np.ndarray, np.ndarray]:
    i, f = sigma(z_i), sigma(z_f)
    return dc * g / (i + f) * i * (1 - i), dc * c / (i + f) * f * (1 - f)


def share_sign(*a: Any) -> tuple[np.ndarray, np.ndarray]:
    dz_i, dz_f = share(*a)
    return -dz_i, dz_f


def share_no_slope(dc: Any, c: Any, g: Any, z_i: Any, z_f: Any) -> tuple[np.ndarray, np.ndarray]:
    i, f = sigma(z_i), sigma(z_f)
    dz_i, dz_f = share(dc, c, g, z_i, z_f)
    return dz_i / (i * (1 - i)), dz_f / (f * (1 - f))


def of_1997(dh: Any, c: Any, i: Any, f: Any, g: Any, o: Any) -> np.ndarray:
    """Step by step, as the page's loop without its term in W_hh."""
    dz, dc = np.zeros((*dh.shape[:2], 4 * dh.shape[2])), 0.0
    for t in reversed(range(dh.shape[1])):
        cache = c[:, t], i[:, t], f[:, t], g[:, t], o[:, t], c[:, t + 1]
        dz[:, t], dc = mended(dh[:, t], dc, cache)
    return dz


def of_1997_cut(dh: Any, c: Any, i: Any, f: Any, g: Any, o: Any) -> np.ndarray:
    return of_1997(dh, c, i, f, g, o) * 0 + np.stack(
        [
            mended(dh[:, t], 0.0, (c[:, t], i[:, t], f[:, t], g[:, t], o[:, t], c[:, t + 1]))[0]
            for t in range(dh.shape[1])
        ],
        axis=1,
    )


def of_1997_order(*a: Any) -> np.ndarray:
    i, f, g, o = np.split(of_1997(*a), 4, axis=2)
    return np.concatenate([i, f, o, g], axis=2)


def of_1997_last(dh: Any, c: Any, i: Any, f: Any, g: Any, o: Any) -> np.ndarray:
    dz = of_1997(dh, c, i, f, g, o)
    dz[:, :-1] = 0
    return dz


def counter(W_xh: Any, b_h: Any) -> dict[str, Any]:
    return {"W_xh": np.array(W_xh, float), "W_hh": np.zeros((1, 4)), "b_h": np.array(b_h, float)}


GOOD = counter([[24, 0, 0, 0], [0, -24, 0, 0]], [-12, 12, 9, 0])
CONSTANT = counter([[24, 0, 9, 0], [-24, -30, 0, 0]], [-12, 15, 0, 3])  # g hangs on the count, too

ANSWERS: dict[str, Answers] = {
    "lstm-1": Answers(
        [2480, 2540, 2560],
        [
            ([2400, 2460, 2480], "biases are missing"),
            ([2480, 3680, 2560], "a vector of H numbers"),
            ([620, 640, 640], "there are four"),
            ([620, 680, 640], "there are four"),
            ([2480, 2560, 2560], "the candidate has none"),
            ([2480, 2540, 2500], "all four blocks"),
            (2480, "must be an array"),
        ],
    ),
    "lstm-2": Answers(
        half_life,
        [
            (lambda n: np.log(n - 1), "mean memory"),
            (lambda n: 0.5 ** (1 / n), "the gate itself"),
            (lambda n: -np.log(np.exp(1 / n) - 1), "1/e is left"),
            (lambda n: -half_life(n), "wrong sign"),
        ],
    ),
    "lstm-3": Answers(
        586.4,
        [
            (1 / 586.4, "inverse"),
            (float(np.exp(7)), "far out"),
            (float(sigma(8.0) / sigma(1.0)), "not of their slopes"),
            (float(sigma(1.0) / sigma(8.0)), "that of their slopes"),
            (7.0, "slopes"),
        ],
    ),
    "lstm-4": Answers(
        cell_back,
        [
            (cell_back_own, "gate of step t + 1"),
            (
                lambda e, f: e + np.pad(e * f, ((0, 0), (0, 1), (0, 0)))[:, 1:],
                "recursion is missing",
            ),
            (cell_back_forwards, "carry dc back"),
            (lambda e, f: cell_back(e, np.ones_like(f)), "must pass that step's forget gate"),
            (lambda e, f: cell_back(e, f) * f, "goes to the step before"),
            (lambda e, f: e, "right at the last step alone"),
        ],
    ),
    "lstm-5": Answers(
        peepholes,
        [
            (peepholes_old_only, "output gate sees the new cell"),
            (peepholes_new_only, "before the step"),
            (exchanged, "exchanged"),
            (peepholes_unsummed, "sum over the batch is missing"),
            (lambda dz, c: peepholes(dz / len(dz), c), "too small"),
        ],
    ),
    "lstm-6": Answers(
        mended,
        [
            (page_faulty, "unchanged"),
            (path_left, "passes the forget gate"),
            (cell_left, "old cell"),
            (in_place, "changes its arguments"),
            (order, "another order"),
        ],
    ),
    "lstm-7": Answers(
        share,
        [
            (share_fixed, "hangs on both gates"),
            (share_sign, "wrong sign"),
            (share_no_slope, "slopes of the two sigmoids"),
        ],
    ),
    "lstm-8": Answers(
        CONSTANT,
        [
            (counter([[24, 0, 0, 0], [0, 0, 0, 0]], [-12, 12, 9, 0]), "reset after three counts"),
            (counter([[24, 0, 0, 0], [0, -24, 0, 0]], [-12, 1, 9, 0]), "three counts in a row"),
            (counter([[24, 0, 0, 0], [0, -24, 0, 0]], [-12, 5, 9, 0]), "keep 3"),
            (counter([[0, 0, 0, 0], [0, -24, 0, 0]], [12, 12, 9, 0]), "no mark at all"),
            ({**GOOD, "W_xh": GOOD["W_xh"].T}, "shape"),
            ({"W_xh": GOOD["W_xh"]}, "dictionary"),
        ],
    ),
    "lstm-9": Answers(
        of_1997,
        [
            (of_1997_cut, "additive path is cut"),
            (of_1997_order, "another order"),
            (of_1997_last, "later steps is missing"),
        ],
    ),
    "lstm-10": Answers(8, [(1, "two steps"), (0, "one step"), (4, "all three")]),
}
