"""Conversion: there and back bit for bit, and held against the live frameworks in float64."""

import os
import re

import numpy as np
import pytest

from rnnbook import convert
from rnnbook.gradcheck import check_gradients, relative_error
from rnnbook.optim import Adam

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru_reset_before": 3}
GRUS = ["gru", "gru_reset_before"]
IN_TORCH = ["rnn", "lstm", "gru"]
NETS = [(L, bidirectional) for L in (1, 2, 3) for bidirectional in (False, True)]
B, T, D, H = 2, 4, 3, 2
#: Exact in float32, in which Keras keeps its learning rate and its powers of beta; and an epsilon
#: too small to matter, since the frameworks add it in different places.
EXACT = {"lr": 2.0**-7, "beta1": 1 - 2.0**-3, "beta2": 1 - 2.0**-7, "eps": 1e-30}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason='needs PyTorch: pip install "rnnbook[torch]"')


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    missing = 'needs Keras: pip install "rnnbook[keras,tensorflow]"'
    pytest.importorskip("tensorflow", reason=missing)
    keras = pytest.importorskip("keras", reason=missing)
    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes Keras' gradients with TensorFlow's GradientTape")
    return keras


# The three layouts, written down a second time.


def prefixes(L, bidirectional):
    words = ["forward.", "backward."] if bidirectional else [""]
    return [f"{layer}." * (L > 1) + word for layer in range(L) for word in words]


def book_shapes(cell, L, bidirectional):
    shapes, G = {}, GATES[cell]
    for i, prefix in enumerate(prefixes(L, bidirectional)):
        below = D if i < 1 + bidirectional else H * (1 + bidirectional)
        shapes |= {prefix + "W_xh": (below, G * H), prefix + "W_hh": (H, G * H)}
        for b in ["b_xh", "b_hh"] if cell == "gru" else ["b_h"]:
            shapes[prefix + b] = (G * H,)
    return shapes


def torch_shapes(cell, L, bidirectional):
    shapes, rows = {}, GATES[cell] * H
    for layer in range(L):
        for end in ["", "_reverse"][: 1 + bidirectional]:
            below = D if layer == 0 else H * (1 + bidirectional)
            shapes[f"weight_ih_l{layer}{end}"] = (rows, below)
            shapes[f"weight_hh_l{layer}{end}"] = (rows, H)
            shapes[f"bias_ih_l{layer}{end}"] = (rows,)
            shapes[f"bias_hh_l{layer}{end}"] = (rows,)
    return shapes


def keras_shapes(cell, L, bidirectional):
    shapes, columns = [], GATES[cell] * H
    for i in range(L * (1 + bidirectional)):
        below = D if i < 1 + bidirectional else H * (1 + bidirectional)
        shapes += [(below, columns), (H, columns)]
        shapes.append((2, columns) if cell == "gru" else (columns,))
    return shapes


