"""APOP (RFC 1939 section 7): POP3's own challenge and response, older than SASL and not part of it.

    server: +OK … <1896.697170952@dbc.mtview.ca.us>
    client: APOP mrose c4c9334bac560ecc979e58001b3e22fb          = MD5(challenge + secret)

The password stays at home, on both sides: the server computes with it, so it has to keep it readable. Nothing
of the client's goes into the hash but the secret, so whoever chooses the challenge can prepare the answers.
"""

from __future__ import annotations

import re
import secrets

from maillab.sasl.credentials import Credentials
from maillab.sasl.exchange import Failure, Success
from maillab.sasl.md5 import md5
from maillab.sasl.steps import Part, Step, hashed, octets

_GREETING = re.compile(rb"\+OK.[^<]*(<.*>)")  # as poplib has it


def new_challenge(host: str) -> bytes:
    """A challenge that was never used: ``<number.number@host>`` (RFC 1939 section 7).

    The RFC proposes process number and clock: unique, but easy to foresee, and whoever knows tomorrow's challenge can
    ask for its answer today. So both numbers are drawn at random.
    """
    return f"<{secrets.randbelow(10**5)}.{secrets.randbelow(10**18)}@{host}>".encode()


def challenge_in(greeting: bytes) -> bytes | None:
    """The challenge in a server's greeting: all from the first < to the last >, since poplib hashes just that.

    >>> challenge_in(b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>")
    b'<1896.697170952@dbc.mtview.ca.us>'
    """
    found = _GREETING.match(greeting)
    return found[1] if found else None


def digest(challenge: bytes, secret: bytes) -> str:
    """The 32 digits that answer a challenge.

    >>> digest(b"<1896.697170952@dbc.mtview.ca.us>", b"tanstaaf")    # RFC 1939 section 7
    'c4c9334bac560ecc979e58001b3e22fb'
    """
    return md5(challenge + secret).hex()


def derive(challenge: str, secret: str, user: str = "alice") -> list[Step]:
    """All steps from the challenge to the client's line.

    Raises:
        ValueError: an input that can't be sent.

    >>> [step.name for step in derive("<1@mail>", "sesame")]
    ['input', 'digest', 'response']
    """
    text = Step("input", "challenge + secret", (_part("challenge", challenge), _part("secret", secret)))
    md = hashed("digest", "MD5(input)", md5(text.value), "RFC 1939 section 7")
    response = (_part("user", user), Part("glue", b" "), Part("digest", md.value.hex().encode()))
    return [text, md, Step("response", "user + blank + digest in hex", response)]


def verify(credentials: Credentials, challenge: bytes, username: str, response: str) -> Success | Failure:
    """What the server says to a name and 32 digits."""
    secret = credentials.secret(username)
    expected = digest(challenge, (secret or "").encode())
    same = credentials.matches(expected.encode(), response.lower().encode("utf-8", "replace"))
    return Success(username) if same and secret is not None else Failure("wrong name or password")


def _part(kind: str, text: str) -> Part:
    return Part(kind, octets(kind, text))
