"""
Every framework's model against the reference in NumPy: outputs, last states, every gradient, and
the parameters after ten Adam updates.

Keras is held to it on the backend of this process, and in a process of its own on each other one.
"""

import importlib
from importlib.util import find_spec

import layer_zoo as zoo
import numpy as np
import pytest

from rnnbook import models_numpy
from rnnbook.config import ModelConfig
from rnnbook.gradcheck import relative_error
from rnnbook.training import TrainConfig

INSTALL = {
    "torch": ("torch", 'needs PyTorch: pip install "rnnbook[torch]"'),
    "tf": ("tensorflow", 'needs TensorFlow: pip install "rnnbook[tensorflow]"'),
    "keras": ("keras", 'needs Keras and a backend: pip install "rnnbook[keras,torch]"'),
}
CELLS = {
    "tanh": {"cell": "rnn"},
    "relu": {"cell": "rnn", "activation": "relu"},
    "lstm": {"cell": "lstm"},
    "gru": {"cell": "gru"},
}
# A name, settings of the model, and whether the sequences have lengths of their own.
SHAPES = {
    "one layer": ({}, False),
    "lengths": ({}, True),
    "stacked": ({"L": 2}, False),
    "both directions": ({"bidirectional": True}, False),
    "stacked, both directions, lengths": ({"L": 2, "bidirectional": True}, True),
    "last, both directions, lengths": ({"output": "last", "bidirectional": True}, True),
    "words": ({"V": 7, "output": "last", "loss": "softmax_cross_entropy"}, True),
    "text": ({"V": 7, "K": 7, "loss": "softmax_cross_entropy"}, False),
    "tags": ({"loss": "sigmoid_cross_entropy", "L": 2}, True),
}
B, T, D, H, K = 5, 6, 3, 4, 2


@pytest.fixture(scope="module", params=list(INSTALL))
def framework(request):
    """One framework's module; skipped, with what to install, where that is not there."""
    package, reason = INSTALL[request.param]
    if package == "keras" and not any(map(find_spec, ("tensorflow", "torch", "jax"))):
        pytest.skip(reason)
    pytest.importorskip(package, reason=reason)
    return importlib.import_module(f"rnnbook.models_{request.param}")


def allowed(framework, dtype, largest):
    """Keras on PyTorch promotes float64 to float32 in every matrix product."""
    if framework.__name__.endswith("keras") and framework.keras.config.backend() == "torch":
        dtype = "float32"
    return largest if dtype == "float64" else 1e-4


def problem(cell, shape, dtype, seed=0):
    """A configuration, and two batches for it: x, target, lengths."""
    settings, ragged = SHAPES[shape]
    config = ModelConfig(**{"D": D, "H": H, "K": K, "dtype": dtype} | CELLS[cell] | settings)
    rng, found = np.random.default_rng(seed), []
    for _ in range(2):
        x = rng.normal(size=(B, T, D)).astype(dtype)
        if config.V is not None:
            x = rng.integers(config.V, size=(B, T))
        size = (B, T) if config.output == "every" else (B,)
        if config.loss == "softmax_cross_entropy":
            target = rng.integers(config.K, size=size)
        else:
            target = rng.uniform(size=(*size, config.K)).astype(dtype)
        lengths = rng.permutation(np.array([T, 1, 3, T - 1, 2])) if ragged else None
        found.append((x, target, lengths))
    return config, found


def pair(framework, config):
    return models_numpy.build(config, 1), framework.build(config, 1)


def assert_same(ours, theirs, tolerance):
    assert theirs.keys() == ours.keys()
    for name, a in ours.items():
        b = theirs[name]
        assert (b.shape, b.dtype) == (a.shape, a.dtype), name
        assert relative_error(b, a) < tolerance, name


cells = pytest.mark.parametrize("cell", CELLS)
shapes = pytest.mark.parametrize("shape", SHAPES)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


@cells
@shapes
@dtypes
def test_outputs_and_gradients_agree(framework, cell, shape, dtype):
    config, [(x, target, lengths), _] = problem(cell, shape, dtype)
    tolerance = allowed(framework, dtype, 1e-10)
    reference, model = pair(framework, config)
    y, last = models_numpy.predict(reference, x, lengths=lengths)
    found, found_last = framework.predict(model, x, lengths=lengths)
    assert_same({"y": y}, {"y": found}, tolerance)
    states = [dict(enumerate(zoo.arrays_in(each))) for each in (last, found_last)]
    assert_same(*states, tolerance)

    loss, grads = models_numpy.loss_and_grads(reference, x, target, lengths)
    found_loss, found_grads = framework.loss_and_grads(model, x, target, lengths)
    assert abs(found_loss - loss) < tolerance * abs(loss)
    assert_same(grads, found_grads, tolerance)
    assert_same(reference.params, framework.get_params(model), 1e-30)


@cells
@shapes
@dtypes
def test_ten_adam_updates_agree(framework, cell, shape, dtype):
    config, found = problem(cell, shape, dtype)
    tolerance = allowed(framework, dtype, 1e-9)
    reference, model = pair(framework, config)
    training = TrainConfig(updates=10, lr=1e-2, clip_norm=0.1, schedule="linear")
    ours = models_numpy.fit(reference, found * 5, training, show=False)
    theirs = framework.fit(model, found * 5, training, show=False)
    assert len(theirs.loss) == 10
    assert np.allclose(theirs.loss, ours.loss, rtol=tolerance, atol=0)
    assert_same(reference.params, framework.get_params(model), tolerance)
