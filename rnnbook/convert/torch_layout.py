"""
Between the book and the state dictionaries of torch.nn.RNN, LSTM and GRU.

PyTorch's matrices are the book's transposed, (G*H, D) and (G*H, H), their gates in the same order.
Of a larger module take the recurrent layer's own: `net.rnn.state_dict()`.

PyTorch gives the rnn and the lstm two biases where one is enough: z = ... + bias_ih + bias_hh. Both
have the gradient of the book's b_h, so that an optimiser moves their sum twice as far. The
book's b_h is therefore bias_ih, beside a bias_hh frozen at 0. A gru needs its two biases.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypedDict

import numpy as np

from rnnbook.arrays import Array, Params
from rnnbook.convert.names import (
    Place,
    Shapes,
    cell_shapes,
    check_book,
    check_cell,
    check_count,
    check_dtypes,
    check_moments,
    check_names,
    check_shapes,
    described,
    inputs,
    places,
)

KINDS: Final = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
NAME: Final = re.compile(r"(weight|bias)_([ih])h_l(\d+)(_reverse)?")


class AdamState(TypedDict):
    """Adam after `step` updates: its moments m (exp_avg), v (exp_avg_sq), by parameter name."""

    step: int
    exp_avg: Params
    exp_avg_sq: Params


def to_torch(params: Params, cell: str) -> Params:
    """
    The book's parameters as a PyTorch state dictionary, in PyTorch's order.

    rnn, lstm: bias_ih = b_h, bias_hh = 0. gru: bias_ih = b_xh, bias_hh = b_hh. Raises ValueError
    for a cell that PyTorch does not have and for missing, unknown or misshapen arrays, TypeError
    for arrays that are not all float32 or all float64.

    >>> book = {"W_xh": np.ones((2, 3)), "W_hh": np.ones((3, 3)), "b_h": np.ones(3)}
    >>> {name: array.shape for name, array in to_torch(book, "rnn").items()}
    {'weight_ih_l0': (3, 2), 'weight_hh_l0': (3, 3), 'bias_ih_l0': (3,), 'bias_hh_l0': (3,)}

    With PyTorch at hand:
    `layer.load_state_dict({k: torch.from_numpy(a) for k, a in to_torch(params, cell).items()})`.
    """
    return _to_torch(params, cell, np.zeros_like)


def from_torch(state: Mapping[str, Array], cell: str) -> Params:
    """
    The book's parameters from a state dictionary of arrays: {k: p.numpy() for k, p in ...}.

    rnn, lstm: b_h = bias_ih + bias_hh. A layer built with bias=False has no biases; the book's
    are then zeros. Raises ValueError and TypeError as `to_torch`, and ValueError for an LSTM with
    proj_size, whose weight_hr the book has no place for.

    >>> state = {"weight_ih_l0": np.ones((3, 2)), "weight_hh_l0": np.ones((3, 3))}
    >>> state |= {"bias_ih_l0": np.ones(3), "bias_hh_l0": np.ones(3)}
    >>> from_torch(state, "rnn")["b_h"].tolist()
    [2.0, 2.0, 2.0]
    """
    return _from_torch(state, cell, np.add, may_lack_second=False)


def grads_to_torch(grads: Params, cell: str) -> Params:
    """
    The book's gradients by PyTorch's names; rnn, lstm: bias_ih and bias_hh both get that of b_h.

    That is what PyTorch computes: dL/dbias_ih = dL/dbias_hh = dL/dz, summed over batch and steps.
    Raises as `to_torch`.
    """
    return _to_torch(grads, cell, np.copy)


def grads_from_torch(grads: Mapping[str, Array], cell: str) -> Params:
    """
    The book's gradients from PyTorch's by name: {k: p.grad.numpy() for k, p in ...}.

    rnn, lstm: that of b_h is that of bias_ih, and not the sum. bias_hh may be absent, being frozen;
    where it is there and differs by more than rounding, it is not the gradient of the same
    loss: ValueError. Without any bias (bias=False, or both frozen) the book's gradients are zeros,
    which leave its biases where they are. Otherwise raises as `from_torch`.

    >>> grads = {"weight_ih_l0": np.ones((1, 2)), "weight_hh_l0": np.ones((1, 1))}
    >>> grads_from_torch(grads | {"bias_ih_l0": np.array([3.0])}, "rnn")["b_h"].tolist()
    [3.0]
    """
    return _from_torch(grads, cell, _same, may_lack_second=True)


def adam_to_torch(m: Params, v: Params, t: int, cell: str) -> AdamState:
    """
    Adam's moments after t updates, by PyTorch's parameter names; none for a frozen bias_hh.

    The moments are averages of g and of g^2, element by element, so that they are transposed as the
    gradients are: (g^T)^2 = (g^2)^T. PyTorch's optimiser files them under the parameter
    itself: with `p = dict(layer.named_parameters())[name]`,
    `optimizer.state[p] = {"step": ..., "exp_avg": ..., "exp_avg_sq": ...}`, all tensors.
    Raises as `to_torch`, and ValueError where m and v do not belong together, a second moment is
    negative or t is not a number of updates.

    >>> m = {"W_xh": np.ones((2, 1)), "W_hh": np.ones((1, 1)), "b_h": np.ones(1)}
    >>> list(adam_to_torch(m, m, 7, "rnn")["exp_avg_sq"])
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0']
    """
    exp_avg, exp_avg_sq = _to_torch(m, cell, None), _to_torch(v, cell, None)
    check_moments(m, v)
    return {"step": check_count(t), "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}


def adam_from_torch(state: AdamState, cell: str) -> tuple[Params, Params, int]:
    """
    Adam's m, v and t in the book's layout; the way back from `adam_to_torch`.

    rnn, lstm: the moments of b_h are those of bias_ih, and bias_hh must be frozen: absent or zero.
    Where it moved, its moments equal bias_ih's, for both average the same g. Their sum would be
    wrong twice (2m and 2v, where twice the gradient would have 2m and 4v), and no moments could
    go on with that training: there b_h moves twice as far in each update. Hence ValueError.
    Without any bias the book's moments are zeros. Otherwise raises as `from_torch` and
    `adam_to_torch`.
    """
    if state.keys() != AdamState.__annotations__.keys():
        wanted = list(AdamState.__annotations__)
        raise ValueError(f"Adam's state has {sorted(state)}, but must have {wanted}")
    m, v = (
        _from_torch(moments, cell, _frozen, may_lack_second=True)
        for moments in (state["exp_avg"], state["exp_avg_sq"])
    )
    check_moments(m, v)
    return m, v, check_count(state["step"])


def _same(first: Array, second: Array) -> Array:
    """The gradient of either bias."""
    scale = np.abs(first).max(initial=0)
    if np.abs(first - second).max(initial=0) > np.sqrt(np.finfo(first.dtype).eps) * scale:
        raise ValueError(
            "the gradients of bias_ih and bias_hh differ, but z = ... + bias_ih + bias_hh "
            "gives both the same"
        )
    return first


def _frozen(first: Array, second: Array) -> Array:
    """The moment of bias_ih, beside a bias_hh that never moved."""
    if second.any():
        raise ValueError(
            "bias_hh has moments, but must be frozen at 0 (requires_grad = False) in an rnn or an "
            "lstm: two biases that move are one bias at twice the learning rate"
        )
    return first


def _to_torch(arrays: Params, cell: str, second: Callable[[Array], Array] | None) -> Params:
    """By PyTorch's names; `second` makes bias_hh from b_h, where the cell has that one bias."""
    check_cell(cell, "PyTorch")
    state: Params = {}
    for place in check_book(arrays, cell):
        W_xh, W_hh, *b = (arrays[place.book + name] for name in cell_shapes(cell, 1, 1))
        if len(b) == 1 and second is not None:
            b.append(second(b[0]))
        for kind, array in zip(KINDS, (W_xh.T, W_hh.T, *b), strict=False):
            state[f"{kind}_{place.torch}"] = array.copy()
    return state


