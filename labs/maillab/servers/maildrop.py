"""A maildrop (RFC 1939 section 3): one user's mails, and the lock that only one session at a time can hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from maillab.servers.spool import Spool

MAX_MESSAGE = 1_000_000
"""Octets in one mail (the SIZE that SMTP announces, RFC 1870)."""

MAX_MESSAGES = 1000
"""Mails in one maildrop."""

MAX_TOTAL = 32_000_000
"""Octets in one maildrop."""

STARTED = "started"
"""The file that says that a maildrop on disk has had the mails of the start; some may be deleted again."""

_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")


class MaildropFull(Exception):
    """There's no room left for another mail."""


@dataclass(frozen=True, eq=False)
class Message:
    """One mail: its octets (every line ends in CRLF) and the name that never changes (UIDL, RFC 1939 section 7)."""

    content: bytes
    uid: str
    file: str = ""  # what it's called on disk, where maildrops are kept there

    def __len__(self) -> int:
        return len(self.content)


def uid_of(name: str) -> str:
    """The unique id of a mail from its file's name, so that it is the same after a restart.

    >>> uid_of("00000012.3f5a")
    '12.3f5a'
    """
    return name.lstrip("0")


class Maildrop:
    r"""One user's mails, oldest first; in memory, and with a spool also on disk.

    >>> maildrop = Maildrop([b"Subject: one\r\n\r\nHello\r\n"])
    >>> maildrop.deliver(b"Subject: two\n\nBye")
    >>> [message.content for message in maildrop.messages]
    [b'Subject: one\r\n\r\nHello\r\n', b'Subject: two\r\n\r\nBye\r\n']
    """

    def __init__(self, start: Iterable[bytes] = (), spool: Spool | None = None) -> None:
        self._start, self._spool = tuple(start), spool
        self._locked = False
        self.messages: list[Message] = []
        if spool is None or STARTED not in (names := spool.names()):
            self.reset()
            return
        names.remove(STARTED)
        self.messages = [Message(spool.read(name), uid_of(name), name) for name in names]
        self._count = int(names[-1].partition(".")[0]) if names else len(self._start)

    def reset(self) -> None:
        """Back to the mails of the start. A session that is open keeps its lock and sees what it saw before."""
        self.messages = []
        self._count = 0
        if self._spool is not None:
            for name in self._spool.names():
                self._spool.drop(name)
        for content in self._start:
            self.deliver(content)
        if self._spool is not None:
            self._spool.keep(STARTED, b"")

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
            OSError: the disk doesn't take it.
        """
        content = _ANY_LINE_END.sub(b"\r\n", content)
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        if len(self.messages) >= MAX_MESSAGES or sum(map(len, self.messages)) + len(content) > MAX_TOTAL:
            raise MaildropFull
        self._count += 1
        # The counter makes it unique, the hash makes it unlike that of a mail that had the same number before a reset.
        digest = hashlib.sha256(content).hexdigest()[:12]
        name = f"{self._count:08}.{digest}"
        if self._spool is not None:
            self._spool.keep(name, content)
        self.messages.append(Message(content, uid_of(name), name))

    def remove(self, messages: Iterable[Message]) -> None:
        """Take these very mails out (those of a time before a reset are gone already)."""
        gone = set(map(id, messages))
        if self._spool is not None:
            for message in self.messages:
                if id(message) in gone:
                    self._spool.drop(message.file)
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
