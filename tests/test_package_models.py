"""The reference model, its training, the tasks and their baselines."""

import subprocess
import sys

import numpy as np
import pytest

from rnnbook import baselines, initializers, metrics, models_numpy, optim
from rnnbook.gradcheck import check_gradients
from rnnbook.training import History, TrainConfig, minibatches

SMALL = models_numpy.ModelConfig(D=2, H=4, K=3, dtype="float64")


def random_batch(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 6, 2)), rng.normal(size=(3, 6, 3))


def small_training(config=None, updates=20):
    training = config or TrainConfig(updates=updates)
    model = models_numpy.build(SMALL, seed=1)
    history = models_numpy.fit(model, minibatches(*random_batch(), training), training)
    return model, history


# ---------------------------------------------------------------------------------- the model


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradients_of_the_whole_model_are_those_of_differences(activation):
    config = models_numpy.ModelConfig(D=2, H=4, K=3, activation=activation, dtype="float64")
    model = models_numpy.build(config, seed=0)
    x, target = random_batch()
    _, grads = models_numpy.loss_and_grads(model, x, target)
    checks = check_gradients(
        lambda: models_numpy.loss_and_grads(model, x, target)[0], model.params, grads
    )
    assert {check.name for check in checks} == set(config.shapes)
    assert checks[0].relative_error < 1e-6, str(checks[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_keeps_the_dtype_and_lowers_the_loss(dtype):
    config = models_numpy.ModelConfig(D=2, H=4, K=3, dtype=dtype)
    model = models_numpy.build(config)
    x, target = (a.astype(dtype) for a in random_batch())
    training = TrainConfig(updates=50, lr=1e-2, clip_norm=1.0)
    history = models_numpy.fit(model, minibatches(x, target, training), training)
    assert all(p.dtype == dtype for p in model.params.values())
    assert models_numpy.predict(model, x)[0].dtype == dtype
    assert history.loss[-1] < 0.8 * history.loss[0]


def test_training_twice_gives_the_same_bits():
    (first, a), (second, b) = small_training(), small_training()
    assert a.loss == b.loss
    for name, p in first.params.items():
        assert np.array_equal(p, second.params[name]), name


def test_another_seed_gives_other_weights():
    a, b = (models_numpy.starting_params(SMALL, seed) for seed in (0, 1))
    assert not np.array_equal(a["W_hh"], b["W_hh"])


def test_parameters_go_out_and_in():
    model, other = models_numpy.build(SMALL, 0), models_numpy.build(SMALL, 1)
    params = models_numpy.get_params(model)
    models_numpy.set_params(other, params)
    x, _ = random_batch()
    assert np.array_equal(models_numpy.predict(model, x)[0], models_numpy.predict(other, x)[0])
    params["W_xh"][:] = 0  # a copy: the model is untouched
    assert model.params["W_xh"].any()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda p: p.pop("b_y"), ValueError, "this model wants"),
        (lambda p: p.update(extra=np.zeros(1)), ValueError, "extra"),
        (lambda p: p.update(W_hh=np.zeros((4, 5))), ValueError, r"\(4, 5\), but must be \(4, 4\)"),
        (lambda p: p.update(b_y=np.zeros(3, np.float32)), TypeError, "'float32', 'float64'"),
        (
            lambda p: p.update({k: v.astype(np.float32) for k, v in p.items()}),
            TypeError,
            "are float32, but this model's are float64",
        ),
    ],
)
def test_wrong_parameters_are_refused_whole(change, error, words):
    model = models_numpy.build(SMALL, 0)
    before = models_numpy.get_params(model)
    params = {name: p + 1 for name, p in before.items()}
    change(params)
    with pytest.raises(error, match=words):
        models_numpy.set_params(model, params)
    for name, p in model.params.items():
        assert np.array_equal(p, before[name]), name


