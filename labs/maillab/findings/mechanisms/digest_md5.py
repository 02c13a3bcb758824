"""DIGEST-MD5 (RFC 2831): lists of name=value; the client's has all that was hashed but the password.

No line of hashcat's takes it: its modes for HTTP's Digest hash the password's MD5 as 32 digits, SASL as 16 octets.
"""

from __future__ import annotations

from ...sasl import SaslError
from ...sasl.directives import parse
from ..attempt import Attempt, Learned, decoded, one_or_all


def read(attempt: Attempt) -> Learned:
    """The user. challenge: the server's, then its rspauth, if it came to that; response: the client's."""
    messages = [text for text in attempt.messages if text != b""]  # what answers rspauth is empty
    said = directives(messages[-1] or b"") if messages else {}
    complete = "username" in said and "response" in said
    return Learned(
        said["username"] if complete else None,
        challenge=one_or_all([decoded(text) for text in attempt.challenges if text]),
        response=one_or_all([text for text in attempt.answers if text]),
        authzid=said.get("authzid") if complete else None,
    )


def directives(message: bytes) -> dict[str, str]:
    """The first value of each name, nothing at all when it is no such list.

    >>> directives(b'username="chris",nc=00000001')
    {'username': 'chris', 'nc': '00000001'}
    """
    try:
        return {name: values[0] for name, values in parse(message).items()}
    except SaslError:
        return {}
