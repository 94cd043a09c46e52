"""
What a model is, apart from the values of its weights: plain settings, checked when they are made.

Every task names one, every framework's `build` takes one, and the names and shapes of the
parameters follow from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rnnbook.arrays import real_number, whole_number
from rnnbook.cells import cell_named, check_activation
from rnnbook.initializers import INITIALIZERS
from rnnbook.losses import LOSSES

DTYPES: Final = ("float32", "float64")
OUTPUTS: Final = ("every", "last")


@dataclass(frozen=True)
class ModelConfig:
    """
    (embedding) -> L recurrent layers, in one direction or in both -> linear head.

    D inputs, or with a vocabulary of V symbols the width of their embedding; H hidden units in
    each direction; K outputs; L layers. cell: a name in `cells.CELLS`, activation "tanh" or "relu"
    for cell "rnn"; output: from the state at "every" step, or at the "last" one, which for the
    backward direction is that after reading the first input; loss: a name in `losses.LOSSES`;
    the initialisers by name (biases start at zero, an LSTM's forget bias at `forget_bias`); dtype.

    >>> ModelConfig(cell="lstm", D=8, H=16, K=30, V=30).shapes["W_xh"]
    (8, 64)
    """

    D: int = 1
    H: int = 100
    K: int = 1
    L: int = 1
    V: int | None = None
    cell: str = "rnn"
    activation: str = "tanh"
    bidirectional: bool = False
    output: str = "every"
    loss: str = "mse"
    E: str = "glorot_uniform"
    W_xh: str = "glorot_uniform"
    W_hh: str = "orthogonal"
    W_hy: str = "glorot_uniform"
    forget_bias: float = 1.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("D", "H", "K", "L", "V"):
            if name != "V" or self.V is not None:
                object.__setattr__(self, name, whole_number(getattr(self, name), name))
        object.__setattr__(self, "forget_bias", real_number(self.forget_bias, "forget_bias"))
        initializers = dict.fromkeys(("E", "W_xh", "W_hh", "W_hy"), tuple(sorted(INITIALIZERS)))
        choices = {"dtype": DTYPES, "output": OUTPUTS, "loss": tuple(LOSSES), **initializers}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                what = f"the initializer of {name}" if name in initializers else name
                raise ValueError(f"{what} is {getattr(self, name)!r}, but must be one of {known}")
        cell_named(self.cell)
        check_activation(self.activation)
        if self.activation != "tanh" and self.cell != "rnn":
            raise ValueError(
                f"activation is {self.activation!r}, but a {self.cell} has its own: leave it out"
            )

    @property
    def directions(self) -> int:
        """2 if the layers read in both directions, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def streams(self) -> bool:
        """Whether it may read a sequence in pieces: one direction, outputs at every step."""
        return self.output == "every" and not self.bidirectional

    def layers(self) -> Iterator[tuple[list[str], int]]:
        """
        For each layer, the prefixes of its directions' parameters, and the width that it reads.

        >>> list(ModelConfig(D=3, H=5).layers())
        [([''], 3)]
        >>> list(ModelConfig(D=3, H=5, L=2, bidirectional=True).layers())
        [(['0.forward.', '0.backward.'], 3), (['1.forward.', '1.backward.'], 10)]
        """
        sides = ["forward.", "backward."] if self.bidirectional else [""]
        for layer in range(self.L):
            place = f"{layer}." if self.L > 1 else ""
            width = self.D if layer == 0 else self.directions * self.H
            yield [place + side for side in sides], width

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every parameter, in the order in which they are drawn."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.V is not None:
            shapes["E"] = (self.V, self.D)
        for prefixes, width in self.layers():
            for prefix in prefixes:
                cell = cell_named(self.cell).shapes(width, self.H)
                shapes |= {prefix + name: shape for name, shape in cell.items()}
        return shapes | {"W_hy": (self.directions * self.H, self.K), "b_y": (self.K,)}
