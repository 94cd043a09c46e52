"""The reference model in every configuration: gradients, lengths, streams, generation, files."""

import copy
import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from rnnbook import losses, metrics, models_numpy, sampling, storage, training
from rnnbook.cells import CELLS
from rnnbook.gradcheck import check_gradients, relative_error
from rnnbook.layers import recurrent_layer
from rnnbook.models_numpy import ModelConfig
from rnnbook.tasks import Split
from rnnbook.training import Batch, History, TrainConfig, batches, minibatches, stream_batches

BASE = ModelConfig(D=2, H=3, K=4, dtype="float64")
CONFIGS = {
    **{cell: {"cell": cell} for cell in CELLS},
    "two layers": {"cell": "gru", "L": 2},
    "both ways": {"cell": "lstm", "bidirectional": True},
    "two layers both ways": {"cell": "gru", "L": 2, "bidirectional": True},
    "embedding": {"V": 6, "cell": "lstm"},
    "last": {"output": "last"},
    "last, both ways": {"output": "last", "cell": "lstm", "bidirectional": True, "V": 6},
    "last, two layers": {"output": "last", "cell": "lstm", "L": 2},
    "last, two layers both ways": {"output": "last", "cell": "gru", "L": 2, "bidirectional": True},
}
LOSSES = ["mse", "softmax_cross_entropy", "sigmoid_cross_entropy"]
each = pytest.mark.parametrize("name", CONFIGS)
LANGUAGE = ModelConfig(
    V=7, D=3, H=5, K=7, cell="gru", loss="softmax_cross_entropy", dtype="float64"
)
LENGTHS = np.array([5, 2, 3])


def config_of(name, **more):
    return dataclasses.replace(BASE, **{**CONFIGS[name], **more})


