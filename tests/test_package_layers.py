"""The recurrent layers: gradients against differences, and the contracts that all of them keep."""

import copy
import pickle

import layer_zoo as zoo
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnbook import cells
from rnnbook.gradcheck import central_difference, check_gradients, relative_error
from rnnbook.layers import GRU, LSTM, RNN, Bidirectional, Loop, Stacked, recurrent_layer

every = pytest.mark.parametrize("name", zoo.EVERY)
one_way = pytest.mark.parametrize("name", zoo.ONE_WAY)
fast = pytest.mark.parametrize("name", zoo.FAST)
RAGGED = np.array([5, 1, 7, 3])


@st.composite
def shapes(draw):
    """B, T, D, H from 1, and lengths: none, or ragged ones."""
    B, T, D, H = (draw(st.integers(1, 4)) for _ in range(4))
    lengths = draw(st.none() | st.lists(st.integers(1, T), min_size=B, max_size=B))
    return B, T, D, H, lengths


def near_a_kink(layer, x, state, h):
    """Whether a ReLU's argument lies where a difference would step over its kink."""
    p = layer.params
    before = np.concatenate([state[0][:, None], h[:, :-1]], axis=1)
    return np.abs(x @ p["W_xh"] + before @ p["W_hh"] + p["b_h"]).min() < 1e-4


@every
@settings(deadline=None, max_examples=12, derandomize=True)
@given(shape=shapes(), seed=st.integers(0, 10**6))
def test_gradients_are_those_of_differences(name, shape, seed):
    B, T, D, H, lengths = shape
    layer = zoo.make(name, D, H, seed=seed)
    x, first, dh, dlast = zoo.random_run(layer, B, T, seed)
    starts, weights = zoo.arrays_in(first), zoo.arrays_in(dlast)

    def loss():
        h, last = layer.forward(x, first, lengths)
        ends = zip(zoo.arrays_in(last), weights, strict=True)
        return float((h * dh).sum() + sum((a * w).sum() for a, w in ends))

    h, _ = layer.forward(x, first, lengths)
    if "relu" in name:
        assume(not near_a_kink(layer, x, first, h))
    dx, dfirst, grads = layer.backward(dh, dlast)
    for check in check_gradients(loss, layer.params, grads):
        assert check.relative_error < 1e-6, str(check)
    assert relative_error(dx, central_difference(loss, x)) < 1e-6
    for start, d in zip(starts, zoo.arrays_in(dfirst), strict=True):
        assert relative_error(d, central_difference(loss, start)) < 1e-6


@fast
@pytest.mark.parametrize("lengths", [None, [9, 1, 700, 350]])
def test_the_fast_layer_is_the_cell_step_by_step(name, lengths):
    """700 steps of 4 sequences: more than one block of the backward pass."""
    layer, loop = zoo.FAST[name](3, 6, np.float64, 0), zoo.LOOPS[name](3, 6, np.float64, 0)
    given_to_both = zoo.random_run(layer, 4, 700)
    ours, theirs = (zoo.run(each, *given_to_both, lengths) for each in (layer, loop))
    assert ours.keys() == theirs.keys()
    for key, a in ours.items():
        assert relative_error(a, theirs[key]) < 1e-12, key


@one_way
def test_two_halves_with_the_state_carried_are_the_whole(name):
    layer = zoo.make(name)
    x, first, dh, dlast = zoo.random_run(layer, 3, 8)
    whole = zoo.run(layer, x, first, dh, dlast)

    h_1, between = layer.forward(x[:, :4], first)
    h_2, last = layer.forward(x[:, 4:], between)
    dx_2, dbetween, grads_2 = layer.backward(dh[:, 4:], dlast)
    layer.forward(x[:, :4], first)
    dx_1, dfirst, grads_1 = layer.backward(dh[:, :4], dbetween)

    halves = {name: grads_1[name] + grads_2[name] for name in grads_1}
    halves["h"], halves["dx"] = np.concatenate([h_1, h_2], 1), np.concatenate([dx_1, dx_2], 1)
    halves |= {f"last {k}": a for k, a in enumerate(zoo.arrays_in(last))}
    halves |= {f"dfirst {k}": a for k, a in enumerate(zoo.arrays_in(dfirst))}
    assert halves.keys() == whole.keys()
    for key, a in whole.items():
        assert relative_error(a, halves[key]) < 1e-12, key