def test_early_stopping_returns_to_the_best_look():
    model, looks = models_numpy.build(SMALL, 0), iter([3.0, 1.0, 2.0])
    kept = {}

    def validate(model):
        answer = next(looks)
        kept[answer] = models_numpy.get_params(model)
        return answer

    training = TrainConfig(updates=30, validate_every=10)
    history = models_numpy.fit(model, minibatches(*random_batch(), training), training, validate)
    assert (history.best, history.validation) == (20, [(10, 3.0), (20, 1.0), (30, 2.0)])
    for name, p in model.params.items():
        assert np.array_equal(p, kept[1.0][name]), name
    assert History().best == 0


def test_a_loss_that_explodes_stops_the_training():
    model = models_numpy.build(models_numpy.ModelConfig(H=4, activation="relu"), 0)
    x = np.full((1, 5, 1), 1e38, np.float32)
    with pytest.raises(FloatingPointError, match=r"after 0 updates.*lower learning rate"):
        models_numpy.fit(model, [(x, -x)], TrainConfig(updates=1))


def test_nan_in_the_data_is_said_to_be_there():
    model = models_numpy.build(SMALL, 0)
    x, target = random_batch()
    target[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="the targets of update 2 hold 1 NaN"):
        models_numpy.fit(model, [random_batch(), (x, target)], TrainConfig(updates=2))


def test_forecast_feeds_its_predictions_back():
    model = models_numpy.build(models_numpy.ModelConfig(H=4), 0)
    x = np.ones((2, 3, 1), np.float32)
    run = models_numpy.forecast(model, x, 3)
    longer, _ = models_numpy.predict(model, np.concatenate([x, run[:, :2]], axis=1))
    assert np.allclose(run, longer[:, 2:], atol=1e-6)
    with pytest.raises(ValueError, match="K=3 outputs at every step cannot feed D=2 inputs"):
        models_numpy.forecast(models_numpy.build(SMALL, 0), np.zeros((1, 2, 2)), 3)
    with pytest.raises(ValueError, match="steps is 0"):
        models_numpy.forecast(model, x, 0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"D": 0}, "D is 0"), ({"H": -1}, "H is -1"), ({"dtype": "int8"}, "'int8'.*float32")],
)
def test_a_wrong_configuration_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        models_numpy.ModelConfig(**settings)


# ------------------------------------------------------------------------------- training


def test_minibatches_cover_every_sequence_once_an_epoch():
    x = np.arange(10)
    config = TrainConfig(updates=8, batch_size=3, seed=5)
    batches = [batch.inputs for batch in minibatches(x, -x, config)]
    assert sorted(np.concatenate(batches[:4])) == sorted(x)
    assert sorted(np.concatenate(batches[4:])) == sorted(x)
    assert not np.array_equal(np.concatenate(batches[:4]), np.concatenate(batches[4:]))
    assert all(np.array_equal(b.inputs, -b.targets) for b in minibatches(x, -x, config))
    with pytest.raises(ValueError, match="10 inputs, but 9 targets"):
        next(minibatches(x, x[1:], config))
    with pytest.raises(ValueError, match="no sequences"):
        next(minibatches(x[:0], x[:0], config))


@pytest.mark.parametrize("name", ["updates", "validate_every", "batch_size"])
def test_a_wrong_training_setting_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0"):
        TrainConfig(**{"updates": 1, name: 0})


def test_adam_agrees_with_pytorch():
    torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "rnnbook[torch]"')
    rng = np.random.default_rng(0)
    p = {"w": rng.normal(size=(3, 2))}
    tensor = torch.tensor(p["w"], requires_grad=True)
    ours, theirs = optim.Adam(lr=0.01), torch.optim.Adam([tensor], lr=0.01)
    for _ in range(10):
        g = rng.normal(size=(3, 2))
        ours.update(p, {"w": g})
        tensor.grad = torch.tensor(g)
        theirs.step()
    assert np.allclose(p["w"], tensor.detach().numpy(), rtol=1e-12)


