"""
The task `text`: which character comes next?

By default of the Python reference, which every Python carries as `pydoc_data.topics`; its text
differs from one version of Python to the next, and so do the numbers. `make` takes any other.

The text is cut by position: the first 80 % of its characters to train on, then 10 % and 10 %.

The network is a GRU; `variants` has an LSTM and a simple network with as many parameters, to a
hundredth. All that was chosen was chosen on the validation part of the text of Python 3.11: the
rows and steps of a batch among eight pairs with a GRU (16 to 32 rows, 24 to 64 steps, for about the
same time), and each cell's learning rate among three to seven, by the mean of two seeds (`RATES`).
A GRU and an LSTM do worse with 1.4 times as much and with as much less. The simple network does
better by 0.05 bits with 5e-3, but there some runs lose 0.2 bits, and the BLAS decides which.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from rnnbook.baselines import NGram, lzma_bits_per_character
from rnnbook.config import ModelConfig
from rnnbook.metrics import bits_per_character
from rnnbook.tasks import Score, Setup, Split, Task, from_pages
from rnnbook.tasks.alphabet import Alphabet
from rnnbook.training import TrainConfig

#: The parts' shares of the characters.
SHARES: Final = {"train": 0.8, "validation": 0.1, "test": 0.1}
LONGEST_GRAM: Final = 5

#: Units and learning rate of each cell; the units so that all have about as many parameters.
UNITS: Final = {"gru": 128, "lstm": 111, "rnn": 215}
RATES: Final = {"gru": 7e-3, "lstm": 2e-2, "rnn": 4e-3}

#: Tiny Shakespeare, as Karpathy's char-rnn has it: where it is, and its SHA-256.
ADDRESS: Final = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
SHA256: Final = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
FILES: Final = ("tiny_shakespeare.txt", "tinyshakespeare.txt", "input.txt")
FOLDER: Final = "RNNBOOK_DATA_DIR"


@dataclass(frozen=True, eq=False, kw_only=True)
class Text(Task):
    """
    A task on one text: inputs are the ids (1, n) of its characters, targets those of the next.

    texts: the characters of each part, of which the first is only read and the others predicted.
    """

    alphabet: Alphabet
    texts: dict[str, str]


def make(text: str | None = None) -> Text:
    """
    The task on a text; without one, on the Python reference.

    Raises TypeError where `text` is none, ValueError where a part would be shorter than 2.

    >>> task = make("to be or not to be, that is the question: ")
    >>> task.texts["validation"], task.texts["test"], task.alphabet.letters
    ('esti', 'on: ', ' ,abehinoqrstu')
    """
    texts = _cut(python_reference() if text is None else text)
    alphabet = Alphabet.of(texts["train"])
    V = len(alphabet)
    setups = {cell: _setup(cell, V) for cell in UNITS}
    return Text(
        name="text",
        train=_stream(alphabet, texts["train"]),
        validation=_stream(alphabet, texts["validation"]),
        test=_stream(alphabet, texts["test"]),
        model=setups["gru"].model,
        training=setups["gru"].training,
        metric="bits per character",
        score_baselines=lambda: _baselines(texts, alphabet),
        variants={cell: setups[cell] for cell in ("lstm", "rnn")},
        alphabet=alphabet,
        texts=texts,
    )


def _setup(cell: str, V: int) -> Setup:
    model = ModelConfig(D=32, H=UNITS[cell], K=V, V=V, cell=cell, loss="softmax_cross_entropy")
    training = TrainConfig(
        updates=1500,
        lr=RATES[cell],
        batch_size=20,
        clip_norm=1.0,
        validate_every=750,
        steps=32,
        schedule="linear",
    )
    return Setup(model, training)


def _cut(text: str) -> dict[str, str]:
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}, but must be str")
    ends = np.round(np.cumsum(list(SHARES.values())) * len(text)).astype(int).tolist()
    texts = {
        part: text[start:end] for part, start, end in zip(SHARES, [0, *ends], ends, strict=False)
    }
    shortest = min(map(len, texts.values()))
    if shortest < 2:
        raise ValueError(
            f"the text has {len(text)} characters, its shortest part {shortest}; "
            "one to read and one to predict are needed"
        )
    return texts


def _stream(alphabet: Alphabet, text: str) -> Split:
    """n + 1 characters -> inputs (1, n), and as targets the ids one later."""
    ids = alphabet.encode(text)
    return Split(ids[None, :-1].copy(), ids[None, 1:].copy())


def _baselines(texts: dict[str, str], alphabet: Alphabet) -> dict[str, Score]:
    """
    Bits for each character but the part's first, given those before it in the part.

    To the n-grams the part's first character is known; the compressor has read the training text.
    """
    V = len(alphabet)
    ids = {part: alphabet.encode(text) for part, text in texts.items()}

    def gram(order: int) -> Score:
        model = NGram.fit(ids["train"], V, order)
        bits = (
            bits_per_character(model.nats(x[1:], context=x[:1]).sum(), len(x) - 1)
            for x in (ids["validation"], ids["test"])
        )
        return Score(*bits)

    names = ["uniform", "unigram", "bigram"]
    names += [f"{order}-gram" for order in range(3, LONGEST_GRAM + 1)]
    packed = (
        lzma_bits_per_character(texts["train"], texts[part]) for part in ("validation", "test")
    )
    return {name: gram(order) for order, name in enumerate(names)} | {"lzma": Score(*packed)}


def python_reference() -> str:
    """
    The topics of Python's `help`, in alphabetical order, each paragraph once.

    A fifth of `pydoc_data.topics` repeats, as some topics hold others; had the parts paragraphs in
    common, what was learned by heart would look like skill. Paragraphs are the same where they
    differ in white space alone; those of up to 40 characters stay.

    >>> text = python_reference()
    >>> text.count("The assert statement"), len(text) > 300_000
    (0, True)
    """
    from pydoc_data.topics import topics

    seen: set[str] = set()
    kept = []
    for topic in sorted(topics):
        for paragraph in topics[topic].split("\n\n"):
            words = " ".join(paragraph.split())
            if len(words) <= 40 or words not in seen:
                kept.append(paragraph)
            seen.add(words)
    return "\n\n".join(kept)


def tiny_shakespeare() -> str:
    """
    Tiny Shakespeare: 1,115,394 characters, as many bytes, from a folder of yours or from the net.

    With $RNNBOOK_DATA_DIR set it is read from there, under one of the names in `FILES`. Else pooch
    fetches it once, and keeps it in its cache folder.

    Raises FileNotFoundError where that folder has no such file, ConnectionError where it could
    not be fetched, ValueError where it is not the file it should be, ModuleNotFoundError without
    pooch.
    """
    folder = os.environ.get(FOLDER)
    if folder:
        for path in (Path(folder, name) for name in FILES):
            if path.is_file():
                return read(path, SHA256)
        raise FileNotFoundError(f"{FOLDER} is {folder}, but there is no {' or '.join(FILES)} in it")
    with from_pages(f"Tiny Shakespeare is fetched by pooch, unless {FOLDER} names its folder"):
        import pooch
    try:
        path = pooch.retrieve(ADDRESS, f"sha256:{SHA256}", FILES[0], pooch.os_cache("rnnbook"))
    except OSError as error:
        raise ConnectionError(
            f"Tiny Shakespeare could not be fetched ({type(error).__name__}): "
            f"set {FOLDER} to a folder that has it as {FILES[0]}"
        ) from error
    return read(Path(path), SHA256)


def read(path: str | Path, sha256: str | None = None) -> str:
    """
    A text file of yours, for `make`; with a checksum, only if its bytes are those expected.

    Raises ValueError where they are not, or are no UTF-8, which says what was found and where.
    """
    data = Path(path).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise ValueError(
            f"{path} has {len(data)} bytes with the SHA-256 {found}, but {sha256} was expected"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: see byte {error.start}") from error
