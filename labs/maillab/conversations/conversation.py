"""A conversation: all that two programs said to each other over one TCP connection."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from ..capture.errors import CaptureError
from ..capture.files import Progress, batches_of
from ..tls.keylog import KeyLog
from .dialogue import Dialogue
from .streams import Connection
from .table import Table
from .turns import Turn


@dataclass(slots=True)
class Conversation:
    """One TCP connection, in turns.

    client, server: "ip:port". protocol: "pop3", "smtp", "imap" or None. turns: in the order in which they were said.
    complete: the capture holds it from SYN to FIN (or RST), and no byte is missing.
    captured: "both" directions, or only that of the "client" or the "server".
    sealed: with a key log, why (some of) what was said inside TLS couldn't be read; empty: all could be.
    """

    client: str
    server: str
    protocol: Literal["pop3", "smtp", "imap"] | None
    turns: list[Turn] = field(default_factory=list)
    complete: bool = False
    captured: Literal["both", "client", "server"] = "both"
    sealed: str = ""

    @property
    def frame(self) -> int:
        """Number of the first frame that holds data (0: there is none)."""
        return min((turn.frame for turn in self.turns), default=0)

    @property
    def gaps(self) -> list[Turn]:
        """Where bytes are missing; each has .side and .missing."""
        return [turn for turn in self.turns if turn.kind == "gap"]

    def bytes_from(self, who: Literal["client", "server"], inside: bool = False) -> bytes:
        """Everything that side said, as it crossed the wire; what is missing is left out, never made up.

        inside: what it said inside TLS instead, as far as a key log opened it.
        """
        letter = {"client": "C", "server": "S"}[who]
        return b"".join(turn.data for turn in self.turns if turn.who == letter and turn.decrypted == inside)

    def transcript(self, times: bool = True) -> str:
        """Lines "C: …" and "S: …", with seconds since the first in front. A mail's lines are indented.

        TLS records that a key log opened are left out: what they say stands there.
        """
        start = self.turns[0].time if self.turns else 0.0
        out = []
        for turn in self.turns:
            if turn.opened:
                continue
            stamp = f"{turn.time - start:8.3f}  " if times else ""
            lines = turn.text.split("\n")
            who = turn.side if turn.kind == "gap" else turn.who
            out.append(f"{stamp}{who}: {lines[0]}".rstrip())
            out += [f"{' ' * len(stamp)}   {line}".rstrip() for line in lines[1:]]
        return "\n".join(out)

    def __str__(self) -> str:
        return f"{self!r}\n{self.transcript()}"

    def __repr__(self) -> str:
        what = self.protocol or "unknown protocol"
        gaps = f", {len(self.gaps)} gaps" if self.gaps else ""
        half = "" if self.captured == "both" else f", only the {self.captured} was captured"
        sealed = ", TLS not (wholly) read" if self.sealed else ""
        return f"<{what} {self.client} -> {self.server}: {len(self.turns)} turns{gaps}{half}{sealed}>"


def conversations(source: Any, ports: Mapping[int, str] | None = None, keylog: Any = None) -> Iterator[Conversation]:
    """Conversations of a capture, each as soon as it has ended; for captures that don't fit in memory.

    source: a path, Frames, or Scapy packets (see capture.frames_of). ports: {11110: "pop3"} to insist on a
    protocol; without it, it is recognised by what is said, on any port. keylog: a path, bytes or a tls.KeyLog, to read
    what is said inside TLS, too; the one that a pcapng file brings along is used by itself.
    Raises CaptureError for a broken file, after everything that could be read; KeyLogError for what is no key log.
    """
    keys = KeyLog.of(keylog)
    turns: dict[int, list[Turn]] = {}

    def open_dialogue(connection: Connection) -> Dialogue:
        mine: list[Turn] = []
        dialogue = Dialogue(connection, mine.append, ports, keys)
        turns[id(dialogue)] = mine
        return dialogue

    table = Table(open_dialogue)
    for dialogue in dialogues(source, table, keys):
        said = turns.pop(id(dialogue))
        connection = dialogue.connection
        if not said:
            continue
        client, server = dialogue.names
        whole = connection.opener is not None and (connection.finished or connection.reset)
        yield Conversation(
            client,
            server,
            dialogue.protocol,  # type: ignore[arg-type]
            said,
            whole and all(turn.kind != "gap" for turn in said),
            dialogue.captured,
            dialogue.sealed,
        )


def dialogues(source: Any, table: Table, keys: KeyLog, progress: Progress | None = None) -> Iterator[Dialogue]:
    """Run a capture through a table; each dialogue soon after it ended. A broken file raises at the very end.

    keys: gets the key log that the capture brings along. progress: see capture.read_batches.
    """
    broken: CaptureError | None = None
    try:
        for batch in batches_of(source, keys.from_capture, progress):
            with uninterrupted():
                table.batch(batch)
            yield from table.drain()
    except CaptureError as error:
        broken = error
    table.finish()
    yield from table.drain()
    if broken:
        raise broken


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Python's search for garbage in cycles waits meanwhile: among so many short-lived objects it takes a third of the
    time, and a connection that ended leaves no cycle behind."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def readable(items: Iterable[Any]) -> list[Any]:
    """All items up to the end or the break of a capture file; a break after readable frames only warns."""
    out: list[Any] = []
    try:
        out.extend(items)
    except CaptureError as error:
        if not error.frames:
            raise
        warnings.warn(f"{error}; what could be read before is here", stacklevel=3)
    return out


def follow(source: Any, ports: Mapping[int, str] | None = None, keylog: Any = None) -> list[Conversation]:
    """Conversations of a capture, in the order of their first frames ("follow a stream", all streams at once).

    Arguments as for conversations(). A file that breaks off gives what could be read, and a warning;
    one in which nothing can be read raises CaptureError. A key log that doesn't open a connection warns.
    """
    found: list[Conversation] = readable(conversations(source, ports, keylog))
    warn_of_sealed([conversation.sealed for conversation in found])
    return sorted(found, key=lambda conversation: conversation.frame)


def warn_of_sealed(sentences: Iterable[str]) -> None:
    """Say that a key log didn't open everything, in one warning; nothing when all sentences are empty."""
    said = [sentence for sentence in sentences if sentence]
    if said:
        more = f" (and {len(said) - 1} more like this)" if len(said) > 1 else ""
        warnings.warn(f"{said[0]}{more}", stacklevel=3)
