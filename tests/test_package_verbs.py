"""
The seven verbs in every framework: what goes in and comes out, what is refused and in which words,
what training does with validation, states, padding and NaN; the choice of a device, forced.
"""

import dataclasses
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import frameworks
import layer_zoo as zoo
import numpy as np
import pytest

from rnnbook import inputs, models_numpy
from rnnbook.config import ModelConfig
from rnnbook.gradcheck import relative_error
from rnnbook.tasks import Split
from rnnbook.training import Batch, TrainConfig, stream_batches

SMALL = ModelConfig(D=2, H=3, K=2)
DEEP = ModelConfig(D=2, H=3, K=2, L=2, cell="lstm", bidirectional=True)
LANGUAGE = ModelConfig(D=2, H=3, K=5, V=5, cell="gru", loss="softmax_cross_entropy")


@pytest.fixture(scope="module", params=["numpy", *frameworks.INSTALL])
def framework(request):
    return models_numpy if request.param == "numpy" else frameworks.models(request.param)


def batch(config=SMALL, B=4, T=5, seed=0):
    rng = np.random.default_rng(seed)
    if config.V is not None:
        return rng.integers(config.V, size=(B, T)), rng.integers(config.K, size=(B, T))
    x = rng.normal(size=(B, T, config.D)).astype(config.dtype)
    return x, rng.normal(size=(B, T, config.K)).astype(config.dtype)


def same(a, b, tolerance=1e-5):
    return all(relative_error(b[name], a[name]) < tolerance for name in a) and a.keys() == b.keys()


def test_parameters_go_out_and_in(framework):
    model, other = framework.build(DEEP, 0), framework.build(DEEP, 7)
    before = framework.get_params(model)
    assert list(before) == list(DEEP.shapes)
    assert not same(before, framework.get_params(other))
    framework.set_params(other, before)
    assert same(before, framework.get_params(other), 1e-30)
    x, _ = batch()
    y, _ = framework.predict(model, x)
    assert np.array_equal(framework.predict(other, x)[0], y)
    for a in framework.get_params(model).values():
        a[...] = np.nan  # a copy: the model does not notice
    assert np.array_equal(framework.predict(model, x)[0], y)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda p: p.pop("b_y"), ValueError, r"wants \["),
        (lambda p: p.update(W_hh=np.zeros((2, 2), np.float32)), ValueError, r"W_hh.*must be"),
        (lambda p: p.update({k: a.astype("f8") for k, a in p.items()}), TypeError, "float64"),
    ],
)
def test_wrong_parameters_are_refused_whole(framework, change, error, words):
    model = framework.build(SMALL, 0)
    before = framework.get_params(model)
    params = {name: a + 1 for name, a in before.items()}
    change(params)
    with pytest.raises(error, match=words):
        framework.set_params(model, params)
    assert same(before, framework.get_params(model), 1e-30)


def test_a_state_that_comes_out_goes_back_in(framework):
    one_way = dataclasses.replace(DEEP, bidirectional=False)
    model = framework.build(one_way, 0)
    x, _ = batch(T=6)
    whole, last = framework.predict(model, x)
    first, state = framework.predict(model, x[:, :2])
    second, end = framework.predict(model, x[:, 2:], state)
    assert relative_error(np.concatenate([first, second], axis=1), whole) < 1e-5
    states = [dict(enumerate(zoo.arrays_in(each))) for each in (last, end)]
    assert same(*states)
    reference = models_numpy.build(one_way, 0)
    wanted, _ = models_numpy.predict(reference, x[:, 2:], state)
    assert relative_error(second, wanted) < 1e-5


def test_a_state_of_both_directions_goes_in(framework):
    x, target = batch()
    _, state = models_numpy.predict(models_numpy.build(DEEP, 3), x)
    model, reference = framework.build(DEEP, 0), models_numpy.build(DEEP, 0)
    wanted, last = models_numpy.predict(reference, x, state)
    found, last_found = framework.predict(model, x, state)
    assert relative_error(found, wanted) < 1e-5
    states = [dict(enumerate(zoo.arrays_in(each))) for each in (last, last_found)]
    assert same(*states)
    loss, grads = models_numpy.loss_and_grads(reference, x, target, state=state)
    loss_found, grads_found = framework.loss_and_grads(model, x, target, state=state)
    assert abs(loss_found - loss) < 1e-5 * loss
    assert same(grads, grads_found, 1e-4)


