"""Optimisers against PyTorch's, clipping, and starting weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbook import initializers, optim
from rnnbook.initializers import INITIALIZERS, initialize, with_forget_bias
from rnnbook.optim import SGD, Adam, RMSprop, clip_grad_norm, clip_grad_value

WANTS_TORCH = 'needs PyTorch: pip install "rnnbook[torch]"'
SHAPES = {"W_xh": (3, 2), "b_h": (2,), "scale": (), "E": (2, 1, 2)}
EVERY = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (RMSprop, {"lr": 0.01}),
    (RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 1e-3}),
    (Adam, {"lr": 0.01}),
    (Adam, {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3}),
]
every_optimizer = pytest.mark.parametrize(
    ("kind", "settings_of"), EVERY, ids=[f"{k.__name__}-{len(s)}" for k, s in EVERY]
)


def arrays(seed, dtype="float64"):
    rng = np.random.default_rng(seed)
    return {name: np.asarray(rng.normal(size=s), dtype) for name, s in SHAPES.items()}


# ---------------------------------------------------------------------------------- optimisers


@every_optimizer
def test_twenty_updates_are_those_of_pytorch(kind, settings_of):
    torch = pytest.importorskip("torch", reason=WANTS_TORCH)
    p = arrays(0)
    tensors = {name: torch.tensor(a, requires_grad=True) for name, a in p.items()}
    names = {"beta1": "betas", "beta2": "betas"}
    theirs_of = {k: v for k, v in settings_of.items() if k not in names}
    if "beta1" in settings_of:
        theirs_of["betas"] = settings_of["beta1"], settings_of["beta2"]
    ours, theirs = kind(**settings_of), getattr(torch.optim, kind.__name__)(
        tensors.values(), **theirs_of
    )  # fmt: skip
    for update in range(20):
        g = arrays(100 + update)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(g[name])
        ours.update(p, g)
        theirs.step()
    for name, tensor in tensors.items():
        assert np.allclose(p[name], tensor.detach().numpy(), rtol=1e-12, atol=1e-12), name


def test_adam_is_its_equations_to_the_last_bit():
    """The stored results of the pages were made with this order of operations, in float32."""
    p, adam = arrays(0, "float32"), Adam(lr=1e-3)
    q = {name: a.copy() for name, a in p.items()}
    m = {name: np.zeros_like(a) for name, a in p.items()}
    v = {name: np.zeros_like(a) for name, a in p.items()}
    for t in range(1, 51):
        grads = arrays(t, "float32")
        adam.update(p, grads)
        for name, g in grads.items():
            m[name] += (1 - 0.9) * (g - m[name])
            v[name] += (1 - 0.999) * (g * g - v[name])
            root = np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8
            q[name] -= 1e-3 * (m[name] / (1 - 0.9**t)) / root
    for name in p:
        assert np.array_equal(p[name], q[name]), name


@every_optimizer
@pytest.mark.parametrize("grad_dtype", ["float32", "float64"])
def test_arrays_stay_the_same_ones_of_the_same_dtype(kind, settings_of, grad_dtype):
    p = arrays(0, "float32")
    p["E"] = p["E"].astype("float64")
    kept, before = dict(p), {name: a.copy() for name, a in p.items()}
    optimizer, g = kind(**settings_of), arrays(1, grad_dtype)
    g_before = {name: a.copy() for name, a in g.items()}
    for _ in range(3):
        optimizer.update(p, g)
    for name, a in p.items():
        assert a is kept[name]
        assert a.dtype == ("float64" if name == "E" else "float32")
        assert not np.array_equal(a, before[name])
        assert np.array_equal(g[name], g_before[name]), "the gradients are read, not used up"


@every_optimizer
def test_the_order_of_the_names_plays_no_part(kind, settings_of):
    p, q = arrays(0), arrays(0)
    one, other = kind(**settings_of), kind(**settings_of)
    for update in range(3):
        g = arrays(update + 1)
        one.update(p, g)
        backwards = dict(reversed(q.items())) if update else q
        other.update(backwards, dict(reversed(g.items())))
    assert all(np.array_equal(p[name], q[name]) for name in p)


@every_optimizer
def test_arrays_in_columns_and_views_are_changed_in_place(kind, settings_of):
    p, whole = arrays(0), np.zeros((4, 3))
    whole[:2] = p["W_xh"].T
    q = p | {"W_xh": whole[:2].T}
    q = {name: a if name == "W_xh" else a.copy() for name, a in q.items()}
    for params in (p, q):
        kind(**settings_of).update(params, arrays(1))
    assert np.array_equal(whole[:2].T, p["W_xh"])
    assert not whole[2:].any()


@every_optimizer
def test_what_does_not_fit_changes_nothing(kind, settings_of):
    p, g = arrays(0), arrays(1)
    optimizer, same = kind(**settings_of), kind(**settings_of)
    q = {name: a.copy() for name, a in p.items()}
    for params, grads, words in [
        (p, g | {"more": np.zeros(1)}, "gradients are for"),
        (p, g | {"E": np.zeros((2, 2))}, r"gradient of E is \(2, 2\), but E is \(2, 1, 2\)"),
        ({}, {}, "no parameters"),
    ]:
        with pytest.raises(ValueError, match=words):
            optimizer.update(params, grads)
    with pytest.raises(TypeError, match="E is int64, but must be float"):
        optimizer.update(p | {"E": np.zeros((2, 1, 2), int)}, g)
    assert all(np.array_equal(p[name], q[name]) for name in p)
    optimizer.update(p, g)
    with pytest.raises(ValueError, match="not the parameters of the first update"):
        optimizer.update({"E": p["E"]}, {"E": g["E"]})
    with pytest.raises(ValueError, match="not the parameters of the first update"):
        optimizer.update(p | {"E": np.zeros(4)}, g | {"E": np.zeros(4)})
    optimizer.update(p, g)
    for _ in range(2):
        same.update(q, g)
    assert all(np.array_equal(p[name], q[name]) for name in p), "a refusal left a trace"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SGD(lr=0), "lr is 0, but must be above 0"),
        (lambda: SGD(lr=-1), "lr is -1"),
        (lambda: RMSprop(lr=float("nan")), "lr is nan"),
        (lambda: Adam(lr=0), "lr is 0"),
        (lambda: SGD(lr=1, momentum=1), "momentum is 1, but must be at least 0 and below 1"),
        (lambda: SGD(lr=1, momentum=-0.1), "momentum is -0.1"),
        (lambda: RMSprop(lr=1, alpha=1.0), "alpha is 1.0"),
        (lambda: Adam(beta1=1), "beta1 is 1"),
        (lambda: Adam(beta2=float("nan")), "beta2 is nan"),
    ],
)
def test_wrong_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_every_optimiser_has_its_name():
    assert {k: v.__name__.lower() for k, v in optim.OPTIMIZERS.items()} == {
        k: k for k in ("sgd", "rmsprop", "adam")
    }


def test_without_momentum_nothing_is_remembered():
    p, sgd = {"w": np.zeros(1)}, SGD(lr=0.5)
    with np.errstate(invalid="ignore"):
        sgd.update(p, {"w": np.array([np.inf])})
    p["w"][:] = 1
    sgd.update(p, {"w": np.array([1.0])})
    assert p["w"].tolist() == [0.5]


# ------------------------------------------------------------------------------------ clipping


def test_the_norm_of_huge_float32_gradients_is_finite():
    g = {"a": np.full(3, 3e30, np.float32), "b": np.full((2, 2), 1e30, np.float32)}
    norm = clip_grad_norm(g, 1.0)
    assert np.isclose(norm, np.sqrt(3 * 9 + 4) * 1e30, rtol=1e-6, atol=0)
    assert all(a.dtype == np.float32 for a in g.values())
    assert np.isclose(sum((a.astype(float) ** 2).sum() for a in g.values()), 1, rtol=1e-6, atol=0)


def test_the_norm_is_over_all_arrays_of_all_layouts():
    g = arrays(0)
    flat = np.concatenate([a.ravel() for a in g.values()])
    g["W_xh"] = np.asfortranarray(g["W_xh"])
    assert np.isclose(clip_grad_norm(g, 1e9), np.linalg.norm(flat), rtol=1e-14, atol=0)
    clip_grad_norm(g, 0.5)
    clipped = np.concatenate([a.ravel() for a in g.values()])
    assert np.allclose(clipped, flat * 0.5 / np.linalg.norm(flat), rtol=1e-14, atol=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_no_number_is_said(bad):
    g = {"a": np.array([3.0]), "b": np.array([bad, 1.0])}
    with pytest.raises(FloatingPointError, match=r"norm of the gradients is (nan|inf)"):
        clip_grad_norm(g, 1.0)
    assert g["a"][0] == 3
    assert g["b"][1] == 1


@pytest.mark.parametrize("clip", [clip_grad_norm, clip_grad_value])
def test_clipping_agrees_with_pytorch(clip):
    torch = pytest.importorskip("torch", reason=WANTS_TORCH)
    g = arrays(3)
    tensors = [torch.zeros(a.shape, dtype=torch.float64) for a in g.values()]
    for tensor, a in zip(tensors, g.values(), strict=True):
        tensor.grad = torch.tensor(a)
    clip(g, 0.7)
    getattr(torch.nn.utils, clip.__name__ + "_")(tensors, 0.7)
    for tensor, a in zip(tensors, g.values(), strict=True):
        assert np.allclose(a, tensor.grad.numpy(), rtol=2e-6)  # PyTorch adds 1e-6 to the norm


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_by_value_bounds_every_number_in_place(dtype):
    g = {"a": np.array([-3, -0.5, np.inf, 0.25], dtype)}
    a = g["a"]
    assert clip_grad_value(g, 1) is None
    assert g["a"] is a
    assert a.dtype == dtype
    assert a.tolist() == [-1, -0.5, 1, 0.25]
    with pytest.raises(ValueError, match="limit is 0"):
        clip_grad_value(g, 0)


# -------------------------------------------------------------------------------- initialisers


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3, 4]), st.integers(0, 99))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_every_gate_is_drawn_as_if_alone(D, H, gates, seed):
    for name in INITIALIZERS:
        rows = H if name == "identity" else D
        W = initialize(name, (rows, gates * H), np.random.default_rng(seed), gates)
        assert W.shape == (rows, gates * H)
        assert W.dtype == np.float64
        rng = np.random.default_rng(seed)
        for gate in np.split(W, gates, axis=1):
            assert np.array_equal(gate, initialize(name, (rows, H), rng)), name


def test_every_gate_of_an_orthogonal_weight_is_orthogonal():
    W = initialize("orthogonal", (6, 24), np.random.default_rng(0), gates=4)
    gates = np.split(W, 4, axis=1)
    for gate in gates:
        assert np.allclose(gate @ gate.T, np.eye(6), atol=1e-14)
    assert not np.allclose(gates[0], gates[1])
    as_one = initialize("orthogonal", (6, 24), np.random.default_rng(0))
    assert not np.allclose(as_one[:, :6] @ as_one[:, :6].T, np.eye(6))


@pytest.mark.parametrize("gates", [1, 4])
@pytest.mark.parametrize(
    ("name", "limit"), [("glorot_uniform", np.sqrt(6 / 300)), ("torch_uniform", np.sqrt(1 / 200))]
)
def test_bounds_are_those_of_one_gate(name, limit, gates):
    W = initialize(name, (100, 200 * gates), np.random.default_rng(0), gates)
    assert 0.999 * limit < W.max() <= limit
    assert -0.999 * limit > W.min() >= -limit
    assert np.isclose(W.std(), limit / np.sqrt(3), rtol=0.02)
    assert abs(W.mean()) < 0.02 * limit


def test_torch_uniform_has_the_bounds_of_pytorch():
    torch = pytest.importorskip("torch", reason=WANTS_TORCH)
    H, rng = 50, np.random.default_rng(0)
    for layer, gates in [(torch.nn.RNN, 1), (torch.nn.LSTM, 4), (torch.nn.GRU, 3)]:
        theirs = layer(30, H)
        for shape, tensor in [((30, gates * H), theirs.weight_ih_l0),
                              ((H, gates * H), theirs.weight_hh_l0),
                              ((gates * H,), theirs.bias_ih_l0)]:  # fmt: skip
            ours = np.abs(initialize("torch_uniform", shape, rng, gates)).max()
            largest = tensor.detach().abs().max().item()
            assert max(ours, largest) <= 1 / np.sqrt(H) + 1e-7
            assert np.isclose(ours, largest, rtol=0.15)


@pytest.mark.parametrize(
    ("name", "shape", "gates", "words"),
    [
        ("he", (2, 2), 1, r"'he', but must be one of \['glorot_uniform', 'identity', 'orth"),
        ("identity", (2, 3), 1, r"identity is square, but \(2, 3\)"),
        ("identity", (2, 6), 2, r"identity is square, but \(2, 3\)"),
        ("identity", (2,), 1, "identity is square"),
        ("orthogonal", (2,), 1, "two axes"),
        ("zeros", (2, 6), 4, r"last axis of \(2, 6\) cannot be cut into 4 equal gates"),
        ("zeros", (2, 6), 0, "into 0 equal gates"),
    ],
)
def test_a_start_that_cannot_be_is_refused(name, shape, gates, words):
    with pytest.raises(ValueError, match=words):
        initialize(name, shape, np.random.default_rng(0), gates)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_forget_gate_is_the_second_block(dtype):
    b_h = np.arange(12, dtype=dtype)
    new = with_forget_bias(b_h, 7.0)
    assert new.tolist() == [0, 1, 2, 7, 7, 7, 6, 7, 8, 9, 10, 11]
    assert new.dtype == dtype
    assert b_h.tolist() == list(range(12))
    for wrong in (np.zeros(6), np.zeros((2, 4))):
        with pytest.raises(ValueError, match=r"bias has shape \(4H,\)"):
            with_forget_bias(wrong)


def test_identity_draws_nothing():
    rng = np.random.default_rng(0)
    assert np.array_equal(initializers.identity((3, 3), rng), np.eye(3))
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adam_goes_on_from_its_own_moments(dtype):
    p, grads = arrays(0, dtype), [arrays(seed, dtype) for seed in range(1, 7)]
    whole, half = optim.Adam(lr=0.01), optim.Adam(lr=0.01)
    assert (whole.m, whole.v, whole.t) == ({}, {}, 0)
    for g in grads[:3]:
        whole.update(p, g)
    other = {name: a.copy() for name, a in p.items()}
    half.resume(dict(reversed(whole.m.items())), whole.v, whole.t)  # in whatever order
    for g in grads[3:]:
        whole.update(p, g)
        half.update(other, g)
    for name, a in p.items():
        assert np.array_equal(a, other[name]), name
        assert np.array_equal(whole.m[name], half.m[name]), name
        assert whole.v[name].dtype == dtype
    whole.m["W_xh" if "W_xh" in p else next(iter(p))][:] = 9  # a copy
    assert all((m != 9).all() for m in whole.m.values())


def test_moments_that_do_not_fit_are_refused():
    m = arrays(0)
    with pytest.raises(ValueError, match=r"first moments are of .*, but second moments of {}"):
        optim.Adam().resume(m, {}, 3)
    with pytest.raises(ValueError, match="t is -1"):
        optim.Adam().resume(m, m, -1)
