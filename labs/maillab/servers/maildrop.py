"""A maildrop (RFC 1939 section 3): one user's mails, and the lock that only one session at a time can hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_MESSAGE = 1_000_000
"""Octets in one mail (the SIZE that SMTP announces, RFC 1870)."""

MAX_MESSAGES = 1000
"""Mails in one maildrop."""

MAX_TOTAL = 32_000_000
"""Octets in one maildrop."""

_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")


class MaildropFull(Exception):
    """There's no room left for another mail."""


@dataclass(frozen=True, eq=False)
class Message:
    """One mail: its octets (every line ends in CRLF) and the name that never changes (UIDL, RFC 1939 section 7)."""

    content: bytes
    uid: str

    def __len__(self) -> int:
        return len(self.content)


class Maildrop:
    r"""One user's mails, oldest first.

    >>> maildrop = Maildrop([b"Subject: one\r\n\r\nHello\r\n"])
    >>> maildrop.deliver(b"Subject: two\n\nBye")
    >>> [message.content for message in maildrop.messages]
    [b'Subject: one\r\n\r\nHello\r\n', b'Subject: two\r\n\r\nBye\r\n']
    """

    def __init__(self, start: Iterable[bytes] = ()) -> None:
        self._start = tuple(start)
        self._locked = False
        self.reset()

    def reset(self) -> None:
        """Back to the mails of the start. A session that is open keeps its lock and sees what it saw before."""
        self.messages: list[Message] = []
        self._count = 0
        for content in self._start:
            self.deliver(content)

    @property
    def full(self) -> bool:
        """Whether there might be no room for one more mail of the largest size."""
        return len(self.messages) >= MAX_MESSAGES or sum(map(len, self.messages)) + MAX_MESSAGE > MAX_TOTAL

    def deliver(self, content: bytes) -> None:
        """Put a mail at the end.

        A line that ends otherwise than in CRLF is mended: POP3 sends what is stored, and a stored ``LF . CRLF``
        would end the mail early for a client that takes bare LF for a line end.

        Raises:
            MaildropFull: there's no room left.
        """
        content = _ANY_LINE_END.sub(b"\r\n", content)
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        if len(self.messages) >= MAX_MESSAGES or sum(map(len, self.messages)) + len(content) > MAX_TOTAL:
            raise MaildropFull
        self._count += 1
        # The counter makes it unique, the hash makes it unlike that of a mail that had the same number before a reset.
        digest = hashlib.sha256(content).hexdigest()[:12]
        self.messages.append(Message(content, f"{self._count}.{digest}"))

    def remove(self, messages: Iterable[Message]) -> None:
        """Take these very mails out (those of a time before a reset are gone already)."""
        gone = set(map(id, messages))
        self.messages = [message for message in self.messages if id(message) not in gone]

    def lock(self) -> bool:
        """Take the exclusive lock (RFC 1939 section 4); ``False`` if another session has it."""
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self) -> None:
        """Give the lock back."""
        self._locked = False
