"""Cutting the bytes of two sides into turns: lines, mails, TLS records.

No I/O and no protocol: what a line means is the business of a Grammar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .channel import Channel
from .turns import Kind, Side, Turn, looks_like_tls

# Limits of what is held in memory for one connection and side.
MAX_LINE = 1 << 16  # a longer line is cut, its rest becomes another turn
MAX_REPLY = 1 << 20  # a longer list (LIST, UIDL) is cut
MAX_MAIL = 8 << 20  # a longer mail becomes several turns

Emit = Callable[[Turn], None]


@dataclass(slots=True)
class Body:
    """A mail that is crossing. left: bytes to come, None: up to a line with a single dot. verb: how it crosses."""

    left: int | None
    verb: str
    command: Turn
    begun: bool = False  # a part of it was a turn already


class Cutter:
    """Two channels, and where each of them is: among lines, in a mail, or in TLS."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.channels: dict[Side, Channel] = {"C": Channel(), "S": Channel()}
        self.tls: set[Side] = set()
        self.body: dict[Side, Body | None] = {"C": None, "S": None}
        self.desynced = False  # there was a gap
        self.tidy = False  # both sides are among lines, and nothing of them is left in a channel
        self._whole: tuple[bytes, int, int] | None = None  # a line that needn't go through a channel

    def front(self, side: Side) -> bytes | bytearray:
        """The bytes of this side that come next."""
        return self._whole[0] if self._whole else self.channels[side].buffer

    def emit(self, side: Side, kind: Kind, count: int, partial: bool = False) -> Turn:
        """Make a turn of the first `count` bytes. The caller hands it to _emit when it is complete."""
        if self._whole:  # the usual case: a segment is a line
            data, number, time_ns = self._whole
            return Turn(side, kind, time_ns / 1e9, number, [number], data, side)
        channel = self.channels[side]
        partial = partial or channel.cut
        channel.cut = False
        data, frames, time_ns = channel.take(count)
        return Turn(side, kind, time_ns / 1e9, frames[0], frames, data, side, partial=partial)

    def line(self, side: Side) -> int:
        """Length of the line in front, cut at MAX_LINE; 0 when it isn't complete."""
        channel = self.channels[side]
        end = channel.line_end()
        if not end and len(channel.buffer) > MAX_LINE:
            return MAX_LINE
        return min(end, MAX_LINE)

    def _take_tls(self, side: Side) -> bool:
        buffer = self.channels[side].buffer
        if len(buffer) < 5:
            return False
        size = 5 + (buffer[3] << 8 | buffer[4]) if looks_like_tls(buffer[:3]) else len(buffer)
        if len(buffer) < size:
            return False
        self._emit(self.emit(side, "tls", size))
        return True

    def _take_body(self, side: Side, body: Body) -> bool:
        channel = self.channels[side]
        have = len(channel.buffer)
        if body.left is not None:  # a counted block (BDAT, IMAP's literals)
            count = min(body.left, MAX_MAIL)
            if count > have:
                return False
            body.left -= count
            self._mail(side, body, count, ended=not body.left)
            return True
        if channel.line_start and channel.buffer.startswith((b".\r\n", b".\n")):
            end = 2 + channel.buffer.startswith(b".\r\n")
        else:
            scanned = channel.scanned
            end = channel.find(b"\r\n.\r\n")
            if not end and b"\r" not in channel.buffer[:200]:  # lines that end in a bare LF throughout
                channel.scanned = scanned
                end = channel.find(b"\n.\n")
        reply = self.next_reply_in_body(side) if self.desynced else None
        if reply is not None and (not end or reply < end):
            if reply:
                self._mail(side, body, reply, ended=False)
            self.body[side] = None
            channel.line_start = True
            channel.scanned = 0
            return True
        if end and end <= MAX_MAIL:
            self._mail(side, body, end, ended=True)
            return True
        if have > MAX_MAIL:
            # Not amid a terminator: five bytes stay.
            self._mail(side, body, MAX_MAIL - 5, ended=False)
            return True
        return False

    def _mail(self, side: Side, body: Body, count: int, ended: bool) -> None:
        middle = body.begun and not self.channels[side].line_start
        turn = self.emit(side, "mail", count, partial=not ended)
        turn.verb, turn.command, turn.middle = body.verb, body.command, middle
        body.begun = True
        if ended:
            self.body[side] = None
        self._emit(turn)
        if ended:
            self.mail_ended(side, turn)

    def next_reply_in_body(self, side: Side) -> int | None:
        """Only after a gap: where the mail must have ended, None when it goes on."""
        return None

    def begin_body(self, side: Side, command: Turn, left: int | None = None) -> Body:
        """From here on a mail crosses: `left` bytes, or up to a line with a single dot."""
        self.tidy = False
        body = self.body[side] = Body(left, command.verb, command)
        return body

    def flush(self, side: Side) -> None:
        """No more bytes will come to complete what is in the buffer: hand it out as it is."""
        channel = self.channels[side]
        count = len(channel.buffer)
        if not count:
            return
        if side in self.tls:
            self._emit(self.emit(side, "tls", count, partial=True))
        elif body := self.body[side]:
            if body.left is not None:
                body.left -= count
            self._mail(side, body, count, ended=False)
        elif side == "C":
            self.client_line(count, partial=True)
        else:
            self.server_line(count, partial=True)

    # -- what a grammar says --

    def client_line(self, count: int, partial: bool = False) -> None:
        """The first `count` bytes of the client are a line."""
        raise NotImplementedError

    def server_line(self, count: int, partial: bool = False) -> None:
        """The first `count` bytes of the server are a whole reply."""
        raise NotImplementedError

    def mail_ended(self, side: Side, turn: Turn) -> None:
        """The last byte of a mail was seen."""
