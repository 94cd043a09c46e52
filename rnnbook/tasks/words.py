"""
The task `words`: in which language is this name written?

The names are those of countries, languages and currencies in the Unicode CLDR (Common Locale Data
Repository) as shipped in the package Babel, in 18 languages that are written in Latin letters.
They are names of things, not of people, and another release of Babel may hold others.

What becomes of them: lower case, so that no language betrays itself by its capitals; composed
letters (NFC), one kind of apostrophe; dropped is a name with anything but letters, spaces,
hyphens and apostrophes, or shorter than 3 or longer than 32 of them, or one that two languages
share, or that its language has twice. Of the rest each language keeps as many, by chance.

The split is by meaning: a country with its currencies, or a language with its variants, is in
one part only, in all 18 languages.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from rnnbook.arrays import Array
from rnnbook.baselines import Majority, NaiveBayesLetters
from rnnbook.config import ModelConfig
from rnnbook.metrics import accuracy
from rnnbook.tasks import Score, Setup, Split, Task, from_pages
from rnnbook.tasks.alphabet import Alphabet
from rnnbook.training import TrainConfig

#: The CLDR's code of each language, and the name that stands in tables.
LANGUAGES: Final = {
    "cs": "Czech", "da": "Danish", "nl": "Dutch", "en": "English", "fi": "Finnish",
    "fr": "French", "de": "German", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "lt": "Lithuanian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "es": "Spanish",
    "sv": "Swedish", "tr": "Turkish", "cy": "Welsh",
}  # fmt: skip
SHORTEST: Final = 3
LONGEST: Final = 32
#: The parts' shares of the meanings.
SHARES: Final = {"train": 0.8, "validation": 0.1, "test": 0.1}
APOSTROPHES: Final = dict.fromkeys(map(ord, "\u2018\u2019\u02bb\u02bc`"), "'")


class Name(NamedTuple):
    """A name, the code of the language it is written in, and what it is a name of."""

    text: str
    language: str
    meaning: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Words(Task):
    """
    A task on names: targets are places in `languages`, inputs ids of `alphabet`.

    names: the names of each part, in the order of its rows.
    """

    languages: tuple[str, ...]
    alphabet: Alphabet
    names: dict[str, tuple[Name, ...]]

    def encode(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """
        Ids (N, T), padded with 0, and lengths (N,) of names of your own, in any case of letters.

        Raises ValueError where there is no name, or an empty one.
        """
        return _encode(self.alphabet, [normalize(text) for text in texts])


def normalize(text: str, language: str = "") -> str:
    """
    A name as the task has it: lower case, NFC, spaces single, apostrophes straight.

    In Turkish ("tr") the capital of dotless i is I, and that of i is the dotted capital.

    >>> normalize("C\N{COMBINING CEDILLA}ad \N{RIGHT SINGLE QUOTATION MARK}T"), normalize("I", "tr")
    ("\xe7ad 't", 'ı')
    """
    text = text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i")
    if language == "tr":
        text = text.replace("I", "\N{LATIN SMALL LETTER DOTLESS I}")
    text = unicodedata.normalize("NFC", text.lower()).translate(APOSTROPHES)
    return " ".join(text.split())


def collect() -> list[Name]:
    """
    Every name that the rules above leave, of every language, before the languages are evened out.

    Raises ModuleNotFoundError, saying what to install, where Babel is not there.
    """
    found = [name for code in LANGUAGES for name in _names_in(code)]
    owners: dict[str, set[str]] = {}
    for name in found:
        owners.setdefault(name.text, set()).add(name.language)
    once = {name.text: name for name in reversed(found) if len(owners[name.text]) == 1}
    return [name for name in found if once.get(name.text) is name and _is_plain(name.text)]


def _names_in(code: str) -> Iterable[Name]:
    with from_pages("the names come from Babel"):
        from babel import Locale
    locale = Locale(code)
    for territory, text in sorted(locale.territories.items()):
        yield Name(normalize(text, code), code, f"territory {territory}")
    for language, text in sorted(locale.languages.items()):
        yield Name(normalize(text, code), code, f"language {language.split('_')[0]}")
    for currency, text in sorted(locale.currencies.items()):  # ISO 4217: DKK is Denmark's, DK
        yield Name(normalize(text, code), code, f"territory {currency[:2]}")


def _is_plain(text: str) -> bool:
    """Latin letters, spaces, hyphens, apostrophes; neither too short nor too long."""
    return SHORTEST <= len(text) <= LONGEST and all(c in " -'" or _is_latin(c) for c in text)


@cache
def _is_latin(letter: str) -> bool:
    return letter.isalpha() and unicodedata.name(letter, "").startswith("LATIN")


def make(seed: int = 0) -> Words:
    """
    Names in 18 languages; `seed` draws which meanings are in which part, and which names stay.

    >>> task = make()
    >>> ids, lengths = task.encode(["Zürich", "Oslo"])
    >>> ids.shape, lengths.tolist()
    ((2, 6), [6, 4])
    """
    rng = np.random.default_rng(seed)
    names = _even_out(collect(), rng)
    parts = _split_by_meaning(names, rng)
    alphabet = Alphabet.of("".join(name.text for name in parts["train"]), reserved=2)
    splits = {part: _split(alphabet, chosen) for part, chosen in parts.items()}
    K, V = len(LANGUAGES), len(alphabet)
    model, training = _setup(K, V, seed)
    return Words(
        name="words",
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        model=model,
        training=training,
        metric="accuracy",
        score_baselines=lambda: _baselines(splits, parts, V),
        variants={
            "rnn": Setup(replace(model, cell="rnn"), replace(training, lr=9e-3)),
            "lstm": Setup(replace(model, cell="lstm"), replace(training, lr=2.4e-2)),
            "bidirectional": Setup(replace(model, bidirectional=True), training),
        },
        languages=tuple(LANGUAGES.values()),
        alphabet=alphabet,
        names=parts,
    )


def _setup(K: int, V: int, seed: int) -> Setup:
    """
    A GRU that reads from left to right, trained for about three epochs.

    Chosen by accuracy on the validation part, one to three seeds each: batches of 32, 64 and 128
    (32 is as good in less time); 32, 64, 96 and 128 units (128 gains 2 points and takes 2.5 times
    as long); embeddings of 32 and 64, started as here and orthogonal (no gain); the learning rates
    of the GRU 0.004 to 0.04, of the LSTM 0.008 to 0.032, of the RNN 0.002 to 0.012, of both
    directions 0.01 to 0.028; 800 updates instead of 600 (1 point for the GRU), and 1500 (2 points
    over six seeds, in 2.4 times as long); batches of names of like length (1200 updates take 1.5
    times as long as 600 without, and gain 1 to 2 points). At 600 the GRU's validation loss still
    falls, and it is 14 points better on the training names. No single
    run of any of them passed 0.76.
    """
    model = ModelConfig(
        D=32, H=64, K=K, V=V, cell="gru", output="last", loss="softmax_cross_entropy"
    )
    training = TrainConfig(
        updates=600, lr=2e-2, batch_size=32, clip_norm=1.0, validate_every=200, seed=seed,
        schedule="linear",
    )  # fmt: skip
    return Setup(model, training)


def _even_out(names: list[Name], rng: np.random.Generator) -> list[Name]:
    """As many names of each language as the one with the fewest has, drawn without replacement."""
    own = {code: [name for name in names if name.language == code] for code in LANGUAGES}
    n = min(map(len, own.values()))
    drawn = {code: np.sort(rng.permutation(len(own[code]))[:n]) for code in LANGUAGES}
    return [own[code][i] for code in LANGUAGES for i in drawn[code]]


def _split_by_meaning(names: list[Name], rng: np.random.Generator) -> dict[str, tuple[Name, ...]]:
    meanings = rng.permutation(sorted({name.meaning for name in names}))
    ends = np.round(np.cumsum(list(SHARES.values())) * len(meanings)).astype(int)
    groups = zip(SHARES, np.split(meanings, ends[:-1]), strict=True)
    part_of = {meaning: part for part, group in groups for meaning in group.tolist()}
    return {part: tuple(n for n in names if part_of[n.meaning] == part) for part in SHARES}


def _encode(alphabet: Alphabet, texts: Sequence[str], T: int | None = None) -> tuple[Array, Array]:
    if not texts:
        raise ValueError("there are no names to encode")
    for i, text in enumerate(texts):
        if not text:
            raise ValueError(f"name {i} is empty: a name has at least one letter")
    lengths = np.array([len(text) for text in texts])
    ids = np.zeros((len(texts), T or lengths.max()), np.int64)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = alphabet.encode("".join(texts))
    return ids, lengths


def _split(alphabet: Alphabet, names: Sequence[Name]) -> Split:
    codes = list(LANGUAGES)
    ids, lengths = _encode(alphabet, [name.text for name in names], LONGEST)
    return Split(ids, np.array([codes.index(name.language) for name in names]), lengths)


def _baselines(
    splits: dict[str, Split], names: dict[str, tuple[Name, ...]], V: int
) -> dict[str, Score]:
    train, K = splits["train"], len(LANGUAGES)
    majority = Majority.fit(train.targets, K)
    letters = NaiveBayesLetters.fit(train.inputs, _lengths(train), train.targets, V, K)
    grams = fit_grams(names["train"], train.targets)

    def score(answer: Callable[[str], Array]) -> Score:
        return Score(
            accuracy(splits["validation"].targets, answer("validation")),
            accuracy(splits["test"].targets, answer("test")),
        )

    return {
        "majority": score(lambda part: majority.predict(len(splits[part]))),
        "letter frequencies": score(
            lambda part: letters.predict(splits[part].inputs, _lengths(splits[part]))
        ),
        "1- to 3-grams": score(lambda part: grams(names[part])),
    }


def _lengths(split: Split) -> Array:
    assert split.lengths is not None  # every part of this task has them
    return split.lengths


def fit_grams(names: Sequence[Name], languages: Array) -> Callable[[Sequence[Name]], Array]:
    """
    Logistic regression on how often each run of 1 to 3 letters occurs in a name, by scikit-learn.

    A count c weighs 1 + ln c, times the logarithm of the gram's rarity; a name's weights have norm
    1. Of C = 0.3, 1, 3, 10 and 30, 10 and 30 are the best on the validation part, and about equal.
    """
    with from_pages("the 3-grams are weighed by scikit-learn"):
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    counts = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True)
    model = LogisticRegression(C=10, tol=1e-3, max_iter=1000)
    model.fit(counts.fit_transform([name.text for name in names]), languages)

    def predict(names: Sequence[Name]) -> Array:
        return np.asarray(model.predict(counts.transform([name.text for name in names])))

    return predict
