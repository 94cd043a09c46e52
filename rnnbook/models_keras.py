"""
The same model in Keras 3, on whichever backend it runs: TensorFlow, PyTorch or JAX.

The seven verbs of `models_numpy`, over `keras.layers` and `train_on_batch`. NumPy arrays go in and
come out, a state as the book's nested tuples, so that both models can be held against each
other. `build` starts from the reference's weights. What Keras would do otherwise is done the
book's way: Adam's epsilon stands where Kingma and Ba have it (`Adam`).

Keras reads its backend from KERAS_BACKEND when it is first imported; where that is not set, the
first of the three that is installed is taken here.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs, V symbols.
"""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call"

import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State
from rnnbook.config import ModelConfig
from rnnbook.convert import from_keras, to_keras
from rnnbook.inputs import checked, nested, sides
from rnnbook.models_numpy import check_params_of, starting_params
from rnnbook.tasks import Split
from rnnbook.training import Batch, History, TrainConfig, in_pieces, refuse_nan, train

BACKENDS: Final = ("tensorflow", "torch", "jax")
if "KERAS_BACKEND" not in os.environ:
    os.environ["KERAS_BACKEND"] = next(filter(find_spec, BACKENDS), "tensorflow")
try:
    import keras
    from keras import layers, ops
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'models_keras needs Keras and one backend: pip install "rnnbook[keras,torch]", '
        'or "rnnbook[keras,tensorflow]"'
    ) from error

LAYERS: Final = {
    "rnn": layers.SimpleRNN,
    "lstm": layers.LSTM,
    "gru": layers.GRU,
    "gru_reset_before": partial(layers.GRU, reset_after=False),
}
LOSSES: Final = {
    "mse": keras.losses.MeanSquaredError,
    "softmax_cross_entropy": partial(keras.losses.SparseCategoricalCrossentropy, from_logits=True),
    "sigmoid_cross_entropy": partial(keras.losses.BinaryCrossentropy, from_logits=True),
}


def pick_device(wanted: str | None = None) -> str:
    """
    Where the backend computes by itself: "gpu:0", "mps:0", "xpu:0", "tpu:0" or "cpu:0", a name for
    `keras.device`.

    With `wanted`, that one: RuntimeError where the backend does not compute there.

    >>> pick_device("cpu:0")
    'cpu:0'
    """
    if wanted is None:
        return f"{_kind_of_device()}:0"
    try:
        with keras.device(wanted):
            found = _kind_of_device()
    except Exception as error:  # each backend has its own
        raise RuntimeError(
            f"Keras on {keras.config.backend()} finds no {wanted}: {error}"
        ) from error
    if found != wanted.partition(":")[0]:
        raise RuntimeError(f"Keras on {keras.config.backend()} finds no {wanted}, it takes {found}")
    return wanted


def _kind_of_device() -> str:
    name = str(ops.zeros(()).device).lower()  # "cuda:0", ".../device:gpu:0", "TFRT_CPU_0"
    kind = next(kind for kind in ("cuda", "gpu", "mps", "xpu", "tpu", "cpu") if kind in name)
    return "gpu" if kind == "cuda" else kind


@contextmanager
def precision(config: ModelConfig) -> Iterator[None]:
    """
    The model's dtype as Keras' `floatx`: that of the loss, of its mean, of the learning rate and of
    NumPy arrays that go in, which Keras rounds to it. It is set back afterwards.
    """
    before = keras.config.floatx()
    keras.config.set_floatx(config.dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)


class Summed:
    """
    On TensorFlow the gradient of an Embedding is a list of rows, one for each id read. The square
    of a gradient is that of the sum of an id's rows, but Keras squares the rows and then adds them.

    With clipnorm or global_clipnorm the norm alone is wrong, and with it by how much is clipped:
    the scaling that follows sums the rows. Without clipping it is Adam's and RMSprop's v.
    """

    def apply(self, grads: list[Any], trainable_variables: Any = None) -> None:
        dense = [g + ops.zeros((), g.dtype) for g in grads]
        super().apply(dense, trainable_variables)  # type: ignore[misc]


class SGD(Summed, keras.optimizers.SGD):  # type: ignore[misc]
    """Keras' own, with gradients `Summed`."""