def random_batch(config, B=3, T=5, seed=0):
    """Inputs and targets as the configuration wants them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(B, T, config.D)) if config.V is None else rng.integers(0, config.V, (B, T))
    steps = (B, T) if config.output == "every" else (B,)
    if config.loss == "softmax_cross_entropy":
        return x, rng.integers(0, config.K, steps)
    return x, rng.uniform(size=(*steps, config.K))


@each
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "ragged"])
def test_gradients_of_every_model_are_those_of_differences(name, loss, lengths):
    config = config_of(name, loss=loss)
    model = models_numpy.build(config, seed=0)
    x, target = random_batch(config)
    for p in model.params.values():  # biases and peepholes, too, away from zero
        p += 0.1 * np.random.default_rng(1).normal(size=p.shape)
    value, grads = models_numpy.loss_and_grads(model, x, target, lengths)
    assert np.isfinite(value)
    checks = check_gradients(
        lambda: models_numpy.loss_and_grads(model, x, target, lengths)[0], model.params, grads
    )
    assert {check.name for check in checks} == set(config.shapes)
    assert checks[0].relative_error < 1e-6, str(checks[0])


@each
def test_padding_changes_neither_output_nor_loss_nor_gradient(name):
    config = config_of(name)
    model = models_numpy.build(config, seed=0)
    x, target = random_batch(config)
    padding = np.arange(5) >= LENGTHS[:, None]
    results = []
    for rubbish in (0, -1 if config.V else np.nan):
        x[padding] = rubbish
        if config.output == "every":
            target[padding] = rubbish
        y, _ = models_numpy.predict(model, x, lengths=LENGTHS)
        value, grads = models_numpy.loss_and_grads(model, x, target, LENGTHS)
        results.append([y, value, *grads.values()])
    for a, b in zip(*results, strict=True):
        assert np.array_equal(a, b)


@each
def test_parameters_are_named_drawn_and_kept_as_the_configuration_says(name):
    config = config_of(name, dtype="float32")
    params = models_numpy.starting_params(config, seed=3)
    assert {k: p.shape for k, p in params.items()} == config.shapes
    assert all(p.dtype == np.float32 for p in params.values())
    for key, p in params.items():
        kind, H = key.rpartition(".")[2], config.H
        if kind == "W_hh":  # every gate's block is orthogonal by itself
            for block in np.split(p, p.shape[1] // H, axis=1):
                assert np.allclose(block @ block.T, np.eye(H), atol=1e-5)
        if kind.startswith("b_"):
            forget = np.zeros_like(p)
            if config.cell.startswith("lstm") and kind == "b_h":
                forget[H : 2 * H] = 1
            assert np.array_equal(p, forget), key
    model = models_numpy.build(config, seed=3)
    assert all(np.array_equal(p, model.params[k]) for k, p in params.items())


@each
def test_training_changes_every_parameter_and_is_the_same_twice(name):
    config = config_of(name, dtype="float32", loss="softmax_cross_entropy")
    x, target = random_batch(config, B=8)
    x = x.astype("f4") if config.V is None else x
    training = TrainConfig(updates=30, lr=1e-2, batch_size=3, clip_norm=1.0)
    runs = []
    for _ in range(2):
        model = models_numpy.build(config, seed=0)
        history = models_numpy.fit(model, minibatches(x, target, training), training, show=False)
        runs.append((history.loss, models_numpy.get_params(model)))
    start = models_numpy.starting_params(config, 0)
    assert runs[0][0] == runs[1][0]
    assert np.mean(runs[0][0][-8:]) < np.mean(runs[0][0][:8])
    for key, p in runs[0][1].items():
        assert p.dtype == np.float32
        assert np.array_equal(p, runs[1][1][key]), key
        assert not np.array_equal(p, start[key]), key


@each
def test_a_copied_model_is_trained_apart(name):
    config = config_of(name)
    x, target = random_batch(config)
    model = models_numpy.build(config, 0)
    loss, _ = models_numpy.loss_and_grads(model, x, target)
    other = copy.deepcopy(model)
    training = TrainConfig(updates=5, lr=0.1)
    models_numpy.fit(other, minibatches(x, target, training), training)
    assert models_numpy.loss_and_grads(model, x, target)[0] == loss
    assert models_numpy.loss_and_grads(other, x, target)[0] != loss


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_every_optimizer_trains(optimizer):
    model = models_numpy.build(BASE, 0)
    x, target = random_batch(BASE)
    training = TrainConfig(updates=40, lr=1e-2, optimizer=optimizer)
    history = models_numpy.fit(model, minibatches(x, target, training), training)
    assert history.loss[-1] < history.loss[0]


# ------------------------------------------------------------------------- streams and pieces


def test_a_state_that_is_carried_makes_pieces_the_whole():
    """Without the carried state, or with it carried over an epoch's end, the losses differ."""
    rng = np.random.default_rng(0)
    stream = rng.integers(0, 7, (1, 61))
    training = TrainConfig(updates=6, batch_size=2, steps=10, lr=1e-12)
    pieces = list(stream_batches(stream[:, :-1], stream[:, 1:], training))
    assert [b.carry for b in pieces] == [False, True, True] * 2
    model = models_numpy.build(LANGUAGE, 0)
    history = models_numpy.fit(model, pieces, training)
    rows, targets = stream[:, :-1].reshape(2, 30), stream[:, 1:].reshape(2, 30)
    y, _ = models_numpy.predict(models_numpy.build(LANGUAGE, 0), rows)
    for k, value in enumerate(history.loss):
        part = slice(k % 3 * 10, k % 3 * 10 + 10)
        wanted, _ = losses.softmax_cross_entropy(y[:, part], targets[:, part])
        assert np.isclose(value, wanted, rtol=1e-8)


def test_the_gradient_stops_where_a_piece_begins():
    model = models_numpy.build(LANGUAGE, 0)
    ids, targets = random_batch(LANGUAGE, B=2, T=4)
    _, state = models_numpy.predict(model, ids)
    _, grads = models_numpy.loss_and_grads(model, ids, targets, state=state)
    checks = check_gradients(
        lambda: models_numpy.loss_and_grads(model, ids, targets, state=state)[0],
        model.params,
        grads,
    )
    assert checks[0].relative_error < 1e-6, str(checks[0])


