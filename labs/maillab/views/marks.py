"""Where in a dialogue the credentials stand: a pure reading of turns, for the views that highlight them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from maillab.sasl.apop import challenge_in


class TurnLike(Protocol):
    """What a view needs of a turn of a conversation (see maillab.conversations)."""

    who: str
    data: bytes
    kind: str


class Mark(NamedTuple):
    """A stretch of a turn's bytes that is worth a label."""

    start: int
    end: int
    label: str
    kind: str  #: a colour of the palette: "user", "password", "challenge", "digest", "glue"
    decoded: bytes | None = None  #: what base64 stood for
    secret: bool = False  #: to be masked where secrets are


#: Whether the password itself, or something computed from it, crosses the wire.
CLEAR = "in the clear"
ENCODED = "only base64"
CHALLENGE, RESPONSE = "challenge", "response to the challenge"


def credential_marks(turns: Iterable[TurnLike]) -> dict[int, list[Mark]]:
    """For each turn (by its place) the marks in it. Follows AUTH exchanges over several turns.

    USER/PASS and APOP as RFC 1939 has them, AUTH as RFC 4954 and RFC 5034 have it, PLAIN as RFC 4616.
    A challenge is marked in APOP's greeting, too.
    """
    found: dict[int, list[Mark]] = {}
    mechanism, step = "", 0
    for place, turn in enumerate(turns):
        line = turn.data.rstrip(b"\r\n")
        marks: list[Mark] = []
        if turn.who == "C" and turn.kind not in ("mail", "tls"):
            words = line.split(b" ", 2)
            verb = words[0].upper()
            if mechanism and (turn.kind == "response" or verb not in _VERBS):
                marks, step = _response(mechanism, step, line, 0), step + 1
            elif verb == b"AUTH" and len(words) > 1:
                mechanism, step = words[1].decode("ascii", "replace").upper(), 0
                if len(words) == 3 and words[2] != b"=":
                    marks, step = _response(mechanism, step, line, line.index(words[2], len(words[1]) + 5)), 1
            else:
                mechanism, marks = "", command_marks(line)
        elif turn.who == "S" and mechanism and line[:3] not in (b"334",) and line[:2] != b"+ ":
            mechanism = ""
        elif turn.who == "S" and mechanism:
            start = 4 if line[:3] == b"334" else 2
            plain = unbase64(line[start:])
            if plain:
                marks = [Mark(start, len(line), *_asked(mechanism, plain), plain)]
        elif turn.who == "S" and place == 0 and (challenge := challenge_in(line)):
            start = line.index(challenge)
            marks = [Mark(start, start + len(challenge), CHALLENGE, "challenge")]
        if marks:
            found[place] = marks
    return found


def command_marks(line: bytes) -> list[Mark]:
    """The credentials in one POP3 command line (RFC 1939 section 7).

    >>> command_marks(b"PASS one two")[0][:3]
    (5, 12, 'password, in the clear')
    """
    verb, _, argument = line.partition(b" ")
    start = len(verb) + 1
    if not argument:
        return []
    match verb.upper():
        case b"USER":
            return [Mark(start, len(line), "user", "user")]
        case b"PASS":
            return [Mark(start, len(line), f"password, {CLEAR}", "password", secret=True)]
        case b"APOP":
            name, blank, digest = argument.rpartition(b" ")
            if not blank:  # a name and nothing behind it
                name, digest = argument, b""
            marks = [
                Mark(start, start + len(name), "user", "user"),
                Mark(len(line) - len(digest), len(line), "digest of challenge and password", "digest"),
            ]
            return [mark for mark in marks if mark.start < mark.end]
    return []


_VERBS = frozenset(
    b"USER PASS APOP AUTH QUIT STAT LIST RETR MAIL RCPT DATA EHLO HELO RSET NOOP CAPA STLS STARTTLS".split()
)


def _response(mechanism: str, step: int, line: bytes, start: int) -> list[Mark]:
    """What the client's answer number `step` (from 0) is in an exchange of this mechanism."""
    if line[start:] in (b"*", b""):
        return []
    plain = unbase64(line[start:])
    end = len(line)
    if plain is None:
        return [Mark(start, end, "not base64", "glue")]
    if mechanism == "PLAIN":
        return [Mark(start, end, f"user and password, {ENCODED}", "password", plain, True)]
    if mechanism == "LOGIN":
        if step == 0:
            return [Mark(start, end, f"user, {ENCODED}", "user", plain)]
        return [Mark(start, end, f"password, {ENCODED}", "password", plain, True)]
    if mechanism.startswith("SCRAM-") and step == 0:
        return [Mark(start, end, "user and a nonce of the client's", "cnonce", plain)]
    return [Mark(start, end, RESPONSE, "digest", plain)]


def _asked(mechanism: str, plain: bytes) -> tuple[str, str]:
    """What a server's SASL message is: label and kind."""
    if mechanism in ("PLAIN", "LOGIN"):
        return "base64", "glue"
    if plain.startswith((b"rspauth=", b"v=")):  # RFC 2831 section 2.1.3, RFC 5802 section 7
        return "the server's proof", "digest"
    return CHALLENGE, "challenge"


def unbase64(text: bytes) -> bytes | None:
    """Decoded strictly, or None: a view shows what was on the wire and never guesses."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