def random(shapes, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return {k: (0.7 * rng.normal(size=s)).astype(dtype) for k, s in shapes.items()}


def random_list(shapes, seed=0, dtype=np.float64):
    return list(random(dict(enumerate(shapes)), seed, dtype).values())


def squares(arrays):
    return {k: a * a for k, a in arrays.items()}


def same_bits(a, b):
    """Two dictionaries or lists of arrays: same names in the same order, dtypes, shapes, bytes."""
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = a.values(), b.values()
    for one, other in zip(a, b, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    return True


# The cells a second time, and the nets made of them.


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def step(cell, x, h, c, p):
    """One step; p holds one direction's arrays without their prefix."""
    if cell == "rnn":
        return np.tanh(x @ p["W_xh"] + h @ p["W_hh"] + p["b_h"]), c
    if cell == "lstm":
        z = x @ p["W_xh"] + h @ p["W_hh"] + p["b_h"]
        i, f, g, o = (z[:, k * H : (k + 1) * H] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    r_, z_, n_ = (slice(k * H, (k + 1) * H) for k in range(3))
    W, U = p["W_xh"], p["W_hh"]
    if cell == "gru":
        b, d = p["b_xh"], p["b_hh"]
        r = sigmoid(x @ W[:, r_] + b[r_] + h @ U[:, r_] + d[r_])
        z = sigmoid(x @ W[:, z_] + b[z_] + h @ U[:, z_] + d[z_])
        n = np.tanh(x @ W[:, n_] + b[n_] + r * (h @ U[:, n_] + d[n_]))
    else:
        b = p["b_h"]
        r = sigmoid(x @ W[:, r_] + h @ U[:, r_] + b[r_])
        z = sigmoid(x @ W[:, z_] + h @ U[:, z_] + b[z_])
        n = np.tanh(x @ W[:, n_] + (r * h) @ U[:, n_] + b[n_])
    return (1 - z) * n + z * h, c


def run(params, cell, x, L, bidirectional):
    """The states of the top layer, (B, T, H) or both directions' (B, T, 2H)."""
    where = iter(prefixes(L, bidirectional))
    for _ in range(L):
        outputs = []
        for order in [range(T), range(T - 1, -1, -1)][: 1 + bidirectional]:
            prefix = next(where)
            p = {k.removeprefix(prefix): a for k, a in params.items() if k.startswith(prefix)}
            h, c, out = np.zeros((B, H)), np.zeros((B, H)), np.zeros((B, T, H))
            for t in order:
                h, c = step(cell, x[:, t], h, c, p)
                out[:, t] = h
            outputs.append(out)
        x = np.concatenate(outputs, axis=2)
    return x


# The frameworks' nets, with the same four verbs.


class TorchNet:
    def __init__(self, torch, cell, L, bidirectional, bias=True):
        kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
        self.torch, self.cell = torch, cell
        self.net = kind(
            D, H, num_layers=L, bidirectional=bidirectional, batch_first=True, bias=bias
        ).double()
        for name, p in self.net.named_parameters():
            p.requires_grad = cell == "gru" or not name.startswith("bias_hh")

    def load(self, params):
        state = convert.to_torch(params, self.cell)
        self.net.load_state_dict({k: self.torch.from_numpy(a) for k, a in state.items()})

    def params(self):
        state = {k: p.numpy() for k, p in self.net.state_dict().items()}
        return convert.from_torch(state, self.cell)

    def output(self, x):
        return self.net(self.torch.from_numpy(x))[0].detach().numpy()

    def grads(self, x, dh):
        self.net.zero_grad()
        (self.net(self.torch.from_numpy(x))[0] * self.torch.from_numpy(dh)).sum().backward()
        grads = {k: p.grad for k, p in self.net.named_parameters() if p.grad is not None}
        return convert.grads_from_torch({k: g.numpy() for k, g in grads.items()}, self.cell)

    def adam(self, lr, beta1, beta2, eps):
        self.optimizer = self.torch.optim.Adam(
            self.net.parameters(), lr=lr, betas=(beta1, beta2), eps=eps
        )

    def update(self, x, dh):
        self.grads(x, dh)
        self.optimizer.step()

    def moments(self):
        named = dict(self.net.named_parameters())
        states = {k: self.optimizer.state[p] for k, p in named.items() if self.optimizer.state[p]}
        (t,) = {float(s["step"]) for s in states.values()}
        m, v = ({k: s[w].numpy() for k, s in states.items()} for w in ("exp_avg", "exp_avg_sq"))
        return convert.adam_from_torch({"step": t, "exp_avg": m, "exp_avg_sq": v}, self.cell)

    def load_moments(self, m, v, t):
        state, tensor = convert.adam_to_torch(m, v, t, self.cell), self.torch.from_numpy
        for name, p in self.net.named_parameters():
            if name in state["exp_avg"]:
                self.optimizer.state[p] = {
                    "step": self.torch.tensor(float(state["step"])),
                    "exp_avg": tensor(state["exp_avg"][name]),
                    "exp_avg_sq": tensor(state["exp_avg_sq"][name]),
                }


class KerasNet:
    def __init__(self, keras, cell, L, bidirectional, bias=True):
        kinds = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU", "gru_reset_before": "GRU"}
        options = {"return_sequences": True, "use_bias": bias, "dtype": "float64"}
        if cell.startswith("gru"):
            options["reset_after"] = cell == "gru"
        layers = [getattr(keras.layers, kinds[cell])(H, **options) for _ in range(L)]
        if bidirectional:
            layers = [keras.layers.Bidirectional(layer, dtype="float64") for layer in layers]
        self.keras, self.args = keras, (cell, L, bidirectional)
        self.net = keras.Sequential([keras.Input((T, D), dtype="float64"), *layers])

    def load(self, params):
        self.net.set_weights(convert.to_keras(params, self.args[0]))

    def params(self):
        return convert.from_keras(self.net.get_weights(), *self.args)

    def output(self, x):
        return self.net(x).numpy()

    def tape(self, x, dh):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.net(x) * dh)
        return tape.gradient(loss, [v.value for v in self.net.trainable_variables])

    def grads(self, x, dh):
        return convert.grads_from_keras([g.numpy() for g in self.tape(x, dh)], *self.args)

    def adam(self, lr, beta1, beta2, eps):
        self.optimizer = self.keras.optimizers.Adam(lr, beta_1=beta1, beta_2=beta2, epsilon=eps)
        self.optimizer.build(self.net.trainable_variables)

    def update(self, x, dh):
        self.optimizer.apply(self.tape(x, dh))

    def moments(self):
        variables = [v.numpy() for v in self.optimizer.variables[2:]]
        return convert.adam_from_keras(variables, self.optimizer.iterations.numpy(), *self.args)

    def load_moments(self, m, v, t):
        arrays, iterations = convert.adam_to_keras(m, v, t, self.args[0])
        for variable, array in zip(self.optimizer.variables[2:], arrays, strict=True):
            variable.assign(array)
        self.optimizer.iterations.assign(iterations)


def data(bidirectional, seed=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, T, D)), rng.normal(size=(B, T, H * (1 + bidirectional)))


# There and back.


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("L", "bidirectional"), NETS)
@pytest.mark.parametrize("cell", IN_TORCH)
def test_book_to_torch_and_back_is_exact(cell, L, bidirectional, dtype):
    p = random(book_shapes(cell, L, bidirectional), dtype=dtype)
    m = random(book_shapes(cell, L, bidirectional), 1, dtype)
    assert same_bits(convert.from_torch(convert.to_torch(p, cell), cell), p)
    assert same_bits(convert.grads_from_torch(convert.grads_to_torch(p, cell), cell), p)
    back_m, back_v, t = convert.adam_from_torch(convert.adam_to_torch(m, squares(p), 7, cell), cell)
    assert same_bits(back_m, m)
    assert same_bits(back_v, squares(p))
    assert t == 7


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("L", "bidirectional"), NETS)
@pytest.mark.parametrize("cell", IN_TORCH)
def test_torch_to_book_and_back_is_exact(cell, L, bidirectional, dtype):
    shapes = torch_shapes(cell, L, bidirectional)
    grads, m = random(shapes, dtype=dtype), random(shapes, 1, dtype)
    state = {k: a.copy() for k, a in grads.items()}
    for name in shapes if cell != "gru" else []:
        if name.startswith("bias_hh"):
            state[name] = np.zeros_like(state[name])
            grads[name] = grads[name.replace("_hh", "_ih")].copy()
            del m[name]
    assert same_bits(convert.to_torch(convert.from_torch(state, cell), cell), state)
    assert same_bits(convert.grads_to_torch(convert.grads_from_torch(grads, cell), cell), grads)
    adam = {"step": 3, "exp_avg": m, "exp_avg_sq": squares(m)}
    back = convert.adam_to_torch(*convert.adam_from_torch(adam, cell), cell)
    assert back["step"] == 3
    assert same_bits(back["exp_avg"], m)
    assert same_bits(back["exp_avg_sq"], squares(m))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("L", "bidirectional"), NETS)
