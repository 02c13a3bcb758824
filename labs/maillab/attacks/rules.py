"""What people do to a word to make a password of it, and what a guesser therefore does to each word.

A rule takes one word and gives the list of what may have become of it, the word itself first. Rules work one
after the other, each on all that the one before gave:

    dragon  --case-->  dragon Dragon  --l33t-->  dragon dr4g0n Dragon Dr4g0n  --digits-->  each with 182 endings
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

Rule = Callable[[str], list[str]]

ENDINGS = ("", *map(str, range(100)), *map(str, range(1950, 2030)), "!")
"""What stands behind a word: nothing, a number, a year, an exclamation mark."""

LEET = str.maketrans("aeiosAEIOS", "4310543105")


def as_it_is(word: str) -> list[str]:
    """Nothing.

    >>> as_it_is("dragon")
    ['dragon']
    """
    return [word]


def case(word: str) -> list[str]:
    """A capital letter in front.

    >>> case("dragon")
    ['dragon', 'Dragon']
    """
    capital = word[:1].upper() + word[1:]
    return [word] if capital == word else [word, capital]


def l33t(word: str) -> list[str]:
    """Letters as the digits that look like them: 4 3 1 0 5 for a e i o s.

    >>> l33t("dragon")
    ['dragon', 'dr4g0n']
    """
    looks_like = word.translate(LEET)
    return [word] if looks_like == word else [word, looks_like]


def digits(word: str) -> list[str]:
    """A number from 0 to 99, a year from 1950 to 2029, or an exclamation mark behind it.

    >>> len(digits("dragon")), digits("dragon")[:3], digits("dragon")[-1]
    (182, ['dragon', 'dragon0', 'dragon1'], 'dragon!')
    """
    return [word + ending for ending in ENDINGS]


RULES: dict[str, Rule] = {"as it is": as_it_is, "case": case, "l33t": l33t, "digits": digits}
"""The rules by name, in the order in which they make most sense."""


def chosen(rules: Iterable[str]) -> tuple[str, ...]:
    """Rules by their names, checked.

    Raises:
        ValueError: there's no such rule.
    """
    names = (rules,) if isinstance(rules, str) else tuple(rules)
    for name in names:
        if name not in RULES:
            raise ValueError(f"No rule is called {name!r}: choose from {', '.join(map(repr, RULES))}.")
    return names


def variants(word: str, rules: Sequence[str]) -> list[str]:
    """All that these rules, one after the other, make of one word.

    >>> variants("key", ["case", "l33t"])
    ['key', 'k3y', 'Key', 'K3y']
    """
    made = [word]
    for name in rules:
        rule = RULES[name]
        made = [new for old in made for new in rule(old)]
    return made


def how_many(word: str, rules: Sequence[str]) -> int:
    """``len(variants(word, rules))``, without making them: digits always give 182, whatever they follow.

    >>> how_many("key", ["case", "l33t", "digits"]) == len(variants("key", ["case", "l33t", "digits"])) == 4 * 182
    True
    """
    short = [name for name in rules if name != "digits"]
    return int(len(variants(word, short)) * len(ENDINGS) ** (len(rules) - len(short)))


def guesses(words: Iterable[str], rules: Iterable[str] = tuple(RULES)) -> Iterator[str]:
    """Guess after guess, as a generator: nothing is made before it is asked for.

    The commonest word comes first, with all that may have become of it.

    >>> from itertools import islice
    >>> list(islice(guesses(["dragon", "monkey"], ["case"]), 3))
    ['dragon', 'Dragon', 'monkey']
    """
    names = chosen(rules)
    for word in words:
        yield from variants(word, names)
