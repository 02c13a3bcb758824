"""One attempt to log in, as it was said: what each mechanism is read from."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from ..conversations.turns import Turn

DIGEST = re.compile(rb"[0-9a-fA-F]{32}")  # MD5's, as APOP and CRAM-MD5 send it


@dataclass(slots=True)
class Attempt:
    """The command that began it and everything that belonged to it.

    mechanism: its name, in capitals. command: the turn that began it. initial: the initial response as sent
    (None: there was none). challenges, responses: as sent, base64 still on. greeting: the server's first line
    (APOP's challenge is in it). user: for USER/PASS, the USER command. accepted: None, no verdict was seen.
    """

    mechanism: str
    protocol: str
    command: Turn
    initial: bytes | None = None
    greeting: bytes = b""
    user: Turn | None = None
    challenges: list[bytes] = field(default_factory=list)
    responses: list[bytes] = field(default_factory=list)
    aborted: bool = False
    accepted: bool | None = None
    frames: list[int] = field(default_factory=list)

    @property
    def answers(self) -> list[bytes]:
        """All responses of the client, the initial one first, base64 undone where it can be: to be shown."""
        return [decoded(text) for text in self._sent]

    @property
    def messages(self) -> list[bytes | None]:
        """The same, to be read; None: that one is no base64, so it isn't the mechanism's, whatever it looks like."""
        return [unbase64(text) for text in self._sent]

    @property
    def _sent(self) -> list[bytes]:
        return self.responses if self.initial is None else [self.initial, *self.responses]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a mechanism gave away. challenge, response: base64 undone; a list where there were several."""

    username: str | None = None
    password: str | None = None
    challenge: str | list[str] | None = None
    response: str | list[str] | None = None
    hashcat: dict[str, int | str] | None = None
    authzid: str | None = None


def unbase64(text: bytes) -> bytes | None:
    """Base64 undone, missing padding forgiven; None when it is no base64. "=" is the empty string (RFC 4954).

    >>> unbase64(b"YWxpY2U=")
    b'alice'
    """
    if text == b"=":
        return b""
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def decoded(text: bytes) -> bytes:
    """Base64 undone, or the text itself when it is none."""
    data = unbase64(text)
    return text if data is None else data


def words(data: bytes) -> str:
    """Bytes as text: UTF-8, and where that isn't valid Latin-1, which has a character for each byte."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def one_or_all(items: list[bytes]) -> str | list[str] | None:
    """None for nothing, the text of one item, a list for several."""
    texts = [words(item) for item in items]
    return None if not texts else texts[0] if len(texts) == 1 else texts
