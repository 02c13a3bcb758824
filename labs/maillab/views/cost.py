"""How many passwords of a kind there are, and how long it takes to try them. No widget, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

#: As many words as lesson 07's list has; two digits are 100 endings.
WORDS, ENDINGS = 60_000, 100
#: What SCRAM's rate was measured at (RFC 7677 asks for at least this many).
ITERATIONS = 4096


class Kind(NamedTuple):
    """A way in which people make up passwords."""

    name: str
    example: str
    count: Callable[[int], int]  #: how many there are of a length
    has_length: bool = True


#: The example of a kind that has a length is cut to that length.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("digits", "4083761952843175", lambda length: 10**length),
        Kind("lower case", "qvxhbnolwzkdpjet", lambda length: 26**length),
        Kind("letters and digits", "f7Qk2xBw9LzT4mRa", lambda length: 62**length),
        Kind("printable", "k$9w}Q!x7^Lz#m2~", lambda length: 95**length),
        Kind("word + 2 digits", "monkey17", lambda length: WORDS * ENDINGS, False),
        Kind("two words + 2 digits", "monkeycastle17", lambda length: WORDS**2 * ENDINGS, False),
    )
}

_UNITS = (
    ("second", 60),
    ("minute", 60),
    ("hour", 24),
    ("day", 365.25),
    ("year", 1000),
    ("thousand years", 1000),
    ("million years", 1000),
    ("thousand million years", 1000),
)


def slowed(rates: Mapping[str, float], iterations: int) -> dict[str, float]:
    """The rates at another number of SCRAM's iterations: twice as many, half as fast.

    >>> slowed({"APOP": 4e6, "SCRAM-SHA-256": 1000}, 8192)
    {'APOP': 4000000.0, 'SCRAM-SHA-256': 500.0}
    """
    return {name: rate * ITERATIONS / iterations if name.startswith("SCRAM") else rate for name, rate in rates.items()}


def span(seconds: float) -> str:
    """A time as people say it.

    >>> span(0.0004), span(90), span(3e5), span(4e9), span(1e30)
    ('less than a millisecond', '1.5 minutes', '3.5 days', '127 years', 'longer than anything lasts')
    """
    if seconds < 0.001:
        return "less than a millisecond"
    if seconds < 1:
        return f"{seconds * 1000:.0f} milliseconds"
    for name, size in _UNITS:
        if seconds < size:
            number = f"{seconds:.2g}" if seconds < 9.95 else f"{seconds:.0f}"
            return f"{number} {name}" + ("s" if name[-1] != "s" and number != "1" else "")
        seconds /= size
    return "longer than anything lasts"


def big(number: int) -> str:
    """A count that can be read: 12,345, 3.2 million, 1.4 × 10^24.

    >>> big(1_000_000), big(6_000_000), big(62**16)
    ('1,000,000', '6 million', '4.8 × 10^28')
    """
    if number <= 1_000_000:
        return f"{number:,}"
    for name, size in (("million", 10**6), ("thousand million", 10**9)):
        if number < 1000 * size:
            return f"{number / size:.3g} {name}"
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa} × 10^{int(exponent)}"