@pytest.mark.parametrize("cell", GATES)
def test_book_to_keras_and_back_is_exact(cell, L, bidirectional, dtype):
    net = (cell, L, bidirectional)
    p, m = random(book_shapes(*net), dtype=dtype), random(book_shapes(*net), 1, dtype)
    assert same_bits(convert.from_keras(convert.to_keras(p, cell), *net), p)
    assert same_bits(convert.grads_from_keras(convert.grads_to_keras(p, cell), *net), p)
    back_m, back_v, t = convert.adam_from_keras(
        *convert.adam_to_keras(m, squares(p), 7, cell), *net
    )
    assert same_bits(back_m, m)
    assert same_bits(back_v, squares(p))
    assert t == 7


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("L", "bidirectional"), NETS)
@pytest.mark.parametrize("cell", GATES)
def test_keras_to_book_and_back_is_exact(cell, L, bidirectional, dtype):
    net = (cell, L, bidirectional)
    w = random_list(keras_shapes(*net), dtype=dtype)
    assert same_bits(convert.to_keras(convert.from_keras(w, *net), cell), w)
    assert same_bits(convert.grads_to_keras(convert.grads_from_keras(w, *net), cell), w)
    pairs = [moment for a in w for moment in (a, a * a)]
    back, t = convert.adam_to_keras(*convert.adam_from_keras(pairs, 3, *net), cell)
    assert same_bits(back, pairs)
    assert t == 3