class RMSprop(Summed, keras.optimizers.RMSprop):  # type: ignore[misc]
    """RMSprop as `optim.RMSprop` has it: epsilon outside of the root, where Keras has it inside."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        v = self._velocities[self._get_variable_index(variable)]
        self.assign(v, self.rho * v + (1 - self.rho) * ops.square(gradient))
        lr = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, lr * gradient / (ops.sqrt(v) + self.epsilon))


class Adam(Summed, keras.optimizers.Adam):  # type: ignore[misc]
    """
    Adam as `optim.Adam` has it. Keras' own differs in two things: its epsilon is added to the root
    of v, not of v_hat = v / c; and c = 1 - beta2^t has but four right digits at t = 1: in float32,
    and on TensorFlow in float64, too, where ops.cast rounds a Python number to float32 first.

    The learning rate is kept in Keras' `floatx`, whatever the variables' dtype: see `precision`.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = ops.cast(self.iterations + 1, variable.dtype)
        lr, place = ops.cast(learning_rate, variable.dtype), self._get_variable_index(variable)
        m, v = self._momentums[place], self._velocities[place]
        self.assign_add(m, (1 - self.beta_1) * (gradient - m))
        self.assign_add(v, (1 - self.beta_2) * (ops.square(gradient) - v))
        c1, c2 = (-ops.expm1(t * np.log(beta).item()) for beta in (self.beta_1, self.beta_2))
        self.assign_sub(variable, lr * (m / c1) / (ops.sqrt(v / c2) + self.epsilon))


class Gradients(Summed, keras.optimizers.Optimizer):  # type: ignore[misc]
    """No optimiser: it leaves in each variable its gradient, however the backend came by it."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        self.assign(variable, gradient)


OPTIMIZERS: Final[dict[str, Any]] = {
    "sgd": SGD,
    "rmsprop": partial(RMSprop, rho=0.99, epsilon=1e-8),
    "adam": partial(Adam, epsilon=1e-8),
}


class Network(keras.Model):  # type: ignore[misc]
    """
    (embedding) -> recurrent layers -> Dense.

    It reads a dictionary: x, and where there are any `lengths` (B,) and `state`, a flat list. It
    returns one, too: y, and the last state as such a list.
    """

    def __init__(self, config: ModelConfig) -> None:
        if config.cell not in LAYERS:
            known = sorted(LAYERS)
            raise ValueError(f"Keras has no layer for the cell {config.cell!r}; it has {known}")
        super().__init__(dtype=config.dtype)
        self.config, dtype = config, config.dtype
        self.embedding = None
        if config.V is not None:
            self.embedding = layers.Embedding(config.V, config.D, dtype=dtype)
            self.embedding.build((None, None))
        options = {"activation": config.activation} if config.cell == "rnn" else {}
        self.rnn = []
        for _, width in config.layers():
            layer = LAYERS[config.cell](
                config.H, return_sequences=True, return_state=True, zero_output_for_mask=True,
                dtype=dtype, **options,
            )  # fmt: skip
            if config.bidirectional:
                layer = layers.Bidirectional(layer, dtype=dtype)
            layer.build((None, None, width))
            self.rnn.append(layer)
        self.head = layers.Dense(config.K, dtype=dtype)
        self.head.build((None, config.directions * config.H))
        self.built = True

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        h, given, mask = inputs["x"], inputs.get("state"), None
        last: list[Any] = []
        if self.embedding is not None:
            h = self.embedding(h)
        if "lengths" in inputs:
            mask = ops.arange(ops.shape(h)[1], dtype="int32") < inputs["lengths"][:, None]
        for layer in self.rnn:
            count = self.arrays
            state = None if given is None else given[len(last) : len(last) + count]
            h, *new = layer(h, mask=mask, initial_state=state)
            last += new
        if self.config.output == "last":
            per_side = self.arrays // self.config.directions
            h = ops.concatenate(last[-self.arrays :: per_side], axis=1)
        return {"y": self.head(h), "state": last}

    @property
    def arrays(self) -> int:
        """The arrays of one layer's state: h, or h and c, of each direction."""
        return self.config.directions * (2 if self.config.cell == "lstm" else 1)


def build(config: ModelConfig, seed: int = 0) -> Network:
    """
    A model with the weights of `models_numpy.build(config, seed)`, on the backend's device.

    Raises ValueError for a cell that Keras has no layer for.

    >>> model = build(ModelConfig(H=4), seed=0)
    >>> y, state = predict(model, np.zeros((2, 3, 1), np.float32))
    >>> y.shape, [h.shape for h in state]
    ((2, 3, 1), [(2, 4)])
    """
    with precision(config):
        model = Network(config)
    set_params(model, starting_params(config, seed))
    return model


def get_params(model: Network) -> Params:
    """A copy of every parameter, by the book's name and in its layout."""
    config = model.config
    weights = [a for layer in model.rnn for a in layer.get_weights()]
    found = from_keras(weights, config.cell, config.L, config.bidirectional)
    found["W_hy"], found["b_y"] = model.head.get_weights()
    if model.embedding is not None:
        (found["E"],) = model.embedding.get_weights()
    return {name: found[name].copy() for name in config.shapes}


