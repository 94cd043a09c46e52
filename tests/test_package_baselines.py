"""Baselines and metrics: against slow and obvious programs, and against what theory says."""

import lzma
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbook import metrics
from rnnbook.baselines import (
    LinearAutoregression,
    Majority,
    NaiveBayesLetters,
    NGram,
    linear_extrapolation,
    lzma_bits_per_character,
    persistence,
    seasonal_persistence,
)

few = settings(deadline=None, max_examples=25, derandomize=True)


# -------------------------------------------------------------------------------------- series


@pytest.mark.parametrize("shape", [(12,), (3, 12)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_linear_extrapolation_is_exact_for_counting(shape, dtype):
    start = np.arange(shape[0])[:, None] if len(shape) == 2 else 5
    s = (start + 3 * np.arange(12)).astype(dtype)
    prediction = linear_extrapolation(s)
    assert prediction.dtype == dtype
    assert np.array_equal(prediction[..., :-1], s[..., 2:])
    assert np.array_equal(prediction[..., -1], s[..., -1] + 3)


@pytest.mark.parametrize("shape", [(12,), (2, 12)])
def test_seasonal_persistence_looks_one_season_back(shape):
    s = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for season in (1, 4, 12):
        prediction = seasonal_persistence(s, season)
        for i in range(12 - season + 1):  # after time season + i: the value one season before
            assert np.array_equal(prediction[..., i], s[..., season + i - season])
        assert prediction.shape[-1] == 12 - season + 1
        assert prediction.dtype == np.float32
    assert np.array_equal(seasonal_persistence(s, 1), persistence(s))
    wave = np.tile([1.0, 5.0, 2.0], 4)
    assert np.array_equal(seasonal_persistence(wave, 3)[:-1], wave[3:])
    seasonal_persistence(wave, 3)[:] = 0  # a copy
    assert wave.all()


def test_baselines_of_a_series_line_up_with_the_autoregression():
    """Each answers last with the value behind the end of the series."""
    s = 2.0 * np.arange(10)
    ar = LinearAutoregression(np.array([2.0, -1.0]), 0.0)
    assert np.allclose(ar.predict(s), linear_extrapolation(s))
    assert persistence(s)[-1] == 18
    assert seasonal_persistence(s, 4)[-1] == s[10 - 4]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: seasonal_persistence(np.ones(3), 4), ValueError, "season is 4, .* 1 to .* 3"),
        (lambda: seasonal_persistence(np.ones(3), 0), ValueError, "season is 0"),
        (
            lambda: linear_extrapolation(np.ones(1)),
            ValueError,
            "has 1 values; a difference needs 2",
        ),
        (lambda: linear_extrapolation(np.ones(3, np.uint8)), TypeError, "series is uint8"),
    ],
)
def test_a_series_that_will_not_do_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ------------------------------------------------------------------------------------- classes


def some_words(seed, N=60, T=7, V=5, K=3):
    """Words whose letters depend on their class; the padding holds an id that is none."""
    rng = np.random.default_rng(seed)
    labels, lengths = rng.integers(0, K, N), rng.integers(1, T + 1, N)
    ids = (rng.integers(0, V, (N, T)) + labels[:, None] * rng.integers(0, 2, (N, T))) % V
    ids[np.arange(T) >= lengths[:, None]] = -1
    return ids, lengths, labels


@pytest.mark.parametrize("smoothing", [1.0, 0.3])
def test_naive_bayes_agrees_with_scikit_learn(smoothing):
    naive_bayes = pytest.importorskip(
        "sklearn.naive_bayes", reason='needs scikit-learn: pip install "rnnbook[pages]"'
    )
    ids, lengths, labels = some_words(0)
    held_out, held_lengths, _ = some_words(1)
    counts = [
        np.array([[row.tolist().count(v) for v in range(5)] for row in words])
        for words in (ids, held_out)
    ]
    theirs = naive_bayes.MultinomialNB(alpha=smoothing).fit(counts[0], labels)
    ours = NaiveBayesLetters.fit(ids, lengths, labels, V=5, K=3, smoothing=smoothing)
    log_p = ours.log_probability(held_out, held_lengths)
    assert np.abs(log_p - theirs.predict_log_proba(counts[1])).max() < 1e-12
    assert np.array_equal(ours.predict(held_out, held_lengths), theirs.predict(counts[1]))
    assert np.abs(np.exp(log_p).sum(axis=1) - 1).max() < 1e-12