@each
def test_outputs_in_pieces_are_those_at_once(name, monkeypatch):
    config = config_of(name)
    model = models_numpy.build(config, 0)
    x, target = random_batch(config, B=7)
    lengths = np.array([5, 1, 2, 3, 4, 5, 5])
    padding = np.arange(5) >= lengths[:, None]
    x[padding] = 0
    if config.output == "every":
        target[padding] = 0
    split = Split(x, target, lengths)
    y, _ = models_numpy.predict(model, x, lengths=lengths)
    monkeypatch.setattr(training, "PIECE", 12)
    assert relative_error(models_numpy.outputs(model, split), y) < 1e-13
    every = lengths if config.output == "every" else None
    assert np.isclose(models_numpy.loss(model, split), losses.mse(y, target, every)[0])


def test_a_streams_outputs_in_pieces_are_those_at_once(monkeypatch):
    model = models_numpy.build(LANGUAGE, 0)
    ids, targets = random_batch(LANGUAGE, B=1, T=50)
    y, _ = models_numpy.predict(model, ids)
    monkeypatch.setattr(training, "PIECE", 12)
    split = Split(ids, targets)
    assert relative_error(models_numpy.outputs(model, split), y) < 1e-13
    wanted, _ = losses.softmax_cross_entropy(y, targets)
    assert np.isclose(models_numpy.loss(model, split), wanted, rtol=1e-12)


def test_the_perplexity_of_the_uniform_model_is_the_vocabulary():
    model = models_numpy.build(LANGUAGE, 0)
    for name in ("W_hy", "b_y"):
        model.params[name][:] = 0
    ids, targets = random_batch(LANGUAGE, B=4, T=9)
    nats = models_numpy.loss(model, Split(ids, targets)) * targets.size
    assert np.isclose(metrics.perplexity(nats, targets.size), 7, rtol=1e-12)


def test_batches_are_cut_after_their_longest_sequence():
    lengths, targets = np.array([2, 3, 6, 1]), np.arange(4)
    x = np.where(np.arange(6) < lengths[:, None], np.arange(24).reshape(4, 6), 0)
    training = TrainConfig(updates=4, batch_size=1)
    for batch in batches(Split(x, targets, lengths), training):
        row = int(batch.targets[0])
        assert batch.inputs.shape == (1, lengths[row])
        assert np.array_equal(batch.inputs[0], x[row, : lengths[row]])
    every = next(
        minibatches(x, x, TrainConfig(updates=1, batch_size=4, seed=1), lengths[[0, 1, 3, 3]])
    )
    assert every.inputs.shape == every.targets.shape == (4, 3)


@pytest.mark.parametrize(
    ("inputs", "targets", "config", "words"),
    [
        (np.zeros((2, 9), int), np.zeros((2, 9), int), {"steps": 3}, "a stream is one sequence"),
        (np.zeros((1, 9), int), np.zeros((1, 8), int), {"steps": 3}, "a target at every step"),
        (np.zeros((1, 9), int), np.zeros((1, 9), int), {"steps": 10}, "9 steps: too few for 1 row"),
        (np.zeros((1, 9), int), np.zeros((1, 9), int), {}, "a stream wants `steps`"),
    ],
)
def test_what_is_no_stream_is_refused(inputs, targets, config, words):
    with pytest.raises(ValueError, match=words):
        stream_batches(inputs, targets, TrainConfig(updates=1, **config))


def test_patience_ends_the_training():
    model, looks = models_numpy.build(BASE, 0), iter([3.0, 1.0, 2.0, 1.5, 0.0])
    x, target = random_batch(BASE)
    training = TrainConfig(updates=50, validate_every=10, patience=2)
    history = models_numpy.fit(
        model, minibatches(x, target, training), training, lambda model: next(looks)
    )
    assert (history.best, len(history.loss)) == (20, 40)
    assert not History([], [(1, 2.0), (2, 3.0)]).impatient(None)