def set_params(model: Network, params: Params) -> None:
    """Copy the book's values in. All names, shapes and dtypes must fit, or nothing is changed."""
    check_params_of(model.config, params)
    outside = ("W_hy", "b_y", "E")
    recurrent = {name: a for name, a in params.items() if name not in outside}
    arrays = iter(to_keras(recurrent, model.config.cell))
    for layer in model.rnn:
        layer.set_weights([next(arrays) for _ in layer.weights])
    model.head.set_weights([params["W_hy"], params["b_y"]])
    if model.embedding is not None:
        model.embedding.set_weights([params["E"]])


def _inputs(model: Network, batch: Batch, state: State | None) -> dict[str, Any]:
    """What the network reads."""
    inputs: dict[str, Any] = {"x": batch.inputs}
    if batch.lengths is not None:
        inputs["lengths"] = np.asarray(batch.lengths, np.int32)  # as Keras counts
    if state is not None:
        flat = sides(model.config, state, len(batch.inputs))
        inputs["state"] = [a for side in flat for a in side]
    return inputs


def predict(
    model: Network, x: Array, state: State | None = None, lengths: Lengths | None = None
) -> tuple[Array, State]:
    """Outputs and last state: what `models_numpy.predict` returns, computed by Keras."""
    batch = checked(model.config, x, lengths=lengths)
    with precision(model.config):
        found = model.predict_on_batch(_inputs(model, batch, state))
    if not np.isfinite(found["y"]).all():
        refuse_nan(batch)
    count = model.arrays // model.config.directions
    arrays = found["state"]
    flat = [tuple(arrays[k : k + count]) for k in range(0, len(arrays), count)]
    return found["y"], nested(model.config, flat)


def _train_on(model: Network, batch: Batch, state: State | None) -> float:
    """One update by the compiled optimiser; the loss before it."""
    with precision(model.config):
        model.reset_metrics()  # before Keras 3.15 the loss was the mean over all calls so far
        inputs = _inputs(model, batch, state)
        return float(model.train_on_batch(inputs, {"y": batch.targets}))  # padding is masked


def _compile(model: Network, optimizer: Any) -> None:
    # Without XLA, which would compile once more for every length of a batch.
    model.compile(optimizer, {"y": LOSSES[model.config.loss]()}, jit_compile=False)


def loss_and_grads(
    model: Network,
    x: Array,
    target: Array,
    lengths: Lengths | None = None,
    state: State | None = None,
) -> tuple[float, Params]:
    """The loss of one batch and its gradient for every parameter, by the book's names."""
    batch = checked(model.config, x, target, lengths)
    if not isinstance(getattr(model, "optimizer", None), Gradients):
        with precision(model.config):
            _compile(model, Gradients(1.0))
    kept = get_params(model)
    try:
        loss = _train_on(model, batch, state)
        grads = get_params(model)
    finally:
        set_params(model, kept)
    if not np.isfinite(loss):
        refuse_nan(batch)
    return loss, grads


def fit(
    model: Network,
    batches: Iterable[Batch | tuple[Array, ...]],
    config: TrainConfig,
    validate: Callable[[Network], float] | None = None,
    show: bool = True,
) -> History:
    """
    Train, one update a batch, in place: what `models_numpy.fit` does, and its errors.

    Keras updates before it tells the loss: where that is not a number, the weights are lost, too.
    A state that a batch carries costs a second pass: `train_on_batch` does not give it out.
    """
    with precision(model.config):
        _compile(model, OPTIMIZERS[config.optimizer](config.lr, global_clipnorm=config.clip_norm))
    last: State | None = None

    def step(batch: Batch, lr: float) -> float:
        nonlocal last
        seen = checked(model.config, batch.inputs, batch.targets, batch.lengths)
        if not all(np.isfinite(a).all() for a in seen[:2]):
            return math.nan  # nothing is updated, and `train` says what is wrong
        given, last = (last if batch.carry else None), None
        if config.steps is not None:
            last = predict(model, seen.inputs, given, seen.lengths)[1]
        model.optimizer.learning_rate = lr
        return _train_on(model, seen, given)

    look = None if validate is None else partial(validate, model)
    weights = partial(get_params, model), partial(set_params, model)
    return train(step, batches, config, look, weights, show)


def outputs(model: Network, split: Split) -> Array:
    """`predict` on one part of a task, in pieces: see `models_numpy.outputs`."""
    return in_pieces(partial(predict, model), split, model.config.streams)