def test_naive_bayes_is_what_one_counts_by_hand():
    ids = np.array([[0, 0, 1], [1, 9, 9], [1, 0, 9]])
    model = NaiveBayesLetters.fit(ids, [3, 1, 2], np.array([0, 1, 1]), V=2, K=3)
    assert np.allclose(np.exp(model.log_prior), [1 / 3, 2 / 3, 0])
    assert np.allclose(np.exp(model.log_letter), [[3 / 5, 2 / 5], [2 / 5, 3 / 5], [1 / 2, 1 / 2]])
    p = np.exp(model.log_probability(np.array([[0, 0]]), [2]))[0]
    joint = np.array([1 / 3 * (3 / 5) ** 2, 2 / 3 * (2 / 5) ** 2, 0])
    assert np.allclose(p, joint / joint.sum(), rtol=1e-12, atol=0)
    assert p[2] == 0  # a class without words is never predicted


def test_padding_is_no_letter():
    ids, lengths, labels = some_words(0)
    other = np.where(ids < 0, 99, ids)
    other = np.concatenate([other, np.full((len(ids), 2), -7)], axis=1)
    models = [NaiveBayesLetters.fit(a, lengths, labels, V=5, K=3) for a in (ids, other)]
    assert np.array_equal(models[0].log_letter, models[1].log_letter)
    answers = [m.log_probability(a, lengths) for m, a in zip(models, (ids, other), strict=True)]
    assert np.array_equal(*answers)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64"])
def test_every_integer_type_is_counted_alike(dtype):
    ids, labels = np.random.default_rng(0).integers(0, 120, (40, 6)), np.arange(40) % 3
    models = [
        NaiveBayesLetters.fit(ids.astype(t), [6] * 40, labels.astype(t), V=120, K=3)
        for t in ("int64", dtype)
    ]
    assert np.array_equal(models[0].log_letter, models[1].log_letter)
    text = ids.ravel()
    wide, narrow = (NGram.fit(text.astype(t), 120, 4) for t in ("int64", dtype))
    assert np.array_equal(wide.nats(text), narrow.nats(text.astype(dtype)))


def test_a_word_of_any_length_has_a_class():
    """A product of 5000 probabilities is 0 in float64; the sum of their logarithms is not."""
    ids, lengths, labels = some_words(0)
    model = NaiveBayesLetters.fit(ids, lengths, labels, V=5, K=3)
    log_p = model.log_probability(np.full((1, 5000), 2), [5000])
    assert np.isclose(np.exp(log_p).sum(), 1)
    assert log_p.argmax() == model.log_letter[:, 2].argmax()


def test_the_majority_is_the_most_frequent_class():
    answer = Majority.fit(np.array([3, 1, 1, 3, 0]), K=4).predict(3)
    assert answer.tolist() == [1, 1, 1]  # of equals the lowest
    assert answer.dtype == np.int64


IDS, LABELS = np.array([[0, 1], [1, 0]]), np.array([0, 1])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Majority.fit(LABELS[:0], 2), ValueError, r"shape \(0,\), .* N at least 1"),
        (lambda: Majority.fit(LABELS / 2, 2), TypeError, "labels are float64"),
        (lambda: Majority.fit(LABELS, 1), ValueError, "labels hold 0 to 1, but must be 0 to 0"),
        (lambda: bayes(ids=IDS[0]), ValueError, r"ids have shape \(2,\), but must be \(N, T\)"),
        (lambda: bayes(ids=IDS / 2), TypeError, "ids are float64"),
        (lambda: bayes(ids=IDS + 1), ValueError, "ids hold 2, but must be 0 to 1"),
        (lambda: bayes(ids=IDS - 1), ValueError, "ids hold -1"),
        (lambda: bayes(lengths=[0, 2]), ValueError, "lengths holds 0"),
        (lambda: bayes(lengths=[2]), ValueError, "lengths has shape"),
        (lambda: bayes(labels=np.array([0])), ValueError, "2 words, but 1 labels"),
        (lambda: bayes(labels=LABELS - 1), ValueError, "labels hold -1 to 0"),
        (lambda: bayes(smoothing=0), ValueError, "smoothing is 0"),
        (lambda: bayes().predict(IDS + 1, [2, 2]), ValueError, "ids hold 2"),
        (lambda: bayes().log_probability(IDS, [2, 3]), ValueError, "lengths holds 3"),
    ],
)
def test_words_that_will_not_do_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def bayes(ids=IDS, lengths=(2, 2), labels=LABELS, smoothing=1.0):
    return NaiveBayesLetters.fit(ids, lengths, labels, V=2, K=2, smoothing=smoothing)


# ------------------------------------------------------------------------------------- n-grams


