r"""SASLprep (RFC 4013): the one way to write a name or password that can be typed in several ways.

An é may be one character or an e with an accent, and a blank has a dozen relatives. Who hashes a password has to
settle this first, or the same password gives two hashes.

>>> saslprep("I\u00adX"), saslprep("\u2168"), saslprep("cafe\u0301")
('IX', 'IX', 'café')
"""

from __future__ import annotations

import stringprep
import unicodedata

_PROHIBITED = (  # RFC 4013 section 2.3
    stringprep.in_table_c12,  # blanks that aren't U+0020
    stringprep.in_table_c21_c22,  # control characters
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # not a character
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,  # unfit for plain text
    stringprep.in_table_c7,  # unfit for one canonical form
    stringprep.in_table_c8,  # changes how others are shown
    stringprep.in_table_c9,  # tags
)


class PrepError(ValueError):
    """The text has characters that no name or password may have. The message doesn't repeat the text."""


def saslprep(text: str) -> str:
    r"""``text``, prepared; unassigned code points pass, as they do in what is typed at a login (a "query").

    Raises:
        PrepError: a prohibited character, or left-to-right and right-to-left mixed.

    >>> saslprep("\u0007")
    Traceback (most recent call last):
    maillab.sasl.saslprep.PrepError: ...
    """
    # RFC 4013 section 2.1: other blanks become U+0020, invisible characters go
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    # Section 2.2: one form for each character, as Unicode 3.2 had them, so that old hashes stay right
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    for char in prepared:
        if any(prohibited(char) for prohibited in _PROHIBITED):
            raise PrepError(f"a name or password can't have the character U+{ord(char):04X} (RFC 4013 section 2.3).")
    # Section 2.4, which is RFC 3454 section 6
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1]))
    ):
        raise PrepError("a name or password is written from left to right or from right to left, not both.")
    return prepared