@pytest.mark.parametrize("config", [SMALL, DEEP])
def test_what_stands_in_the_padding_changes_nothing(framework, config):
    model, lengths = framework.build(config, 0), np.array([5, 1, 3, 4])
    x, target = batch(config)
    clean = framework.predict(model, x, lengths=lengths)
    loss, grads = framework.loss_and_grads(model, x, target, lengths)
    padding = np.arange(5) >= lengths[:, None]
    x, target = x.copy(), target.copy()
    x[padding], target[padding] = np.nan, np.inf
    y, last = framework.predict(model, x, lengths=lengths)
    assert np.array_equal(y, clean[0])
    for a, b in zip(zoo.arrays_in(last), zoo.arrays_in(clean[1]), strict=True):
        assert np.array_equal(a, b)
    again, same_grads = framework.loss_and_grads(model, x, target, lengths)
    assert again == loss
    assert all(np.array_equal(grads[name], same_grads[name]) for name in grads)
    assert np.isnan(x[padding]).all()  # the caller's array is as it was


def test_outputs_are_those_of_the_reference(framework, monkeypatch):
    monkeypatch.setattr("rnnbook.training.PIECE", 12)
    for config, (x, target), lengths in (
        (SMALL, batch(B=7), np.array([5, 1, 2, 3, 4, 5, 5])),
        (LANGUAGE, batch(LANGUAGE, B=1, T=50), None),
    ):
        split = Split(x, target, lengths) if lengths is None else padded(x, target, lengths)
        model, reference = framework.build(config, 0), models_numpy.build(config, 0)
        wanted = models_numpy.predict(reference, split.inputs, lengths=lengths)[0]
        assert relative_error(framework.outputs(model, split), wanted) < 1e-5


def padded(x, target, lengths):
    real = np.arange(x.shape[1]) < lengths[:, None]
    return Split(inputs.emptied(x, real), inputs.emptied(target, real), lengths)


# -------------------------------------------------------------------------------------- training


def test_a_carried_state_is_followed(framework):
    ids = np.random.default_rng(0).integers(5, size=(1, 121))
    training = TrainConfig(updates=6, lr=1e-2, batch_size=3, steps=8, clip_norm=1.0)
    given = list(stream_batches(ids[:, :-1], ids[:, 1:], training))
    assert [each.carry for each in given] == [False, True, True, True, True, False]
    model, reference = framework.build(LANGUAGE, 0), models_numpy.build(LANGUAGE, 0)
    wanted = models_numpy.fit(reference, given, training, show=False).loss
    found = framework.fit(model, given, training, show=False).loss
    assert np.allclose(found, wanted, rtol=1e-5)
    dropped = [each._replace(carry=False) for each in given]
    other = framework.fit(framework.build(LANGUAGE, 0), dropped, training, show=False).loss
    assert not np.allclose(other, wanted, rtol=1e-5)


def test_training_twice_gives_the_same(framework):
    training = TrainConfig(updates=5, lr=1e-2)
    runs = []
    for _ in range(2):
        model = framework.build(LANGUAGE, 0)
        loss = framework.fit(model, [batch(LANGUAGE)] * 5, training, show=False).loss
        runs.append((loss, framework.get_params(model)))
    assert runs[0][0] == runs[1][0]
    assert same(runs[0][1], runs[1][1], 1e-30)


def test_early_stopping_returns_to_the_best_look(framework):
    model, answers, kept = framework.build(SMALL, 0), iter([3.0, 1.0, 2.0, 2.5, 0.0]), {}

    def validate(model):
        answer = next(answers)
        kept[answer] = framework.get_params(model)
        return answer

    training = TrainConfig(updates=50, validate_every=10, patience=2)
    history = framework.fit(model, [batch()] * 50, training, validate, show=False)
    assert (history.best, len(history.loss)) == (20, 40)
    assert same(kept[1.0], framework.get_params(model), 1e-30)


def test_nan_in_the_data_is_said_to_be_there(framework):
    x, target = batch()
    target[1, 2, 0] = np.nan
    model = framework.build(SMALL, 0)
    with pytest.raises(ValueError, match="the targets of update 2 hold 1 NaN"):
        framework.fit(model, [batch(), (x, target)], TrainConfig(updates=2), show=False)
    assert all(np.isfinite(a).all() for a in framework.get_params(model).values())
    x[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="the inputs hold 1 NaN"):
        framework.predict(model, x)
    with pytest.raises(ValueError, match="hold 1 NaN"):
        framework.loss_and_grads(model, x, batch()[1])