@pytest.mark.parametrize("cell", GATES)
def test_what_comes_out_is_contiguous_and_shares_no_memory(cell):
    p = random(book_shapes(cell, 2, True))
    p = {k: np.asfortranarray(a) for k, a in p.items()}
    weights = convert.to_keras(p, cell)
    results = [weights, [*convert.from_keras(weights, cell, 2, True).values()]]
    inputs = [p.values(), weights]
    if cell in IN_TORCH:
        for there, back in [
            (convert.to_torch, convert.from_torch),
            (convert.grads_to_torch, convert.grads_from_torch),
        ]:
            state = there(p, cell)
            results += [[*state.values()], [*back(state, cell).values()]]
            inputs += [p.values(), state.values()]
    for given, arrays in zip(inputs, results, strict=True):
        for i, a in enumerate(arrays):
            assert a.flags.c_contiguous
            assert a.flags.writeable
            assert not any(np.shares_memory(a, other) for other in [*given, *arrays[:i]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("cell", GATES)
def test_a_net_without_biases_has_zeros_in_the_book(cell, dtype):
    p = random(book_shapes(cell, 2, True), dtype=dtype)
    p = {k: a if "W_" in k else np.zeros_like(a) for k, a in p.items()}
    weights = [a for i, a in enumerate(convert.to_keras(p, cell)) if i % 3 != 2]
    assert same_bits(convert.from_keras(weights, cell, 2, True), p)
    assert same_bits(convert.grads_from_keras(weights, cell, 2, True), p)
    if cell in IN_TORCH:
        state = {k: a for k, a in convert.to_torch(p, cell).items() if k.startswith("weight")}
        assert same_bits(convert.from_torch(state, cell), p)
        assert same_bits(convert.grads_from_torch(state, cell), p)
        m, _, _ = convert.adam_from_torch(
            {"step": 1, "exp_avg": state, "exp_avg_sq": squares(state)}, cell
        )
        assert same_bits(m, p)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_two_biases_are_one_in_the_book(cell):
    state = random(torch_shapes(cell, 1, False))
    total = state["bias_ih_l0"] + state["bias_hh_l0"]
    assert np.array_equal(convert.from_torch(state, cell)["b_h"], total)
    p = random(book_shapes(cell, 1, False))
    assert not convert.to_torch(p, cell)["bias_hh_l0"].any()
    grads = convert.grads_to_torch(p, cell)
    assert same_bits([grads["bias_ih_l0"], grads["bias_hh_l0"]], [p["b_h"], p["b_h"]])
    grads["bias_hh_l0"] = grads["bias_hh_l0"] * (1 + 1e-12)  # rounding is no difference
    assert same_bits(convert.grads_from_torch(grads, cell), p)
    del grads["bias_hh_l0"]  # nor is a bias that is frozen
    assert same_bits(convert.grads_from_torch(grads, cell), p)
    adam = convert.adam_to_torch(p, squares(p), 1, cell)
    assert "bias_hh_l0" not in adam["exp_avg"]
    for moments in (adam["exp_avg"], adam["exp_avg_sq"]):
        moments["bias_hh_l0"] = np.zeros_like(p["b_h"])
    assert same_bits(convert.adam_from_torch(adam, cell)[0], p)


# Against the live frameworks.


@pytest.mark.parametrize(("L", "bidirectional"), NETS)
@pytest.mark.parametrize("cell", IN_TORCH)
def test_torch_computes_the_same(torch, cell, L, bidirectional):
    params = random(book_shapes(cell, L, bidirectional))
    x, _ = data(bidirectional)
    net = TorchNet(torch, cell, L, bidirectional)
    assert list(convert.to_torch(params, cell)) == list(net.net.state_dict())
    net.load(params)
    assert relative_error(net.output(x), run(params, cell, x, L, bidirectional)) < 1e-12
    assert same_bits(net.params(), params)


@pytest.mark.parametrize(("L", "bidirectional"), NETS)
@pytest.mark.parametrize("cell", GATES)
def test_keras_computes_the_same(keras, cell, L, bidirectional):
    params = random(book_shapes(cell, L, bidirectional))
    x, _ = data(bidirectional)
    net = KerasNet(keras, cell, L, bidirectional)
    net.load(params)
    assert relative_error(net.output(x), run(params, cell, x, L, bidirectional)) < 1e-12
    assert same_bits(net.params(), params)


@pytest.mark.parametrize("cell", IN_TORCH)
def test_a_default_torch_layer_computes_the_same(torch, cell):
    """As built by PyTorch: both biases random, float32 weights; and without biases."""
    for bias in (True, False):
        net, (x, _) = TorchNet(torch, cell, 2, True, bias), data(True)
        assert relative_error(net.output(x), run(net.params(), cell, x, 2, True)) < 1e-12


@pytest.mark.parametrize("cell", GATES)
def test_a_keras_layer_without_biases_computes_the_same(keras, cell):
    net, (x, _) = KerasNet(keras, cell, 2, True, bias=False), data(True)
    assert relative_error(net.output(x), run(net.params(), cell, x, 2, True)) < 1e-12


def check_grads(net, cell, L, bidirectional):
    """A framework's gradients, converted, against differences of the loop above."""
    params, (x, dh) = random(book_shapes(cell, L, bidirectional)), data(bidirectional)
    net.load(params)
    grads = net.grads(x, dh)

    def loss():
        return float((run(params, cell, x, L, bidirectional) * dh).sum())

    for check in check_gradients(loss, params, grads):
        assert check.relative_error < 1e-6, str(check)
    return grads


@pytest.mark.parametrize(("L", "bidirectional"), [(1, False), (2, True)])
@pytest.mark.parametrize("cell", IN_TORCH)
def test_torch_gradients_are_those_of_differences(torch, cell, L, bidirectional):
    check_grads(TorchNet(torch, cell, L, bidirectional), cell, L, bidirectional)


@pytest.mark.parametrize(("L", "bidirectional"), [(1, False), (2, True)])
@pytest.mark.parametrize("cell", GATES)
def test_keras_gradients_are_those_of_differences(keras, cell, L, bidirectional):
    check_grads(KerasNet(keras, cell, L, bidirectional), cell, L, bidirectional)


@pytest.mark.parametrize(("L", "bidirectional"), NETS)
@pytest.mark.parametrize("cell", IN_TORCH)
def test_gradients_of_the_frameworks_agree(torch, keras, cell, L, bidirectional):
    params, (x, dh) = random(book_shapes(cell, L, bidirectional)), data(bidirectional)
    theirs = []
    for net in (TorchNet(torch, cell, L, bidirectional), KerasNet(keras, cell, L, bidirectional)):
        net.load(params)
        theirs.append(net.grads(x, dh))
    assert list(theirs[0]) == list(theirs[1]) == list(params)
    for name in params:
        assert relative_error(theirs[0][name], theirs[1][name]) < 1e-10, name


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_torch_gives_both_biases_the_same_gradient(torch, cell):
    """So that `grads_from_torch` takes one of them, and a default layer's are not refused."""
    params, (x, dh) = random(book_shapes(cell, 1, False)), data(False)
    frozen, default = TorchNet(torch, cell, 1, False), TorchNet(torch, cell, 1, False)
    default.net.requires_grad_(True)
    for net in (frozen, default):
        net.load(params)
    ours, theirs = frozen.grads(x, dh), default.grads(x, dh)
    for name in ours:
        assert relative_error(ours[name], theirs[name]) < 1e-12, name


def moments_of_adam(adam):
    return adam.m, adam.v, adam.t


def continue_in_the_book(net, clone, adam, x, dh):
    """Ten updates in a framework, then ten more there and by the book's Adam here.

    The book's gradients come from `clone`, a second net of that framework.
    """
    for _ in range(10):
        net.update(x, dh)
    params = net.params()
    adam.resume(*net.moments())
    assert adam.t == 10
    for _ in range(10):
        net.update(x, dh)
        clone.load(params)
        adam.update(params, clone.grads(x, dh))
    return params


def assert_same_training(net, params, moments):
    m, v, t = net.moments()
    assert t == moments[2]
    for theirs, ours in [(net.params(), params), (m, moments[0]), (v, moments[1])]:
        for name in params:
            assert relative_error(theirs[name], ours[name]) < 1e-10, name


@pytest.mark.parametrize("cell", IN_TORCH)
def test_the_books_adam_goes_on_where_torchs_stopped(torch, cell):
    nets = [TorchNet(torch, cell, 2, True) for _ in range(3)]
    x, dh = data(True)
    settings = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    for net in nets:
        net.load(random(book_shapes(cell, 2, True)))
        net.adam(**settings)
    net, clone, third = nets
    adam = Adam(**settings)
    params = continue_in_the_book(net, clone, adam, x, dh)
    assert_same_training(net, params, moments_of_adam(adam))

    third.load(params)  # and back, into a net of PyTorch that was never trained
    third.load_moments(*moments_of_adam(adam))
    for _ in range(5):
        net.update(x, dh)
        third.update(x, dh)
    assert_same_training(third, net.params(), net.moments())


@pytest.mark.parametrize("cell", GATES)
def test_the_books_adam_goes_on_where_keras_stopped(keras, cell):
    net, clone = KerasNet(keras, cell, 1, True), KerasNet(keras, cell, 1, True)
    x, dh = data(True)
    net.load(random(book_shapes(cell, 1, True)))
    net.adam(**EXACT)
    adam = Adam(**EXACT)
    params = continue_in_the_book(net, clone, adam, x, dh)
    assert_same_training(net, params, moments_of_adam(adam))


@pytest.mark.parametrize("cell", IN_TORCH)
def test_keras_goes_on_where_torch_stopped(torch, keras, cell):
    first, second = TorchNet(torch, cell, 2, True), KerasNet(keras, cell, 2, True)
    x, dh = data(True)
    first.load(random(book_shapes(cell, 2, True)))
    for net in (first, second):
        net.adam(**EXACT)
    for _ in range(10):
        first.update(x, dh)
    second.load(first.params())
    second.load_moments(*first.moments())
    for _ in range(10):
        first.update(x, dh)
        second.update(x, dh)
    assert_same_training(second, first.params(), first.moments())


def test_keras_adam_holds_its_variables_in_this_order(keras):
    net = KerasNet(keras, "gru", 1, False)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    for lr, first in [(0.1, ["iteration", "learning_rate"]), (schedule, ["iteration"])]:
        optimizer = keras.optimizers.Adam(lr)
        optimizer.build(net.net.trainable_variables)
        ends = [v.path.rpartition("cell_")[2].rpartition("/")[2] for v in optimizer.variables]
        assert ends == first + [
            f"{name}_{moment}"
            for name in ("kernel", "recurrent_kernel", "bias")
            for moment in ("momentum", "velocity")
        ]


# Refusals.


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (convert.to_torch, {}),
        (convert.from_torch, {}),
        (convert.grads_to_torch, {}),
        (convert.grads_from_torch, {}),
        (convert.to_keras, {}),
        (convert.from_keras, []),
        (convert.grads_to_keras, {}),
        (convert.grads_from_keras, []),
        (lambda a, cell: convert.adam_to_torch(a, a, 0, cell), {}),
        (lambda a, c: convert.adam_from_torch({"step": 0, "exp_avg": a, "exp_avg_sq": a}, c), {}),
        (lambda a, cell: convert.adam_to_keras(a, a, 0, cell), {}),
        (lambda a, cell: convert.adam_from_keras(a, 0, cell), []),
    ],
)
def test_a_cell_that_is_not_there_is_refused(function, arrays):
    with pytest.raises(ValueError, match=r"'elman', but must be one of \['gru', .*'rnn'\]"):
        function(arrays, "elman")
    with pytest.raises(ValueError, match=r"(PyTorch|Keras) has no layer for .* 'lstm_peephole'"):
        function(arrays, "lstm_peephole")


