"""
Between the book and the lists of arrays that Keras 3 gives and takes: `layer.get_weights()`.

A list holds kernel, recurrent_kernel, bias of every layer; of a Bidirectional layer the forward
net's three and then the backward net's three; of a stack one layer after the other. With
use_bias=False the biases are missing, and the book's are zeros.

A gru's blocks stand in the order z r h, the book's in r z n, in all three arrays. Its bias is
(2, 3H), the input's above the state's; that of GRU(reset_after=False) is (3H,).
"""

from collections.abc import Sequence
from typing import Final

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
    check_shapes,
    described,
    inputs,
    places,
)

KINDS: Final = ("kernel", "recurrent_kernel", "bias")


def to_keras(params: Params, cell: str) -> list[Array]:
    """
    The book's parameters as the list for `layer.set_weights`, or that of a whole stack.

    Raises ValueError for a cell that Keras does not have and for missing, unknown or misshapen
    arrays, TypeError for arrays that are not all float32 or all float64.

    >>> book = {"W_xh": np.ones((2, 9)), "W_hh": np.ones((3, 9))}
    >>> [w.shape for w in to_keras(book | {"b_xh": np.ones(9), "b_hh": np.ones(9)}, "gru")]
    [(2, 9), (3, 9), (2, 9)]
    >>> r_z_n = {"W_xh": np.array([[1.0, 2.0, 3.0]]), "W_hh": np.ones((1, 3)), "b_h": np.ones(3)}
    >>> to_keras(r_z_n, "gru_reset_before")[0].tolist()     # z r h
    [[2.0, 1.0, 3.0]]
    """
    check_cell(cell, "Keras")
    weights = []
    for place in check_book(params, cell):
        W_xh, W_hh, *b = (params[place.book + name] for name in cell_shapes(cell, 1, 1))
        bias = np.stack(b) if cell == "gru" else b[0]
        weights += [_exchange_gates(array, cell) for array in (W_xh, W_hh, bias)]
    return weights


def from_keras(
    weights: Sequence[Array], cell: str, L: int = 1, bidirectional: bool = False
) -> Params:
    """
    The book's parameters from `get_weights()` of L layers, one list after the other.

    Raises ValueError for a cell that Keras does not have, for a wrong number of arrays or a wrong
    shape, among them the bias of the other kind of GRU; TypeError as `to_keras`.

    >>> kernel, recurrent, bias = np.ones((2, 12)), np.ones((3, 12)), np.ones(12)
    >>> list(from_keras([kernel, recurrent, bias], "lstm"))
    ['W_xh', 'W_hh', 'b_h']
    >>> from_keras([kernel, recurrent], "lstm")["b_h"].any()     # use_bias=False
    np.False_
    """
    return _from_keras(weights, cell, L, bidirectional, "weights")


def grads_to_keras(grads: Params, cell: str) -> list[Array]:
    """The book's gradients in the order of the layer's variables: as `to_keras`, bias for bias."""
    return to_keras(grads, cell)


def grads_from_keras(
    grads: Sequence[Array], cell: str, L: int = 1, bidirectional: bool = False
) -> Params:
    """
    The book's gradients from Keras', in the order of `trainable_variables`: as `from_keras`.

    Without biases (use_bias=False) the book's gradients are zeros, which leave its biases where
    they are.
    """
    return _from_keras(grads, cell, L, bidirectional, "grads")