def test_a_loss_that_explodes_stops_the_training(framework):
    model = framework.build(ModelConfig(H=4, activation="relu"), 0)
    x = np.full((1, 5, 1), 1e38, np.float32)
    with pytest.raises(FloatingPointError, match=r"after 0 updates.*lower learning rate"):
        framework.fit(model, [(x, -x)], TrainConfig(updates=1), show=False)


def test_no_batch_is_no_training(framework):
    with pytest.raises(ValueError, match="no batch to train on"):
        framework.fit(framework.build(SMALL, 0), [], TrainConfig(updates=1), show=False)


# -------------------------------------------------------------------------------------- refusals


X, TARGET = batch()
IDS, CLASSES = batch(LANGUAGE)


@pytest.mark.parametrize(
    ("config", "x", "options", "error", "words"),
    [
        (SMALL, X[..., :1], {}, ValueError, "1 features"),
        (SMALL, X[0], {}, ValueError, r"\(5, 2\)"),
        (SMALL, X.astype("f8"), {}, TypeError, "float64"),
        (SMALL, X.tolist(), {}, TypeError, "list"),
        (SMALL, X, {"lengths": [5, 5, 5, 6]}, ValueError, "holds 6"),
        (SMALL, X, {"lengths": [5, 5, 5, 0]}, ValueError, "holds 0"),
        (SMALL, X, {"lengths": [5, 5, 5]}, ValueError, r"\(3,\)"),
        (SMALL, X, {"lengths": [5.0] * 4}, TypeError, "float64"),
        (SMALL, X, {"state": (np.zeros((4, 2), np.float32),)}, ValueError, r"\(4, 3\)"),
        (SMALL, X, {"state": (np.zeros((4, 3)),)}, TypeError, "float64"),
        (LANGUAGE, IDS + 5, {}, ValueError, "0 to 4"),
        (LANGUAGE, IDS - 5, {}, ValueError, "0 to 4"),
        (LANGUAGE, IDS.astype("f4"), {}, (TypeError, ValueError), "float32"),
    ],
)
def test_wrong_inputs_are_refused_in_the_same_words(framework, config, x, options, error, words):
    with pytest.raises(error, match=words):
        framework.predict(framework.build(config, 0), x, **options)


@pytest.mark.parametrize(
    ("config", "x", "target", "error", "words"),
    [
        (SMALL, X, TARGET[:, :, 0], ValueError, r"\(4, 5\)"),  # would broadcast
        (SMALL, X, TARGET[:, :, :1], ValueError, r"\(4, 5, 1\)"),
        (SMALL, X, TARGET.tolist(), TypeError, "list"),
        (LANGUAGE, IDS, CLASSES + 5, ValueError, "0 to 4"),
        (LANGUAGE, IDS, CLASSES.astype("f4"), TypeError, "float32"),
        (LANGUAGE, IDS, CLASSES[:, :3], ValueError, r"\(4, 3\)"),
    ],
)
def test_wrong_targets_are_refused(framework, config, x, target, error, words):
    with pytest.raises(error, match=words):
        framework.loss_and_grads(framework.build(config, 0), x, target)


def test_a_cell_that_a_framework_has_not_is_refused(framework):
    config = ModelConfig(H=3, cell="lstm_peephole")
    if framework is models_numpy:
        assert framework.get_params(framework.build(config, 0))
        return
    with pytest.raises(ValueError, match=r"'lstm_peephole'; it has \['gru'"):
        framework.build(config, 0)


def test_a_state_of_other_layers_is_refused():
    h = np.zeros((4, 3), np.float32)
    for state, words in (
        (((h, h),), "1 layers, but this model has 2"),
        (((h, h), (h, h), (h, h)), "3 layers"),
        ((((h, h),), ((h, h),)), "must be a pair"),
        ((((h, h), (h,)), ((h, h), (h, h))), r"two|2 \(4, 3\)"),
    ):
        with pytest.raises(ValueError, match=words):
            inputs.sides(DEEP, state, 4)


def test_emptied_padding_keeps_dtype_and_the_callers_array():
    a = np.arange(6).reshape(1, 6)
    real = np.arange(6)[None] < 4
    assert inputs.emptied(a, real).tolist() == [[0, 1, 2, 3, 0, 0]]
    assert inputs.emptied(a, real).dtype == a.dtype
    assert a[0, 5] == 5
    found = inputs.checked(SMALL, X, TARGET.astype("f8"))
    assert isinstance(found, Batch)
    assert found.targets.dtype == np.float32