def test_torch_has_no_gru_that_resets_before():
    words = r"PyTorch has no layer .* 'gru_reset_before'; it has \['gru', 'lstm', 'rnn'\]"
    params = random(book_shapes("gru_reset_before", 1, False))
    with pytest.raises(ValueError, match=words):
        convert.to_torch(params, "gru_reset_before")
    with pytest.raises(ValueError, match=words):
        convert.from_torch({}, "gru_reset_before")


def rename(old, new):
    return lambda p: p.update({new: p.pop(old)})


def gap(p):
    for name in [name for name in p if name.startswith("1.")]:
        p["2." + name[2:]] = p.pop(name)


@pytest.mark.parametrize("to", [convert.to_torch, convert.grads_to_torch, convert.to_keras])
@pytest.mark.parametrize(
    ("L", "bidirectional", "change", "error", "words"),
    [
        (1, False, lambda p: p.pop("b_h"), ValueError, r"\(L = 1\) lacks \['b_h'\]"),
        (1, False, lambda p: p.update(W_hy=p["W_xh"]), ValueError, r"no place for \['W_hy'\]"),
        (1, False, rename("b_h", "b_xh"), ValueError, r"lacks \['b_h'\].*no place for \['b_xh'\]"),
        (1, False, rename("W_xh", "W-xh"), ValueError, r"no place for \['W-xh'\]"),
        (1, False, rename("W_xh", "0.W_xh"), ValueError, r"L = 2\) lacks.*'1.W_xh'"),
        (2, False, rename("1.W_xh", "2.W_xh"), ValueError, r"L = 3\) lacks \['1.W_xh', '2.W_hh',"),
        (2, False, gap, ValueError, r"L = 2\) lacks \['1.W_hh', .*no place for \['2.W_hh',"),
        (2, False, rename("1.W_xh", "01.W_xh"), ValueError, r"no place for .*'01.W_xh'"),
        (1, True, rename("backward.b_h", "b_h"), ValueError, r"bidirectional\) lacks \['backward"),
        (1, True, rename("backward.b_h", "upward.b_h"), ValueError, "'upward.b_h'"),
        (2, True, lambda p: p.pop("1.backward.W_hh"), ValueError, r"lacks \['1.backward.W_hh'\]"),
        (1, False, lambda p: p.update(W_xh=np.zeros(8)), ValueError, r"W_xh.*\(8,\).*be a matrix"),
        (1, False, lambda p: p.update(W_xh=p["W_xh"].T), ValueError, r"\(8, 3\), but.*\(8, 8\)"),
        (1, False, lambda p: p.update(W_hh=p["W_hh"][:1]), ValueError, r"W_xh.*W_hh says H = 1"),
        (1, False, lambda p: p.update(b_h=np.zeros(7)), ValueError, r"\(7,\), but must be \(8,\)"),
        (2, True, lambda p: p.update({"1.forward.W_xh": np.ones((2, 8))}), ValueError, r"\(4, 8\)"),
        (1, False, lambda p: p.update(b_h=np.zeros(8, np.float32)), TypeError, "'float32', 'float"),
        (1, False, lambda p: p.update(b_h=np.zeros(8, int)), TypeError, "'int64'"),
        (1, False, lambda p: p.update(b_h=[0.0] * 8), TypeError, "b_h is of type list"),
    ],
)  # fmt: skip
def test_wrong_arrays_of_the_book_are_refused(to, L, bidirectional, change, error, words):
    params = random(book_shapes("lstm", L, bidirectional))
    change(params)
    with pytest.raises(error, match=words):
        to(params, "lstm")