def test_the_optimiser_refuses_what_does_not_fit():
    p = {"w": np.zeros(2)}
    with pytest.raises(ValueError, match="gradients are for"):
        optim.Adam().update(p, {"v": np.zeros(2)})
    with pytest.raises(ValueError, match=r"gradient of w is \(3,\)"):
        optim.Adam().update(p, {"w": np.zeros(3)})
    with pytest.raises(ValueError, match="lr is 0"):
        optim.Adam(lr=0)
    with pytest.raises(ValueError, match="max_norm is 0"):
        optim.clip_grad_norm(p, 0)


def test_clipping_keeps_the_direction_and_small_gradients():
    g = {"a": np.array([3.0]), "b": np.array([4.0])}
    assert optim.clip_grad_norm(g, 10) == 5
    assert g["a"][0] == 3
    assert optim.clip_grad_norm(g, 1) == 5
    assert np.isclose(g["a"][0] / g["b"][0], 0.75)
    assert np.isclose(np.hypot(g["a"][0], g["b"][0]), 1)


def test_initialisers_do_what_their_names_say():
    rng = np.random.default_rng(0)
    for shape in [(5, 3), (3, 5), (4, 4)]:
        W = initializers.initialize("orthogonal", shape, rng)
        gram = W.T @ W if shape[0] >= shape[1] else W @ W.T
        assert np.allclose(gram, np.eye(min(shape))), shape
    W = initializers.initialize("glorot_uniform", (100, 200), rng)
    assert np.abs(W).max() <= np.sqrt(6 / 300)
    assert np.isclose(W.std(), np.sqrt(2 / 300), rtol=0.02)
    with pytest.raises(ValueError, match=r"'he'.*glorot_uniform"):
        initializers.initialize("he", (2, 2), rng)


# -------------------------------------------------------------------- baselines and metrics


def test_autoregression_recovers_its_own_coefficients():
    rng = np.random.default_rng(0)
    s = np.zeros(5000)
    for i in range(2, 5000):
        s[i] = 0.5 * s[i - 1] - 0.3 * s[i - 2] + 1 + 0.1 * rng.normal()
    ar = baselines.LinearAutoregression.fit(s, 2)
    assert np.allclose(ar.coefficients, [0.5, -0.3], atol=0.05)
    assert np.isclose(ar.intercept, 1, atol=0.05)
    step = ar.predict(s[-2:])[0]
    assert np.isclose(ar.forecast(s, 2)[0], step)
    assert np.isclose(ar.forecast(s, 2)[1], ar.predict(np.array([s[-1], step]))[0])


def test_autoregression_says_what_it_needs():
    with pytest.raises(ValueError, match=r"has 3 values; AR\(3\) needs 4"):
        baselines.LinearAutoregression.fit(np.zeros(3), 3)
    with pytest.raises(ValueError, match="holds 1 NaN or infinity"):
        baselines.LinearAutoregression.fit(np.array([1.0, 2.0, np.nan, 3.0]), 1)
    with pytest.raises(ValueError, match=r"has 1 values; AR\(2\) reads 2"):
        baselines.LinearAutoregression(np.ones(2), 0.0).forecast(np.ones(1), 3)
    with pytest.raises(ValueError, match="p is 0"):
        baselines.lags(np.zeros(3), 0)


def test_metrics_refuse_what_would_broadcast():
    with pytest.raises(ValueError, match="prediction has shape"):
        metrics.mean_squared_error(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ValueError, match="variance is 0"):
        metrics.average_relative_variance(np.zeros(3), np.zeros(3), variance=0)


@pytest.mark.parametrize(
    ("module", "call", "missing"),
    [
        ("rnnbook.notebook", "notebook.setup()", "matplotlib"),
    ],
)
def test_a_missing_package_is_named_with_what_to_install(module, call, missing):
    package, name = module.rsplit(".", 1)
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"from {package} import {name}\n"
        f"try: {call}\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert 'pip install "rnnbook[pages]"' in said.stdout, said.stderr
