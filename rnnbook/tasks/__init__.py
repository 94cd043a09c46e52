"""
The book's tasks: data in three parts, a network, a metric, and the naive answers to beat.

Shapes: N sequences, T steps, D inputs, K outputs. Import a task's own module, and make it:
`from rnnbook.tasks import sine`, `task = sine.make()`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from rnnbook.arrays import Array
from rnnbook.config import ModelConfig
from rnnbook.losses import softmax_cross_entropy
from rnnbook.metrics import accuracy, bits_per_character, mean_squared_error
from rnnbook.tasks.splits import Split as Split
from rnnbook.tasks.splits import windows as windows
from rnnbook.training import TrainConfig

#: What a task's answers are scored by. Of accuracy, more is better; of the others, less.
METRICS: Final = ("mean squared error", "accuracy", "bits per character", "nats per step")


class Score(NamedTuple):
    """A metric's value on the part by which choices are made, and on the part kept for the end."""

    validation: float
    test: float


class Setup(NamedTuple):
    """A network and how it is trained."""

    model: ModelConfig
    training: TrainConfig


class Scaler(NamedTuple):
    """
    Standardising: subtract `mean`, divide by `deviation`, both of the training part alone.

    >>> scaler = Scaler.fit(np.array([1.0, 3.0]))
    >>> scaler.scale(np.array([5.0])).item(), scaler.unscale(np.array([3.0])).item()
    (3.0, 5.0)
    """

    mean: float
    deviation: float

    @classmethod
    def fit(cls, train: Array) -> "Scaler":
        """From the training part, of any shape, in float64."""
        if not np.isfinite(train).all():
            raise ValueError(f"the data hold {np.count_nonzero(~np.isfinite(train))} NaN or inf")
        deviation = float(np.std(train, dtype=np.float64))
        if deviation == 0:
            raise ValueError("the data do not vary: their deviation is 0")
        return cls(float(np.mean(train, dtype=np.float64)), deviation)

    def scale(self, a: Array, dtype: str = "float32") -> Array:
        """To mean 0 and deviation 1 of what the scaler was fitted on."""
        return np.asarray((np.asarray(a, np.float64) - self.mean) / self.deviation, dtype)

    def unscale(self, a: Array) -> Array:
        """Back to the data's own unit, in float64."""
        return np.asarray(a, np.float64) * self.deviation + self.mean


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """
    Three parts, the network, how it is trained, and how its answers and naive ones are scored.

    A choice is made by looking at `validation`; `test` is looked at once, at the end. Where
    targets stand at every step, `scored_from` is the first step that the metric counts: before
    it, what is asked cannot be known. The baselines are computed when they are first asked for.
    `variants` are other networks for the same data, by name, each with its own training.

    Raises ValueError where a part does not fit the network.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    model: ModelConfig
    training: TrainConfig
    metric: str
    score_baselines: Callable[[], dict[str, Score]]
    scored_from: int = 0
    variants: Mapping[str, Setup] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ValueError(f"metric is {self.metric!r}, but must be one of {METRICS}")
        models = {"": self.model} | {f" of {k!r}": v.model for k, v in self.variants.items()}
        for part, split in self.parts.items():
            for whose, model in models.items():
                misfit = next(_misfits(split, model), None)
                if misfit:
                    raise ValueError(f"{self.name}{whose}: the {part} part's {misfit}")
            steps = split.inputs.shape[1] if split.output == "every" else 1
            if not 0 <= self.scored_from < steps:
                raise ValueError(
                    f"{self.name}: scored_from is {self.scored_from}, but the {part} part has "
                    f"targets at {steps} steps"
                )

    @property
    def parts(self) -> dict[str, Split]:
        """The three parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def loss(self) -> str:
        """The loss that training lowers: a name in `losses.LOSSES`."""
        return self.model.loss

    @cached_property
    def baselines(self) -> dict[str, Score]:
        """The metric of each naive answer; some take seconds, the first time."""
        return self.score_baselines()

    def score(self, y: Array, part: str) -> float:
        """
        The task's metric of a network's outputs on "train", "validation" or "test".

        y: (N, T, K) or (N, K), as the targets stand; logits where the loss is a cross-entropy.
        Raises ValueError where they are for another number of sequences or steps.
        """
        if part not in self.parts:
            raise ValueError(f"part is {part!r}, but must be one of {tuple(self.parts)}")
        split = self.parts[part]
        steps = split.targets.shape[: 2 if split.output == "every" else 1]
        if y.shape != (*steps, self.model.K):
            wanted = (*steps, self.model.K)
            raise ValueError(f"outputs have shape {y.shape}, but for the {part} part {wanted}")
        target = split.targets
        if split.output == "every":
            y, target = y[:, self.scored_from :], target[:, self.scored_from :]
        if self.metric == "mean squared error":
            return mean_squared_error(target, y)
        if self.metric == "accuracy":
            return accuracy(target, y.argmax(axis=-1))
        nats, _ = softmax_cross_entropy(y, target)
        return bits_per_character(nats, 1) if self.metric == "bits per character" else nats

    def __str__(self) -> str:
        shapes = ", ".join(f"{part} {split.inputs.shape}" for part, split in self.parts.items())
        naive = ", ".join(f"{k} {score.validation:.3g}" for k, score in self.baselines.items())
        return f"{self.name}: {shapes}; loss {self.loss}; {self.metric} on validation: {naive}"


def _misfits(split: Split, model: ModelConfig) -> Iterator[str]:
    """What of a part the network could not read, or could not answer."""
    if np.issubdtype(split.inputs.dtype, np.integer):
        if model.V is None:
            yield "inputs are ids, but the network has no vocabulary V"
        elif split.inputs.max() >= model.V:
            yield f"inputs hold the id {split.inputs.max()}, but the network knows V = {model.V}"
    elif model.V is not None:
        yield f"inputs are numbers, but the network reads ids below V = {model.V}"
    elif split.inputs.shape[2] != model.D:
        yield f"inputs have {split.inputs.shape[2]} features, but the network reads D = {model.D}"
    if split.output != model.output:
        yield f"targets are for {split.output!r}, but the network's output is {model.output!r}"
    ids = np.issubdtype(split.targets.dtype, np.integer)
    if ids != (model.loss == "softmax_cross_entropy"):
        yield f"targets are {split.targets.dtype}, which is not for {model.loss}"
    elif ids and split.targets.max() >= model.K:
        yield f"targets hold the id {split.targets.max()}, but the network has K = {model.K}"
    elif not ids and split.targets.shape[-1] != model.K:
        yield f"targets have {split.targets.shape[-1]} values, but the network has K = {model.K}"


@contextmanager
def from_pages(what: str) -> Iterator[None]:
    """Say, where a package of the extra `pages` is missing, what it is needed for."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{what}: pip install "rnnbook[pages]"') from error