@one_way
def test_the_past_does_not_see_the_future(name):
    layer = zoo.make(name)
    x, first, *_ = zoo.random_run(layer, 3, 8)
    before, _ = layer.forward(x, first)
    x[:, 5:] += 1
    after, _ = layer.forward(x, first)
    assert np.array_equal(before[:, :5], after[:, :5])
    assert not np.allclose(before[:, 5:], after[:, 5:])


@every
@pytest.mark.parametrize("rubbish", [0.0, 1e30, np.inf, np.nan])
def test_what_stands_in_the_padding_changes_nothing(name, rubbish):
    layer = zoo.make(name)
    x, first, dh, dlast = zoo.random_run(layer, 4, 7)
    kept = zoo.run(layer, x, first, dh, dlast, RAGGED)
    padding = np.arange(7) >= RAGGED[:, None]
    x[padding], dh[padding] = rubbish, rubbish
    other = zoo.run(layer, x, first, dh, dlast, RAGGED)
    for key, a in kept.items():
        assert np.array_equal(a, other[key]), key
    assert not other["h"][padding].any()
    assert not other["dx"][padding].any()


@every
def test_how_long_the_padding_is_changes_nothing(name):
    layer = zoo.make(name)
    x, first, dh, dlast = zoo.random_run(layer, 4, 7)
    short = zoo.run(layer, x, first, dh, dlast, RAGGED)
    longer = [np.concatenate([a, np.ones_like(a)], axis=1) for a in (x, dh)]
    long = zoo.run(layer, longer[0], first, longer[1], dlast, RAGGED)
    long["h"], long["dx"] = long["h"][:, :7], long["dx"][:, :7]
    for key, a in short.items():
        assert relative_error(a, long[key]) < 1e-13, key


@every
def test_a_batch_of_ragged_sequences_is_each_of_them_alone(name):
    layer = zoo.make(name)
    x, first, dh, dlast = zoo.random_run(layer, 4, 7)
    together = zoo.run(layer, x, first, dh, dlast, RAGGED)
    total = {key: np.zeros_like(a) for key, a in layer.params.items()}
    for b, n in enumerate(RAGGED):
        one = slice(b, b + 1)
        states = [zoo.same_nesting(s, (a[one] for a in zoo.arrays_in(s))) for s in (first, dlast)]
        alone = zoo.run(layer, x[one, :n], states[0], dh[one, :n], states[1])
        for key, a in alone.items():
            if key in total:
                total[key] += a
            else:
                a_b = together[key][one]
                a_b = a_b[:, :n] if key in ("h", "dx") else a_b
                assert relative_error(a, a_b) < 1e-12, key
    for key, a in total.items():
        assert relative_error(together[key], a) < 1e-12, key


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays_and_twice_gives_the_same_bits(name, dtype):
    layer = zoo.make(name, dtype=dtype)
    given_to = zoo.random_run(layer, 4, 7)
    first, second = (zoo.run(layer, *given_to, RAGGED) for _ in range(2))
    for key, a in first.items():
        assert a.dtype == dtype, key
        assert np.array_equal(a, second[key]), key
    without = zoo.run(layer, given_to[0], None, given_to[2], None)
    assert {a.dtype for a in without.values()} == {np.dtype(dtype)}


@every
def test_nothing_given_is_changed_and_nothing_returned_is_overwritten(name):
    layer = zoo.make(name)
    given_to = zoo.random_run(layer, 3, 6)
    arrays = [*zoo.arrays_in(given_to), *layer.params.values()]
    copies = [a.copy() for a in arrays]
    out = zoo.run(layer, *given_to)
    kept = {key: a.copy() for key, a in out.items()}
    zoo.run(layer, *zoo.random_run(layer, 3, 6, seed=9))
    assert all(np.array_equal(a, c) for a, c in zip(arrays, copies, strict=True))
    assert all(np.array_equal(out[key], a) for key, a in kept.items())