def test_a_linear_schedule_lowers_the_learning_rate_to_the_last_update():
    """Against plain descent by hand: with SGD, each update is lr_at(k) times the gradient."""
    model, by_hand = models_numpy.build(BASE, 0), models_numpy.build(BASE, 0)
    x, target = random_batch(BASE)
    training = TrainConfig(updates=4, lr=0.1, optimizer="sgd", schedule="linear")
    models_numpy.fit(model, [(x, target)] * 4, training)
    for lr in (0.1, 0.075, 0.05, 0.025):
        _, grads = models_numpy.loss_and_grads(by_hand, x, target)
        for name, p in by_hand.params.items():
            p -= lr * grads[name]
    for name, p in by_hand.params.items():
        np.testing.assert_allclose(model.params[name], p, rtol=1e-12, atol=1e-14)


def test_a_schedule_that_has_ended_is_no_longer_followed():
    x, target = random_batch(BASE)
    model = models_numpy.build(BASE, 0)
    with pytest.raises(ValueError, match="update is 3, but the schedule is for 1 to 2"):
        models_numpy.fit(model, [(x, target)] * 3, TrainConfig(updates=2, schedule="linear"))
    models_numpy.fit(model, [(x, target)] * 3, TrainConfig(updates=2))


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"lr": 0.0}, ValueError, r"lr is 0\.0"),
        ({"lr": float("nan")}, ValueError, "lr is nan"),
        ({"lr": "fast"}, TypeError, "lr is 'fast', but must be a number"),
        ({"lr": None}, TypeError, "lr is None"),
        ({"clip_norm": -1.0}, ValueError, "clip_norm is -1"),
        ({"optimizer": "lion"}, ValueError, r"'lion', but must be one of \['adam', 'rms"),
        ({"patience": 0}, ValueError, "patience is 0"),
        (
            {"schedule": "cosine"},
            ValueError,
            r"'cosine', but must be one of \('constant', 'linear'",
        ),
        ({"steps": 2.5}, TypeError, r"steps is 2\.5, but must be a whole number"),
    ],
)
def test_a_wrong_training_setting_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        TrainConfig(**{"updates": 1, **settings})


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"cell": "elman"}, ValueError, "cell is 'elman'"),
        ({"L": 0}, ValueError, "L is 0"),
        ({"V": 0}, ValueError, "V is 0"),
        ({"H": 2.0}, TypeError, r"H is 2\.0, but must be a whole number"),
        ({"loss": "hinge"}, ValueError, r"loss is 'hinge', but must be one of \('mse', "),
        ({"output": "first"}, ValueError, "output is 'first'"),
        ({"W_hh": "magic"}, ValueError, "the initializer of W_hh is 'magic', but must be one of"),
        ({"cell": "gru", "activation": "relu"}, ValueError, "a gru has its own"),
        ({"forget_bias": "one"}, TypeError, "forget_bias is 'one', but must be a number"),
        ({"forget_bias": float("inf")}, ValueError, "forget_bias is inf, but must be finite"),
    ],
)
def test_a_wrong_configuration_is_refused(settings, error, words):
    with pytest.raises(error, match=words):
        ModelConfig(**settings)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "ragged"])
def test_nan_in_the_data_is_said_to_be_there(lengths):
    model = models_numpy.build(BASE, 0)
    good, target = random_batch(BASE)
    x, wrong = good.copy(), target.copy()
    x[0, 1, 0], wrong[0, 1, :2] = np.nan, np.inf
    with pytest.raises(ValueError, match="the inputs hold 1 NaN or infinity"):
        models_numpy.predict(model, x, lengths=lengths)
    with pytest.raises(ValueError, match="the inputs hold 1 NaN"):
        models_numpy.loss_and_grads(model, x, target, lengths)
    with pytest.raises(ValueError, match="the targets hold 2 NaN"):
        models_numpy.loss_and_grads(model, good, wrong, lengths)
    feed = [Batch(good, target, lengths), Batch(x, target, lengths)]
    with pytest.raises(ValueError, match="the inputs of update 2 hold 1 NaN"):
        models_numpy.fit(model, feed, TrainConfig(updates=2))


# ------------------------------------------------------------------------------- generation


