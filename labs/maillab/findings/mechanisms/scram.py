"""SCRAM (RFC 5802; with SHA-256 RFC 7677): both sides prove that they know the password, neither tells it.

    C: n,,n=bob,r=NONCE             S: r=NONCE+MORE,s=SALT,i=4096
    C: c=biws,r=NONCE+MORE,p=PROOF  S: v=SIGNATURE

No line of hashcat's takes these four messages.
"""

from __future__ import annotations

import re

from ..attempt import Attempt, Learned, decoded, one_or_all, words

# gs2-header: channel binding flag, perhaps the name to act as; then the bare message (RFC 5802 section 7).
_FIRST = re.compile(rb"(?:n|y|p=[^,]*),(?:a=([^,]*))?,(?:m=[^,]*,)?n=([^,]*),r=")


def read(attempt: Attempt) -> Learned:
    """The user, out of the client's first message. challenge: salt and iterations, then the server's signature;
    response: the client's two messages."""
    messages = [text for text in attempt.messages if text != b""]
    first = _FIRST.match(messages[0] or b"") if messages else None
    return Learned(
        name_in(first[2]) if first else None,
        challenge=one_or_all([decoded(text) for text in attempt.challenges if text]),
        response=one_or_all([text for text in attempt.answers if text]),
        authzid=name_in(first[1]) if first and first[1] else None,
    )


def name_in(text: bytes) -> str:
    """A name, with the two characters that would end it written back (RFC 5802 section 5.1).

    >>> name_in(b"a=2Cb=3Dc")
    'a,b=c'
    """
    return words(text).replace("=2C", ",").replace("=3D", "=")
