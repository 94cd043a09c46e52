"""
The reference model in NumPy: the network of `network`, and what is done with it.

    h_1 ... h_T = recurrent(x_1 ... x_T)      y_t = h_t W_hy + b_y, at every step or at the last

Its starting weights, its batches and its losses are what the models of the other frameworks are
held against. The verbs are the same in each: build, get_params, set_params, predict,
loss_and_grads, fit, pick_device.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs, V symbols.
"""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State
from rnnbook.cells import cell_named
from rnnbook.config import ModelConfig as ModelConfig  # config is where it is, here is who uses it
from rnnbook.initializers import initialize, with_forget_bias
from rnnbook.layers import check_params
from rnnbook.losses import LOSSES
from rnnbook.network import Network
from rnnbook.optim import OPTIMIZERS, clip_grad_norm
from rnnbook.sampling import draw, probabilities
from rnnbook.storage import load_arrays, save_arrays
from rnnbook.tasks import Split
from rnnbook.training import Batch, History, TrainConfig, in_pieces, refuse_nan, train


def starting_params(config: ModelConfig, seed: int) -> Params:
    """The weights that every framework's model starts from: the same seed, the same numbers."""
    rng = np.random.default_rng(seed)
    params, G = {}, len(cell_named(config.cell).gates)
    chosen = {"E": config.E, "W_xh": config.W_xh, "W_hh": config.W_hh, "W_hy": config.W_hy}
    for name, shape in config.shapes.items():
        kind = name.rpartition(".")[2]
        gates = 1 if kind in ("E", "W_hy", "b_y") or kind.startswith("p_") else G
        drawn = initialize(chosen.get(kind, "zeros"), shape, rng, gates)
        if kind == "b_h" and config.cell.startswith("lstm"):
            drawn = with_forget_bias(drawn, config.forget_bias)
        params[name] = drawn.astype(config.dtype)
    return params


def build(config: ModelConfig, seed: int = 0) -> Network:
    """A model with starting weights drawn from `seed`.

    >>> model = build(ModelConfig(H=4), seed=0)
    >>> y, state = predict(model, np.zeros((2, 3, 1), np.float32))
    >>> y.shape
    (2, 3, 1)
    """
    return Network(config, starting_params(config, seed))


def get_params(model: Network) -> Params:
    """A copy of every parameter, by name."""
    return {name: p.copy() for name, p in model.params.items()}


def set_params(model: Network, params: Params) -> None:
    """Copy values into the model. All names, shapes and dtypes must fit, or nothing is changed."""
    check_params_of(model.config, params)
    for name, p in model.params.items():
        p[...] = params[name]


def check_params_of(config: ModelConfig, params: Params) -> None:
    """Raise ValueError or TypeError unless these are all of the model's, in shape and dtype."""
    dtype = check_params(params, config.shapes, "model")
    if dtype != config.dtype:
        raise TypeError(f"parameters are {dtype}, but this model's are {config.dtype}")


def predict(
    model: Network, x: Array, state: State | None = None, lengths: Lengths | None = None
) -> tuple[Array, State]:
    """
    Outputs (B, T, K) at every step, or (B, K) after the last, as the configuration says; and the
    last state, which goes back in as `state`. For a cross-entropy the outputs are logits.

    x (B, T, D), or ids (B, T) for a model with a vocabulary; with `lengths` (B,), what lies beyond
    a sequence's length is not read. Raises ValueError where x holds NaN or infinity.
    """
    y, last = model.forward(x, state, lengths)
    if not np.isfinite(y).all():
        refuse_nan(Batch(x, y[:0], lengths))
    return y, last


def loss_and_grads(
    model: Network,
    x: Array,
    target: Array,
    lengths: Lengths | None = None,
    state: State | None = None,
) -> tuple[float, Params]:
    """
    The loss of one batch and its gradient for every parameter.

    Raises ValueError where x or target holds NaN or infinity.
    """
    batch = Batch(x, target, lengths)
    loss, grads, _ = _forward_and_back(model, batch, state)
    if not np.isfinite(loss):
        refuse_nan(batch)
    return loss, grads


def _forward_and_back(
    model: Network, batch: Batch, state: State | None
) -> tuple[float, Params, State]:
    """Loss and gradients, and the last state, for the batch that goes on where this one ends."""
    lengths = batch.lengths if model.config.output == "every" else None
    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is no number says it better
        y, last = model.forward(batch.inputs, state, batch.lengths)
        loss, dy = LOSSES[model.config.loss](y, batch.targets, lengths=lengths)
        return loss, model.backward(dy), last


def outputs(model: Network, split: Split) -> Array:
    """
    `predict` on one part of a task, in pieces: sequences a few hundred at a time, a long stream
    (1, n) a few thousand steps at a time, its state carried.
    """
    return in_pieces(partial(predict, model), split, model.config.streams)


def loss(model: Network, split: Split) -> float:
    """The model's loss on one part of a task: its mean over all that counts."""
    lengths = split.lengths if model.config.output == "every" else None
    return LOSSES[model.config.loss](outputs(model, split), split.targets, lengths=lengths)[0]


