"""
How much arithmetic a recurrent layer is, and how long that alone takes on this machine.

`operations` counts. `products` is the matrix products of a fast layer's pass and nothing else, of
the same shapes in the same order: a floor for a layer that makes these products. (Another may cut
them otherwise; what no layer can avoid is that h_(t-1) W_hh waits for step t - 1.) `roof` times a
layer, its products, and one large product, which is what BLAS reaches when nothing waits.

G gates: 1 in an rnn, 4 in an lstm, 3 in a gru; B, T, D, H as in a `Size`.
"""

from collections.abc import Callable, Sequence
from itertools import repeat
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np

from rnnbook.arrays import Array
from rnnbook.bench import problems
from rnnbook.bench.problems import CELLS, MODES, Size
from rnnbook.bench.report import Spread
from rnnbook.bench.runners_numpy import Fast
from rnnbook.cells import cell_named
from rnnbook.layers.recurrent import blocks, columns, in_block, transposed

LARGE: Final = 1024  # rows and columns of the large product
SAMPLE: Final = 0.01  # seconds that a sample lasts at least


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
    check(cell, mode, size)
    B, T, D, H = size
    return 2 * B * T * (D + H) * wide(cell, D, H) * (3 if mode == "train" else 1)


def check(cell: str, mode: str, size: Sequence[int]) -> None:
    for name, known, what in ((cell, CELLS, "cell"), (mode, MODES, "mode")):
        if name not in known:
            raise ValueError(f"{what} is {name!r}, but must be one of {', '.join(known)}")
    if len(size) != 4 or min(size) < 1:
        raise ValueError(f"size is {tuple(size)}, but must be four numbers above 0: B, T, D, H")


def wide(cell: str, D: int, H: int) -> int:
    """G H, the columns of W_xh."""
    return cell_named(cell).shapes(D, H)["W_xh"][1]


def products(cell: str, mode: str, size: Sequence[int]) -> Callable[[], None]:
    """
    A function that does the matrix products of one pass of a layer, float32, and nothing else.

    They are those of `rnnbook.layers`. In an rnn and an lstm input and state are stacked: forward,
    T times one after the other, W^T R_t with W (K, G H) and R_t = [x_t; h_(t-1)] (K, B), K = D + H.
    A training step adds W dz_t, T times, and for each block of steps the gradient of the weights,
    R dz^T. In a gru only h is in the loop, K = H; for x there are the same three products, forward
    for all steps at once, back for each block. Always as many operations as `operations` says.

    Bias, activations, copies and the cell's own equations are left out, and a step does not wait
    for the one before: its inputs are drawn beforehand, near 0. Raises ValueError as `operations`
    does, and for a step whose B or T is not 1.

    >>> products("gru", "train", (2, 5, 3, 4))() is None
    True
    """
    check(cell, mode, size)
    if mode == "step" and tuple(size[:2]) != (1, 1):
        raise ValueError(f"size is {tuple(size)}, but one step has B = T = 1")
    B, T, D, H = size
    GH, rng = wide(cell, D, H), np.random.default_rng(0)
    inside, outside = (
        (H, D) if cell == "gru" else (D + H, 0)
    )  # rows of W in the loop, and out of it

    def drawn(*shape: int) -> Array:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    W, R, V, X = drawn(inside, GH), drawn(T, inside, B), drawn(outside, GH), drawn(T, outside, B)
    if mode == "step":
        pairs = [(A.T, a[0, :, 0], np.empty(GH, np.float32)) for A, a in ((W, R), (V, X)) if A.size]
        return lambda: drop([np.dot(AT, a, out=z) for AT, a, z in pairs])
    WT, z = transposed(W, B), np.empty((GH, B), np.float32)
    VT, ahead, steps = np.ascontiguousarray(V.T), np.empty((T, GH, B), np.float32), list(R)

    def forward() -> None:
        if outside:
            np.matmul(VT, X, out=ahead)
        for R_t in steps:
            np.dot(WT, R_t, out=z)

    if mode == "forward":
        return forward
    n = in_block(T, B) * B
    dz, dR, dW, dV = drawn(T, GH, B), np.empty((inside, B), np.float32), W.copy(), V.copy()

    def laid(a: Array) -> list[Array]:
        """In blocks, once: the copies into this form are the layer's, not the products'."""
        return [columns(a[t], drawn(n * a.shape[1])) for t in blocks(T, B)]

    back, flat = list(dz[::-1]), list(zip(laid(R), laid(X), laid(dz), strict=True))

    def train() -> None:
        forward()
        for dz_t in back:
            np.dot(W, dz_t, out=dR)
        for R_rows, X_rows, dz_rows in flat:
            np.dot(R_rows, dz_rows.T, out=dW)
            if outside:
                np.dot(X_rows, dz_rows.T, out=dV)
                np.dot(V, dz_rows)

    return train


def drop(_: object) -> None:
    """Nothing, whatever came."""


class Roof(NamedTuple):
    """
    Seconds of one pass, each round in turns: of the layer, of its products alone, and of as many
    operations in one large product.

    A floor is a minimum: `rates` and `reached` go by the smallest time of each, which is the one
    that the machine's other work has disturbed least.
    """

    operations: int
    layer: Spread
    products: Spread
    large: Spread

    @property
    def rates(self) -> dict[str, float]:
        """Operations a second of the three."""
        times = {"layer": self.layer, "products": self.products, "large": self.large}
        return {name: self.operations / seconds.low for name, seconds in times.items()}

    @property
    def reached(self) -> float:
        """The share of the layer's time that its products alone would take."""
        return self.products.low / self.layer.low


def roof(cell: str, mode: str, size: Sequence[int], rounds: int = 5, layer: Any = None) -> Roof:
    """
    Time `rnnbook.layers` at one size, its products, and a large product, in this process, in turns.

    `layer`, a function without arguments, is timed in its place. As many threads work as NumPy's
    BLAS has. Raises ValueError as `products` does, or where `rounds` is below 1.
    """
    count = operations(cell, mode, size)
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}, but must be at least 1")
    if layer is None:
        layer = Fast(threads=1).prepare(problems.make(cell, mode, Size(*size))).run
    a = np.full((LARGE, LARGE), 0.5, np.float32)
    out = np.empty_like(a)
    jobs = [layer, products(cell, mode, size), lambda: np.dot(a, a, out=out)]
    calls = [enough(job) for job in jobs]
    turns = [[sample(*each) for each in zip(jobs, calls, strict=True)] for _ in range(rounds)]
    ours, bare, large = zip(*turns, strict=True)
    scale = count / (2 * LARGE**3)
    return Roof(count, Spread.of(ours), Spread.of(bare), Spread.of(scale * t for t in large))


def enough(job: Callable[[], object]) -> int:
    """How many calls make a sample; they warm up, too."""
    job()
    return max(1, round(SAMPLE / min(sample(job, 1) for _ in range(2))))


def sample(job: Callable[[], object], calls: int) -> float:
    """Seconds a call."""
    turns = repeat(None, calls)
    start = perf_counter()
    for _ in turns:
        job()
    return (perf_counter() - start) / calls