@every
def test_no_state_is_a_state_of_zeros(name):
    layer = zoo.make(name)
    x, first, dh, _ = zoo.random_run(layer, 2, 5)
    nothing = zoo.same_nesting(first, (np.zeros_like(a) for a in zoo.arrays_in(first)))
    with_zeros = zoo.run(layer, x, nothing, dh, nothing)
    for key, a in zoo.run(layer, x, None, dh, None).items():
        assert np.array_equal(a, with_zeros[key]), key


@every
def test_a_layer_takes_a_new_shape_at_any_time(name):
    layer, other = zoo.make(name), zoo.make(name)
    zoo.run(layer, *zoo.random_run(layer, 5, 9))
    given_to = zoo.random_run(layer, 2, 3)
    fresh = zoo.run(other, *given_to)
    for key, a in zoo.run(layer, *given_to).items():
        assert np.array_equal(a, fresh[key]), key


@every
@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))]
)
def test_a_copy_computes_the_same_and_for_itself(name, duplicate):
    layer = zoo.make(name)
    given_to, others = zoo.random_run(layer, 3, 6), zoo.random_run(layer, 3, 6, seed=9)
    wanted = zoo.run(layer, *given_to)  # with its buffers full
    other = duplicate(layer)
    layer.forward(others[0])
    for key, a in zoo.run(other, *given_to).items():
        assert np.array_equal(a, wanted[key]), key
    for p in other.params.values():
        p += 1
    assert not np.array_equal(other.forward(given_to[0])[0], layer.forward(given_to[0])[0]) or (
        duplicate is copy.copy  # which shares the parameters
    )


@one_way
@pytest.mark.parametrize("with_state", [False, True])
def test_step_by_step_is_the_whole(name, with_state):
    layer = zoo.make(name)
    x, first, *_ = zoo.random_run(layer, 1, 9)
    h, last = layer.forward(x, first if with_state else None)
    step, live = layer.stepper(first if with_state else None)
    for t in range(9):
        assert relative_error(step(x[0, t]), h[0, t]) < 1e-13
    for a, b in zip(zoo.arrays_in(live), zoo.arrays_in(last), strict=True):
        assert relative_error(a, b[0]) < 1e-13
    for a in zoo.arrays_in(live):  # live: what is written to them is what the next step reads
        a[...] = 0
    again, _ = layer.forward(x[:, :1])
    assert relative_error(step(x[0, 0]), again[0, 0]) < 1e-13


@pytest.mark.parametrize("name", zoo.BOTH_WAYS)
def test_a_bidirectional_layer_has_no_steps(name):
    with pytest.raises(ValueError, match="cannot go step by step"):
        zoo.make(name).stepper()


def test_the_last_step_of_the_backward_direction_is_the_first():
    layer = Bidirectional(*(LSTM(zoo.params_of("lstm", 3, 4, seed=k)) for k in (0, 1)))
    x, *_ = zoo.random_run(layer, 4, 7)
    h, ((h_forward, _), (h_backward, _)) = layer.forward(x, lengths=RAGGED)
    rows = np.arange(4)
    assert np.array_equal(h_forward, h[rows, RAGGED - 1, :4])
    assert np.array_equal(h_backward, h[rows, 0, 4:])
    one_step = [
        layer.sides[1].forward(x[b : b + 1, n - 1 : n])[0].ravel() for b, n in enumerate(RAGGED)
    ]
    assert relative_error(h[rows, RAGGED - 1, 4:], np.array(one_step)) < 1e-12


