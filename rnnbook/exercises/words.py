"""
The exercises of the page `words`: a classifier of names, its parts, its reading and its scores.

Shapes: B names, T steps, H hidden units, K languages, V letters; lengths (B,) are 1 to T.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from rnnbook.arrays import Array
from rnnbook.exercises.diagnosis import Sizes
from rnnbook.exercises.judging import Arguments, Exercise, Function

Rng = np.random.Generator


def softmax(y: Array) -> Array:
    e = np.exp(y - y.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def draw_lengths(rng: Rng, s: Sizes) -> Array:
    """Lengths (B,); not all of them T, where there is room."""
    lengths = rng.integers(1, s["T"] + 1, s["B"])
    lengths[0] = max(1, s["T"] - 1)
    return np.asarray(lengths)


# ------------------------------------------------------------------------- 1 counting parameters


def parameters(V: int, H: int, K: int) -> int:
    return (V + H + 1) * (H + K)


def draw_sizes(rng: Rng, s: Sizes) -> Arguments:
    return s["V"], s["H"], s["K"]


# ------------------------------------------------------------------ 2 where the gradient enters


def entering(dy: Array, W_hy: Array, lengths: Array, T: int) -> Array:
    dh = np.zeros((len(dy), T + 1, len(W_hy)))
    for b, n in enumerate(lengths):
        dh[b, n] = W_hy @ dy[b]
    return dh


def at_the_old_state(dy: Array, W_hy: Array, lengths: Array, T: int) -> Array:
    return entering(dy, W_hy, lengths - 1, T)


def at_the_last_column(dy: Array, W_hy: Array, lengths: Array, T: int) -> Array:
    return entering(dy, W_hy, np.full_like(lengths, T), T)


def draw_entering(rng: Rng, s: Sizes) -> Arguments:
    B, H, K = s["B"], s["H"], s["K"]
    return rng.normal(size=(B, K)), rng.normal(size=(H, K)), draw_lengths(rng, s), s["T"]


# -------------------------------------------------------------------- 3 the linear cell's answer


def linear_logits(
    W_xh: Array, W_hh: Array, b_h: Array, W_hy: Array, b_y: Array, ids: Array
) -> Array:
    h = np.zeros(len(b_h))
    for v in ids:
        h = W_xh[v] + h @ W_hh + b_h
    return np.asarray(h @ W_hy + b_y)


def from_the_beginning(
    W_xh: Array, W_hh: Array, b_h: Array, W_hy: Array, b_y: Array, ids: Array
) -> Array:
    return linear_logits(W_xh, W_hh, b_h, W_hy, b_y, ids[::-1])


def without_state_bias(
    W_xh: Array, W_hh: Array, b_h: Array, W_hy: Array, b_y: Array, ids: Array
) -> Array:
    return linear_logits(W_xh, W_hh, 0 * b_h, W_hy, b_y, ids)


def bias_once(W_xh: Array, W_hh: Array, b_h: Array, W_hy: Array, b_y: Array, ids: Array) -> Array:
    return np.asarray(without_state_bias(W_xh, W_hh, b_h, W_hy, b_y, ids) + b_h @ W_hy)


def one_power_more(
    W_xh: Array, W_hh: Array, b_h: Array, W_hy: Array, b_y: Array, ids: Array
) -> Array:
    return linear_logits(W_xh, W_hh, b_h, W_hh @ W_hy, b_y, ids)


def transposed(W_xh: Array, W_hh: Array, b_h: Array, W_hy: Array, b_y: Array, ids: Array) -> Array:
    return linear_logits(W_xh, W_hh.T, b_h, W_hy, b_y, ids)


def without_powers(
    W_xh: Array, W_hh: Array, b_h: Array, W_hy: Array, b_y: Array, ids: Array
) -> Array:
    return linear_logits(W_xh, np.eye(len(b_h)), b_h, W_hy, b_y, ids)


def draw_linear(rng: Rng, s: Sizes) -> Arguments:
    V, H, K = s["V"], s["H"], s["K"]
    W_hh = rng.normal(size=(H, H)) / np.sqrt(H)
    ids = rng.integers(0, V, s["T"])
    b_h, b_y = rng.normal(size=H), rng.normal(size=K)
    return rng.normal(size=(V, H)), W_hh, b_h, rng.normal(size=(H, K)), b_y, ids


# ---------------------------------------------------------------------- 4 how free is it to choose


def freedom(V: int, n: int) -> int:
    return 1 + n * (V - 1)


def draw_freedom(rng: Rng, s: Sizes) -> Arguments:
    return s["V"], s["L"]


# ---------------------------------------------------------------------------- 5 naive Bayes aloud


def log_odds(first: Array, second: Array, ids: Array) -> Array:
    a = (first + 1) / (first + 1).sum()
    b = (second + 1) / (second + 1).sum()
    return np.array([np.log(a[v] / b[v]) for v in ids])


def draw_counts(rng: Rng, s: Sizes) -> Arguments:
    first, second = rng.integers(0, 30, (2, s["V"]))
    first[-1] = 0
    ids = rng.integers(0, s["V"], s["T"])
    ids[-1] = s["V"] - 1  # the letter that the first language never had
    return first, second, ids


def smoothed_below_only(first: Array, second: Array, ids: Array) -> Array:
    odds = (first + 1) / first.sum() / ((second + 1) / second.sum())
    return np.asarray(np.log(odds)[ids])


def smoothed_once(first: Array, second: Array, ids: Array) -> Array:
    odds = (first + 1) / (first.sum() + 1) / ((second + 1) / (second.sum() + 1))
    return np.asarray(np.log(odds)[ids])


def not_divided(first: Array, second: Array, ids: Array) -> Array:
    return np.asarray(np.log((first + 1) / (second + 1))[ids])


def unsmoothed(first: Array, second: Array, ids: Array) -> Array:
    return np.asarray((np.log(first / first.sum()) - np.log(second / second.sum()))[ids])


# ----------------------------------------------------------------------------- 6 letter by letter


def along(h: Array, W_hy: Array, b_y: Array, lengths: Array) -> Array:
    p = softmax(h @ W_hy + b_y)
    for b, n in enumerate(lengths):
        p[b, n:] = 0
    return p


def at_the_end_only(h: Array, W_hy: Array, b_y: Array, lengths: Array) -> Array:
    p = along(h, W_hy, b_y, lengths)
    for b, n in enumerate(lengths):
        p[b, : n - 1] = 0
    return p


def masked_before(h: Array, W_hy: Array, b_y: Array, lengths: Array) -> Array:
    y = h @ W_hy + b_y
    for b, n in enumerate(lengths):
        y[b, n:] = 0
    return softmax(y)


def logits_along(h: Array, W_hy: Array, b_y: Array, lengths: Array) -> Array:
    real = np.arange(h.shape[1]) < lengths[:, None]
    return np.asarray(np.where(real[..., None], h @ W_hy + b_y, 0))


def over_steps(h: Array, W_hy: Array, b_y: Array, lengths: Array) -> Array:
    y = h @ W_hy + b_y
    real = np.arange(h.shape[1]) < lengths[:, None]
    e = np.where(real[..., None], np.exp(y), 0)
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def draw_states(rng: Rng, s: Sizes) -> Arguments:
    B, T, H, K = s["B"], s["T"], s["H"], s["K"]
    h, W_hy = rng.normal(size=(B, T, H)), rng.normal(size=(H, K))
    return h, W_hy, rng.normal(size=K), draw_lengths(rng, s)


# ------------------------------------------------------------------------------ 7 leave one out


def left_out(score: Callable[[Array], float], ids: Array) -> Array:
    return np.array([score(ids) - score(np.delete(ids, t)) for t in range(len(ids))])


def replaced(score: Callable[[Array], float], ids: Array) -> Array:
    """The letter is replaced by id 0, not taken out."""
    found = []
    for t in range(len(ids)):
        other = ids.copy()
        other[t] = 0
        found.append(score(ids) - score(other))
    return np.array(found)


def letter_alone(score: Callable[[Array], float], ids: Array) -> Array:
    return np.array([score(ids[t : t + 1]) - score(ids[:0]) for t in range(len(ids))])


def along_differences(score: Callable[[Array], float], ids: Array) -> Array:
    return np.diff([score(ids[:t]) for t in range(len(ids) + 1)])


def all_up_to(score: Callable[[Array], float], ids: Array) -> Array:
    return np.array([score(ids) - score(ids[t + 1 :]) for t in range(len(ids))])


def all_from(score: Callable[[Array], float], ids: Array) -> Array:
    return np.array([score(ids) - score(ids[:t]) for t in range(len(ids))])


def draw_score(rng: Rng, s: Sizes) -> Arguments:
    """A score in which order counts: that of a small recurrent cell."""
    x, w = rng.normal(size=(s["V"], 4)), rng.normal(size=4)
    W = rng.normal(size=(4, 4)) / 2

    def score(ids: Array) -> float:
        h = np.zeros(4)
        for v in np.asarray(ids, int):
            h = np.tanh(x[v] + h @ W)
        return float(h @ w)

    return score, rng.integers(0, s["V"], s["T"])


# -------------------------------------------------------------- 8 what a confusion matrix tells


def recall_and_precision(C: Array) -> tuple[Array, Array]:
    right = np.diag(C)
    return right / C.sum(axis=1), right / C.sum(axis=0)


def draw_confusion(rng: Rng, s: Sizes) -> Arguments:
    K = s["K"]
    return (rng.integers(1, 9, (K, K)) + 10 * np.eye(K, dtype=int),)


def swapped(C: Array) -> tuple[Array, Array]:
    recall, precision = recall_and_precision(C)
    return precision, recall


def shares_of_all(C: Array) -> tuple[Array, Array]:
    share = np.diag(C) / C.sum()
    return share, share


# ------------------------------------------------------------------------- 9 one softmax too many


def floor(K: int) -> float:
    return float(np.log(np.e + K - 1) - 1)


# -------------------------------------------------------------------------- 10 several networks


def averaged(y: Array) -> Array:
    return np.asarray(softmax(y).mean(axis=0))


def draw_networks(rng: Rng, s: Sizes) -> Arguments:
    return (2 * rng.normal(size=(s["L"], s["B"], s["K"])),)


def voted(y: Array) -> Array:
    votes = np.eye(y.shape[2])[y.argmax(axis=2)]
    return np.asarray(votes.mean(axis=0))


EXERCISES: Final[dict[str, Exercise]] = {
    "words-1": Function(
        parameters,
        draw_sizes,
        {"count": ""},
        {
            "each of the two maps has a bias": lambda V, H, K: (V + H) * (H + K),
            "the output reads the input, too": lambda V, H, K: (V + H + 1) * H + (H + 1) * K,
            "the second map reads the old state, not the new one alone": (
                lambda V, H, K: (V + H + 1) * H + (V + 1) * K
            ),
            "a letter is a one-hot row of V numbers, not one number": (
                lambda V, H, K: (1 + H + 1) * (H + K)
            ),
        },
        hint="two maps from V + H numbers, one to H and one to K",
    ),
    "words-2": Function(
        entering,
        draw_entering,
        {"dh": "B T+1 H"},
        {
            "that is where the printed cell reads: here the new state is read": at_the_old_state,
            "the last column is padding for every shorter name": at_the_last_column,
            "each name has one state that is read, and the others get nothing": (
                lambda dy, W_hy, lengths, T: np.repeat((dy @ W_hy.T)[:, None], T + 1, axis=1)
            ),
        },
    ),
    "words-3": Function(
        linear_logits,
        draw_linear,
        {"y": "K"},
        {
            "the power counts from the end of the name: the last letter has power 0": (
                from_the_beginning
            ),
            "the state's bias enters at every step, and passes through A as a letter does": (
                without_state_bias
            ),
            "the state's bias enters at every step, not once": bias_once,
            "there is one power of A too many: the last letter meets none": one_power_more,
            "a state is a row, so the next is h A: A is transposed": transposed,
            "a letter meets A once for each letter behind it": without_powers,
        },
    ),
    "words-4": Function(
        freedom,
        draw_freedom,
        {"dimension": ""},
        {
            "that is the number of names: not every function of them is additive": (
                lambda V, n: V**n
            ),
            "a constant can be moved from one place's table to another's: count it once": (
                lambda V, n: n * V
            ),
            "one constant too many: the tables of two places share theirs, too": (
                lambda V, n: n * V + 1
            ),
            "all tables without their constants; one constant is left": lambda V, n: n * (V - 1),
        },
        hint="n tables of V numbers; what can be moved between them changes no score",
    ),
    "words-5": Function(
        log_odds,
        draw_counts,
        {"odds": "T"},
        {
            "the total grows by smoothing, too: by one for each of the V letters": (
                smoothed_below_only
            ),
            "a letter that was never counted needs the one that is added": unsmoothed,
            "counts are not probabilities: divide each by its language's total": not_divided,
            "each of the V letters adds 1 to the total, not one for all": smoothed_once,
            "nats: the natural logarithm, not that to the base 2": lambda a, b, ids: (
                log_odds(a, b, ids) / np.log(2)
            ),
            "that is the logarithm of the second over the first": lambda a, b, ids: log_odds(
                b, a, ids
            ),
            "one number for each letter of the word, not their sum": lambda a, b, ids: log_odds(
                a, b, ids
            ).sum(),
        },
    ),
    "words-6": Function(
        along,
        draw_states,
        {"p": "B T K"},
        {
            "every beginning of a name has an answer, not only the whole": at_the_end_only,
            "behind the end there is no answer: 0, not the same for each language": masked_before,
            "the languages share the probability, not the steps": over_steps,
            "those are the logits: take their softmax": logits_along,
            "the output has a bias": lambda h, W_hy, b_y, lengths: along(h, W_hy, 0 * b_y, lengths),
            "the padding has answers": lambda h, W_hy, b_y, lengths: softmax(h @ W_hy + b_y),
        },
    ),
    "words-7": Function(
        left_out,
        draw_score,
        {"falls": "T"},
        {
            "that replaces the letter by another: take it out": replaced,
            "that is the letter without its word": letter_alone,
            "that is how the score moves while reading: here the whole word is read": (
                along_differences
            ),
            "take out the one letter, and keep all that stand before it": all_up_to,
            "take out the one letter, and keep all that stand behind it": all_from,
            "a fall is the score with the letter less the score without": lambda score, ids: (
                -left_out(score, ids)
            ),
            "that is the score without the letter: subtract it from the score with it": (
                lambda score, ids: np.array([score(np.delete(ids, t)) for t in range(len(ids))])
            ),
        },
    ),
    "words-8": Function(
        recall_and_precision,
        draw_confusion,
        {"recall": "K", "precision": "K"},
        {
            "recall and precision are swapped: a row holds the names of one language": swapped,
            "that is the share of all names: divide by the row, and by the column": shares_of_all,
            "that is the recall twice: the precision divides by the columns' sums": (
                lambda C: (recall_and_precision(C)[0],) * 2
            ),
            "that is the precision twice: the recall divides by the rows' sums": (
                lambda C: (recall_and_precision(C)[1],) * 2
            ),
        },
    ),
    "words-9": Function(
        floor,
        lambda rng, s: (s["K"] + 1,),
        {"nats": ""},
        {
            "there are K - 1 others, each with e to the power of 0": lambda K: np.log(np.e + K) - 1,
            "that is what a network pays that knows nothing": np.log,
            "a perfect answer is 1, and its exponential e, not 1": lambda K: np.log(1 + K - 1),
            "subtract the true language's own logit, which is 1": lambda K: np.log(np.e + K - 1),
            "a loss is positive: it is minus the logarithm": lambda K: -floor(K),
        },
    ),
    "words-10": Function(
        averaged,
        draw_networks,
        {"p": "B K"},
        {
            "that averages the logits: take the softmax of each network first": lambda y: softmax(
                y.mean(axis=0)
            ),
            "that counts votes: each network has more to say than its best guess": voted,
            "the averages sum to 1 already: no second softmax": lambda y: softmax(averaged(y)),
            "average over the networks, the first axis": lambda y: softmax(y).mean(axis=1),
            "probabilities are averaged, not added": lambda y: softmax(y).sum(axis=0),
        },
    ),
}
