"""
How much arithmetic a recurrent layer is: the count of operations, whatever the time they take.

G gates: 1 in an rnn, 4 in an lstm, 3 in a gru; B, T, D, H as in a `Size`.
"""

from collections.abc import Sequence

from rnnbook.bench.problems import CELLS, MODES
from rnnbook.cells import cell_named


def operations(cell: str, mode: str, size: Sequence[int]) -> int:
    """
    Floating-point operations of the matrix products: 2 B T (D + H) G H forward, three times that in
    a training step, whose backward pass has two products for each of the forward's.

    A multiplication and an addition count as two. What is done to each element (activations, the
    cell's few products) is not counted: it is less by a factor of the order of D + H.
    Raises ValueError for an unknown cell or mode, or a size that is not four numbers above 0.

    >>> size = (32, 35, 28, 128)
    >>> operations("rnn", "forward", size), operations("lstm", "train", size)
    (44728320, 536739840)
    """
    for name, known, what in ((cell, CELLS, "cell"), (mode, MODES, "mode")):
        if name not in known:
            raise ValueError(f"{what} is {name!r}, but must be one of {', '.join(known)}")
    if len(size) != 4 or min(size) < 1:
        raise ValueError(f"size is {tuple(size)}, but must be four numbers above 0: B, T, D, H")
    B, T, D, H = size
    _, GH = cell_named(cell).shapes(D, H)["W_xh"]
    return 2 * B * T * (D + H) * GH * (3 if mode == "train" else 1)