@pytest.mark.parametrize("back", [convert.from_torch, convert.grads_from_torch])
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.pop("bias_ih_l1"), ValueError, r"lacks \['bias_ih_l1'\]"),
        (lambda s: s.pop("bias_hh_l1"), ValueError, r"lacks \['bias_hh_l1'\]"),
        (lambda s: s.pop("weight_hh_l0"), ValueError, r"lacks \['weight_hh_l0'\]"),
        (rename("weight_ih_l1", "weight_ih_l2"), ValueError, r"lacks.*'weight_ih_l1'"),
        (rename("weight_ih_l0", "rnn.weight_ih_l0"), ValueError, r"'rnn.weight_ih_l0'"),
        (lambda s: s.update(weight_hr_l0=np.zeros((2, 3))), ValueError, "proj_size"),
        (lambda s: s.update(weight_hh_l0=np.zeros((2, 8))), ValueError, r"weight_hh_l0 says H = 8"),
        (lambda s: s.update(weight_hh_l1=np.zeros((4, 1))), ValueError, r"l1.*\(4, 1\).*\(8, 2\)"),
        (lambda s: s.update(weight_ih_l0=np.zeros(8)), ValueError, "must be a matrix"),
        (lambda s: s.update(bias_ih_l0=np.zeros(6)), ValueError, r"\(6,\), but must be \(8,\)"),
        (lambda s: s.update(bias_ih_l0=np.zeros(8, np.float32)), TypeError, "'float32', 'float64'"),
        (lambda s: s.update(bias_ih_l0=np.zeros(8, int)), TypeError, "'int64'"),
        (lambda s: s.update(bias_ih_l0=None), TypeError, "bias_ih_l0 is of type NoneType"),
    ],
)
def test_wrong_arrays_of_torch_are_refused(back, change, error, words):
    state = random(torch_shapes("lstm", 2, False))
    change(state)
    with pytest.raises(error, match=words):
        back(state, "lstm")


