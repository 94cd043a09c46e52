"""
The network of a configuration: (embedding) -> recurrent layers -> linear head, forward and back.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs, V symbols.
"""

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State, check_array
from rnnbook.cells import cell_named
from rnnbook.config import ModelConfig
from rnnbook.layers import Bidirectional, Embedding, Layer, Linear, Stacked, recurrent_layer


class Network:
    """
    The layers of a configuration, over one dictionary of parameters: those of `config.shapes`.

        h_1 ... h_T = rnn(x_1 ... x_T)      y_t = h_t W_hy + b_y, at every step or after the last

    >>> config = ModelConfig(D=2, H=3, K=4, dtype="float64")
    >>> network = Network(config, {name: np.zeros(shape) for name, shape in config.shapes.items()})
    >>> y, state = network.forward(np.ones((1, 5, 2)))
    >>> y.shape, sorted(network.backward(y))
    ((1, 5, 4), ['W_hh', 'W_hy', 'W_xh', 'b_h', 'b_y'])
    """

    def __init__(self, config: ModelConfig, params: Params) -> None:
        self.config = config
        self.params = params
        self.embedding = Embedding({"E": params["E"]}) if config.V is not None else None
        layers = [self._side_by_side(prefixes, width) for prefixes, width in config.layers()]
        self.rnn: Layer = layers[0] if len(layers) == 1 else Stacked(layers)
        self.head = Linear({name: params[name] for name in ("W_hy", "b_y")})

    def _side_by_side(self, prefixes: list[str], width: int) -> Layer:
        """One layer, in one direction or both."""
        names = cell_named(self.config.cell).shapes(width, self.config.H)
        sides = [
            recurrent_layer(
                self.config.cell,
                {name: self.params[prefix + name] for name in names},
                self.config.activation,
            )
            for prefix in prefixes
        ]
        return sides[0] if len(sides) == 1 else Bidirectional(*sides)

    def forward(
        self, x: Array, state: State | None = None, lengths: Lengths | None = None
    ) -> tuple[Array, State]:
        """Outputs (B, T, K), or (B, K) where only the last counts, and the last state."""
        check_array(x, "x")
        self.steps = x.shape[:2]
        if self.embedding is not None:
            x = self.embedding.forward(x, lengths)
        h, last = self.rnn.forward(x, state, lengths)
        return self.head.forward(h if self.config.output == "every" else self.summary(last)), last

    def backward(self, dy: Array) -> Params:
        """From dL/dy, the gradient of every parameter, in the order of `params`."""
        dh, grads = self.head.backward(dy)
        if self.config.output == "every":
            dx, _, of_layers = self.rnn.backward(dh)
        else:
            nothing = np.zeros((*self.steps, self.rnn.width), self.config.dtype)
            dx, _, of_layers = self.rnn.backward(nothing, self.dstate(dh))
        grads |= of_layers
        if self.embedding is not None:
            grads |= self.embedding.backward(dx)[1]
        return {name: grads[name] for name in self.params}

    def summary(self, state: State) -> Array:
        """The highest layer's last h (B, H), or both directions' beside each other (B, 2H)."""
        top = state[-1] if self.config.L > 1 else state
        if self.config.bidirectional:
            return np.concatenate([side[0] for side in top], axis=1)
        h: Array = top[0]
        return h

    def dstate(self, dsummary: Array) -> State:
        """The gradient of the last state, from that of its summary: nothing elsewhere."""
        H, arrays = self.config.H, len(cell_named(self.config.cell).state)
        sides = [
            (dsummary[:, k * H : (k + 1) * H], *[np.zeros_like(dsummary[:, :H])] * (arrays - 1))
            for k in range(self.config.directions)
        ]
        top: State = tuple(sides) if self.config.bidirectional else sides[0]
        return (*[None] * (self.config.L - 1), top) if self.config.L > 1 else top
