"""
What a framework's model is given, checked before the framework sees it: batches and states.

A framework's own refusal speaks of kernels and tensors, comes late, or does not come: on a GPU an
id that is none reads zeros. Padding is emptied here, so that whatever stood in it, NaN included,
touches neither an output nor a gradient.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs, V symbols, L layers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnbook.arrays import Array, Lengths, State, check_array, check_lengths
from rnnbook.cells import cell_named
from rnnbook.config import ModelConfig
from rnnbook.layers.checks import check_input, check_state
from rnnbook.training import Batch


def checked(
    config: ModelConfig, x: Array, target: Array | None = None, lengths: Lengths | None = None
) -> Batch:
    """
    The batch with its padding set to 0, its targets in the model's dtype, its lengths an array.

    Without a target, one of shape (0,). Raises ValueError and TypeError as the reference does:
    where x is not (B, T, D) of the model's dtype or ids (B, T) below V, lengths are none, or
    targets do not stand as the outputs do.

    >>> x = np.array([[[1.0], [np.nan]]], np.float32)
    >>> checked(ModelConfig(H=4), x, lengths=[1]).inputs.tolist()
    [[[1.0], [0.0]]]
    """
    check_array(x, "x")
    if config.V is None:
        check_input(x, config.D, np.dtype(config.dtype), "model")
    elif x.ndim != 2 or not x.size or x.dtype.kind not in "iu":
        raise ValueError(f"x is {x.dtype} {x.shape}, but must be ids (B, T), one or more")
    B, T = x.shape[:2]
    real = np.ones((B, T), bool)
    if lengths is not None:
        lengths = check_lengths(lengths, B, T)
        real = np.arange(T) < lengths[:, None]
        x = emptied(x, real)
    if config.V is not None:
        _check_ids(x, config.V, "x")
    y = (B, T, config.K) if config.output == "every" else (B, config.K)
    if target is None:
        return Batch(x, np.empty(0, config.dtype), lengths)
    return Batch(x, _checked_target(config, target, y, real), lengths)


def emptied(a: Array, real: Array) -> Array:
    """A copy of a (B, T, ...) that is 0 where `real` (B, T) is False."""
    return np.where(real.reshape(*real.shape, *[1] * (a.ndim - 2)), a, np.zeros((), a.dtype))


def _checked_target(config: ModelConfig, target: Array, y: tuple[int, ...], real: Array) -> Array:
    check_array(target, "target")
    classes = config.loss == "softmax_cross_entropy"
    wanted = y[:-1] if classes else y
    if target.shape != wanted:
        raise ValueError(
            f"target has shape {target.shape}, but for outputs {y} and the loss {config.loss} "
            f"it must have {wanted}"
        )
    if config.output == "every":
        target = emptied(target, real)
    if not classes:
        return target.astype(config.dtype, copy=False)
    if target.dtype.kind not in "iu":
        raise TypeError(f"target is {target.dtype}, but must be integer: the ids of classes")
    _check_ids(target, config.K, "target")
    return target.astype(np.int64, copy=False)


def _check_ids(ids: Array, count: int, name: str) -> None:
    wrong = ids[(ids < 0) | (ids >= count)]
    if wrong.size:
        raise ValueError(f"{name} holds the id {wrong[0]}, but ids are 0 to {count - 1}")


def sides(config: ModelConfig, state: State, B: int) -> list[tuple[Array, ...]]:
    """
    A state flat: `(h,)` or `(h, c)` of every direction of every layer, lowest layer first.

    Raises as the layers do where it is not a tuple of arrays (B, H) of the model's dtype.
    """
    flat: list[Any] = list(state) if config.L > 1 else [state]
    if len(flat) != config.L:
        raise ValueError(f"state is of {len(flat)} layers, but this model has {config.L}")
    if config.bidirectional:
        if any(len(layer) != 2 for layer in flat):
            raise ValueError("each layer's state must be a pair: (forward, backward)")
        flat = [side for layer in flat for side in layer]
    shapes = [(B, config.H)] * len(cell_named(config.cell).state)
    for side in flat:
        check_state(side, shapes, np.dtype(config.dtype))
    return flat


def nested(config: ModelConfig, flat: Sequence[tuple[Array, ...]]) -> State:
    """The way back from `sides`.

    >>> config = ModelConfig(H=1, L=2)
    >>> state = ((np.zeros((1, 1)),), (np.ones((1, 1)),))
    >>> nested(config, [state[0], state[1]]) == state
    True
    """
    layers: list[State] = list(flat)
    if config.bidirectional:
        layers = list(zip(flat[0::2], flat[1::2], strict=True))
    return tuple(layers) if config.L > 1 else layers[0]