def test_one_cells_arrays_are_not_anothers():
    for cell, other in [("rnn", "lstm"), ("lstm", "gru"), ("gru", "rnn")]:
        with pytest.raises(ValueError, match="has shape"):
            convert.from_torch(random(torch_shapes(cell, 1, False)), other)
        with pytest.raises(ValueError, match="has shape"):
            convert.from_keras(random_list(keras_shapes(cell, 1, False)), other)
        with pytest.raises(ValueError, match=r"has shape|lacks"):
            convert.to_torch(random(book_shapes(cell, 1, False)), other)


@pytest.mark.parametrize("back", [convert.from_torch, convert.grads_from_torch])
def test_a_gru_wants_both_biases(back):
    state = random(torch_shapes("gru", 1, False))
    del state["bias_hh_l0"]
    with pytest.raises(ValueError, match=r"lacks \['bias_hh_l0'\]"):
        back(state, "gru")


def test_parameters_of_torch_want_both_biases():
    """A frozen bias need not be zero: without it, b_h is not known."""
    state = random(torch_shapes("lstm", 1, False))
    del state["bias_hh_l0"]
    with pytest.raises(ValueError, match=r"lacks \['bias_hh_l0'\]"):
        convert.from_torch(state, "lstm")


def test_gradients_of_two_biases_must_be_one():
    state = random(torch_shapes("lstm", 1, False))
    with pytest.raises(ValueError, match="bias_ih and bias_hh differ"):
        convert.grads_from_torch(state, "lstm")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda w: w.pop(), ValueError, r"weights has 5 arrays.*L = 2\) has 6, or 4 without"),
        (lambda w: w.clear(), ValueError, "weights has 0 arrays"),
        (lambda w: w.extend(w[:3]), ValueError, "weights has 9 arrays"),
        (lambda w: w.insert(0, w.pop(1)), ValueError, r"weights\[1\] \(recurrent_kernel\)"),
        (lambda w: w.insert(2, w.pop()), ValueError, r"weights\[3\] \(kernel\) has shape \(6,\)"),
        (lambda w: w.insert(0, w.pop(2)), ValueError, r"\[0\] \(kernel\).*must be a matrix"),
        (lambda w: w.insert(4, w.pop(4)[:, :3]), ValueError, r"\[4\].*\(2, 3\).*\(2, 6\)"),
        (lambda w: w.insert(5, w.pop().astype("f4")), TypeError, "'float32', 'float64'"),
        (lambda w: w.insert(5, w.pop().astype(int)), TypeError, "'int64'"),
        (lambda w: w.insert(5, w.pop().tolist()), TypeError, r"weights\[5\] \(bias\).*type list"),
    ],
)
def test_wrong_arrays_of_keras_are_refused(change, error, words):
    weights = random_list(keras_shapes("gru_reset_before", 2, False))
    change(weights)
    with pytest.raises(error, match=words):
        convert.from_keras(weights, "gru_reset_before", 2)


