"""
Every framework's model against the reference in NumPy: outputs, last states, every gradient, and
the parameters after ten Adam updates.

Keras is held to it on the backend of this process, and in a process of its own on each other one.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import frameworks
import layer_zoo as zoo
import numpy as np
import pytest

from rnnbook import models_numpy
from rnnbook.config import ModelConfig
from rnnbook.gradcheck import relative_error
from rnnbook.training import TrainConfig

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
MOST = "stacked, both directions, lengths"
CASES = [(cell, shape, "float64") for cell in CELLS for shape in ("one layer", MOST)]
CASES += [("gru", shape, "float64") for shape in SHAPES if shape not in ("one layer", MOST)]
CASES += [("lstm", "lengths", "float64"), ("tanh", "stacked", "float64")]
CASES += [(cell, MOST, "float32") for cell in ("tanh", "lstm", "gru")]
CASES += [("lstm", "words", "float32"), ("gru", "text", "float32")]
B, T, D, H, K = 5, 6, 3, 4, 2


@pytest.fixture(scope="module", params=list(frameworks.INSTALL))
def framework(request):
    return frameworks.models(request.param)


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


def assert_same(ours, theirs, tolerance):
    assert theirs.keys() == ours.keys()
    for name, a in ours.items():
        b = theirs[name]
        assert (b.shape, b.dtype) == (a.shape, a.dtype), name
        assert relative_error(b, a) < tolerance, name


@pytest.mark.parametrize(("cell", "shape", "dtype"), CASES)
def test_the_framework_agrees_with_numpy(framework, cell, shape, dtype):
    # Beside TensorFlow, Keras makes float32 of float64 in every matrix product.
    keras = framework.keras.config.backend() if hasattr(framework, "keras") else "tensorflow"
    exact = dtype == "float64" and keras == "tensorflow"
    config, found = problem(cell, shape, dtype)
    x, target, lengths = found[0]
    ours, theirs = models_numpy.build(config, 1), framework.build(config, 1)
    assert_same(ours.params, framework.get_params(theirs), 1e-30)

    (y, last), (y_found, last_found) = (
        module.predict(model, x, lengths=lengths)
        for module, model in ((models_numpy, ours), (framework, theirs))
    )
    assert_same({"y": y}, {"y": y_found}, 1e-10 if exact else 1e-4)
    states = [dict(enumerate(zoo.arrays_in(state))) for state in (last, last_found)]
    assert_same(*states, 1e-10 if exact else 1e-4)

    loss, grads = models_numpy.loss_and_grads(ours, x, target, lengths)
    loss_found, grads_found = framework.loss_and_grads(theirs, x, target, lengths)
    assert abs(loss_found - loss) < (1e-10 if exact else 1e-4) * abs(loss)
    assert_same(grads, grads_found, 1e-10 if exact else 1e-4)
    assert_same(ours.params, framework.get_params(theirs), 1e-30)  # they are where they were

    training = TrainConfig(updates=10, lr=1e-2, clip_norm=0.1, schedule="linear")
    curves = [
        module.fit(model, found * 5, training, show=False).loss
        for module, model in ((models_numpy, ours), (framework, theirs))
    ]
    assert np.allclose(*curves, rtol=1e-9 if exact else 1e-4, atol=0)
    assert_same(ours.params, framework.get_params(theirs), 1e-9 if exact else 1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_the_other_optimisers_agree_with_numpy(framework, optimizer):
    config, found = problem("gru", "text", "float32")
    ours, theirs = models_numpy.build(config, 1), framework.build(config, 1)
    training = TrainConfig(updates=10, lr=1e-3, clip_norm=0.1, optimizer=optimizer)
    models_numpy.fit(ours, found * 5, training, show=False)
    framework.fit(theirs, found * 5, training, show=False)
    assert_same(ours.params, framework.get_params(theirs), 1e-4)


@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_keras_agrees_on_its_other_backends(backend):
    module = frameworks.models("keras")
    if backend == module.keras.config.backend():
        pytest.skip(f"Keras runs on {backend} in this process: the tests above are its own")
    if find_spec(backend) is None:
        pytest.skip(f"needs Keras on {backend}: pip install {backend}")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__,
         "-k", "keras-gru or keras-rmsprop"],
        env=os.environ | {"KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
    assert f"{sum(cell == 'gru' for cell, *_ in CASES) + 1} passed" in run.stdout