def _from_torch(
    state: Mapping[str, Array],
    cell: str,
    one: Callable[[Array, Array], Array],
    may_lack_second: bool,
) -> Params:
    """By the book's names; `one` makes b_h from both biases, where the cell has one."""
    check_cell(cell, "PyTorch")
    kinds = _check_torch(state, cell, may_lack_second and cell != "gru")
    params: Params = {}
    for place in _places(state):
        W_ih, W_hh, *b = (state[f"{kind}_{place.torch}"] for kind in kinds)
        if not b:
            b = [np.zeros(len(W_ih), W_ih.dtype)] * 2
        if len(b) == 2 and cell != "gru":
            b = [one(b[0], b[1])]
        for name, array in zip(cell_shapes(cell, 1, 1), (W_ih.T, W_hh.T, *b), strict=True):
            params[place.book + name] = array.copy()
    return params


def _places(state: Mapping[str, Array]) -> list[Place]:
    """The places that the names speak of, which may still lack some of their arrays."""
    matches = [match for name in state if (match := NAME.fullmatch(name))]
    layers = {match[3] for match in matches}
    return places(max(1, len(layers)), any(match[4] for match in matches))


def _check_torch(state: Mapping[str, Array], cell: str, may_lack_second: bool) -> tuple[str, ...]:
    """Raise unless this is a whole net's; return which of `KINDS` it has in every place."""
    if any(name.startswith("weight_hr") for name in state):
        raise ValueError(
            "weight_hr belongs to an LSTM with proj_size, but the book's state is not projected"
        )
    check_dtypes(state)
    where = _places(state)
    has_bias = any(name.startswith("bias") for name in state)
    has_second = any(name.startswith("bias_hh") for name in state) or not may_lack_second
    kinds = KINDS if has_bias and has_second else KINDS[: 2 + has_bias]

    def wanted(D: int, H: int) -> Shapes:
        shapes: Shapes = {}
        for place in where:
            D_here = inputs(place.layer, D, H, where)
            W_xh, W_hh, b, *_ = cell_shapes(cell, D_here, H).values()
            for kind, shape in zip(kinds, (W_xh[::-1], W_hh[::-1], b, b), strict=False):
                shapes[f"{kind}_{place.torch}"] = shape
        return shapes

    check_names(state, wanted(1, 1), described(cell, where))
    check_shapes(state, ("weight_ih_l0", "weight_hh_l0"), 1, wanted)
    return kinds
