"""All the passwords that will be tried: how many they are, and cut into portions for several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from .rules import ENDINGS, chosen, how_many, variants

BLOCK = 200
"""So many endings are put behind one word at a time; all those of the rule "digits" are fewer."""


class Candidates:
    """Words, the rules that work on each, and what follows at the end.

    Only the words and endings are kept; a portion's guesses are made where and when they are tried, so that a process
    can be told "rows 2,000 to 2,300" instead of being sent 200,000 guesses. A row is a word with a block of endings.

    Raises:
        ValueError: those aren't words, or there's no such rule.

    >>> some = Candidates(["dragon", "monkey"], rules=["case", "digits"])
    >>> len(some), next(iter(some)), "Monkey77" in list(some)
    (728, 'dragon', True)
    """

    def __init__(self, words: Iterable[str], rules: Iterable[str] = (), endings: Iterable[str] = ("",)) -> None:
        self.words, self.rules = checked(words), chosen(rules)
        ends = [end.encode() for end in checked(endings)]
        if self.rules and self.rules[-1] == "digits":
            # The same guesses: as endings they are put behind what is octets already, which is twice as fast
            self.rules = self.rules[:-1]
            ends = [number.encode() + end for number in ENDINGS for end in ends]
        self._blocks = [ends[at : at + BLOCK] for at in range(0, len(ends), BLOCK)]
        self.rows = len(self.words) * len(self._blocks)
        self._len = sum(how_many(word, self.rules) for word in self.words) * len(ends)

    def __len__(self) -> int:
        return self._len

    def __iter__(self) -> Iterator[str]:
        return (guess.decode() for row in range(self.rows) for guess in self.portion(row, row + 1))

    def __repr__(self) -> str:
        return f"<{len(self):,} candidates from {len(self.words):,} words>"

    def portion(self, start: int, stop: int) -> list[bytes]:
        """The guesses of rows ``start`` to ``stop``, as the octets that are hashed (UTF-8)."""
        many = len(self._blocks)
        if many == 1:
            fronts, ends = self._fronts(start, stop), self._blocks[0]
            return [front + end for front in fronts for end in ends]
        return [
            front + end
            for word, block in (divmod(row, many) for row in range(start, min(stop, self.rows)))
            for front in self._fronts(word, word + 1)
            for end in self._blocks[block]
        ]

    def _fronts(self, start: int, stop: int) -> list[bytes]:
        return [made.encode() for word in self.words[start:stop] for made in variants(word, self.rules)]


def checked(words: Iterable[str]) -> list[str]:
    """Words as a list.

    Raises:
        ValueError: they are something else.

    >>> checked("tanstaaf")
    Traceback (most recent call last):
    ValueError: Candidates are a list of texts, such as ["sesame", "dragon"], not one str.
    """
    if isinstance(words, str | bytes) or not isinstance(words, Iterable):
        raise ValueError(
            f'Candidates are a list of texts, such as ["sesame", "dragon"], not one {type(words).__name__}.'
        )
    texts = list(words)
    for text in texts:
        if not isinstance(text, str):
            raise ValueError(f"Candidates are a list of texts, and one of these is of type {type(text).__name__}.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"Candidates are texts, and {text!r} has a character that UTF-8 can't write.") from None
    return texts


def scheme(*lists: Iterable[object]) -> Candidates:
    """Passwords built to a pattern: one item of each list, joined with hyphens, in every combination.

    >>> some = scheme(["copper", "tin"], ["otter", "yak"], range(10, 100))
    >>> len(some), list(some)[:2]
    (360, ['copper-otter-10', 'copper-otter-11'])
    """
    *front, last = ([str(item) for item in items] for items in lists)
    if not front:
        return Candidates(last)
    return Candidates(("-".join(parts) for parts in product(*front)), endings=[f"-{item}" for item in last])
