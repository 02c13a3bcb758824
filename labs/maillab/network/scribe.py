"""Writes down, as frames, a TCP connection of which only the bytes were seen.

A relay knows who sent which bytes when, and how the connection ended. Ethernet, IP and TCP headers around them
are synthesised here the way RFC 9293 wants them: handshake, segments of at most one MSS, an acknowledgement
for each chunk, FIN or RST. Everything an eavesdropper reads from the bytes is thereby the real thing;
everything about packets (sizes, acknowledgements, TTL) is not, and the lab says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from itertools import count

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from ..names import Name

MSS = 1460
Emit = Callable[[int, bytes], None]


class Scribe:
    """One connection from ``client`` to ``server``, both as (host, port); each frame goes to ``emit(time_ns, bytes)``.

    Directions are ``"client"`` and ``"server"``: who sent it.
    """

    def __init__(self, client: tuple[Name, int], server: tuple[Name, int], emit: Emit) -> None:
        self._end = {"client": client, "server": server}
        self._next = {"client": secrets.randbits(32), "server": secrets.randbits(32)}
        self._ident = {"client": count(secrets.randbits(15)), "server": count(secrets.randbits(15))}
        self._emit, self._clock = emit, 0

    def opened(self, time_ns: int) -> None:
        """The three-way handshake (RFC 9293 section 3.5)."""
        self._frame(time_ns, "client", "S", options=[("MSS", MSS)], advance=1)
        self._frame(time_ns, "server", "SA", options=[("MSS", MSS)], advance=1)
        self._frame(time_ns, "client", "A")

    def refused(self, time_ns: int) -> None:
        """A SYN to a port where nobody listens, and the answer (RFC 9293 section 3.10.7.1)."""
        self._next["server"] = 0  # it never had a sequence number
        self._frame(time_ns, "client", "S", options=[("MSS", MSS)], advance=1)
        self._frame(time_ns, "server", "RA")

    def data(self, time_ns: int, who: str, data: bytes) -> None:
        """A chunk of bytes, cut into segments; the other side acknowledges every second one (RFC 9293 section
        3.8.6.3), and the last."""
        for number, start in enumerate(range(0, len(data), MSS), start=1):
            piece = data[start : start + MSS]
            last = start + MSS >= len(data)
            self._frame(time_ns, who, "PA" if last else "A", piece, advance=len(piece))
            if last or number % 2 == 0:
                self._frame(time_ns, other(who), "A")

    def finished(self, time_ns: int, who: str) -> None:
        """``who`` has no more to say (RFC 9293 section 3.6)."""
        self._frame(time_ns, who, "FA", advance=1)
        self._frame(time_ns, other(who), "A")

    def reset(self, time_ns: int, who: str) -> None:
        """``who`` broke the connection off."""
        self._frame(time_ns, who, "RA")

    def _frame(
        self,
        time_ns: int,
        who: str,
        flags: str,
        data: bytes = b"",
        options: list[tuple[str, int]] | None = None,
        advance: int = 0,
    ) -> None:
        (source, sport), (target, dport) = self._end[who], self._end[other(who)]
        self._clock = max(time_ns, self._clock + 1000)  # frames of one chunk stand a microsecond apart
        packet = (
            Ether(src=source.mac, dst=target.mac)
            / IP(src=source.ip, dst=target.ip, id=next(self._ident[who]) & 0xFFFF, flags="DF")
            / TCP(
                sport=sport,
                dport=dport,
                flags=flags,
                seq=self._next[who],
                ack=self._next[other(who)] if "A" in flags else 0,
                window=64240,
                options=options or [],
            )
            / data
        )
        self._next[who] = (self._next[who] + advance) & 0xFFFFFFFF
        self._emit(self._clock, bytes(packet))


def other(who: str) -> str:
    """The other end of a connection."""
    return "server" if who == "client" else "client"
