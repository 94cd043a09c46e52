"""The layers: their gradients against differences and PyTorch, their contracts, their refusals."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnbook import cells, losses, models_numpy
from rnnbook.gradcheck import central_difference, check_gradients, relative_error
from rnnbook.layers import RNN, Linear

ACTIVATIONS = ["tanh", "relu"]
sizes = st.integers(1, 5)


def random_rnn(D, H, activation, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"W_xh": (D, H), "W_hh": (H, H), "b_h": (H,)}
    return RNN({k: (0.5 * rng.normal(size=s)).astype(dtype) for k, s in shapes.items()}, activation)


def random_arrays(seed, dtype, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@settings(deadline=None, max_examples=25, derandomize=True)
@given(B=sizes, T=sizes, D=sizes, H=sizes, seed=st.integers(0, 10**6))
def test_rnn_gradients_are_those_of_differences(activation, B, T, D, H, seed):
    layer = random_rnn(D, H, activation, seed=seed)
    x, h0, weights, last_weights = random_arrays(
        seed + 1, np.float64, (B, T, D), (B, H), (B, T, H), (B, H)
    )

    def loss():
        h, (last,) = layer.forward(x, (h0,))
        return float((h * weights).sum() + (last * last_weights).sum())

    loss()
    dx, (dh0,), grads = layer.backward(weights, (last_weights,))
    if activation == "relu":  # across its kink the difference is wrong, not the gradient
        assume(min(np.abs(layer._stacked(B) @ R).min() for R in layer.R[:-1]) > 1e-4)
    for check in check_gradients(loss, layer.params, grads):
        assert check.relative_error < 1e-6, str(check)
    assert relative_error(dx, central_difference(loss, x)) < 1e-6
    assert relative_error(dh0, central_difference(loss, h0)) < 1e-6


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rnn_agrees_with_pytorch(activation, dtype, tolerance):
    torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "rnnbook[torch]"')
    B, T, D, H = 4, 30, 3, 8
    layer = random_rnn(D, H, activation, dtype)
    for p in layer.params.values():
        p *= 0.6  # a contraction: rounding does not grow over the steps
    x, h0, dh = random_arrays(1, dtype, (B, T, D), (B, H), (B, T, H))
    h, (last,) = layer.forward(x, (h0,))
    dx, (dh0,), grads = layer.backward(dh)

    other = torch.nn.RNN(D, H, nonlinearity=activation, batch_first=True)
    other = other.to(torch.from_numpy(x).dtype)
    with torch.no_grad():
        other.weight_ih_l0.copy_(torch.from_numpy(layer.params["W_xh"].T.copy()))
        other.weight_hh_l0.copy_(torch.from_numpy(layer.params["W_hh"].T.copy()))
        other.bias_ih_l0.copy_(torch.from_numpy(layer.params["b_h"]))
        other.bias_hh_l0.zero_()
    tx = torch.from_numpy(x).requires_grad_()
    th0 = torch.from_numpy(h0[None]).requires_grad_()
    output, _ = other(tx, th0)
    (output * torch.from_numpy(dh)).sum().backward()
    theirs = {
        "h": output.detach().numpy(),
        "last": output[:, -1].detach().numpy(),
        "x": tx.grad.numpy(),
        "h0": th0.grad[0].numpy(),
        "W_xh": other.weight_ih_l0.grad.numpy().T,
        "W_hh": other.weight_hh_l0.grad.numpy().T,
        "b_h": other.bias_ih_l0.grad.numpy(),
    }
    for name, ours in {"h": h, "last": last, "x": dx, "h0": dh0, **grads}.items():
        assert ours.dtype == dtype, name
        assert relative_error(ours, theirs[name]) < tolerance, name


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_fast_layer_is_the_cell_step_by_step(activation):
    layer = random_rnn(3, 6, activation)
    x, h0, dh = random_arrays(2, np.float64, (4, 9, 3), (4, 6), (4, 9, 6))
    h, _ = layer.forward(x, (h0,))
    dx, (dh0,), grads = layer.backward(dh)

    state, caches = (h0,), []
    for t in range(9):
        state, cache = cells.rnn_step(x[:, t], state, **layer.params, activation=activation)
        caches.append(cache)
        assert relative_error(h[:, t], state[0]) < 1e-13
    dstate = (np.zeros_like(h0),)
    total = {name: np.zeros_like(p) for name, p in layer.params.items()}
    for t in reversed(range(9)):
        dx_t, dstate, step = cells.rnn_step_backward((dstate[0] + dh[:, t],), caches[t])
        assert relative_error(dx[:, t], dx_t) < 1e-12
        for name in total:
            total[name] += step[name]
    assert relative_error(dh0, dstate[0]) < 1e-12
    for name in total:
        assert relative_error(grads[name], total[name]) < 1e-12, name


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("T", [2, 700])  # 700 steps: more than one block of the backward pass
def test_two_halves_with_the_state_carried_are_the_whole(activation, T):
    layer = random_rnn(2, 4, activation)
    for p in layer.params.values():
        p *= 0.6
    x, dh = random_arrays(3, np.float64, (3, T, 2), (3, T, 4))
    h, (last,) = layer.forward(x)
    dx, _, grads = layer.backward(dh)

    half = T // 2
    first, state = layer.forward(x[:, :half])
    second, (end,) = layer.forward(x[:, half:], state)
    dx_second, dstate, grads_second = layer.backward(dh[:, half:])
    layer.forward(x[:, :half])
    dx_first, _, grads_first = layer.backward(dh[:, :half], dstate)

    assert relative_error(h, np.concatenate([first, second], axis=1)) < 1e-13
    assert relative_error(last, end) < 1e-13
    assert relative_error(dx, np.concatenate([dx_first, dx_second], axis=1)) < 1e-12
    for name in grads:
        assert relative_error(grads[name], grads_first[name] + grads_second[name]) < 1e-12, name


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_past_does_not_see_the_future(activation):
    layer = random_rnn(2, 4, activation)
    x = random_arrays(4, np.float64, (3, 8, 2))[0]
    before, _ = layer.forward(x)
    x[:, 5:] += 1
    after, _ = layer.forward(x)
    assert np.array_equal(before[:, :5], after[:, :5])
    assert not np.allclose(before[:, 5:], after[:, 5:])


def test_results_are_not_overwritten_by_the_next_call():
    layer = random_rnn(2, 4, "tanh")
    x = random_arrays(5, np.float64, (3, 8, 2))[0]
    h, (last,) = layer.forward(x)
    kept = h.copy(), last.copy()
    layer.forward(2 * x)
    assert np.array_equal(h, kept[0])
    assert np.array_equal(last, kept[1])


def test_linear_gradients_are_those_of_differences():
    W, b, x, weights = random_arrays(6, np.float64, (4, 2), (2,), (3, 5, 4), (3, 5, 2))
    layer = Linear({"W_hy": W, "b_y": b})

    def loss():
        return float((layer.forward(x) * weights).sum())

    loss()
    dx, grads = layer.backward(weights)
    for check in check_gradients(loss, layer.params, grads):
        assert check.relative_error < 1e-6, str(check)
    assert relative_error(dx, central_difference(loss, x)) < 1e-6


def test_mse_gradient_is_that_of_differences():
    y, target = random_arrays(7, np.float64, (3, 5, 2), (3, 5, 2))
    _, dy = losses.mse(y, target)
    numeric = central_difference(lambda: losses.mse(y, target)[0], y)
    assert relative_error(dy, numeric) < 1e-6


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (np.zeros((2, 3)), ValueError, r"shape \(2, 3\).*wants the axes \(B, T, D\)"),
        (np.zeros((2, 3, 7)), ValueError, "has 7 features.*built for 2"),
        (np.zeros((2, 0, 2)), ValueError, "nothing in it"),
        (np.zeros((2, 3, 2), np.float32), TypeError, "float32.*computes in float64"),
        (np.zeros((2, 3, 2), int), TypeError, "int64.*computes in float64"),
    ],
)
def test_rnn_refuses_a_wrong_input(x, error, words):
    with pytest.raises(error, match=words):
        random_rnn(2, 4, "tanh").forward(x)


@pytest.mark.parametrize("state", [np.zeros((2, 4)), (np.zeros((3, 4)),), (np.zeros((2, 4)),) * 2])
def test_rnn_refuses_a_wrong_state(state):
    with pytest.raises(ValueError, match=r"state is .*, but must be a tuple of one \(2, 4\) array"):
        random_rnn(2, 4, "tanh").forward(np.zeros((2, 3, 2)), state)


def test_an_unknown_activation_is_named_with_those_known():
    with pytest.raises(ValueError, match=r"'sigmoid'.*\['relu', 'tanh'\]"):
        random_rnn(2, 4, "sigmoid")
    with pytest.raises(ValueError, match="'gelu'"):
        models_numpy.ModelConfig(activation="gelu")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda p: p.pop("b_h"), ValueError, r"got \['W_hh', 'W_xh'\], but this RNN wants"),
        (lambda p: p.pop("W_xh"), ValueError, "wants a matrix W_xh"),
        (lambda p: p.update(W_xh=np.zeros(4)), ValueError, "wants a matrix W_xh"),
        (lambda p: p.update(W_hh=np.zeros((4, 5))), ValueError, r"\(4, 5\), but must be \(4, 4\)"),
        (lambda p: p.update(b_h=np.zeros(4, np.float32)), TypeError, "'float32', 'float64'"),
        (lambda p: p.update(b_h=np.zeros(4, int)), TypeError, "'int64'"),
    ],
)
def test_rnn_refuses_wrong_parameters(change, error, words):
    params = random_rnn(2, 4, "tanh").params
    change(params)
    with pytest.raises(error, match=words):
        RNN(params)


def test_backward_wants_a_forward_and_a_gradient_of_its_shape():
    layer, head = random_rnn(2, 4, "tanh"), Linear({"W_hy": np.ones((4, 1)), "b_y": np.ones(1)})
    for each in (layer, head):
        with pytest.raises(RuntimeError, match="call forward first"):
            each.backward(np.zeros((3, 5, 4)))
    h, _ = layer.forward(np.zeros((3, 5, 2)))
    head.forward(h)
    for each in (layer, head):
        with pytest.raises(ValueError, match=r"shape \(3, 5\), but forward returned \(3, 5, "):
            each.backward(np.zeros((3, 5)))
