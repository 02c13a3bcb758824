"""All the passwords that will be tried: how many they are, and cut into portions for several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product

from .rules import ENDINGS, chosen, how_many, variants


class Candidates:
    """Words, the rules that work on each, and what follows at the end.

    Only the words are kept; a portion's guesses are made where and when they are tried, so that a process can be told
    "words 2,000 to 2,300" instead of being sent 200,000 guesses.

    >>> some = Candidates(["dragon", "monkey"], rules=["case", "digits"])
    >>> len(some), next(iter(some)), "Monkey77" in list(some)
    (728, 'dragon', True)
    """

    def __init__(self, words: Iterable[str], rules: Iterable[str] = (), endings: Iterable[str] = ("",)) -> None:
        self.words, self.rules, self.endings = list(words), chosen(rules), tuple(endings)
        if self.rules and self.rules[-1] == "digits":
            # The same guesses: as endings they are put behind what is octets already, which is twice as fast
            self.rules = self.rules[:-1]
            self.endings = tuple(number + end for number in ENDINGS for end in self.endings)

    @cached_property
    def _len(self) -> int:
        return sum(how_many(word, self.rules) for word in self.words) * len(self.endings)

    def __len__(self) -> int:
        return self._len

    def __iter__(self) -> Iterator[str]:
        for word in self.words:
            for start in variants(word, self.rules):
                for end in self.endings:
                    yield start + end

    def __repr__(self) -> str:
        return f"<{len(self):,} candidates from {len(self.words):,} words>"

    def portion(self, start: int, stop: int) -> list[bytes]:
        """The guesses that come of words ``start`` to ``stop``, as the octets that are hashed (UTF-8)."""
        starts = [made.encode() for word in self.words[start:stop] for made in variants(word, self.rules)]
        ends = [end.encode() for end in self.endings]
        return [front + end for front in starts for end in ends]


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
