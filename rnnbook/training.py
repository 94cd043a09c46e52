"""What a training run needs beside the model: its settings, its batches, its history."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from rnnbook.arrays import Array, Lengths, real_number, whole_number
from rnnbook.optim import OPTIMIZERS

SCHEDULES: Final = ("constant", "linear")


class Batch(NamedTuple):
    """
    What one update sees: inputs and targets, and the lengths where they differ.

    `carry` says that row b goes on where row b of the batch before ended, so that its last state
    is this batch's first; without it every sequence starts from zeros.
    """

    inputs: Array
    targets: Array
    lengths: Lengths | None = None
    carry: bool = False


class Sequences(Protocol):
    """What batches are made from: `tasks.Split` is one."""

    @property
    def inputs(self) -> Array: ...
    @property
    def targets(self) -> Array: ...
    @property
    def lengths(self) -> Array | None: ...


@dataclass(frozen=True)
class TrainConfig:
    """
    How a model is trained, in words that every framework's `fit` understands.

    updates: optimiser steps; lr: learning rate; batch_size: sequences in a batch, None for all of
    them; clip_norm: bound on the gradient's global norm, None for no bound; validate_every: updates
    between two looks at the validation data, whose best look is kept; seed: of the batches' order;
    optimizer: a name in `optim.OPTIMIZERS`; patience: looks without a better validation loss after
    which training stops, None for never; steps: the length of the pieces into which one long
    stream is cut, its state carried from piece to piece (truncated backpropagation through time),
    None for sequences that stand for themselves; schedule: "constant", or "linear", which lowers
    the learning rate from `lr` at the first update to `lr / updates` at the last.

    >>> [round(TrainConfig(updates=4, lr=0.1, schedule="linear").lr_at(k), 3) for k in (1, 2, 4)]
    [0.1, 0.075, 0.025]
    """

    updates: int
    lr: float = 1e-3
    batch_size: int | None = None
    clip_norm: float | None = None
    validate_every: int = 10
    seed: int = 0
    optimizer: str = "adam"
    patience: int | None = None
    steps: int | None = None
    schedule: str = "constant"

    def __post_init__(self) -> None:
        for name in ("updates", "validate_every", "batch_size", "patience", "steps"):
            value = getattr(self, name)
            if value is not None or name in ("updates", "validate_every"):
                object.__setattr__(self, name, whole_number(value, name))
        for name in ("lr", "clip_norm"):
            value = getattr(self, name)
            if value is not None or name == "lr":
                if not real_number(value, name) > 0:
                    raise ValueError(f"{name} is {value}, but must be above 0")
                object.__setattr__(self, name, float(value))
        if self.optimizer not in OPTIMIZERS:
            known = sorted(OPTIMIZERS)
            raise ValueError(f"optimizer is {self.optimizer!r}, but must be one of {known}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule is {self.schedule!r}, but must be one of {SCHEDULES}")

    def lr_at(self, update: int) -> float:
        """The learning rate of an update; the first is 1. ValueError where a schedule has ended."""
        if self.schedule == "constant":
            return self.lr
        if not 1 <= update <= self.updates:
            raise ValueError(f"update is {update}, but the schedule is for 1 to {self.updates}")
        return self.lr * (1 - (update - 1) / self.updates)


@dataclass
class History:
    """
    What happened: the loss before each update, and the validation loss at each look.

    `best` is the number of updates after which the validation loss was lowest; 0 without one.
    """

    loss: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)

    @property
    def best(self) -> int:
        return min(self.validation, key=lambda look: look[1])[0] if self.validation else 0

    def look(self, update: int, loss: float) -> bool:
        """Enter a look at the validation data; True if it is the best so far."""
        better = not self.validation or loss < min(v for _, v in self.validation)
        self.validation.append((update, loss))
        return better

    def impatient(self, patience: int | None) -> bool:
        """True if the best of the looks lies `patience` looks or more behind the last."""
        if patience is None or not self.validation:
            return False
        behind = [update for update, _ in self.validation if update > self.best]
        return len(behind) >= patience


def batches(split: Sequences, config: TrainConfig) -> Iterator[Batch]:
    """
    `config.updates` batches of one part of a task, as its training wants them: pieces of one
    stream where `config.steps` is given, else whole sequences, their order drawn from the seed.
    """
    if config.steps is not None:
        return stream_batches(split.inputs, split.targets, config)
    return minibatches(split.inputs, split.targets, config, split.lengths)


def minibatches(
    inputs: Array, targets: Array, config: TrainConfig, lengths: Array | None = None
) -> Iterator[Batch]:
    """
    `config.updates` batches, epoch after epoch in an order drawn from `config.seed`.

    With no batch size every batch is the whole, in its own order. The last batch of an epoch may
    be smaller. With `lengths`, a batch is cut after its longest sequence. Every framework iterates
    over this, and so sees the same sequences in the same order.

    >>> x = np.arange(4.0)
    >>> [len(b.inputs) for b in minibatches(x, x, TrainConfig(updates=3, batch_size=3))]
    [3, 1, 3]
    """
    n = len(inputs)
    if n != len(targets):
        raise ValueError(f"there are {n} inputs, but {len(targets)} targets")
    if lengths is not None and len(lengths) != n:
        raise ValueError(f"there are {n} inputs, but {len(lengths)} lengths")
    if not n:
        raise ValueError("there are no sequences to make a batch of")
    return _minibatches(inputs, targets, config, lengths)


def _minibatches(
    inputs: Array, targets: Array, config: TrainConfig, lengths: Array | None
) -> Iterator[Batch]:
    n = len(inputs)
    size = config.batch_size or n
    rng = np.random.default_rng(config.seed)
    done = 0
    while done < config.updates:
        order = np.arange(n) if size >= n else rng.permutation(n)
        for start in range(0, n, size):
            if done == config.updates:
                return
            chosen = order[start : start + size]
            if lengths is None:
                yield Batch(inputs[chosen], targets[chosen])
            else:
                yield _trimmed(inputs[chosen], targets[chosen], lengths[chosen])
            done += 1


def _trimmed(inputs: Array, targets: Array, lengths: Array) -> Batch:
    """Cut the padding that no sequence of the batch needs; targets at every step, too."""
    longest = int(lengths.max())
    every = targets.ndim == (3 if targets.dtype.kind == "f" else 2)  # (N, T, K), or ids (N, T)
    return Batch(inputs[:, :longest], targets[:, :longest] if every else targets, lengths)


def stream_batches(inputs: Array, targets: Array, config: TrainConfig) -> Iterator[Batch]:
    """
    One long stream (1, n) or (1, n, D), cut into `batch_size` rows side by side and each row into
    pieces of `steps`, for stateful training: batch k + 1 goes on where batch k ended (`carry`).

    What is left over at the end of the rows is not used. After the last piece the rows start
    anew, without a carried state; the order is that of the text, so the seed changes nothing.

    >>> stream = np.arange(13)[None]
    >>> config = TrainConfig(updates=3, batch_size=2, steps=3)
    >>> for batch in stream_batches(stream[:, :-1], stream[:, 1:], config):
    ...     print(batch.inputs.tolist(), batch.carry)
    [[0, 1, 2], [6, 7, 8]] False
    [[3, 4, 5], [9, 10, 11]] True
    [[0, 1, 2], [6, 7, 8]] False
    """
    rows, steps = config.batch_size or 1, config.steps
    if steps is None:
        raise ValueError("a stream wants `steps`, the length of its pieces")
    if len(inputs) != 1 or inputs.shape[:2] != targets.shape[:2]:
        raise ValueError(
            f"inputs are {inputs.shape} and targets {targets.shape}, "
            "but a stream is one sequence, with a target at every step"
        )
    length = inputs.shape[1] // rows
    if length < steps:
        raise ValueError(
            f"the stream has {inputs.shape[1]} steps: too few for {rows} rows of {steps}"
        )
    return _stream_batches(inputs[0], targets[0], config.updates, rows, length, steps)


def _stream_batches(
    inputs: Array, targets: Array, updates: int, rows: int, length: int, steps: int
) -> Iterator[Batch]:
    x, y = (a[: rows * length].reshape(rows, length, *a.shape[1:]) for a in (inputs, targets))
    pieces = length // steps
    for update in range(updates):
        at = update % pieces * steps
        yield Batch(x[:, at : at + steps], y[:, at : at + steps], carry=at > 0)


def train(
    step: Callable[[Batch, float], float],
    batches: Iterable[Batch | tuple[Array, ...]],
    config: TrainConfig,
    validate: Callable[[], float] | None,
    weights: tuple[Callable[[], Any], Callable[[Any], None]],
    show: bool,
) -> History:
    """
    The loop of every framework's `fit`: one `step(batch, learning rate)` a batch, which updates
    the model and returns the loss before; where that is no finite number, it updates nothing.

    `validate()` is asked every `config.validate_every` updates; `weights` is a pair of functions
    that get the model's parameters and put them back, for the best look to be kept. Raises
    ValueError where the data hold NaN, FloatingPointError where a loss is not a number all the
    same; both say at which update.
    """
    history, kept = History(), None
    get, put = weights
    for update, each in enumerate(progress(batches, config.updates, show), start=1):
        batch = Batch(*each)
        loss = step(batch, config.lr_at(update))
        if not np.isfinite(loss):
            refuse_nan(batch, f" of update {update}")
            raise FloatingPointError(
                f"the loss is {loss} after {update - 1} updates: try a lower learning rate "
                f"than {config.lr}, or clip_norm"
            )
        history.loss.append(loss)
        if validate is not None and update % config.validate_every == 0:
            if history.look(update, validate()):
                kept = get()
            if history.impatient(config.patience):
                break
    if not history.loss:
        raise ValueError("there was no batch to train on")
    if kept is not None:
        put(kept)
    return history


def refuse_nan(batch: Batch, where: str = "") -> None:
    """Raise ValueError where the data, their padding aside, hold NaN or infinity."""
    for name in ("inputs", "targets"):
        a = getattr(batch, name)
        if batch.lengths is not None and a.ndim == 3:
            a = a[np.arange(a.shape[1]) < np.asarray(batch.lengths)[:, None]]
        bad = np.count_nonzero(~np.isfinite(a))
        if bad:
            raise ValueError(f"the {name}{where} hold {bad} NaN or infinity")


PIECE = 4096  # steps of all sequences together that `in_pieces` asks for at once


def in_pieces(predict: Callable[..., tuple[Array, Any]], split: Sequences, stream: bool) -> Array:
    """
    The outputs for one part of a task, from `predict(x, state, lengths) -> y, state`: sequences
    a few hundred at a time; where `stream` says that the state may be carried, one long sequence
    (1, n) a few thousand steps at a time.
    """
    x, lengths = split.inputs, split.lengths
    N, T = x.shape[:2]
    if stream and N == 1 and lengths is None:
        state, found = None, []
        for start in range(0, T, PIECE):
            y, state = predict(x[:, start : start + PIECE], state, None)
            found.append(y)
        return np.concatenate(found, axis=1)
    rows = max(1, PIECE // T)
    pieces = [slice(start, start + rows) for start in range(0, N, rows)]
    ends = [None if lengths is None else lengths[piece] for piece in pieces]
    found = [predict(x[p], None, end)[0] for p, end in zip(pieces, ends, strict=True)]
    return np.concatenate(found)


def progress(batches: Iterable[Any], total: int, show: bool) -> Iterable[Any]:
    """
    The same batches, with a bar where `show` is true, tqdm is installed and it is not told to be
    silent (`TQDM_DISABLE`, which the notebooks' stored outputs are made with).
    """
    if not show:
        return batches
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return batches
    bar: Iterable[Any] = tqdm(batches, total=total, unit="update", leave=False)
    return bar