def adam_to_keras(m: Params, v: Params, t: int, cell: str) -> tuple[list[Array], int]:
    """
    Adam's moments as keras.optimizers.Adam holds them, and its number of `iterations`.

    `optimizer.variables` is iteration, learning_rate (left out where it is a schedule), and then a
    pair for each variable that the optimizer was built with: its momentum (m) and its
    velocity (v). The list returned is the pairs of the recurrent layers alone: n arrays, which are
    `optimizer.variables[2 : 2 + n]` where these layers come first in the model.
    Both are averages of g and g^2, element by element, so that they are reordered as the
    gradients are. Keras adds its epsilon elsewhere (Kingma and Ba's epsilon-hat): from the same
    moments the next update differs by that much.

    Raises as `to_keras`, and ValueError where m and v do not belong together, a second moment is
    negative or t is not a number of updates.

    >>> m = {"W_xh": np.ones((2, 1)), "W_hh": np.ones((1, 1)), "b_h": np.ones(1)}
    >>> v = {name: 4 * a for name, a in m.items()}
    >>> pairs, iterations = adam_to_keras(m, v, 7, "rnn")
    >>> [float(a.max()) for a in pairs], iterations
    ([1.0, 4.0, 1.0, 4.0, 1.0, 4.0], 7)
    """
    pairs = zip(to_keras(m, cell), to_keras(v, cell), strict=True)
    check_moments(m, v)
    return [moment for pair in pairs for moment in pair], check_count(t)


def adam_from_keras(
    variables: Sequence[Array], t: int, cell: str, L: int = 1, bidirectional: bool = False
) -> tuple[Params, Params, int]:
    """
    Adam's m, v and t in the book's layout; the way back from `adam_to_keras`.

    `variables` are the pairs of the recurrent layers alone, without iteration and learning_rate;
    t is `int(optimizer.iterations)`. Raises as `from_keras` and `adam_to_keras`.
    """
    m = _from_keras(variables[0::2], cell, L, bidirectional, "momentums")
    v = _from_keras(variables[1::2], cell, L, bidirectional, "velocities")
    check_moments(m, v)
    return m, v, check_count(t)


def _exchange_gates(a: Array, cell: str) -> Array:
    """A copy with r z n made z r h, or the other way round: it is the same exchange."""
    if cell in ("gru", "gru_reset_before"):
        first, second, third = np.split(a, 3, axis=-1)
        a = np.concatenate([second, first, third], axis=-1)
    return a.copy()


def _from_keras(
    arrays: Sequence[Array], cell: str, L: int, bidirectional: bool, what: str
) -> Params:
    """By the book's names; `what` is the list's name in an error."""
    check_cell(cell, "Keras")
    if L < 1:
        raise ValueError(f"L is {L}, but a net has at least one layer")
    where = places(L, bidirectional)
    each = len(arrays) // len(where)  # arrays of one direction of one layer
    if each not in (2, 3) or len(arrays) != each * len(where):
        raise ValueError(
            f"{what} has {len(arrays)} arrays, but {described(cell, where)} has {3 * len(where)}, "
            f"or {2 * len(where)} without biases"
        )
    named = {f"{what}[{i}] ({KINDS[i % each]})": array for i, array in enumerate(arrays)}
    _check_keras(named, cell, where, each)
    params: Params = {}
    names = cell_shapes(cell, 1, 1)
    for i, place in enumerate(where):
        W_xh, W_hh, *b = (_exchange_gates(a, cell) for a in arrays[each * i : each * (i + 1)])
        bias = b[0] if b else np.zeros((len(names) - 2, W_xh.shape[1]), W_xh.dtype)
        for name, array in zip(names, (W_xh, W_hh, *np.atleast_2d(bias)), strict=True):
            params[place.book + name] = array.copy()
    return params


def _check_keras(named: Params, cell: str, where: list[Place], each: int) -> None:
    """Raise unless these are a whole net's."""
    check_dtypes(named)
    names = list(named)

    def wanted(D: int, H: int) -> Shapes:
        shapes = []
        for place in where:
            W_xh, W_hh, b, *_ = cell_shapes(cell, inputs(place.layer, D, H, where), H).values()
            shapes += [W_xh, W_hh, (2, *b) if cell == "gru" else b][:each]
        return dict(zip(names, shapes, strict=True))

    try:
        check_shapes(named, (names[0], names[1]), 0, wanted)
    except ValueError as error:
        if not cell.startswith("gru"):
            raise
        raise ValueError(
            f"{error}; a GRU with reset_after=True, the book's 'gru', has a bias (2, 3H), "
            "one with reset_after=False, 'gru_reset_before', a bias (3H,)"
        ) from None