@pytest.mark.parametrize(
    "more", [{}, {"cell": "rnn"}, {"cell": "lstm"}, {"cell": "gru_reset_before"}, {"L": 2}]
)
def test_logits_step_by_step_are_those_of_one_pass(more):
    config = dataclasses.replace(LANGUAGE, **more)
    model = models_numpy.build(config, 0)
    ids, _ = random_batch(config, B=1, T=20)
    y, last = models_numpy.predict(model, ids)
    step, _ = models_numpy.stepper(model)
    for t, symbol in enumerate(ids[0]):
        assert relative_error(step(symbol), y[0, t]) < 1e-12
    again, _ = models_numpy.stepper(model, last)
    longer, _ = models_numpy.predict(model, np.concatenate([ids, ids[:, :1]], axis=1))
    assert relative_error(again(ids[0, 0]), longer[0, -1]) < 1e-12


def test_a_stepper_reads_vectors_where_there_is_no_vocabulary():
    model = models_numpy.build(BASE, 0)
    x, _ = random_batch(BASE, B=1)
    y, _ = models_numpy.predict(model, x)
    step, _ = models_numpy.stepper(model)
    assert all(relative_error(step(x[0, t]), y[0, t]) < 1e-12 for t in range(5))


def test_generation_carries_its_state_and_draws_from_the_model():
    model = models_numpy.build(LANGUAGE, 0)
    for p in model.params.values():
        p *= 3  # less uniform
    prompt = np.array([1, 4, 2])
    best = models_numpy.generate(model, prompt, 12, np.random.default_rng(0), temperature=0)
    read = np.concatenate([prompt, best])[None, :-1]
    y, _ = models_numpy.predict(model, read)
    assert np.array_equal(y[0, 2:].argmax(1), best)
    a, b = (
        models_numpy.generate(model, prompt, 50, np.random.default_rng(seed)) for seed in (1, 1)
    )
    assert np.array_equal(a, b)
    assert not np.array_equal(a, models_numpy.generate(model, prompt, 50, np.random.default_rng(2)))
    y, _ = models_numpy.predict(model, prompt[None])
    first = [
        models_numpy.generate(model, prompt, 1, np.random.default_rng(seed))[0]
        for seed in range(2000)
    ]
    p = sampling.probabilities(y[0, -1])
    assert np.abs(np.bincount(first, minlength=7) / 2000 - p).max() < 0.04


@pytest.mark.parametrize(
    ("config", "prompt", "words"),
    [
        (BASE, [1], "V=None, K=4"),
        (dataclasses.replace(LANGUAGE, output="last"), [1], "output at 'last'"),
        (LANGUAGE, [], r"but must be ids \(n,\), one or more"),
        (LANGUAGE, [[1]], r"int64 \(1, 1\), but must be ids"),
        (LANGUAGE, [1.0], "float64"),
        (LANGUAGE, [7], "outside of 0 to 6"),
        (dataclasses.replace(LANGUAGE, bidirectional=True), [1], "cannot go step by step"),
    ],
)
def test_what_cannot_generate_is_refused(config, prompt, words):
    with pytest.raises(ValueError, match=words):
        models_numpy.generate(models_numpy.build(config), prompt, 3, np.random.default_rng(0))


def test_sampling_does_what_its_settings_say():
    logits = np.random.default_rng(0).normal(size=9) * 2
    p = sampling.probabilities(logits)
    order = np.argsort(-p)
    assert np.isclose(p.sum(), 1)
    assert np.allclose(np.log(p) - np.log(p[0]), logits - logits[0])
    cold = sampling.probabilities(logits, temperature=0.5)
    assert np.allclose(cold, p**2 / (p**2).sum())
    for k in (1, 3, 9, 20):
        kept = sampling.probabilities(logits, top_k=k)
        assert np.array_equal(np.flatnonzero(kept), np.sort(order[:k]))
        assert np.allclose(kept[order[:k]], p[order[:k]] / p[order[:k]].sum())
    for mass in (0.1, 0.5, 0.9, 1.0):
        kept = sampling.probabilities(logits, top_p=mass)
        nucleus = np.count_nonzero(kept)
        assert p[order[:nucleus]].sum() >= mass - 1e-12 > p[order[: nucleus - 1]].sum() - 1e-9
    assert sampling.probabilities(np.array([1e4, -1e4])).tolist() == [1, 0]
    assert sampling.probabilities(logits, temperature=1e-300)[order[0]] == 1
    draws = [sampling.draw(cold, np.random.default_rng(s)) for s in range(3000)]
    assert np.abs(np.bincount(draws, minlength=9) / 3000 - cold).max() < 0.03


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": -1.0}, r"temperature is -1\.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, r"top_p is 0\.0"),
        ({"top_p": 1.1}, r"top_p is 1\.1"),
    ],
)
def test_wrong_sampling_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        sampling.probabilities(np.zeros(3), **settings)
    with pytest.raises(TypeError, match=r"top_k is 1\.5, but must be a whole number"):
        sampling.probabilities(np.zeros(3), top_k=1.5)


