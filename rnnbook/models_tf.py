"""
The same model in TensorFlow's own words: `tf.Module`, `tf.Variable`, `tf.scan`, without Keras.

The seven verbs of `models_numpy`. NumPy arrays go in and come out, a state as the book's nested
tuples, so that both models can be held against each other. `build` starts from the reference's
weights, and the variables have the book's names and layout, so that nothing is converted.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs, V symbols.
"""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call"

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State
from rnnbook.config import ModelConfig
from rnnbook.inputs import checked, nested, sides
from rnnbook.models_numpy import check_params_of, starting_params
from rnnbook.tasks import Split
from rnnbook.training import Batch, History, TrainConfig, in_pieces, refuse_nan, train

try:
    import tensorflow as tf
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'models_tf needs TensorFlow: pip install "rnnbook[tensorflow]"'
    ) from error


def pick_device(wanted: str | None = None) -> str:
    """
    "/GPU:0" where TensorFlow finds one, whose memory is then taken as it is needed, else "/CPU:0".

    With `wanted`, that one: RuntimeError where it is not found. Call it before the first tensor is
    made: memory growth cannot be set later.
    """
    gpus = tf.config.list_physical_devices("GPU")
    devices = [f"/GPU:{k}" for k in range(len(gpus))] + ["/CPU:0"]
    if wanted is not None and wanted not in devices:
        raise RuntimeError(f"TensorFlow {tf.__version__} finds no {wanted} here, only {devices}")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return wanted or devices[0]


def rnn_step(state: tuple[Any, ...], xz: Any, p: dict[str, Any], activation: str) -> Any:
    """h' = phi(x W_xh + b_h + h W_hh); xz (B, H) is the part that needs no state."""
    z = xz + state[0] @ p["W_hh"]
    return (tf.tanh(z) if activation == "tanh" else tf.nn.relu(z),)


def lstm_step(state: tuple[Any, ...], xz: Any, p: dict[str, Any], _: str) -> Any:
    """c' = f c + i g and h' = o tanh(c'); xz (B, 4H)."""
    h, c = state
    i, f, g, o = tf.split(xz + h @ p["W_hh"], 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def gru_step(state: tuple[Any, ...], xz: Any, p: dict[str, Any], _: str) -> Any:
    """h' = (1 - z) n + z h, the reset gate after the product; xz (B, 3H)."""
    h = state[0]
    xr, xu, xn = tf.split(xz, 3, axis=1)
    hr, hu, hn = tf.split(h @ p["W_hh"] + p["b_hh"], 3, axis=1)
    r, z = tf.sigmoid(xr + hr), tf.sigmoid(xu + hu)
    n = tf.tanh(xn + r * hn)
    return ((1 - z) * n + z * h,)


STEPS: Final = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


class Network(tf.Module):  # type: ignore[misc]
    """
    (embedding) -> recurrent layers, each one `tf.scan` a direction -> linear head.

    `forward(x, state, lengths)` takes tensors, a state as a flat list, lowest layer first, and
    returns outputs and last state.
    """

    def __init__(self, config: ModelConfig, params: Params, device: str) -> None:
        if config.cell not in STEPS:
            known = sorted(STEPS)
            raise ValueError(f"models_tf has no step for the cell {config.cell!r}; it has {known}")
        super().__init__()
        self.config, self.place = config, device
        with tf.device(device):
            self.params = {name: tf.Variable(a, name=name) for name, a in params.items()}
        # One graph for all shapes: a new one for each length of a batch would cost seconds.
        self.run = tf.function(self.forward, reduce_retracing=True)
        self.run_back = tf.function(self.forward_and_back, reduce_retracing=True)

    def forward(self, x: Any, state: list[Any] | None, lengths: Any | None) -> Any:
        p = self.params
        h = tf.gather(p["E"], x) if "E" in p else x
        last: list[Any] = []
        for prefixes, _ in self.config.layers():
            read = []
            for side, prefix in enumerate(prefixes):
                own = {k.removeprefix(prefix): v for k, v in p.items() if k.startswith(prefix)}
                first = None if state is None else state[len(last)]
                y, end = self.read(h, own, first, lengths, backward=side == 1)
                read.append(y)
                last.append(end)
            h = tf.concat(read, axis=2)
        if self.config.output == "last":
            h = tf.concat([end[0] for end in last[-self.config.directions :]], axis=1)
        return h @ p["W_hy"] + p["b_y"], last

    def read(self, x: Any, p: Any, state: Any, lengths: Any, backward: bool) -> Any:
        """One direction of one layer: h (B, T, H) and the state after the last step read."""
        cell, H = self.config.cell, self.config.H
        B, T = tf.shape(x)[0], tf.shape(x)[1]
        ends = tf.fill([B], T) if lengths is None else lengths
        if backward:
            x = tf.reverse_sequence(x, ends, seq_axis=1)
        if state is None:
            state = (tf.zeros((B, H), x.dtype),) * (2 if cell == "lstm" else 1)
        xz = x @ p["W_xh"] + p["b_xh" if cell == "gru" else "b_h"]  # all steps at once
        xz = tf.transpose(xz, (1, 0, 2))  # tf.scan goes along the first axis
        real = tf.range(T)[:, None] < ends  # (T, B)
        step = STEPS[cell]

        def one(state: Any, at: Any) -> Any:
            xz, real = at
            new = step(state, xz, p, self.config.activation)
            return tuple(tf.where(real[:, None], b, a) for a, b in zip(state, new, strict=True))

        states = tf.scan(one, (xz, real), initializer=state)
        h = tf.transpose(tf.where(real[..., None], states[0], 0), (1, 0, 2))
        if backward:
            h = tf.reverse_sequence(h, ends, seq_axis=1)
        return h, tuple(a[-1] for a in states)

    def forward_and_back(self, x: Any, target: Any, state: Any, lengths: Any) -> Any:
        """The loss, its gradient for every parameter, and the last state."""
        with tf.GradientTape() as tape:
            y, last = self.forward(x, state, lengths)
            if lengths is not None and self.config.output == "every":
                real = tf.sequence_mask(lengths, tf.shape(y)[1])
                y, target = y[real], target[real]
            loss = LOSSES[self.config.loss](y, target)
        grads = tape.gradient(loss, self.params)
        return loss, {name: tf.convert_to_tensor(g) for name, g in grads.items()}, last


def mse(y: Any, target: Any) -> Any:
    return tf.reduce_mean(tf.square(y - target))


def softmax_cross_entropy(z: Any, target: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=z))


