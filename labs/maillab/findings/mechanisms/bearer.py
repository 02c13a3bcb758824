"""XOAUTH2 (as Google described it) and OAUTHBEARER (RFC 7628): a token in the place of a password.

    XOAUTH2      user=alice^Aauth=Bearer TOKEN^A^A             (^A: the octet 1)
    OAUTHBEARER  n,a=alice,^Ahost=…^Aauth=Bearer TOKEN^A^A

Whoever has the token may act as the user until it expires.
"""

from __future__ import annotations

import re

from ..attempt import Attempt, Learned, decoded, one_or_all, words
from .scram import name_in

_TOKEN = re.compile(rb"\x01auth=Bearer +([^\x01]*)\x01", re.I)
_XOAUTH2 = re.compile(rb"user=([^\x01]*)\x01")
_OAUTHBEARER = re.compile(rb"(?:n|y|p=[^,]*),(?:a=([^,\x01]*))?,\x01")  # the gs2-header (RFC 5801 section 4)


def read(attempt: Attempt) -> Learned:
    """The user, if named, and the token as the password. challenge: what the server says to a bad token."""
    messages = [text for text in attempt.messages if text]
    said = messages[0] if messages else b""
    token = _TOKEN.search(said)
    xoauth2, bearer = _XOAUTH2.match(said), _OAUTHBEARER.match(said)
    user = words(xoauth2[1]) if xoauth2 else name_in(bearer[1]) if bearer and bearer[1] else None
    return Learned(
        user if token else None,
        words(token[1]) if token and (xoauth2 or bearer) else None,
        one_or_all([decoded(text) for text in attempt.challenges if text]),
        one_or_all([text for text in attempt.answers if text]),
    )
