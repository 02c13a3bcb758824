"""Findings of a whole capture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..conversations.conversation import dialogues, readable, warn_of_sealed
from ..conversations.dialogue import Dialogue
from ..conversations.streams import Connection
from ..conversations.table import Table
from ..tls.keylog import KeyLog
from .finding import Finding
from .observe import Observer
from .pop_logins import PopLogins


@dataclass(slots=True)
class Losses:
    """What a capture lacks of its mail connections; search() fills it in."""

    one_sided: int = 0  # connections of which only one direction was captured
    missing: int = 0  # bytes that were lost in the others
    frame: int = 0  # the first frame at which that shows
    sealed: list[str] = field(default_factory=list)  # of each connection that a key log didn't open: why

    def add(self, dialogue: Dialogue, observer: Observer) -> None:
        if dialogue.sealed:
            self.sealed.append(dialogue.sealed)
        if not dialogue.protocol or not (observer.missing or dialogue.captured != "both"):
            return
        if dialogue.captured == "both":
            self.missing += observer.missing
            frame = observer.missing_from
        else:
            self.one_sided += 1
            frame = dialogue.connection.first
        self.frame = min(self.frame or frame, frame)

    def sentence(self) -> str:
        """One sentence, empty when nothing is missing."""
        said = []
        if self.one_sided:
            said.append(f"of {self.one_sided} connection(s) only one direction was captured")
        if self.missing:
            said.append(f"{self.missing:,} bytes are missing from connections")
        return f"{' and '.join(said)} (from frame {self.frame}); what is there was read" if said else ""


def search(
    source: Any,
    ports: Mapping[int, str] | None = None,
    keylog: Any = None,
    *,
    keep_mails: bool = True,
    losses: Losses | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Finding]:
    """Findings of each connection soon after it has ended; for captures that don't fit in memory.

    Arguments as for findings(). keep_mails=False keeps the first 4 KiB of each mail. losses: told what is missing.
    progress: called with the bytes of the file that were read, now and then.
    Raises CaptureError for a broken file, after everything that could be read; KeyLogError for what is no key log.
    """
    keys = KeyLog.of(keylog)
    observers: dict[int, Observer] = {}
    pop_logins = PopLogins()

    def open_dialogue(connection: Connection) -> Dialogue:
        observer = Observer(keep_mails, pop_logins)
        dialogue = Dialogue(connection, observer.turn, ports, keys)
        dialogue.mail_only = True
        observer.dialogue = dialogue
        observers[id(dialogue)] = observer
        return dialogue

    for dialogue in dialogues(source, Table(open_dialogue), keys, progress):
        observer = observers.pop(id(dialogue))
        observer.close()
        pop_logins.settle()
        if losses is not None:
            losses.add(dialogue, observer)
        yield from observer.findings


def findings(source: Any, ports: Mapping[int, str] | None = None, keylog: Any = None) -> list[Finding]:
    """What an eavesdropper learns from a capture, in order of the first frame.

    source: a path, Frames, or Scapy packets. ports: {11110: "pop3"} to insist on a protocol; without it, it is
    recognised by what is said, on any port. A file that breaks off gives what could be read, and a warning;
    one in which nothing can be read raises CaptureError. keylog: a path, bytes or a tls.KeyLog, to read what was said
    inside TLS, too (an eavesdropper has none); the one that a pcapng file brings along is used by itself, and one that
    doesn't open a connection warns.
    """
    losses = Losses()
    found = readable(search(source, ports, keylog, losses=losses))
    warn_of_sealed(losses.sealed)
    return sorted(found, key=lambda finding: finding.frame)