def slow_probability(text, V, order, context, symbol):
    """Witten and Bell's recursion with dictionaries, straight from the equation."""
    p = 1 / V
    for k in range(1, order + 1):
        if len(context) < k - 1:
            break
        h = tuple(context[len(context) - k + 1 :])
        after = Counter(
            text[i + k - 1] for i in range(len(text) - k + 1) if tuple(text[i : i + k - 1]) == h
        )
        c, N = sum(after.values()), len(after)
        if c:
            p = (after[symbol] + N * p) / (c + N)
    return p


texts = st.integers(1, 4).flatmap(
    lambda V: st.tuples(
        st.just(V),
        st.lists(st.integers(0, V - 1), min_size=1, max_size=30),
        st.lists(st.integers(0, V - 1), min_size=1, max_size=8),
        st.lists(st.integers(0, V - 1), max_size=6),
        st.integers(0, 5),
    )
)


@given(texts)
@few
def test_ngrams_are_those_of_a_slow_program(drawn):
    V, text, held_out, context, order = drawn
    model = NGram.fit(np.array(text), V, order)
    nats = model.nats(np.array(held_out), np.array(context, int))
    for i, symbol in enumerate(held_out):
        wanted = slow_probability(text, V, order, context + held_out[:i], symbol)
        assert math.isclose(nats[i], -math.log(wanted), rel_tol=1e-12, abs_tol=1e-15)
    assert nats.dtype == np.float64


@given(texts)
@few
def test_distributions_sum_to_one_and_are_those_of_the_text(drawn):
    V, text, held_out, context, order = drawn
    model = NGram.fit(np.array(text), V, order)
    nats = model.nats(np.array(held_out), np.array(context, int))
    for i, symbol in enumerate(held_out):
        p = model.distribution(np.array(context + held_out[:i], int))
        assert p.shape == (V,)
        assert abs(p.sum() - 1) < 1e-14
        assert p.min() > 0
        assert math.isclose(nats[i], -math.log(p[symbol]), rel_tol=1e-14, abs_tol=1e-15)


def test_contexts_seen_and_unseen_of_a_long_text_sum_to_one():
    rng = np.random.default_rng(0)
    V, text = 40, np.minimum(rng.geometric(0.15, 20_000) - 1, 39)
    model = NGram.fit(text, V, 5)
    for i in rng.integers(0, len(text) - 4, 50):
        assert abs(model.distribution(text[i : i + 4]).sum() - 1) < 1e-13
    for _ in range(50):
        assert abs(model.distribution(rng.integers(0, V, 4)).sum() - 1) < 1e-13


def test_a_text_in_two_halves_costs_as_much_as_the_whole():
    rng = np.random.default_rng(0)
    text, held_out = rng.integers(0, 6, 3000), rng.integers(0, 6, 200)
    for order in range(5):
        model = NGram.fit(text, 6, order)
        halves = [model.nats(held_out[:90]), model.nats(held_out[90:], held_out[:90])]
        assert np.array_equal(np.concatenate(halves), model.nats(held_out))
        changed = held_out.copy()
        changed[100:] = 5 - changed[100:]
        assert np.array_equal(model.nats(changed)[:100], model.nats(held_out)[:100])


def test_order_0_is_uniform_and_order_1_counts_letters():
    text = np.array([0, 0, 1, 0])
    uniform, unigram = (NGram.fit(text, 5, order) for order in (0, 1))
    assert np.array_equal(uniform.distribution(), np.full(5, 0.2))
    assert np.allclose(uniform.nats(text), np.log(5), rtol=1e-15)
    seen = np.array([3, 1, 0, 0, 0]) + 2 * 0.2  # two different symbols share their weight with 1/V
    assert np.allclose(unigram.distribution(text), seen / 6, rtol=1e-15)
    assert np.array_equal(unigram.distribution(), unigram.distribution(text))
    assert metrics.perplexity(uniform.nats(text).sum(), 4) == pytest.approx(5, rel=1e-14)


def test_a_higher_order_knows_more_of_a_text_with_memory():
    """A cycle of three with noise: the bigram knows it, the unigram cannot."""
    rng = np.random.default_rng(0)
    text = (np.arange(6000) + (rng.random(6000) < 0.1)) % 3
    train, held_out = text[:5000], text[5000:]
    uniform, unigram, bigram = (NGram.fit(train, 3, o).nats(held_out).mean() for o in range(3))
    assert np.isclose(unigram, uniform, rtol=1e-2)
    assert bigram < 0.7 * unigram


