"""
The reference model in NumPy: recurrent layer, linear head, the same at every step.

    h_t = phi(x_t W_xh + h_(t-1) W_hh + b_h)        y_t = h_t W_hy + b_y

Its starting weights, its batches and its losses are what the models of the other frameworks are
held against. The verbs are the same in each: build, get_params, set_params, predict,
loss_and_grads, fit, pick_device.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from rnnbook.arrays import Array, Params, State
from rnnbook.cells import check_activation
from rnnbook.initializers import initialize
from rnnbook.layers import RNN, Linear, check_params
from rnnbook.losses import mse
from rnnbook.optim import Adam, clip_grad_norm
from rnnbook.tasks import Split
from rnnbook.training import Batch, History, TrainConfig

DTYPES: Final = ("float32", "float64")


@dataclass(frozen=True)
class ModelConfig:
    """
    What a model is, apart from the values of its weights.

    D inputs, H hidden units, K outputs; activation "tanh" or "relu"; the initialisers of the
    input's, the state's and the head's weights by name (biases start at zero); dtype.
    """

    D: int = 1
    H: int = 100
    K: int = 1
    activation: str = "tanh"
    W_xh: str = "glorot_uniform"
    W_hh: str = "orthogonal"
    W_hy: str = "glorot_uniform"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("D", "H", "K"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype is {self.dtype!r}, but must be one of {DTYPES}")
        check_activation(self.activation)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every parameter."""
        D, H, K = self.D, self.H, self.K
        return {"W_xh": (D, H), "W_hh": (H, H), "b_h": (H,), "W_hy": (H, K), "b_y": (K,)}


class Model:
    """A recurrent layer and a linear head over one dictionary of parameters."""

    def __init__(self, config: ModelConfig, params: Params) -> None:
        self.config = config
        self.params = params
        self.rnn = RNN({name: params[name] for name in ("W_xh", "W_hh", "b_h")}, config.activation)
        self.head = Linear({name: params[name] for name in ("W_hy", "b_y")})


def starting_params(config: ModelConfig, seed: int) -> Params:
    """The weights that every framework's model starts from: the same seed, the same numbers."""
    rng = np.random.default_rng(seed)
    initializers = {"W_xh": config.W_xh, "W_hh": config.W_hh, "W_hy": config.W_hy}
    return {
        name: initialize(initializers.get(name, "zeros"), shape, rng).astype(config.dtype)
        for name, shape in config.shapes.items()
    }


def build(config: ModelConfig, seed: int = 0) -> Model:
    """A model with starting weights drawn from `seed`.

    >>> model = build(ModelConfig(H=4), seed=0)
    >>> y, state = predict(model, np.zeros((2, 3, 1), np.float32))
    >>> y.shape
    (2, 3, 1)
    """
    return Model(config, starting_params(config, seed))


def get_params(model: Model) -> Params:
    """A copy of every parameter, by name."""
    return {name: p.copy() for name, p in model.params.items()}


def set_params(model: Model, params: Params) -> None:
    """Copy values into the model. All names, shapes and dtypes must fit, or nothing is changed."""
    dtype = check_params(params, model.config.shapes, "model")
    if dtype != model.config.dtype:
        raise TypeError(f"parameters are {dtype}, but this model's are {model.config.dtype}")
    for name, p in model.params.items():
        p[...] = params[name]


def predict(model: Model, x: Array, state: State | None = None) -> tuple[Array, State]:
    """Outputs (B, T, K) at every step, and the last state, which goes back in as `state`."""
    h, state = model.rnn.forward(x, state)
    return model.head.forward(h), state


def loss_and_grads(model: Model, x: Array, target: Array) -> tuple[float, Params]:
    """Mean squared error of one batch and its gradient for every parameter."""
    y, _ = predict(model, x)
    loss, dy = mse(y, target)
    dh, head_grads = model.head.backward(dy)
    _, _, rnn_grads = model.rnn.backward(dh)
    return loss, {**rnn_grads, **head_grads}


def loss(model: Model, split: Split) -> float:
    """Mean squared error on one part of a task."""
    y, _ = predict(model, split.inputs)
    return mse(y, split.targets)[0]


def fit(
    model: Model,
    batches: Iterable[Batch],
    config: TrainConfig,
    validate: Callable[[Model], float] | None = None,
) -> History:
    """
    Train with Adam, one update a batch, in place.

    With `validate`, a loss on data that training does not see, it is asked every
    `config.validate_every` updates, and the model ends with the parameters of the best answer:
    early stopping. Raises ValueError where the data hold NaN, and FloatingPointError where a
    loss is not a number all the same; both say at which update.
    """
    optimizer, history = Adam(config.lr), History()
    best, kept = np.inf, None
    for update, (x, target) in enumerate(batches, start=1):
        with np.errstate(over="ignore", invalid="ignore"):  # said below, and better
            batch_loss, grads = loss_and_grads(model, x, target)
        if not np.isfinite(batch_loss):
            for name, a in (("inputs", x), ("targets", target)):
                if not np.isfinite(a).all():
                    raise ValueError(f"the {name} of update {update} hold NaN or infinity")
            raise FloatingPointError(
                f"the loss is {batch_loss} after {update - 1} updates: try a lower learning rate "
                f"than {config.lr}, or clip_norm"
            )
        history.loss.append(batch_loss)
        if config.clip_norm is not None:
            clip_grad_norm(grads, config.clip_norm)
        optimizer.update(model.params, grads)
        if validate is not None and update % config.validate_every == 0:
            history.validation.append((update, validate(model)))
            if history.validation[-1][1] < best:
                best, kept = history.validation[-1][1], get_params(model)
    if kept is not None:
        set_params(model, kept)
    return history


def forecast(model: Model, x: Array, steps: int) -> Array:
    """
    Closed loop: read x (B, T, D), then feed every prediction back, `steps` times.

    Returns the predictions (B, steps, K). Raises ValueError where K is not D: an output could not
    be the next input.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}, but must be at least 1")
    if model.config.K != model.config.D:
        raise ValueError(f"a model with K={model.config.K} outputs cannot feed D={model.config.D}")
    y, state = predict(model, x)
    outputs = [y[:, -1:]]
    for _ in range(steps - 1):
        y, state = predict(model, outputs[-1], state)
        outputs.append(y)
    return np.concatenate(outputs, axis=1)


def pick_device() -> str:
    """NumPy computes on the CPU."""
    return "cpu"