@pytest.mark.parametrize("logits", [np.zeros((2, 3)), np.zeros(0), np.array([0.0, np.nan])])
def test_wrong_logits_are_refused(logits):
    with pytest.raises(ValueError, match="logits"):
        sampling.probabilities(logits)


# ------------------------------------------------------------------------------------ files


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_from_its_file(name, dtype, tmp_path):
    model = models_numpy.build(config_of(name, dtype=dtype), seed=5)
    models_numpy.save(model, tmp_path / "model.npz")
    back = models_numpy.load(tmp_path / "model.npz")
    assert back.config == model.config
    assert back.params.keys() == model.params.keys()
    for key, p in model.params.items():
        assert np.array_equal(p, back.params[key])
        assert p.dtype == back.params[key].dtype
    assert os.listdir(tmp_path) == ["model.npz"]
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:  # as anyone may read it
        assert np.array_equal(file["W_hy"], model.params["W_hy"])


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.npz"
    models_numpy.save(models_numpy.build(BASE, 0), path)
    return path


def rewrite(path, change):
    arrays, about = storage.load_arrays(path)
    change(arrays, about)
    storage.save_arrays(path, arrays, about)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda a, _: a.pop("b_y"), ValueError, r"got \[.*but this model wants"),
        (lambda a, _: a.update(extra=np.zeros(2)), ValueError, "'extra'"),
        (lambda a, _: a.update(W_hh=np.zeros((3, 4))), ValueError, r"W_hh has shape \(3, 4\), but"),
        (lambda a, _: a.update({k: v.astype("f4") for k, v in a.items()}), TypeError, "float32"),
        (lambda _, b: b.pop("config"), ValueError, "holds no configuration: {}"),
        (lambda _, b: b["config"].update(cell="elman"), ValueError, "cell is 'elman'"),
        (
            lambda _, b: b["config"].update(wings=2),
            ValueError,
            "written for another version.*wings",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(saved, change, error, words):
    rewrite(saved, change)
    with pytest.raises(error, match=words):
        models_numpy.load(saved)


def test_numbers_of_numpy_are_numbers(tmp_path):
    """Taken from an array, as in a loop over sizes, and written to a file all the same."""
    config = ModelConfig(H=np.arange(5)[3], forget_bias=np.float32(0.5), cell="lstm")
    models_numpy.save(models_numpy.build(config), tmp_path / "model.npz")
    assert models_numpy.load(tmp_path / "model.npz").config == config
    training = TrainConfig(updates=np.int64(3), lr=np.float64(0.1))
    assert (type(training.updates), type(training.lr)) == (int, float)


LISTS = {
    "inputs": lambda m, x: models_numpy.predict(m, x.tolist()),
    "ids": lambda m, x: models_numpy.predict(models_numpy.build(LANGUAGE), [[1, 2]]),
    "targets": lambda m, x: models_numpy.loss_and_grads(m, x, [[1.0]]),
    "parameters": lambda m, x: models_numpy.set_params(m, {k: [1.0] for k in m.params}),
    "no parameters": lambda m, x: models_numpy.set_params(m, None),
    "gradients": lambda m, x: m.rnn.backward(m.rnn.forward(x)[0].tolist()),
    "logits": lambda m, x: losses.softmax_cross_entropy([[1.0, 2.0]], [0]),
    "series": lambda m, x: metrics.mean_squared_error([1.0], [2.0]),
    "classes": lambda m, x: metrics.accuracy([1], [1]),
    "a layer's parameters": lambda m, x: recurrent_layer("rnn", {"W_xh": [[1.0]]}),
}


@pytest.mark.parametrize("what", LISTS)
def test_what_is_no_array_is_refused(what):
    model = models_numpy.build(BASE)
    with pytest.raises(TypeError, match=r"(is|are) a (list|NoneType), but must be a"):
        LISTS[what](model, random_batch(BASE)[0])


def test_training_on_nothing_is_refused():
    with pytest.raises(ValueError, match="there was no batch to train on"):
        models_numpy.fit(models_numpy.build(BASE), [], TrainConfig(updates=3))
    with pytest.raises(ValueError, match="steps is -3"):
        models_numpy.generate(models_numpy.build(LANGUAGE), [1], -3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="logits have no axes"):
        losses.softmax_cross_entropy(np.array(1.0), np.array(1))


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, kept):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match=r"model\.npz is not a whole \.npz file"):
        models_numpy.load(saved)