def test_context_longer_than_the_order_or_the_training_text():
    model = NGram.fit(np.array([1, 0]), 2, 9)
    long = np.array([0, 1] * 20)
    assert np.array_equal(model.distribution(long), model.distribution(long[-8:]))
    assert len(model.nats(long)) == 40
    assert model.nats(long[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: NGram.fit(np.array([], int), 2, 1), ValueError, "ids are empty"),
        (lambda: NGram.fit(np.array([0.0]), 2, 1), TypeError, "ids are float64"),
        (lambda: NGram.fit(np.array([[0]]), 2, 1), ValueError, r"shape \(1, 1\), but a text is"),
        (lambda: NGram.fit(np.array([0, 2]), 2, 1), ValueError, "ids hold 0 to 2, .* 0 to 1"),
        (lambda: NGram.fit(np.array([0]), 2, -1), ValueError, "order is -1"),
        (lambda: NGram.fit(np.array([0]), 0, 1), ValueError, "V is 0"),
        (lambda: model_of_two().nats(np.array([-1])), ValueError, "ids hold -1 to -1"),
        (lambda: model_of_two().nats(IDS[0], np.array([5])), ValueError, "context hold"),
        (lambda: model_of_two().distribution(np.array([5])), ValueError, "context hold"),
    ],
)
def test_a_text_that_will_not_do_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def model_of_two():
    return NGram.fit(np.array([0, 1]), 2, 2)


# --------------------------------------------------------------------------------- compression


def test_a_text_seen_before_costs_less_than_a_new_one():
    rng = np.random.default_rng(0)
    train, new = (rng.integers(0, 256, 5000, np.uint8).tobytes() for _ in range(2))
    assert lzma_bits_per_character(train, train[1000:4000]) < 0.1
    assert np.isclose(lzma_bits_per_character(train, new), 8, rtol=0.02)  # noise: 8 bits a byte
    assert np.isclose(lzma_bits_per_character(b"", new), 8, rtol=0.02)


def test_matches_reach_back_over_the_whole_training_text():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, 100_000, np.uint8).tobytes()
    assert lzma_bits_per_character(train, train[:5000]) < 0.1


def test_the_price_is_that_of_xz_up_to_its_container():
    rng = np.random.default_rng(0)
    words = ["the ", "cat ", "sat ", "on ", "a ", "mat. ", "dog ", "ran ", "to "]
    train, held_out = ("".join(rng.choice(words, 2000)) for _ in range(2))
    sizes = [
        len(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
        for text in (train, train + held_out)
    ]
    theirs = 8 * (sizes[1] - sizes[0]) / len(held_out)
    assert np.isclose(lzma_bits_per_character(train, held_out), theirs, rtol=0.01)


def test_a_character_of_two_bytes_is_one_character():
    train, held_out = "où êtes-vous né? " * 9, "à l'été, né là-bas, où êtes-vous né? là"
    as_bytes = lzma_bits_per_character(train.encode(), held_out.encode())
    ratio = len(held_out.encode()) / len(held_out)
    assert np.isclose(lzma_bits_per_character(train, held_out), as_bytes * ratio, rtol=1e-12)


@pytest.mark.parametrize(
    ("train", "held_out", "error", "words"),
    [
        ("a", "", ValueError, "held_out is empty"),
        ("a", b"a", TypeError, "train is str and held_out bytes"),
        (b"", "a", TypeError, "train is bytes and held_out str"),
    ],
)
def test_what_cannot_be_compressed_is_refused(train, held_out, error, words):
    with pytest.raises(error, match=words):
        lzma_bits_per_character(train, held_out)


# ------------------------------------------------------------------------------------- metrics


def test_the_scaled_error_of_persistence_on_its_training_series_is_one():
    train = np.random.default_rng(0).normal(size=50)
    score = metrics.mean_absolute_scaled_error
    assert np.isclose(score(train[1:], persistence(train)[:-1], train), 1, rtol=1e-14)
    seasonal = seasonal_persistence(train, 7)[:-1]
    assert np.isclose(score(train[7:], seasonal, train, season=7), 1, rtol=1e-14)
    assert not np.isclose(score(train[7:], seasonal, train), 1)


def test_the_scaled_error_has_no_unit():
    rng = np.random.default_rng(0)
    target, prediction, train = rng.normal(size=(3, 20))
    score = metrics.mean_absolute_scaled_error
    changed = score(5 + 9 * target, 5 + 9 * prediction, 5 + 9 * train)
    assert np.isclose(changed, score(target, prediction, train), rtol=1e-13)


def test_the_root_is_that_of_the_mean_square():
    rng = np.random.default_rng(0)
    target, prediction = rng.normal(size=(2, 4, 5))
    wanted = np.sqrt(metrics.mean_squared_error(target, prediction))
    assert np.isclose(metrics.root_mean_squared_error(target, prediction), wanted, rtol=1e-15)


@pytest.mark.parametrize("V", [1, 2, 26, 1000])
def test_the_perplexity_of_the_uniform_model_is_the_number_of_symbols(V):
    nats = np.full(77, np.log(V))
    assert np.isclose(metrics.perplexity(nats.sum(), 77), V, rtol=1e-12)
    assert np.isclose(metrics.bits_per_character(nats.sum(), 77), np.log2(V), rtol=1e-12)


def test_totals_of_batches_may_be_added():
    """What the mean of two batches' perplexities, or of their nats a token, is not."""
    nats = np.random.default_rng(0).uniform(0, 4, 100)
    whole = metrics.perplexity(nats.sum(), 100)
    assert np.isclose(metrics.perplexity(nats[:90].sum() + nats[90:].sum(), 100), whole)
    parts = [metrics.perplexity(nats[:90].sum(), 90), metrics.perplexity(nats[90:].sum(), 10)]
    assert not np.isclose(np.mean(parts), whole, rtol=1e-3)


def test_impossible_tokens_have_infinite_perplexity():
    assert metrics.perplexity(math.inf, 3) == math.inf
    assert metrics.perplexity(1e6, 3) == math.inf
    assert metrics.bits_per_character(math.inf, 3) == math.inf
    assert metrics.perplexity(np.float32(0), np.int32(3)) == 1
    assert np.isclose(metrics.perplexity(-1e-15, 3), 1)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "int8"])