def test_a_peephole_of_zero_is_none():
    p = zoo.params_of("lstm_peephole", 3, 4)
    for peephole in ("p_i", "p_f", "p_o"):
        p[peephole][:] = 0
    loop = Loop("lstm_peephole", p)
    plain = LSTM({name: p[name] for name in ("W_xh", "W_hh", "b_h")})
    given_to = zoo.random_run(plain, 3, 6)
    theirs = zoo.run(loop, *given_to)
    for key, a in zoo.run(plain, *given_to).items():
        assert relative_error(a, theirs[key]) < 1e-12, key


def test_the_two_grus_are_two_functions_and_one_where_nothing_is_reset():
    p = zoo.params_of("gru_reset_before", 3, 4)
    x = np.random.default_rng(1).normal(size=(2, 5, 3))

    def gap():
        both = {name: p[name] for name in ("W_xh", "W_hh")}
        after = GRU({**both, "b_xh": p["b_h"], "b_hh": np.zeros(12)})
        return np.abs(after.forward(x)[0] - Loop("gru_reset_before", p).forward(x)[0]).max()

    assert gap() > 1e-3
    p["b_h"][:4] = 50  # r = 1
    assert gap() < 1e-12


def test_the_recurrence_holds_its_nonlinearity():
    for cell in ("rnn", "lstm", "gru"):
        layer = recurrent_layer(cell, zoo.params_of(cell, 3, 4))
        h, _ = layer.forward(1e3 * np.random.default_rng(0).normal(size=(2, 50, 3)))
        assert np.abs(h).max() <= 1, cell


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("rnn", RNN),
        ("lstm", LSTM),
        ("gru", GRU),
        ("lstm_peephole", Loop),
        ("gru_reset_before", Loop),
    ],
)
def test_a_cells_name_gives_its_layer(cell, kind):
    assert isinstance(recurrent_layer(cell, zoo.params_of(cell, 2, 3)), kind)


# ------------------------------------------------------------------------------- what they refuse


@every
@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (np.zeros((2, 3)), ValueError, r"shape \(2, 3\).*wants the axes \(B, T, D\)"),
        (np.zeros((2, 5, 7)), ValueError, "has 7 features.*built for 3"),
        (np.zeros((2, 0, 3)), ValueError, "nothing in it"),
        (np.zeros((0, 5, 3)), ValueError, "nothing in it"),
        (np.zeros((2, 5, 3), np.float32), TypeError, "float32.*computes in float64"),
        (np.zeros((2, 5, 3), int), TypeError, "int64.*computes in float64"),
        ([[[1.0, 2.0, 3.0]]], TypeError, "is a list, but must be a NumPy array"),
    ],
)
def test_a_wrong_input_is_refused(name, x, error, words):
    with pytest.raises(error, match=words):
        zoo.make(name).forward(x)


@every
@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([5, 0], ValueError, "holds 0, but every sequence has 1 to 5 steps"),
        ([6, 2], ValueError, "holds 6"),
        ([-1, 2], ValueError, "holds -1"),
        ([5], ValueError, r"shape \(1,\).*must be \(2,\)"),
        ([5, 2, 3], ValueError, r"shape \(3,\)"),
        ([5.0, 2.0], TypeError, "are float64, but must be integers"),
        ([True, True], TypeError, "are bool"),
    ],
)
def test_wrong_lengths_are_refused(name, lengths, error, words):
    with pytest.raises(error, match=words):
        zoo.make(name).forward(np.zeros((2, 5, 3)), lengths=lengths)


@pytest.mark.parametrize("name", [*zoo.FAST, "loop of lstm", "loop of gru_reset_before"])
def test_a_wrong_state_is_refused(name):
    layer = zoo.make(name)
    x, state, dh, _ = zoo.random_run(layer, 2, 5)
    wrong = [state[0], list(state), (*state, state[0]), (), tuple(a[:1] for a in state)]
    for each in wrong:
        with pytest.raises(ValueError, match=r"state is .*, but must be a tuple of .*\(2, 4\) arr"):
            layer.forward(x, each)
    layer.forward(x)
    for each in wrong:
        with pytest.raises(ValueError, match=r"state is .*, but must be a tuple of "):
            layer.backward(dh, each)
    with pytest.raises(TypeError, match=r"the state is \['float32'\].*computes in float64"):
        layer.forward(x, tuple(a.astype(np.float32) for a in state))