def test_every_damaged_byte_is_found_or_harmless(saved):
    """One byte flipped, anywhere: an error of ours, or the very same model."""
    whole, model = saved.read_bytes(), models_numpy.load(saved)
    for at in range(0, len(whole), 7):
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            back = models_numpy.load(saved)
        except (ValueError, TypeError):
            continue
        assert all(np.array_equal(p, back.params[k]) for k, p in model.params.items()), at


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match=r"holds no about\.json: not a file of this package"):
        models_numpy.load(tmp_path / "other.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"not a whole \.npz file"):
        models_numpy.load(tmp_path / "one.npy")
    np.savez(tmp_path / "pickled.npz", a=np.array([{"code": "run"}], dtype=object))
    with pytest.raises(ValueError, match=r"not a whole \.npz file"):
        models_numpy.load(tmp_path / "pickled.npz")
    (tmp_path / "text.npz").write_text(json.dumps({"a": 1}))
    with pytest.raises(ValueError, match=r"not a whole \.npz file"):
        models_numpy.load(tmp_path / "text.npz")
    with pytest.raises(FileNotFoundError):
        models_numpy.load(tmp_path / "nowhere.npz")


def test_what_fails_while_writing_leaves_the_old_file(saved):
    before = saved.read_bytes()

    def fail(file):
        file.write(b"half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        storage.replace_whole(saved, fail)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]
    with pytest.raises(TypeError, match="W is object, not an array of numbers"):
        storage.save_arrays(saved, {"W": np.array([None])}, {})
    assert saved.read_bytes() == before


def test_a_new_file_may_be_read_by_whom_the_umask_allows(tmp_path):
    program = (
        "import os, sys; os.umask(0o022)\n"
        "from rnnbook import storage\n"
        "storage.replace_whole(sys.argv[1], lambda file: file.write(b'x'))"
    )
    path = tmp_path / "file"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    assert path.stat().st_mode & 0o777 == 0o644


# ------------------------------------------------------------------------------- the progress bar


@pytest.mark.parametrize(("silent", "seen"), [({}, True), ({"TQDM_DISABLE": "1"}, False)])
def test_a_reader_sees_a_bar_and_a_stored_output_does_not(silent, seen):
    program = (
        "import numpy as np\n"
        "from rnnbook import models_numpy\n"
        "from rnnbook.training import TrainConfig, minibatches\n"
        "x, config = np.zeros((2, 3, 1), 'f4'), TrainConfig(updates=5)\n"
        "model = models_numpy.build(models_numpy.ModelConfig(H=2))\n"
        "models_numpy.fit(model, minibatches(x, x, config), config)"
    )
    env = {k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"} | silent
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env
    )
    assert run.stdout == ""
    assert ("0/5" in run.stderr) == seen


def test_targets_of_whole_sequences_are_not_cut():
    """K numbers for each sequence are not T steps, even where K = T."""
    x, targets, lengths = np.zeros((2, 5, 1)), np.ones((2, 5)), np.array([2, 3])
    batch = next(minibatches(x, targets, TrainConfig(updates=1), lengths))
    assert batch.inputs.shape == (2, 3, 1)
    assert batch.targets.shape == (2, 5)