def test_the_confusion_matrix_counts_truth_in_rows(dtype):
    rng = np.random.default_rng(0)
    target, prediction = rng.integers(0, 30, (2, 10, 50)).astype(dtype)
    matrix = metrics.confusion_matrix(target, prediction, K=31)
    wanted = np.zeros((31, 31), int)
    for t, p in zip(target.ravel(), prediction.ravel(), strict=True):
        wanted[t, p] += 1
    assert np.array_equal(matrix, wanted)
    assert np.trace(matrix) / matrix.sum() == metrics.accuracy(target, prediction)


HALF = np.array([0.5, 1.0])
SCALED = metrics.mean_absolute_scaled_error


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: metrics.accuracy(LABELS, IDS), ValueError, "prediction has shape"),
        (lambda: metrics.accuracy(LABELS, HALF), TypeError, "prediction is float64"),
        (lambda: metrics.accuracy(LABELS == 1, LABELS), TypeError, "target is bool"),
        (lambda: metrics.accuracy(LABELS[:0], LABELS[:0]), ValueError, "no predictions to judge"),
        (lambda: metrics.confusion_matrix(LABELS, LABELS, 1), ValueError, "target holds 0 to 1"),
        (lambda: metrics.confusion_matrix(LABELS, -LABELS, 2), ValueError, "prediction holds -1"),
        (lambda: metrics.root_mean_squared_error(HALF, HALF[:1]), ValueError, "has shape"),
        (lambda: metrics.root_mean_squared_error(HALF, HALF * np.nan), ValueError, "2 NaN"),
        (lambda: SCALED(HALF, HALF[:1], HALF), ValueError, "prediction has shape"),
        (lambda: SCALED(HALF, HALF, np.ones(9)), ValueError, "repeats itself every 1 steps"),
        (lambda: SCALED(HALF, HALF, np.tile(HALF, 3), 2), ValueError, "itself every 2 steps"),
        (lambda: SCALED(HALF, HALF, HALF, 2), ValueError, "season is 2, but must be 1 to 1"),
        (lambda: SCALED(HALF, HALF, HALF, 0), ValueError, "season is 0"),
        (lambda: SCALED(HALF, HALF, HALF[None]), ValueError, "must be one series"),
        (lambda: SCALED(HALF, HALF, HALF / 0.0), ValueError, "train holds 2 NaN or infinity"),
        (lambda: SCALED(HALF[:0], HALF[:0], HALF), ValueError, "target is empty"),
        (lambda: metrics.perplexity(1.0, 0), ValueError, "over 0 symbols"),
        (lambda: metrics.perplexity(math.nan, 3), ValueError, "total_nats is nan"),
        (lambda: metrics.perplexity(-5.0, 3), ValueError, "sum of -log p is at least 0"),
        (lambda: metrics.bits_per_character(1.0, -1), ValueError, "over -1 symbols"),
        (lambda: metrics.bits_per_character(1.0, 2.5), TypeError, "float"),
        (
            lambda: metrics.bits_per_character(np.ones(5), 5),
            TypeError,
            r"total_nats has shape \(5,\)",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_cannot_be_judged_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
