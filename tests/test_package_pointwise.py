"""Linear, Embedding, Dropout, LayerNorm: gradients, promises, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbook.gradcheck import central_difference, check_gradients, relative_error
from rnnbook.layers import Dropout, Embedding, LayerNorm, Linear

sizes = st.integers(1, 4)
drawn = settings(deadline=None, max_examples=25, derandomize=True)


def random_arrays(seed, *shapes, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def assert_gradients(layer, x, weights):
    """Of loss = sum of the output times `weights`, for every parameter and the input."""

    def loss():
        return float((layer.forward(x) * weights).sum())

    loss()
    dx, grads = layer.backward(weights)
    for check in check_gradients(loss, layer.params, grads):
        assert check.relative_error < 1e-6, str(check)
    if dx is not None:
        assert relative_error(dx, central_difference(loss, x)) < 1e-6


@drawn
@given(B=sizes, T=st.none() | sizes, H=sizes, K=sizes, seed=st.integers(0, 10**6))
def test_linear_gradients_are_those_of_differences(B, T, H, K, seed):
    steps = () if T is None else (T,)
    W, b, x, weights = random_arrays(seed, (H, K), (K,), (B, *steps, H), (B, *steps, K))
    layer = Linear({"W_hy": W, "b_y": b})
    assert relative_error(layer.forward(x), x @ W + b) < 1e-14
    assert_gradients(layer, x, weights)


@drawn
@given(B=sizes, T=sizes, V=sizes, D=sizes, seed=st.integers(0, 10**6))
def test_embedding_gradients_are_those_of_differences(B, T, V, D, seed):
    E, weights = random_arrays(seed, (V, D), (B, T, D))
    ids = np.random.default_rng(seed).integers(0, V, (B, T))
    layer = Embedding({"E": E})
    assert relative_error(layer.forward(ids), np.eye(V)[ids] @ E) < 1e-14
    assert_gradients(layer, ids, weights)


def test_an_embedding_does_not_read_the_padding():
    (E,) = random_arrays(0, (5, 2))
    layer = Embedding({"E": E})
    clean, dirty = np.array([[1, 2, 0], [4, 0, 0]]), np.array([[1, 2, -1], [4, 99, 7]])
    x = layer.forward(clean, lengths=[2, 1])
    assert np.array_equal(x, layer.forward(dirty, lengths=[2, 1]))


@drawn
@given(B=sizes, T=sizes, H=st.integers(2, 5), seed=st.integers(0, 10**6))
def test_layer_norm_gradients_are_those_of_differences(B, T, H, seed):
    gamma, beta, x, weights = random_arrays(seed, (H,), (H,), (B, T, H), (B, T, H))
    assert_gradients(LayerNorm({"gamma": gamma, "beta": beta}), x, weights)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_layer_norm_and_embedding_agree_with_pytorch(dtype, tolerance):
    torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "rnnbook[torch]"')
    gamma, beta, x, dy, E = random_arrays(1, (6,), (6,), (3, 4, 6), (3, 4, 6), (9, 6), dtype=dtype)
    layer, embedding = LayerNorm({"gamma": gamma, "beta": beta}), Embedding({"E": E})
    tx, tg, tb, te = (torch.from_numpy(a).requires_grad_() for a in (x, gamma, beta, E))
    theirs = torch.nn.functional.layer_norm(tx, (6,), tg, tb)
    theirs.backward(torch.from_numpy(dy))
    y = layer.forward(x)
    dx, grads = layer.backward(dy)
    ids = np.random.default_rng(2).integers(0, 9, (3, 4))
    torch.nn.functional.embedding(torch.from_numpy(ids), te).backward(torch.from_numpy(dy))
    embedding.forward(ids)
    pairs = [
        (y, theirs.detach()), (dx, tx.grad), (grads["gamma"], tg.grad), (grads["beta"], tb.grad),
        (embedding.backward(dy)[1]["E"], te.grad),
    ]  # fmt: skip
    for a, b in pairs:
        assert a.dtype == dtype
        assert relative_error(a, b.numpy()) < tolerance


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_keeps_the_mean_and_masks_the_gradient_alike(variational, dtype):
    layer = Dropout(0.3, variational)
    x = np.ones((500, 7, 20), dtype)
    y = layer.forward(x, np.random.default_rng(0))
    assert y.dtype == dtype
    assert np.isclose((y == 0).mean(), 0.3, atol=0.02)
    assert np.isclose(y.mean(), 1, atol=0.03)
    assert (y == y[:, :1]).all() == variational
    dx, grads = layer.backward(x)
    assert np.array_equal(dx, y)
    assert dx.dtype == dtype
    assert grads == {}
    assert np.array_equal(y, layer.forward(x, np.random.default_rng(0)))


def test_dropout_in_evaluation_is_the_identity():
    (x,) = random_arrays(0, (2, 3, 4))
    layer = Dropout(0.9)
    assert np.array_equal(layer.forward(x), x)
    assert np.array_equal(layer.backward(x)[0], x)
    assert np.array_equal(Dropout(0.0).forward(x, np.random.default_rng(0)), x)


LINEAR = Linear({"W_hy": np.ones((2, 3)), "b_y": np.zeros(3)})
EMBEDDING = Embedding({"E": np.ones((5, 2))})
NORM = LayerNorm({"gamma": np.ones(2), "beta": np.zeros(2)})


@pytest.mark.parametrize(
    ("layer", "x", "error", "words"),
    [
        (
            LINEAR,
            np.zeros((2, 5)),
            ValueError,
            r"shape \(2, 5\), but this Linear wants \(\.\.\., 2",
        ),
        (LINEAR, np.zeros(2), ValueError, r"shape \(2,\)"),
        (LINEAR, np.zeros((2, 2), int), TypeError, "int64.*computes in float64"),
        (NORM, np.zeros((2, 3, 5)), ValueError, "but this LayerNorm wants"),
        (NORM, np.zeros((2, 3, 2), np.float32), TypeError, "x is float32"),
        (EMBEDDING, np.zeros((2, 3)), TypeError, "ids are float64, but must be integers"),
        (EMBEDDING, np.zeros(3, int), ValueError, r"shape \(3,\), but an Embedding wants \(B, T\)"),
        (EMBEDDING, np.array([[0, 5]]), ValueError, "ids hold 5, but must be 0 to 4"),
        (EMBEDDING, np.array([[0, -1]]), ValueError, "ids hold -1"),
        (Dropout(0.5), np.zeros((2, 3)), ValueError, r"wants the axes \(B, T, D\)"),
        (Dropout(0.5), np.zeros((2, 3, 4), int), TypeError, "x is int64"),
    ],
)
def test_a_wrong_input_is_refused(layer, x, error, words):
    with pytest.raises(error, match=words):
        layer.forward(x)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dropout(1.0), r"rate is 1\.0"),
        (lambda: Dropout(-0.1), r"rate is -0\.1"),
        (lambda: Linear({"W_hy": np.ones((2, 3))}), r"got \['W_hy'\], but this Linear wants"),
        (lambda: Linear({"W_hy": np.ones(2), "b_y": np.ones(2)}), "wants a matrix W_hy"),
        (lambda: Linear({"W_hy": np.ones((2, 3)), "b_y": np.ones(2)}), r"b_y has shape \(2,\)"),
        (lambda: Embedding({}), "wants a matrix E"),
        (lambda: LayerNorm({"beta": np.ones(2)}), "wants a vector gamma"),
        (lambda: LayerNorm({"gamma": np.ones(2), "beta": np.ones(3)}), r"beta has shape \(3,\)"),
    ],
)
def test_wrong_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (Linear({"W_hy": np.ones((2, 2)), "b_y": np.zeros(2)}), np.ones((3, 5, 2))),
        (Embedding({"E": np.ones((5, 2))}), np.ones((3, 5), int)),
        (LayerNorm({"gamma": np.ones(2), "beta": np.zeros(2)}), np.ones((3, 5, 2))),
        (Dropout(0.5), np.ones((3, 5, 2))),
    ],
)
def test_backward_wants_a_forward_and_a_gradient_that_fits(layer, x):
    with pytest.raises(RuntimeError, match="call forward first"):
        layer.backward(np.zeros((3, 5, 2)))
    layer.forward(x)
    with pytest.raises(ValueError, match=r"shape \(3, 5\), but forward returned \(3, 5, 2\)"):
        layer.backward(np.zeros((3, 5)))
    with pytest.raises(TypeError, match="gradient is float32"):
        layer.backward(np.zeros((3, 5, 2), np.float32))
