"""The losses: against central differences, against PyTorch, and blind to padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbook.arrays import check_lengths
from rnnbook.gradcheck import central_difference, relative_error
from rnnbook.losses import LOSSES, mse, sigmoid_cross_entropy, softmax_cross_entropy

WANTS_TORCH = 'needs PyTorch: pip install "rnnbook[torch]"'
NAMES = sorted(LOSSES)
few = settings(deadline=None, max_examples=25, derandomize=True)


@st.composite
def padded_batches(draw):
    """B, T, K, the lengths of B sequences or None, and a seed."""
    B, T, K = (draw(st.integers(1, 4)) for _ in range(3))
    lengths = draw(st.none() | st.lists(st.integers(1, T), min_size=B, max_size=B))
    return B, T, K, lengths, draw(st.integers(0, 99))


def batch(name, B, T, K, seed=0):
    """A prediction (B, T, K) and a target that the loss of this name accepts."""
    rng = np.random.default_rng(seed)
    y = 3 * rng.normal(size=(B, T, K))
    if name == "softmax_cross_entropy":
        return y, rng.integers(0, K, size=(B, T))
    return y, rng.uniform(size=(B, T, K))


# --------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("name", NAMES)
@given(padded_batches())
@few
def test_gradient_is_that_of_differences(name, drawn):
    B, T, K, lengths, seed = drawn
    y, target = batch(name, B, T, K, seed)
    _, dy = LOSSES[name](y, target, lengths=lengths)
    numeric = central_difference(lambda: LOSSES[name](y, target, lengths=lengths)[0], y)
    assert dy.shape == y.shape
    if name == "softmax_cross_entropy" and K == 1:  # the only class is certain: both are 0
        assert np.abs(dy).max() == 0
        assert np.abs(numeric).max() < 1e-9
    else:
        assert relative_error(dy, numeric) < 1e-6


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 4, 3), (2, 2, 2, 3)])
def test_any_number_of_axes_will_do_without_lengths(shape):
    rng = np.random.default_rng(0)
    z, classes = rng.normal(size=shape), rng.integers(0, 3, size=shape[:-1])
    for loss, target in [
        (softmax_cross_entropy, classes), (sigmoid_cross_entropy, rng.uniform(size=shape)),
    ]:  # fmt: skip
        numeric = central_difference(lambda loss=loss, target=target: loss(z, target)[0], z)
        assert relative_error(loss(z, target)[1], numeric) < 1e-6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_has_the_predictions_dtype(name, dtype):
    y, target = batch(name, 2, 3, 4)  # the target stays float64
    exact = LOSSES[name](y, target)
    for lengths in (None, [3, 1]):
        loss, dy = LOSSES[name](y.astype(dtype), target, lengths=lengths)
        assert type(loss) is float
        assert dy.dtype == dtype
    assert np.isclose(LOSSES[name](y.astype(dtype), target)[0], exact[0], rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_goes_in_is_changed(name):
    y, target = batch(name, 2, 3, 4)
    before = y.copy(), target.copy()
    for lengths in (None, [3, 1]):
        LOSSES[name](y, target, lengths=lengths)
    assert np.array_equal(y, before[0])
    assert np.array_equal(target, before[1])


# ------------------------------------------------------------------- known values, other codes


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    loss, dz = softmax_cross_entropy(np.full((2, 5, 7), 3.0), np.zeros((2, 5), int))
    assert np.isclose(loss, np.log(7), rtol=1e-15, atol=0)
    assert np.allclose(dz.sum(axis=-1), 0, atol=1e-15)


@pytest.mark.parametrize("lengths", [None, [4, 1, 2]])
@pytest.mark.parametrize("name", NAMES)
def test_losses_agree_with_pytorch(name, lengths):
    torch = pytest.importorskip("torch", reason=WANTS_TORCH)
    functional = torch.nn.functional
    y, target = batch(name, 3, 4, 5)
    if lengths is not None and name == "softmax_cross_entropy":
        target[np.arange(4) >= np.array(lengths)[:, None]] = -100  # PyTorch's word for padding
    tensor = torch.tensor(y, requires_grad=True)
    if name == "softmax_cross_entropy":
        theirs = functional.cross_entropy(tensor.reshape(-1, 5), torch.tensor(target).reshape(-1))
    else:
        other = {
            "mse": functional.mse_loss,
            "sigmoid_cross_entropy": functional.binary_cross_entropy_with_logits,
        }[name]
        real = np.arange(4) < np.array(lengths or [4, 4, 4])[:, None]
        theirs = other(tensor[torch.tensor(real)], torch.tensor(target[real]))
    theirs.backward()
    loss, dy = LOSSES[name](y, target, lengths=lengths)
    assert np.isclose(loss, theirs.item(), rtol=1e-12, atol=0)
    assert np.allclose(dy, tensor.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits_overflow_nowhere(dtype):
    z = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype)
    loss, dz = softmax_cross_entropy(z, np.array([0, 0]))
    assert loss == 1e4  # (0 + 2e4) / 2
    assert dz.tolist() == [[0, 0], [-0.5, 0.5]]
    loss, dz = sigmoid_cross_entropy(z, np.array([[1.0, 1.0], [0.0, 0.5]]))
    assert loss == (0 + 1e4 + 0 + 5e3) / 4
    assert dz.tolist() == [[0, -0.25], [0, 0.125]]


def test_a_small_probability_keeps_its_digits():
    loss, dz = sigmoid_cross_entropy(np.array([-40.0]), np.array([0.0]))
    assert np.isclose(loss, np.exp(-40), rtol=1e-15, atol=0)
    assert np.isclose(dz[0], np.exp(-40), rtol=1e-15, atol=0)


def test_many_float32_tokens_are_averaged_exactly():
    z = np.zeros((200_000, 2), np.float32)
    assert abs(softmax_cross_entropy(z, np.zeros(200_000, int))[0] - np.log(2)) < 3e-8


# ------------------------------------------------------------------------------------- padding


def worst_padding(name, y, target, lengths):
    """Copies with NaN, infinity and, where ids are wanted, ids that no class has, as padding."""
    y, target = y.copy(), target.copy()
    padding = np.arange(y.shape[1]) >= np.array(lengths)[:, None]
    y[padding] = np.nan
    y[padding, 0] = np.inf
    target[padding] = -1 if name == "softmax_cross_entropy" else np.nan
    return y, target, padding


@pytest.mark.parametrize("name", NAMES)
@given(padded_batches())
@few
def test_padding_counts_nowhere(name, drawn):
    B, T, K, lengths, seed = drawn
    lengths = lengths or [T] * B
    y, target = batch(name, B, T, K, seed)
    loss, dy = LOSSES[name](y, target, lengths=lengths)
    bad_y, bad_target, padding = worst_padding(name, y, target, lengths)
    same, same_dy = LOSSES[name](bad_y, bad_target, lengths=lengths)
    assert same == loss
    assert np.array_equal(same_dy, dy)
    assert (dy[padding] == 0).all()
    real = ~padding
    alone, d_alone = LOSSES[name](y[real], target[real])  # the mean's divisor is theirs alone
    assert np.isclose(loss, alone, rtol=1e-14, atol=0)
    assert np.allclose(dy[real], d_alone, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_longer_padding_is_no_other_loss(name):
    y, target = batch(name, 3, 5, 4)
    lengths = np.array([5, 2, 3], np.int32)
    longer_y = np.concatenate([y, np.ones((3, 2, 4))], axis=1)
    longer_target = np.concatenate([target, target[:, :2]], axis=1)
    loss, dy = LOSSES[name](y, target, lengths=lengths)
    longer, longer_dy = LOSSES[name](longer_y, longer_target, lengths=lengths)
    assert longer == loss
    assert np.array_equal(longer_dy[:, :5], dy)
    assert not longer_dy[:, 5:].any()


@pytest.mark.parametrize("name", NAMES)
def test_full_lengths_are_as_none(name):
    y, target = batch(name, 3, 5, 4)
    loss, dy = LOSSES[name](y, target)
    full, full_dy = LOSSES[name](y, target, lengths=[5, 5, 5])
    assert np.isclose(full, loss, rtol=1e-15, atol=0)
    assert np.allclose(full_dy, dy, rtol=1e-15, atol=0)


# ------------------------------------------------------------------------------------ refusals

Z = np.zeros((2, 5, 3))
IDS = np.zeros((2, 5), int)


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([0, 5], ValueError, "lengths holds 0, but every sequence has 1 to 5 steps"),
        ([1, 6], ValueError, "lengths holds 6, but every sequence has 1 to 5 steps"),
        ([-1, 5], ValueError, "lengths holds -1"),
        ([1.0, 5.0], TypeError, "lengths are float64, but must be integers"),
        ([True, True], TypeError, "lengths are bool"),
        ([1, 2, 3], ValueError, r"lengths has shape \(3,\), but must be \(2,\)"),
        ([[1], [2]], ValueError, r"lengths has shape \(2, 1\)"),
        (3, ValueError, r"lengths has shape \(\)"),
    ],
)
def test_wrong_lengths_are_refused(lengths, error, words):
    with pytest.raises(error, match=words):
        check_lengths(lengths, B=2, T=5)
    for name in NAMES:
        with pytest.raises(error, match=words):
            LOSSES[name](Z, IDS if name == "softmax_cross_entropy" else Z, lengths=lengths)


def test_checked_lengths_are_an_int64_copy():
    given = np.array([1, 5], np.uint8)
    lengths = check_lengths(given, B=2, T=5)
    assert lengths.dtype == np.int64
    assert lengths.tolist() == check_lengths((1, 5), 2, 5).tolist() == [1, 5]
    same = check_lengths(lengths, 2, 5)
    same[0] = 3
    assert lengths[0] == 1


@pytest.mark.parametrize(
    ("loss", "y", "target", "lengths", "error", "words"),
    [
        (mse, Z, Z[..., 0], None, ValueError, r"prediction has shape \(2, 5, 3\), but target has"),
        (mse, Z[0], Z[0], [5] * 5, ValueError, r"with lengths it must be \(B, T, K\)"),
        (mse, Z[:0], Z[:0], None, ValueError, "nothing to take a mean of"),
        (sigmoid_cross_entropy, Z, Z[:1], None, ValueError, "but target has"),
        (sigmoid_cross_entropy, Z, Z + 1.5, None, ValueError, "target holds 1.5, .* 0 to 1"),
        (sigmoid_cross_entropy, Z, Z - 0.1, [5, 5], ValueError, "target holds -0.1"),
        (sigmoid_cross_entropy, Z, Z * np.nan, None, ValueError, "target holds nan"),
        (sigmoid_cross_entropy, Z.astype(int), Z, None, TypeError, "logits are int64"),
        (softmax_cross_entropy, Z, Z, None, ValueError, r"must have \(2, 5\).* has \(2, 5, 3\)"),
        (softmax_cross_entropy, Z, Z[..., 0], None, TypeError, "target is float64.*integer"),
        (softmax_cross_entropy, Z, IDS == 0, None, TypeError, "target is bool"),
        (softmax_cross_entropy, Z, IDS + 3, None, ValueError, "target holds 3, .* 0 to 2"),
        (softmax_cross_entropy, Z, IDS - 1, [5, 5], ValueError, "target holds -1, .* 0 to 2"),
        (softmax_cross_entropy, Z.astype(int), IDS, None, TypeError, "logits are int64"),
        (softmax_cross_entropy, Z[:0], IDS[:0], None, ValueError, "nothing to take a mean of"),
        (softmax_cross_entropy, Z[0], IDS[0], [5] * 5, ValueError, r"it must be \(B, T, K\)"),
    ],
)
def test_what_does_not_fit_is_refused(loss, y, target, lengths, error, words):
    with pytest.raises(error, match=words):
        loss(y, target, lengths=lengths)
