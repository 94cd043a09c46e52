"""The layers against PyTorch and Keras: the same weights, the same outputs, the same gradients."""

import os

import layer_zoo as zoo
import numpy as np
import pytest

from rnnbook import convert
from rnnbook.gradcheck import relative_error
from rnnbook.layers import Bidirectional, Stacked, recurrent_layer

B, T, D, H = 4, 30, 3, 8
RAGGED = np.array([30, 1, 17, 30])  # PyTorch wants one sequence, at least, to be whole
NETS = [(1, False), (2, False), (1, True), (2, True)]
nets = pytest.mark.parametrize(
    ("L", "bidirectional"), NETS, ids=[f"L={L}{' both ways' * b}" for L, b in NETS]
)
ragged = pytest.mark.parametrize("lengths", [None, RAGGED], ids=["whole", "ragged"])


def ours(cell, L, bidirectional, dtype, activation="tanh"):
    """The book's layer, L high, in one direction or both."""
    layers, width = [], D
    for k in range(L):
        sides = [
            recurrent_layer(cell, zoo.params_of(cell, width, H, dtype, 10 * k + side), activation)
            for side in range(1 + bidirectional)
        ]
        layers.append(Bidirectional(*sides) if bidirectional else sides[0])
        width = layers[-1].width
    return Stacked(layers) if L > 1 else layers[0]


# -------------------------------------------------------------------------------------- PyTorch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason='needs PyTorch: pip install "rnnbook[torch]"')


def by_torch(torch, cell, activation, layer, given_to, lengths, L, bidirectional):
    """What PyTorch makes of the same arguments, in the book's names."""
    x, first, dh, dlast = given_to
    kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    options = {"nonlinearity": activation} if cell == "rnn" else {}
    net = kind(D, H, L, batch_first=True, bidirectional=bidirectional, **options)
    net = net.to(torch.from_numpy(x).dtype)
    weights = convert.to_torch(layer.params, cell)
    net.load_state_dict({name: torch.from_numpy(a) for name, a in weights.items()})

    def stacked(state):  # (layers times directions, B, H) for h, and for c
        arrays, kinds = zoo.arrays_in(state), 2 if cell == "lstm" else 1
        parts = [np.stack(arrays[k::kinds]) for k in range(kinds)]
        return [torch.from_numpy(part).requires_grad_() for part in parts]

    tx, tfirst = torch.from_numpy(x).requires_grad_(), stacked(first)
    seen = tx
    if lengths is not None:
        seen = torch.nn.utils.rnn.pack_padded_sequence(
            tx, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
        )
    h, last = net(seen, tuple(tfirst) if cell == "lstm" else tfirst[0])
    if lengths is not None:
        h, _ = torch.nn.utils.rnn.pad_packed_sequence(h, batch_first=True)
    last = list(last) if cell == "lstm" else [last]
    total = (h * torch.from_numpy(dh)).sum()
    for a, w in zip(last, stacked(dlast), strict=True):
        total = total + (a * w.detach()).sum()
    total.backward()

    def unstacked(tensors):  # back to the order of `arrays_in`
        arrays = [t.detach().numpy() for t in tensors]
        return [a[k] for k in range(len(arrays[0])) for a in arrays]

    grads = {name: p.grad.numpy() for name, p in net.named_parameters()}
    out = {"h": h.detach().numpy(), "dx": tx.grad.numpy()}
    out |= convert.grads_from_torch(grads, cell)
    out |= {f"last {k}": a for k, a in enumerate(unstacked(last))}
    out |= {f"dfirst {k}": a for k, a in enumerate(unstacked([t.grad for t in tfirst]))}
    return out


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)])
@pytest.mark.parametrize(
    ("cell", "activation"), [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
)
@nets
@ragged
def test_pytorch_agrees(torch, cell, activation, L, bidirectional, lengths, dtype, tolerance):
    layer = ours(cell, L, bidirectional, dtype, activation)
    given_to = zoo.random_run(layer, B, T)
    theirs = by_torch(torch, cell, activation, layer, given_to, lengths, L, bidirectional)
    out = zoo.run(layer, *given_to, lengths)
    assert out.keys() == theirs.keys()
    for key, a in out.items():
        assert a.dtype == dtype, key
        assert relative_error(a, theirs[key]) < tolerance, key


# ---------------------------------------------------------------------------------------- Keras


@pytest.fixture(scope="module")
def keras():
    reason = 'needs Keras on TensorFlow: pip install "rnnbook[keras,tensorflow]"'
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    pytest.importorskip("tensorflow", reason=reason)
    return pytest.importorskip("keras", reason=reason)


def keras_net(keras, cell, activation, L, bidirectional, dtype):
    """The layers, lowest first, every one with all of its outputs."""
    kinds = {
        "rnn": (keras.layers.SimpleRNN, {"activation": activation}),
        "lstm": (keras.layers.LSTM, {}),
        "gru": (keras.layers.GRU, {"reset_after": True}),
        "gru_reset_before": (keras.layers.GRU, {"reset_after": False}),
    }
    kind, options = kinds[cell]
    made = [kind(H, return_sequences=True, dtype=dtype, **options) for _ in range(L)]
    return [keras.layers.Bidirectional(m, dtype=dtype) for m in made] if bidirectional else made


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize(
    ("cell", "activation"),
    [
        ("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh"),
        ("gru_reset_before", "tanh"),
    ],
)  # fmt: skip
@nets
@ragged
def test_keras_agrees(keras, cell, activation, L, bidirectional, lengths, dtype, tolerance):
    import tensorflow as tf

    T, lengths = 10, None if lengths is None else np.minimum(lengths, 10)  # eager Keras is slow
    layer = ours(cell, L, bidirectional, np.dtype(dtype), activation)
    x, _, dh, _ = zoo.random_run(layer, B, T)
    net = keras_net(keras, cell, activation, L, bidirectional, dtype)
    for each, width in zip(net, [D] + [H * (1 + bidirectional)] * (L - 1), strict=True):
        each.build((B, T, width))
    arrays = iter(convert.to_keras(layer.params, cell))
    for each in net:
        each.set_weights([next(arrays) for _ in each.weights])
    real = np.ones((B, T), bool) if lengths is None else np.arange(T) < lengths[:, None]
    with tf.GradientTape() as tape:
        tx = tf.Variable(x)
        h = tx
        for each in net:
            h = each(h, mask=None if lengths is None else tf.constant(real))
        total = tf.reduce_sum(h * (dh * real[..., None]))
    variables = [v.value for each in net for v in each.trainable_variables]
    dx, *grads = tape.gradient(total, [tx, *variables])
    theirs = {"h": h.numpy() * real[..., None], "dx": dx.numpy()}
    theirs |= convert.grads_from_keras([g.numpy() for g in grads], cell, L, bidirectional)

    out = zoo.run(layer, x, None, dh, None, lengths)
    for key, a in theirs.items():
        assert out[key].dtype == dtype, key
        assert relative_error(out[key], a) < tolerance, key