def sigmoid_cross_entropy(z: Any, target: Any) -> Any:
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=z))


LOSSES: Final = {f.__name__: f for f in (mse, softmax_cross_entropy, sigmoid_cross_entropy)}


def sgd(g: Any, v: Any, m: Any, t: Any) -> Any:
    return g


def rmsprop(g: Any, v: Any, m: Any, t: Any) -> Any:
    """See `optim.RMSprop`."""
    v.assign(0.99 * v + 0.01 * g**2)
    return g / (tf.sqrt(v) + 1e-8)


def adam(g: Any, v: Any, m: Any, t: Any) -> Any:
    """See `optim.Adam`. expm1, as 1 - 0.999^t has but four right digits in float32 at t = 1."""
    m.assign_add((1 - 0.9) * (g - m))
    v.assign_add((1 - 0.999) * (g**2 - v))
    c1, c2 = (-tf.math.expm1(t * np.log(beta)) for beta in (0.9, 0.999))  # 1 - beta^t
    return m / c1 / (tf.sqrt(v / c2) + 1e-8)


RULES: Final = {"sgd": sgd, "rmsprop": rmsprop, "adam": adam}


class Optimizer(tf.Module):  # type: ignore[misc]
    """The book's optimisers over `tf.Variable`s: `update(grads, lr, max_norm)`."""

    def __init__(self, rule: str, params: dict[str, Any]) -> None:
        super().__init__()
        self.rule, self.params = RULES[rule], params
        self.v, self.m = (
            {name: tf.Variable(tf.zeros_like(p)) for name, p in params.items()} for _ in range(2)
        )
        self.t = tf.Variable(0.0, dtype=next(iter(params.values())).dtype)

    @tf.function  # type: ignore[untyped-decorator]
    def update(self, grads: dict[str, Any], lr: Any, max_norm: float | None) -> Any:
        """One update; returns the global norm of the gradients, and does nothing if that is NaN."""
        norm = tf.linalg.global_norm(list(grads.values()))
        if tf.math.is_finite(norm):
            self.t.assign_add(1)
            one = tf.ones_like(norm)
            scale = one if max_norm is None else tf.minimum(one, max_norm / norm)
            for name, p in self.params.items():
                step = self.rule(grads[name] * scale, self.v[name], self.m[name], self.t)
                p.assign_sub(lr * step)
        return norm