def fit(
    model: Network,
    batches: Iterable[Batch | tuple[Array, ...]],
    config: TrainConfig,
    validate: Callable[[Network], float] | None = None,
    show: bool = True,
) -> History:
    """
    Train, one update a batch, in place; where a batch carries, from the last state of the one
    before. `show` a progress bar.

    With `validate`, a loss on data that training does not see, it is asked every
    `config.validate_every` updates, and the model ends with the parameters of the best answer:
    early stopping, which `config.patience` lets end the training, too. Raises ValueError where the
    data hold NaN, and FloatingPointError where a loss is not a number all the same; both say at
    which update.
    """
    optimizer, state = OPTIMIZERS[config.optimizer](config.lr), None

    def step(batch: Batch, lr: float) -> float:
        nonlocal state
        loss, grads, state = _forward_and_back(model, batch, state if batch.carry else None)
        if np.isfinite(loss):
            if config.clip_norm is not None:
                clip_grad_norm(grads, config.clip_norm)
            optimizer.lr = lr
            optimizer.update(model.params, grads)
        return loss

    look = None if validate is None else partial(validate, model)
    weights = partial(get_params, model), partial(set_params, model)
    return train(step, batches, config, look, weights, show)


def forecast(model: Network, x: Array, steps: int) -> Array:
    """
    Closed loop: read x (B, T, D), then feed every prediction back, `steps` times.

    Returns the predictions (B, steps, K). Raises ValueError where K is not D: an output could not
    be the next input.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}, but must be at least 1")
    config = model.config
    if config.K != config.D or config.V is not None or config.output != "every":
        raise ValueError(
            f"a model with K={config.K} outputs at {config.output} step cannot feed D={config.D}"
            + " inputs" * (config.V is None)
            + " of an embedding" * (config.V is not None)
        )
    y, state = predict(model, x)
    found = [y[:, -1:]]
    for _ in range(steps - 1):
        y, state = predict(model, found[-1], state)
        found.append(y)
    return np.concatenate(found, axis=1)


def stepper(model: Network, state: State | None = None) -> tuple[Callable[[Any], Array], State]:
    """
    One sequence, one step at a time, as fast as NumPy goes: `step, state`.

    `step(x)` reads one input, x (D,) or the id of a symbol, and returns y (K,), a view that the
    next step overwrites; `state` holds the live arrays. A bidirectional model has no steps:
    ValueError.

    >>> model = build(ModelConfig(V=5, D=3, H=4, K=5), seed=0)
    >>> step, state = stepper(model)
    >>> ids = np.array([[3, 1, 4]])
    >>> y, _ = predict(model, ids)
    >>> all(np.allclose(step(i), y[0, t], atol=1e-6) for t, i in enumerate(ids[0]))
    True
    """
    recur, live = model.rnn.stepper(state)
    W, b, E = np.asfortranarray(model.params["W_hy"].T), model.params["b_y"], model.params.get("E")
    y = np.empty(model.config.K, model.config.dtype)

    def from_state(h: Array) -> Array:
        np.dot(W, h, out=y)
        return np.add(y, b, y)

    def step_of_id(symbol: int) -> Array:
        return from_state(recur(E[symbol]))  # type: ignore[index]

    def step_of_x(x: Array) -> Array:
        return from_state(recur(x))

    return (step_of_x if E is None else step_of_id), live


def generate(
    model: Network,
    prompt: Array,
    steps: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Array:
    """
    Read the ids of `prompt` (n,), then draw `steps` symbols, each read as the next input.

    See `sampling.probabilities` for temperature, top_k and top_p. Returns the ids (steps,). Raises
    ValueError for an empty prompt, ids that are none, or a model that is no language model.
    """
    config, prompt = model.config, np.asarray(prompt)
    if config.V is None or config.K != config.V or config.output != "every":
        raise ValueError(
            f"a model with V={config.V}, K={config.K} and output at {config.output!r} step "
            "cannot read what it says: V and K must be equal, output 'every'"
        )
    if prompt.ndim != 1 or not prompt.size or prompt.dtype.kind not in "iu":
        raise ValueError(
            f"prompt is {prompt.dtype} {prompt.shape}, but must be ids (n,), one or more"
        )
    if prompt.min() < 0 or prompt.max() >= config.V:
        raise ValueError(f"prompt holds ids outside of 0 to {config.V - 1}")
    if steps < 0:
        raise ValueError(f"steps is {steps}, but must be at least 0")
    step, _ = stepper(model)
    for symbol in prompt:
        logits = step(symbol)
    found = np.empty(steps, np.int64)
    for t in range(steps):
        found[t] = draw(probabilities(logits, temperature, top_k, top_p), rng)
        logits = step(found[t])
    return found


def save(model: Network, path: str | os.PathLike[str]) -> None:
    """Write configuration and parameters to one `.npz` file, without pickle, whole or not."""
    save_arrays(path, model.params, {"config": asdict(model.config)})


def load(path: str | os.PathLike[str]) -> Network:
    """
    The model that `save` wrote.

    Raises ValueError where the file is no such file, is cut off, or an array is missing, too many,
    or of another shape than its configuration says; TypeError where one is of another dtype.
    """
    arrays, about = load_arrays(path)
    settings = about.get("config")
    try:
        config = ModelConfig(**settings) if isinstance(settings, dict) else None
    except TypeError as error:
        raise ValueError(f"{os.fspath(path)} was written for another version: {error}") from error
    if config is None:
        raise ValueError(f"{os.fspath(path)} holds no configuration: {json.dumps(about)[:80]}")
    model = build(config)
    set_params(model, arrays)
    return model


def pick_device() -> str:
    """NumPy computes on the CPU."""
    return "cpu"