@pytest.mark.parametrize("name", ["both ways lstm", "stack of lstm and gru"])
def test_a_wrong_nested_state_is_refused(name):
    layer = zoo.make(name)
    x, state, dh, _ = zoo.random_run(layer, 2, 5)
    for wrong in (state[0][0], state[:1], (*state, state[0]), list(state)):
        with pytest.raises(ValueError, match="wants a tuple of 2 states"):
            layer.forward(x, wrong)
    layer.forward(x)
    with pytest.raises(ValueError, match=r"state is 1 of them, but a .* wants a tuple of 2 states"):
        layer.backward(dh, state[:1])


@every
def test_backward_wants_a_forward_and_a_gradient_that_fits(name):
    layer = zoo.make(name)
    x, _, dh, _ = zoo.random_run(layer, 2, 5)
    fresh = zoo.make(name)
    with pytest.raises(RuntimeError, match="call forward first"):
        fresh.backward(dh)
    layer.forward(x)
    with pytest.raises(ValueError, match=r"shape \(2, 4, .*forward returned \(2, 5, "):
        layer.backward(dh[:, :4])
    with pytest.raises(TypeError, match=r"gradient is float32.*computes in float64"):
        layer.backward(dh.astype(np.float32))


@pytest.mark.parametrize("cell", cells.CELLS)
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda p: p.pop("W_hh"), ValueError, r"got \[.*\], but this .* wants \["),
        (lambda p: p.update(extra=p["W_xh"]), ValueError, r"got \[.*'extra'"),
        (lambda p: p.pop("W_xh"), ValueError, "wants a matrix W_xh"),
        (lambda p: p.update(W_xh=np.zeros(4)), ValueError, "wants a matrix W_xh"),
        (lambda p: p.update(W_xh=p["W_xh"][:, :-1]), ValueError, "has shape .*, but must be"),
        (lambda p: p.update(W_hh=p["W_hh"][:-1]), ValueError, r"W_hh has shape \(3, .*must be \(4"),
        (lambda p: p.update(W_hh=p["W_hh"].astype("f4")), TypeError, "'float32', 'float64'"),
        (lambda p: p.update(W_hh=p["W_hh"].astype(int)), TypeError, "'int64'"),
    ],
)
def test_wrong_parameters_are_refused(cell, change, error, words):
    params = zoo.params_of(cell, 3, 4)
    change(params)
    for make in (recurrent_layer, Loop):
        with pytest.raises(error, match=words):
            make(cell, params)


def test_an_unknown_name_is_said_with_those_known():
    with pytest.raises(ValueError, match=r"cell is 'elman', but must be one of \['gru', "):
        Loop("elman", {})
    with pytest.raises(ValueError, match=r"cell is 'LSTM'"):
        recurrent_layer("LSTM", {})
    with pytest.raises(ValueError, match=r"'sigmoid'.*\['relu', 'tanh'\]"):
        RNN(zoo.params_of("rnn", 3, 4), "sigmoid")
    with pytest.raises(ValueError, match="'gelu'"):
        Loop("rnn", zoo.params_of("rnn", 3, 4), activation="gelu")
    with pytest.raises(TypeError, match=r"takes no options \['activation'\]"):
        Loop("gru", zoo.params_of("gru", 3, 4), activation="relu")


def test_what_cannot_be_nested_is_refused():
    single, double = (
        LSTM(zoo.params_of("lstm", 3, 4, dtype)) for dtype in (np.float32, np.float64)
    )
    with pytest.raises(TypeError, match=r"layers of this Stacked are \['float32', 'float64'\]"):
        Stacked([single, double])
    with pytest.raises(TypeError, match="layers of this Bidirectional are"):
        Bidirectional(single, double)
    with pytest.raises(ValueError, match="no layers to stack"):
        Stacked([])