def build(config: ModelConfig, seed: int = 0, device: str = "/CPU:0") -> Network:
    """
    A model with the weights of `models_numpy.build(config, seed)`.

    Raises ValueError for a cell that has no step here.

    >>> model = build(ModelConfig(H=4), seed=0)
    >>> y, state = predict(model, np.zeros((2, 3, 1), np.float32))
    >>> y.shape, [h.shape for h in state]
    ((2, 3, 1), [(2, 4)])
    """
    return Network(config, starting_params(config, seed), device)


def get_params(model: Network) -> Params:
    """A copy of every parameter, by name."""
    return {name: p.numpy().copy() for name, p in model.params.items()}


def set_params(model: Network, params: Params) -> None:
    """Copy values into the model. All names, shapes and dtypes must fit, or nothing is changed."""
    check_params_of(model.config, params)
    for name, p in model.params.items():
        p.assign(params[name])


def _tensors(model: Network, batch: Batch, state: State | None) -> tuple[Any, Any, Any]:
    """Inputs, flat state and lengths, for the model's functions."""
    flat = None if state is None else sides(model.config, state, len(batch.inputs))
    with tf.device(model.place):
        x = tf.constant(batch.inputs)
        given = None if flat is None else [tuple(map(tf.constant, side)) for side in flat]
        ends = None if batch.lengths is None else tf.constant(batch.lengths, tf.int32)
    return x, given, ends


def predict(
    model: Network, x: Array, state: State | None = None, lengths: Lengths | None = None
) -> tuple[Array, State]:
    """Outputs and last state: what `models_numpy.predict` returns, computed by TensorFlow."""
    batch = checked(model.config, x, lengths=lengths)
    y, last = model.run(*_tensors(model, batch, state))
    found: Array = y.numpy()
    if not np.isfinite(found).all():
        refuse_nan(batch)
    return found, nested(model.config, [tuple(a.numpy() for a in side) for side in last])


def loss_and_grads(
    model: Network,
    x: Array,
    target: Array,
    lengths: Lengths | None = None,
    state: State | None = None,
) -> tuple[float, Params]:
    """The loss of one batch and its gradient for every parameter."""
    batch = checked(model.config, x, target, lengths)
    x, given, ends = _tensors(model, batch, state)
    loss, grads, _ = model.run_back(x, tf.constant(batch.targets), given, ends)
    if not np.isfinite(loss):
        refuse_nan(batch)
    return float(loss), {name: g.numpy() for name, g in grads.items()}


def fit(
    model: Network,
    batches: Iterable[Batch | tuple[Array, ...]],
    config: TrainConfig,
    validate: Callable[[Network], float] | None = None,
    show: bool = True,
) -> History:
    """Train, one update a batch, in place: what `models_numpy.fit` does, and its errors."""
    with tf.device(model.place):
        optimizer, last = Optimizer(config.optimizer, model.params), None

    def step(batch: Batch, lr: float) -> float:
        nonlocal last
        seen = checked(model.config, batch.inputs, batch.targets, batch.lengths)
        x, _, ends = _tensors(model, seen, None)
        given = last if batch.carry else None
        loss, grads, last = model.run_back(x, tf.constant(seen.targets), given, ends)
        if np.isfinite(loss):
            norm = optimizer.update(grads, tf.constant(lr, model.config.dtype), config.clip_norm)
            if config.clip_norm is not None and not np.isfinite(norm):
                raise FloatingPointError(f"the norm of the gradients is {norm}: they have exploded")
        return float(loss)

    look = None if validate is None else partial(validate, model)
    weights = partial(get_params, model), partial(set_params, model)
    return train(step, batches, config, look, weights, show)


def outputs(model: Network, split: Split) -> Array:
    """`predict` on one part of a task, in pieces: see `models_numpy.outputs`."""
    return in_pieces(partial(predict, model), split, model.config.streams)
