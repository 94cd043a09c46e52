"""
The exercises of the page `lengths`: masks, losses, batches of sequences of different lengths.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs; lengths (B,) are 1 to T.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Arguments, Exercise, Function, Property, Value

Rng = np.random.Generator
BATCH: Final = 64  # of the experiment "lengths-11"


def real(lengths: Array, T: int) -> Array:
    """(B, T): True where a step is real."""
    found: Array = np.arange(T) < lengths[:, None]
    return found


def draw_lengths(rng: Rng, s: Sizes) -> Array:
    """Lengths (B,); the longest is T."""
    lengths = rng.integers(1, s["T"] + 1, s["B"])
    lengths[rng.integers(s["B"])] = s["T"]
    return lengths


# ------------------------------------------------------------------------ 1 the last real output


def last_real(h: Array, lengths: Array) -> Array:
    found: Array = h[np.arange(len(h)), lengths - 1]
    return found


def draw_outputs(rng: Rng, s: Sizes) -> Arguments:
    return rng.normal(size=(s["B"], s["T"], s["H"])), draw_lengths(rng, s)


def one_late(h: Array, lengths: Array) -> Array:
    return last_real(h, np.minimum(lengths + 1, h.shape[1]))


# ------------------------------------------------------------------------------- 2 a masked loss


def weighted_mse(y: Array, target: Array, weight: Array) -> tuple[float, Array]:
    """Sum of weight * (y - target)^2, and its gradient; weight (B, T)."""
    difference, w = y - target, weight[..., None]
    return float((w * difference**2).sum()), 2 * w * difference


def masked_mse(y: Array, target: Array, lengths: Array) -> tuple[float, Array]:
    _, T, K = y.shape
    return weighted_mse(y, target, real(lengths, T) / (lengths.sum() * K))


def divided_by_all(y: Array, target: Array, lengths: Array) -> tuple[float, Array]:
    return weighted_mse(y, target, real(lengths, y.shape[1]) / y.size)


def over_padding(y: Array, target: Array, lengths: Array) -> tuple[float, Array]:
    return weighted_mse(y, target, np.ones(y.shape[:2]) / y.size)


def mean_of_means(y: Array, target: Array, lengths: Array) -> tuple[float, Array]:
    B, T, K = y.shape
    return weighted_mse(y, target, real(lengths, T) / (lengths[:, None] * B * K))


def divided_by_steps(y: Array, target: Array, lengths: Array) -> tuple[float, Array]:
    return weighted_mse(y, target, real(lengths, y.shape[1]) / lengths.sum())


def without_two(y: Array, target: Array, lengths: Array) -> tuple[float, Array]:
    loss, dy = masked_mse(y, target, lengths)
    return loss, dy / 2


def halved(y: Array, target: Array, lengths: Array) -> tuple[float, Array]:
    loss, dy = masked_mse(y, target, lengths)
    return loss / 2, dy / 2


def draw_predictions(rng: Rng, s: Sizes) -> Arguments:
    y, target = rng.normal(size=(2, s["B"], s["T"], s["K"]))
    return y, target, draw_lengths(rng, s)


# ---------------------------------------------------------------------------- 3 back to front


def reversed_each(x: Array, lengths: Array) -> Array:
    found = x.copy()
    for row, n in enumerate(lengths):
        found[row, :n] = x[row, :n][::-1]
    return found


def draw_padded(rng: Rng, s: Sizes) -> Arguments:
    lengths = draw_lengths(rng, s)
    x = rng.normal(size=(s["B"], s["T"], s["D"]))
    return np.where(real(lengths, s["T"])[..., None], x, 0), lengths


# ------------------------------------------------------------------------- 4 from counts to lengths


def lengths_from(b: Array) -> Array:
    found: Array = (b > np.arange(b[0])[:, None]).sum(1)
    return found


def draw_counts(rng: Rng, s: Sizes) -> Arguments:
    return (real(draw_lengths(rng, s), s["T"]).sum(0),)


# ----------------------------------------------------------------------- 5 back through the hold


def hold_backward(
    W_xh: Array, W_hh: Array, h: Array, dlast: Array, lengths: Array
) -> tuple[Array, Array]:
    """Each sequence by itself, without its padding: no mask is needed."""
    return sequence_by_sequence(W_xh, W_hh, h, dlast, lengths, 1 - h * h)


def sequence_by_sequence(
    W_xh: Array, W_hh: Array, h: Array, dlast: Array, lengths: Array, slope: Array
) -> tuple[Array, Array]:
    B, T = h.shape[0], h.shape[1] - 1
    dx, dfirst = np.zeros((B, T, len(W_xh))), np.empty_like(dlast)
    for row, n in enumerate(lengths):
        dh = dlast[row]
        for t in reversed(range(n)):
            dz = dh * slope[row, t + 1]
            dx[row, t], dh = dz @ W_xh.T, dz @ W_hh.T
        dfirst[row] = dh
    return dx, dfirst


def no_mask(
    W_xh: Array, W_hh: Array, h: Array, dlast: Array, lengths: Array
) -> tuple[Array, Array]:
    return hold_backward(W_xh, W_hh, h, dlast, np.full(len(h), h.shape[1] - 1))


def nothing_held(
    W_xh: Array, W_hh: Array, h: Array, dlast: Array, lengths: Array
) -> tuple[Array, Array]:
    whole = lengths == h.shape[1] - 1
    return hold_backward(W_xh, W_hh, h, dlast * whole[:, None], lengths)


def no_slope(
    W_xh: Array, W_hh: Array, h: Array, dlast: Array, lengths: Array
) -> tuple[Array, Array]:
    return sequence_by_sequence(W_xh, W_hh, h, dlast, lengths, np.ones_like(h))


def draw_held(rng: Rng, s: Sizes) -> Arguments:
    B, T, D, H = s["B"], s["T"], s["D"], s["H"]
    x, lengths = draw_padded(rng, s)
    W_xh, W_hh = rng.normal(size=(D, H)), rng.normal(size=(H, H)) / np.sqrt(H)
    h = np.empty((B, T + 1, H))
    h[:, 0] = rng.normal(size=(B, H))
    for t in range(T):
        new = np.tanh(x[:, t] @ W_xh + h[:, t] @ W_hh)
        h[:, t + 1] = np.where(t < lengths[:, None], new, h[:, t])
    return W_xh, W_hh, h, rng.normal(size=(B, H)), lengths


# ------------------------------------------------------------------------------ 6 two lengths


def expected_cells(q: float, a: int, c: int, B: int) -> float:
    return (c - (c - a) * q**B) / (q * a + (1 - q) * c)


def draw_two_lengths(rng: Rng, s: Sizes) -> Arguments:
    a = int(rng.integers(1, 10))
    return float(rng.uniform(0.2, 0.9)), a, a + int(rng.integers(1, 20)), s["B"]


# ------------------------------------------------------------------------------------ 8 borders


def with_borders(x: Array, first: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    h, found = np.zeros((len(x), len(b_h))), np.empty((*x.shape[:2], len(b_h)))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_xh + np.where(first[:, t, None], 0, h) @ W_hh + b_h)
        found[:, t] = h
    return found


def border_after(x: Array, first: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    """The state is emptied after the first step has been read, not before."""
    late = np.zeros_like(first)
    late[:, 1:] = first[:, :-1]
    return with_borders(x, late, W_xh, W_hh, b_h)


def every_row(x: Array, first: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    return with_borders(x, np.broadcast_to(first.any(0), first.shape), W_xh, W_hh, b_h)


def draw_documents(rng: Rng, s: Sizes) -> Arguments:
    B, T, D, H = s["B"], s["T"], s["D"], s["H"]
    first = rng.random((B, T)) < 0.35
    W_xh, W_hh = rng.normal(size=(D, H)), rng.normal(size=(H, H)) / np.sqrt(H)
    return rng.normal(size=(B, T, D)), first, W_xh, W_hh, rng.normal(size=H)


# ----------------------------------------------------------------------------- 9 rows of a stream


def position(b: int, k: int, t: int, n: int, B: int, steps: int) -> int:
    return b * (n // B) + k * steps + t


def draw_position(rng: Rng, s: Sizes) -> Arguments:
    B, steps, pieces = s["B"] + 1, s["T"] + 1, 4
    n = B * steps * pieces + int(rng.integers(1, B))
    b, k, t = int(rng.integers(1, B)), int(rng.integers(1, pieces)), int(rng.integers(steps))
    return b, k, t, n, B, steps


# --------------------------------------------------------------------------------- 10 buckets


def buckets_are_wrong(answer: Any) -> str | None:
    """What is wrong with a function (lengths, size, rng) -> batches, arrays of places."""
    if not callable(answer):
        return "your answer must be a function of (lengths, size, rng)"
    lengths, size = np.random.default_rng(1).integers(1, 41, 1000), 20
    made = [_places(answer, lengths, size, seed) for seed in (0, 1)]
    words = next((each for each in made if isinstance(each, str)), None)
    if words:
        return words
    one, two = (each for each in made if not isinstance(each, str))
    computed = sum(len(batch) * int(lengths[batch].max()) for batch in one)
    longest = [int(lengths[batch].max()) for batch in one]
    if longest in (sorted(longest), sorted(longest, reverse=True)):
        return "your batches come in the order of their lengths: shuffle them"
    if computed > 1.25 * lengths.sum():
        ratio = computed / lengths.sum()
        return f"{ratio:.2f} steps are computed for each real one: 1.25 is allowed"
    if {frozenset(batch.tolist()) for batch in one} & {frozenset(b.tolist()) for b in two}:
        return "another rng gives some of the same batches: who meets whom must be drawn anew"
    return None


def _places(answer: Callable[..., Any], lengths: Array, size: int, seed: int) -> list[Array] | str:
    batches = [
        np.asarray(each) for each in answer(lengths.copy(), size, np.random.default_rng(seed))
    ]
    if not batches or any(b.ndim != 1 or not b.size or b.dtype.kind not in "iu" for b in batches):
        return "your function must return a list of arrays of places, whole numbers (n,)"
    if max(map(len, batches)) > size:
        return f"a batch holds {max(map(len, batches))} sequences, but {size} is the size"
    if len(batches) > -(-len(lengths) // size):
        return f"there are {len(batches)} batches, but {-(-len(lengths) // size)} are enough"
    found = np.sort(np.concatenate(batches))
    if not np.array_equal(found, np.arange(len(lengths))):
        return "every sequence must be in one batch, and in one only"
    return batches


# ----------------------------------------------------------------- 11 the hidden learning rate


@cache
def shares() -> tuple[float, float]:
    """Real steps of a random batch of names, as a share of B T: cut after its longest, and not."""
    from rnnbook.tasks import words  # needs Babel, which only this exercise does

    split = words.make().train
    lengths, rng = np.asarray(split.lengths), np.random.default_rng(0)
    drawn = lengths[rng.integers(0, len(lengths), (2000, BATCH))]
    return float((drawn.mean(1) / drawn.max(1)).mean()), float(drawn.mean() / split.inputs.shape[1])


def share_is_wrong(answer: Any) -> str | None:
    if isinstance(answer, np.ndarray) and not answer.ndim:
        answer = answer[()]
    if isinstance(answer, bool | str) or not isinstance(answer, int | float | np.number):
        return f"your answer is of type {type(answer).__name__}, but must be a number"
    cut, uncut = shares()
    if abs(answer - cut) < 0.02:
        return None
    for wrong, words in (
        (1 / cut, "that is how many times too small the gradient is: take its inverse"),
        (uncut, "a batch is cut after its own longest name, not after the longest of all"),
        (1 - cut, "that is the share of the padding"),
    ):
        if abs(answer - wrong) < 0.02:
            return words
    return "take the real steps of a batch, divide by its B T, and average over many batches"


EXERCISES: Final[dict[str, Exercise]] = {
    "lengths-1": Function(
        last_real,
        draw_outputs,
        {"last": "B H"},
        {
            "the last step of the array is padding for every shorter sequence": lambda h, _: (
                h[:, -1]
            ),
            "you took the step behind the last one: Python counts from 0": one_late,
        },
    ),
    "lengths-2": Function(
        masked_mse,
        draw_predictions,
        {"loss": "", "dy": "B T K"},
        {
            "the padding is in the divisor: count the real steps": divided_by_all,
            "the padding counts in your loss": over_padding,
            "you average each sequence by itself: a step of a short one counts more": mean_of_means,
            "divide by the number of real elements: a step has K of them": divided_by_steps,
            "the derivative of a square has a factor 2": without_two,
            "that is half of the mean square: leave the half out": halved,
        },
    ),
    "lengths-3": Function(
        reversed_each,
        draw_padded,
        {"x": "B T D"},
        {"the padding now comes first: turn each sequence round its own end": lambda x, _: (
            x[:, ::-1]
        )},
    ),
    "lengths-4": Function(
        lengths_from,
        draw_counts,
        {"lengths": "B"},
        {
            "the longest must come first": lambda b: lengths_from(b)[::-1],
            "that is how many sequences end at each step": lambda b: -np.diff(b, append=0),
        },
        hint="sequence j is running at step t if b_t is j or more",
    ),
    "lengths-5": Function(
        hold_backward,
        draw_held,
        {"dx": "B T D", "dfirst": "B H"},
        {
            "the gradient must pass the padding unchanged, and leave nothing there": no_mask,
            "the gradient is lost at the padding: where a state is held, so is its gradient": (
                nothing_held
            ),
            "the slope of tanh is missing: dz = dh * (1 - h^2)": no_slope,
        },
    ),
    "lengths-6": Function(
        expected_cells,
        draw_two_lengths,
        {"ratio": ""},
        {
            "a batch without a long sequence is only a steps wide": lambda q, a, c, B: (
                c / (q * a + (1 - q) * c)
            ),
            "divide by the real steps of B sequences, or leave B out above, too": (
                lambda q, a, c, B: B * expected_cells(q, a, c, B)
            ),
            "all B must be short, not one of them": lambda q, a, c, B: 1.0,
            "that is the share of padding: wanted are computed steps per real one": (
                lambda q, a, c, B: 1 - 1 / expected_cells(q, a, c, B)
            ),
        },
    ),
    "lengths-7": Value(
        [True, True, False, True, False, True],
        "change the padding of one batch by hand and compute all six",
        {
            "the other way round: True is for those that leak": [
                False, False, True, False, True, False,
            ],
            "look at the maximum of a unit whose real outputs are all below 0": [
                True, True, False, False, False, True,
            ],
            "a softmax gives weight to a score of 0, too": [True, True, False, True, False, False],
            "zeros add nothing to a sum, whatever their number": [
                True, True, False, True, True, True,
            ],
            "one that divides by the lengths does not see how wide the array is": [
                True, True, True, True, False, True,
            ],
        },
    ),
    "lengths-8": Function(
        with_borders,
        draw_documents,
        {"h": "B T H"},
        {
            "the state is emptied one step late: before the document's first step": border_after,
            "a border in one row is none in the others": every_row,
            "the state runs on over the borders": lambda x, first, W_xh, W_hh, b_h: with_borders(
                x, np.zeros_like(first), W_xh, W_hh, b_h
            ),
        },
    ),
    "lengths-9": Function(
        position,
        draw_position,
        {"position": ""},
        {
            "that deals the pieces out row after row: then no row goes on": (
                lambda b, k, t, n, B, steps: (k * B + b) * steps + t
            ),
            "what is left over is not used: a row has n // B steps": (
                lambda b, k, t, n, B, steps: b * (n / B) + k * steps + t
            ),
            "Python takes b * n // B from the left: the row's length first, n // B": (
                lambda b, k, t, n, B, steps: b * n // B + k * steps + t
            ),
            "batch k starts k pieces of `steps` steps further on": (
                lambda b, k, t, n, B, steps: b * (n // B) + k + t
            ),
            "the row's own start is missing": lambda b, k, t, n, B, steps: k * steps + t,
        },
    ),
    "lengths-10": Property(buckets_are_wrong),
    "lengths-11": Property(share_is_wrong),
}  # fmt: skip
