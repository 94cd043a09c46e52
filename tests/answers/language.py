"""Answers to the exercises on language models."""

from typing import Any

import numpy as np

from . import Answers


def log_softmax(y: Any) -> Any:
    return y - np.logaddexp.reduce(y, axis=-1, keepdims=True)


def nats(start: Any, P: Any, x: Any) -> Any:
    p = start[x[0]]
    for t in range(1, len(x)):
        p *= P[x[t - 1], x[t]]
    return -np.log(p)


def gradient(y: Any, target: Any, lengths: Any, everywhere: bool = False) -> Any:
    one_hot = target[..., None] == np.arange(y.shape[2])
    real = (np.arange(y.shape[1]) < lengths[:, None])[..., None]
    return (np.exp(log_softmax(y)) - one_hot) * (real | everywhere) / lengths.sum()


def smooth(counts: Any, p: Any) -> Any:
    N = np.maximum((counts > 0).sum(1), 1)[:, None]
    return (counts + N * p) / (counts.sum(1)[:, None] + N)


def viterbi(start: Any, P: Any, T: int) -> list[int]:
    best = {u: (start[u], [u]) for u in range(len(start))}
    for _ in range(T - 1):
        best = {
            w: max((p * P[u, w], [*text, w]) for u, (p, text) in best.items())
            for w in range(len(start))
        }
    return max(best.values())[1]


def greedy(start: Any, P: Any, T: int) -> list[int]:
    text = [int(np.argmax(start))]
    for _ in range(T - 1):
        text.append(int(np.argmax(P[text[-1]])))
    return text


def marginals(start: Any, P: Any, T: int) -> list[int]:
    return [int(np.argmax(start @ np.linalg.matrix_power(P, t))) for t in range(T)]


def rate(P: Any) -> Any:
    values, vectors = np.linalg.eig(P.T)
    pi = np.real(vectors[:, np.argmax(np.real(values))])
    return -(pi / pi.sum()) @ (P * np.log(P)).sum(1)


def read(x: Any) -> Any:
    depth = 0
    for symbol in x:
        depth += {0: 0, 1: 1, 2: -1}[int(symbol)]
    return {0: [0.2, 0.8, 0], 6: [0, 0, 1]}.get(depth, [0, 0.5, 0.5])


ANSWERS: dict[str, Answers] = {
    "language-1": Answers(
        nats,
        [
            (lambda start, P, x: -np.log(P[x[:-1], x[1:]]).sum(), "first symbol is not paid"),
            (lambda start, P, x: nats(start, P.T, x), "the row of P is the symbol before"),
            (lambda start, P, x: nats(start, P, x) / np.log(2), "these are bits"),
            (lambda start, P, x: np.exp(-nats(start, P, x)), "wanted is"),
        ],
    ),
    "language-2": Answers(
        gradient,
        [
            (lambda y, t, n: gradient(y, t, np.full_like(n, t.shape[1])), "N counts it"),
            (lambda y, t, n: gradient(y, t, n, True), "the padding has a gradient"),
            (lambda y, t, n: gradient(y, t, n) * n.sum(), "is not divided"),
            (lambda y, t, n: -gradient(y, t, n), "wrong sign"),
            (lambda y, t, n: gradient(y, t, n) * n.sum() / t.size, "not over B T"),
        ],
    ),
    "language-3": Answers(
        lambda means, symbols: np.exp((means @ symbols) / symbols.sum()),
        [
            (lambda means, symbols: np.exp(np.mean(means)), "a short batch must not count"),
            (lambda means, symbols: np.mean(np.exp(means)), "is no perplexity"),
            (lambda means, symbols: np.average(np.exp(means), weights=symbols), "average first"),
            (lambda means, symbols: 2 ** (means @ symbols / symbols.sum()), "take exp"),
        ],
    ),
    "language-4": Answers(
        304.4,
        [
            (np.exp(8.25), "power of 2"),
            (2.83, "per character"),
            (8.25, "bits of a word"),
            (1.5, "add up the bits"),
        ],
    ),
    "language-5": Answers(
        smooth,
        [
            (lambda c, p: (c + 1) / (c + 1).sum(1, keepdims=True), "add-one"),
            (lambda c, p: smooth(c, p).T, "transposed"),
            (lambda c, p: np.vstack([smooth(c, p)[:-1], c[-1:] * np.nan]), "never seen"),
            (lambda c, p: np.vstack([smooth(c, p)[:-1], c[-1:]]), "wanted is"),
        ],
    ),
    "language-6": Answers(
        lambda p, tau: p ** (1 / tau) / (p ** (1 / tau)).sum(),
        [
            (lambda p, tau: p**tau / (p**tau).sum(), "1 / tau"),
            (lambda p, tau: np.exp(p / tau) / np.exp(p / tau).sum(), "logarithm"),
            (lambda p, tau: p ** (1 / tau), "sum to 1"),
            (lambda p, tau: p, "wanted is"),
        ],
    ),
    "language-7": Answers(
        viterbi,
        [
            (greedy, "a good beginning may have a bad end"),
            (marginals, "but not the text"),
            (lambda start, P, T: viterbi(start, P.T, T), "for each last symbol"),
            (lambda start, P, T: viterbi(start, P, T)[::-1], "backwards in time"),
        ],
    ),
    "language-8": Answers(
        rate,
        [
            (lambda P: -(P * np.log(P)).sum(1).mean(), "stationary"),
            (lambda P: rate(P) / np.log(2), "bits"),
            (lambda P: -rate(P), "wrong sign"),
        ],
    ),
    "language-9": Answers(
        read,
        [
            (lambda x: [0.0, 0.5, 0.5], "only closing is left"),
            (lambda x: [0.2, 0.8, 0.0], "depth alone"),
            (lambda x: [0, 0.5, 0.5] if read(x)[2] == 1 else read(x), "only closing is left"),
            (lambda x: [0, 0.5, 0.5] if read(x)[2] < 1 else read(x), "a full stop may come"),
            (lambda x: read(x)[1:], "the shape (2,)"),
        ],
    ),
    "language-10": Answers(
        "safer", [("truer", "full stops"), ("colder", "sentences end"), (1, "a word")]
    ),
}
