"""Letters and their ids, learned from a training part; every other letter is the unknown one."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from rnnbook.arrays import Array

#: What stands for an unknown letter in a decoded text.
UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Alphabet:
    """
    `letters` in the order of their code points have the ids `reserved`, `reserved` + 1, ...

    The last of the reserved ids, `reserved` - 1, is that of every unknown letter. With two of
    them, id 0 is the padding of sequences that end early, which decodes to nothing.

    >>> alphabet = Alphabet.of("banana", reserved=2)
    >>> alphabet.letters, len(alphabet)
    ('abn', 5)
    >>> alphabet.encode("nab!").tolist()
    [4, 2, 3, 1]
    >>> alphabet.decode([4, 2, 3, 1, 0])
    'nab\N{REPLACEMENT CHARACTER}'
    """

    letters: str
    reserved: int = 1
    _codes: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.letters or "".join(sorted(set(self.letters))) != self.letters:
            raise ValueError(f"letters are {self.letters!r}, but must be sorted, each once")
        if self.reserved not in (1, 2):
            raise ValueError(f"reserved is {self.reserved}, but must be 1, or 2 with a padding")
        object.__setattr__(self, "_codes", _code_points(self.letters))

    @classmethod
    def of(cls, text: str, reserved: int = 1) -> "Alphabet":
        """The alphabet of a training text."""
        return cls("".join(sorted(set(text))), reserved)

    def __len__(self) -> int:
        """V, the number of ids."""
        return len(self.letters) + self.reserved

    @property
    def unknown(self) -> int:
        """The id of a letter that is not in the alphabet."""
        return self.reserved - 1

    def encode(self, text: str) -> Array:
        """The ids of a text's letters: (n,) int64."""
        codes = _code_points(text)
        place = np.searchsorted(self._codes, codes).clip(max=len(self.letters) - 1)
        return np.where(self._codes[place] == codes, place + self.reserved, self.unknown)

    def decode(self, ids: Array | list[int]) -> str:
        """The text that has these ids (n,)."""
        ids = np.asarray(ids)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self):
            raise ValueError(
                f"ids are {ids.min()} to {ids.max()}, but must be 0 to {len(self) - 1}"
            )
        symbols = [""] * self.unknown + [UNKNOWN, *self.letters]
        return "".join(symbols[i] for i in ids)


def _code_points(text: str) -> Array:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
