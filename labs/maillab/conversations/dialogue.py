"""From a connection's bytes to turns: recognise the protocol, then let its grammar cut."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Literal

from ..tls.keylog import KeyLog
from ..tls.records import looks_like_tls
from .cutting import Emit
from .grammar import Grammar
from .imap import Imap
from .packets import names_of
from .pop3 import Pop3
from .recognise import MAX_HEAD, recognise
from .smtp import Smtp
from .streams import Connection
from .tunnel import Tunnel
from .turns import Turn

GRAMMARS: dict[str, type[Grammar]] = {"pop3": Pop3, "smtp": Smtp, "imap": Imap}
MAX_OPAQUE = 1 << 20  # so much is kept of a connection whose protocol is unknown


class Opaque(Grammar):
    """A protocol that isn't known: each side's bytes as they come, TLS records told apart."""

    line_by_line = False

    def __init__(self, emit: Emit, *, from_start: bool = True) -> None:
        super().__init__(emit, from_start=from_start)
        self._room = MAX_OPAQUE

    def take_client_line(self) -> bool:
        self.client_line(len(self.channels["C"].buffer))
        return True

    def take_server_line(self) -> bool:
        self.server_line(len(self.channels["S"].buffer))
        return True

    def client_line(self, count: int, partial: bool = False) -> None:
        self._data(self.emit("C", "data", count, partial))

    def server_line(self, count: int, partial: bool = False) -> None:
        self._data(self.emit("S", "data", count, partial))

    def _data(self, turn: Turn) -> None:
        self._room -= len(turn.data)
        if self._room >= 0:
            self._emit(turn)


class Dialogue:
    """The sink of one connection. `emit` gets the turns. keys: to read what is said inside TLS, too."""

    def __init__(
        self, connection: Connection, emit: Emit, ports: Mapping[int, str] | None = None, keys: KeyLog | None = None
    ) -> None:
        self.connection = connection
        self.protocol: str | None = None
        self.client_side = 0
        self.grammar: Grammar | None = None
        self.ignore = False  # set it, and no more turns are made
        self.mail_only = False  # set it, and unknown protocols are ignored
        self._emit = emit
        self._keys = keys
        self._tunnel: Tunnel | None = None
        self._inside: Dialogue | None = None
        self._in_clear = False  # something was said before TLS began
        self._insist = ports or {}
        self._early: list[tuple[int, bytes, int, int, int]] = []
        self._heads = [b"", b""]
        self._first = -1
        self._names: tuple[str, str] | None = None
        connection.sink = self

    @property
    def names(self) -> tuple[str, str]:
        """("ip:port" of the client, "ip:port" of the server)."""
        if not self._names:
            self._names = names_of(self.connection.key)
        source, target = self._names
        return (source, target) if self.client_side == 0 else (target, source)

    @property
    def captured(self) -> Literal["both", "client", "server"]:
        """Which directions the capture holds."""
        side = self.connection.one_sided
        return "both" if side is None else "client" if side == self.client_side else "server"

    def data(self, side: int, data: bytes, number: int, time_ns: int) -> None:
        if self.ignore:
            return
        if self.grammar:
            self.grammar.feed("C" if side == self.client_side else "S", data, number, time_ns)
            return
        if self._first < 0:
            self._first = side
        self._early.append((side, data, 0, number, time_ns))
        self._heads[side] += data
        # Only whole lines, or a first few bytes that are no text, can change the judgement.
        if b"\n" in data or len(self._heads[side]) < 16 or len(self._heads[side]) >= MAX_HEAD:
            self._decide()

    def gap(self, side: int, missing: int, number: int, time_ns: int) -> None:
        if self.ignore:
            return
        if self.grammar:
            self.grammar.gap("C" if side == self.client_side else "S", missing, number, time_ns)
        else:
            self._early.append((side, b"", missing, number, time_ns))

    def close(self, time_ns: int = 0) -> None:
        """The connection is over."""
        self.connection.close(time_ns)
        if not self.grammar and self._early and not self.ignore:
            self._decide(final=True)
        if self.grammar:
            self.grammar.close()
        if self._tunnel:
            self._tunnel.close()
            self._protocol_inside()
        self.grammar = None  # no cycle of objects stays behind, and no buffer

    def _decide(self, final: bool = False) -> None:
        opener = self.connection.opener
        heads = (self._heads[0], self._heads[1])
        ports: tuple[int, int] = struct.unpack(">HH", self.connection.key[-4:])
        guess = recognise(heads, self._first, opener, ports, self._insist, final)
        if guess is None:
            return
        self.protocol, self.client_side = guess
        early, self._early, self._heads = self._early, [], [b"", b""]
        if self.protocol is None and self.mail_only and not (self.opens_tls and any(map(looks_like_tls, heads))):
            self.ignore = True
            return
        make = GRAMMARS[self.protocol] if self.protocol else Opaque
        self.grammar = make(self._hear if self.opens_tls else self._emit, from_start=opener is not None)
        for side, data, missing, number, time_ns in early:
            if missing:
                self.gap(side, missing, number, time_ns)
            else:
                self.data(side, data, number, time_ns)

    # -- inside TLS --

    @property
    def opens_tls(self) -> bool:
        """Is there a key log to read TLS with?"""
        return self._keys is not None and self._keys.given

    @property
    def sealed(self) -> str:
        """Why (some of) what was said inside TLS couldn't be read with the key log; empty: all could be."""
        if not self._tunnel or not self._tunnel.problem:
            return ""
        client, server = self.names
        return f"{client} -> {server}: {self._tunnel.problem}"

    def _hear(self, turn: Turn) -> None:
        """A turn of the grammar; what was said inside a record follows it."""
        self._emit(turn)
        if self._tunnel is None:
            if turn.kind != "tls":
                self._in_clear = self._in_clear or turn.kind != "gap"
                return
            assert self._keys is not None
            self._tunnel = Tunnel(self._keys, self._emit, self._open_inside, self.client_side)
        self._tunnel.hear(turn)
        self._protocol_inside()

    def _open_inside(self, emit: Emit) -> Dialogue:
        """The dialogue inside: after STLS or STARTTLS this one, continued; else one that has yet to be recognised."""
        inside = Dialogue(Connection(self.connection.key, self.connection.first), emit, self._insist)
        inside.connection.opener = inside.client_side = self.client_side
        inside.mail_only = self.mail_only
        if self._in_clear and self.protocol:
            inside.protocol = self.protocol
            inside.grammar = GRAMMARS[self.protocol](emit, from_start=False)
        self._inside = inside
        return inside

    def _protocol_inside(self) -> None:
        if self._inside and self._inside.protocol:
            self.protocol = self._inside.protocol
        elif self._inside and self._inside.ignore:
            self.ignore = True  # no mail