# --------------------------------------------------------------------------------------- devices


def test_pick_device_finds_one_that_works(framework):
    device = framework.pick_device()
    if framework is models_numpy:
        assert device == "cpu"
        return
    assert framework.pick_device(device) == device
    with pytest.raises((RuntimeError, ValueError), match="abacus"):
        framework.pick_device("abacus")


def test_pytorch_takes_the_fastest_device_that_is_there(monkeypatch):
    models_torch = frameworks.models("torch")
    torch = models_torch.torch
    order = {"cuda": torch.cuda, "mps": torch.backends.mps, "xpu": torch.xpu}
    for module in order.values():
        monkeypatch.setattr(module, "is_available", lambda: False)
    assert models_torch.pick_device() == "cpu"
    with pytest.raises(RuntimeError, match=r"finds no cuda here, only \['cpu'\]"):
        models_torch.pick_device("cuda")
    for name in reversed(order):
        monkeypatch.setattr(order[name], "is_available", lambda: True)
        assert models_torch.pick_device() == name
    assert models_torch.pick_device("cpu") == "cpu"
    with pytest.raises(ValueError, match="'tpu', but must be one of"):
        models_torch.pick_device("tpu")


def test_a_pytorch_model_computes_where_it_was_built():
    models_torch = frameworks.models("torch")
    model = models_torch.build(DEEP, 0, device="meta")
    assert model.device.type == "meta"
    assert {p.device.type for p in model.parameters()} == {"meta"}


def test_tensorflow_takes_a_gpu_and_lets_its_memory_grow(monkeypatch):
    models_tf = frameworks.models("tf")
    config, grown = models_tf.tf.config, []
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: [])
    assert models_tf.pick_device() == "/CPU:0"
    with pytest.raises(RuntimeError, match="finds no /GPU:0 here"):
        models_tf.pick_device("/GPU:0")
    gpus = [SimpleNamespace(name="first"), SimpleNamespace(name="second")]
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(
        config.experimental, "set_memory_growth", lambda gpu, on: grown.append((gpu.name, on))
    )
    assert models_tf.pick_device() == "/GPU:0"
    assert grown == [("first", True), ("second", True)]
    assert models_tf.pick_device("/GPU:1") == "/GPU:1"
    assert models_tf.pick_device("/CPU:0") == "/CPU:0"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("cuda:0", "gpu"), ("/job:localhost/device:GPU:1", "gpu"), ("mps:0", "mps"), ("cpu", "cpu")],
)
def test_keras_says_where_its_backend_computes(monkeypatch, name, kind):
    models_keras = frameworks.models("keras")
    monkeypatch.setattr(models_keras.ops, "zeros", lambda shape: SimpleNamespace(device=name))
    monkeypatch.setattr(models_keras.keras, "device", lambda name: nullcontext())
    assert models_keras.pick_device() == f"{kind}:0"
    assert models_keras.pick_device(f"{kind}:0") == f"{kind}:0"
    with pytest.raises(RuntimeError, match=f"finds no tpu:0, it takes {kind}"):
        models_keras.pick_device("tpu:0")


# ------------------------------------------------------------------------------ what is missing


@pytest.mark.parametrize(
    ("module", "missing", "words"),
    [
        ("models_torch", "torch", 'models_torch needs PyTorch: pip install "rnnbook[torch]"'),
        ("models_tf", "tensorflow", 'needs TensorFlow: pip install "rnnbook[tensorflow]"'),
        (
            "models_keras",
            "keras",
            'needs Keras and one backend: pip install "rnnbook[keras,torch]"',
        ),
    ],
)
def test_a_missing_framework_is_named_with_what_to_install(module, missing, words):
    program = f"import sys; sys.modules[{missing!r}] = None\nfrom rnnbook import {module}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 1
    assert words in run.stderr.splitlines()[-1]


def test_keras_takes_the_first_backend_that_is_installed():
    frameworks.models("torch"), frameworks.models("keras")
    program = (
        "import importlib.util as util, os; os.environ.pop('KERAS_BACKEND', None)\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'tensorflow' else real(name, *rest)\n"
        "from rnnbook import models_keras; print(models_keras.keras.config.backend())"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.split() == ["torch"], run.stderr[-500:]