@pytest.mark.parametrize(("cell", "other"), [GRUS, GRUS[::-1]])
def test_the_bias_tells_the_two_grus_of_keras_apart(cell, other):
    (came,), (wanted,) = (keras_shapes(c, 1, False)[2:] for c in (cell, other))
    words = re.escape(f"[2] (bias) has shape {came}, but must be {wanted}")
    with pytest.raises(ValueError, match=rf"{words}.*=True, the book's 'gru'"):
        convert.from_keras(random_list(keras_shapes(cell, 1, False)), other)


def test_keras_wants_at_least_one_layer():
    with pytest.raises(ValueError, match="L is 0"):
        convert.from_keras([], "rnn", 0)


def moments_of(cell):
    m = random(book_shapes(cell, 1, False))
    return m, squares(m)


@pytest.mark.parametrize("to", [convert.adam_to_torch, convert.adam_to_keras])
def test_wrong_moments_of_the_book_are_refused(to):
    m, v = moments_of("lstm")
    for t in (-1, 1.5, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"updates is {float(t)}, but must be 0, 1, 2"):
            to(m, v, t, "lstm")
    with pytest.raises(ValueError, match="the second moment of W_xh is negative"):
        to(v, m, 1, "lstm")
    with pytest.raises(ValueError, match=r"first moments are .*float64.*second.*float32"):
        to(m, {k: a.astype(np.float32) for k, a in v.items()}, 1, "lstm")
    wider = {"W_xh": np.zeros((D + 1, 4 * H)), "W_hh": v["W_hh"], "b_h": v["b_h"]}
    with pytest.raises(ValueError, match="first moments are"):
        to(m, wider, 1, "lstm")
    with pytest.raises(ValueError, match="lacks"):
        to({}, {}, 0, "lstm")


def test_wrong_moments_of_torch_are_refused():
    state = convert.adam_to_torch(*moments_of("lstm"), 1, "lstm")
    with pytest.raises(ValueError, match=r"\['exp_avg', 'step'\], but must have \['step', "):
        convert.adam_from_torch({k: state[k] for k in ("step", "exp_avg")}, "lstm")
    with pytest.raises(ValueError, match=r"updates is 0\.5"):
        convert.adam_from_torch(state | {"step": 0.5}, "lstm")
    with pytest.raises(ValueError, match="is negative"):
        convert.adam_from_torch(state | {"exp_avg_sq": state["exp_avg"]}, "lstm")
    for name in ("exp_avg", "exp_avg_sq"):
        moving = state[name] | {"bias_hh_l0": state[name]["bias_ih_l0"]}
        with pytest.raises(ValueError, match="bias_hh has moments, but must be frozen"):
            convert.adam_from_torch(state | {name: moving}, "lstm")


def test_wrong_moments_of_keras_are_refused():
    pairs, t = convert.adam_to_keras(*moments_of("lstm"), 1, "lstm")
    swapped = [pairs[i] for i in (1, 0, 3, 2, 5, 4)]
    with pytest.raises(ValueError, match="is negative"):
        convert.adam_from_keras(swapped, t, "lstm")
    with pytest.raises(ValueError, match="momentums has 4 arrays"):  # iteration, learning_rate
        convert.adam_from_keras([np.ones(()), np.ones(()), *pairs], t, "lstm")
    with pytest.raises(ValueError, match=r"velocities\[0\] \(kernel\).*must be a matrix"):
        convert.adam_from_keras([pairs[0], pairs[5], *pairs[2:]], t, "lstm")
    with pytest.raises(ValueError, match=r"updates is -1"):
        convert.adam_from_keras(pairs, -1, "lstm")
