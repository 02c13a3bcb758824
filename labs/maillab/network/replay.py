"""The replay rung: no lab at all, the recordings in ``data/captures`` answer instead.

A client that says what was said when the recording was made gets the recorded answers, and the cards
hear the recorded frames. Anything else ends with a sentence: a recording can't answer a question nobody asked.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.packet import Packet
from scapy.utils import PcapNgReader

from ..names import AS_GATE, HOSTS, Name, host_named
from .card import Card
from .host import Network, Process, RungUnavailable
from .tap import Cards


class NotRecorded(RuntimeError):
    """A recording was asked something new. (Not an OSError: smtplib would hide its text.)"""


class Replay(Network):
    """The connections of one recording, one after the other.

    Raises:
        RungUnavailable: there is no recording of that lesson.
    """

    rung = "replay"
    real = (
        "Nothing runs here: what you see was real when this lesson was recorded, with the mailboxes of "
        "the student 'guest'."
    )
    serves = False

    def __init__(self, recording: Path | None, nat: bool = False) -> None:
        if recording is None or not recording.exists():
            raise RungUnavailable(
                "there is no recording of this lesson in data/captures (of TLS and SSH there can't be one to be played "
                "again: each connection has keys of its own). MAILLAB_RUNG=tap needs no privilege and runs them"
            )
        if nat:
            self.names, self.gate = AS_GATE, "alice and mallory were behind it: this was recorded at the mail server"
        self._cards = Cards()
        with PcapNgReader(str(recording)) as reader:
            self._connections = consequences(connections(reader))

    def card(self, host: Name) -> Card:
        return self._cards.open(host)

    def rewire(self, mode: str) -> None:
        self._cards.mode = mode

    def connect(self, source: Name, target: Name, port: int, timeout: float) -> Any:
        """A recorded connection between these two: what the client says decides which, the longest unused first."""
        found = [c for c in self._connections if c.ends == (source.ip, target.ip, port)]
        if not found:
            raise ConnectionRefusedError(
                f"The recording of this lesson has no connection from {source.name} to {target.name}, port {port}."
            )

        listening = self._cards.now()

        def finished(connection: Connection, turns: int) -> None:
            self._connections.remove(connection)
            self._connections.append(connection)
            # With what the mail server then did by itself, because of it: passed a mail on, say.
            heard = [(*frame[:2], (source.name, target.name)) for frame in connection.frames if frame[2] <= turns]
            for then in connection.then if turns >= len(connection.turns) else []:
                heard += [(*frame[:2], then.hosts) for frame in then.frames]
            for time_ns, data, hosts in sorted(heard, key=lambda frame: frame[0]):
                self._cards.hear(hosts, time_ns, data, listening)

        return Player(found, finished)

    def spawn(self, host: Name, argv: Sequence[str]) -> Process:
        raise RungUnavailable("a recording can't start programs: choose another rung")

    def take_down(self) -> None:
        self._cards.close()


class Connection:
    """A recorded connection: its frames, and what was said as turns of (who, bytes)."""

    def __init__(self, syn: Packet) -> None:
        self.client = syn[IP].src, syn[TCP].sport
        self.server = syn[IP].dst, syn[TCP].dport
        self.ends = (syn[IP].src, syn[IP].dst, syn[TCP].dport)
        self.frames: list[tuple[int, bytes, int]] = []  # time, frame, and how many turns there were with it
        self.turns: list[tuple[str, bytes]] = []
        self.then: list[Connection] = []  # opened by the server itself, after this one and before the next
        self._expected: dict[str, int] = {}

    @property
    def hosts(self) -> tuple[str, str]:
        return host_named(self.client[0]).name, host_named(self.server[0]).name

    def add(self, packet: Packet) -> None:
        ip, tcp = packet[IP], packet[TCP]
        who = "client" if (ip.src, tcp.sport) == self.client else "server"
        payload = bytes(tcp.payload)[: ip.len - ip.ihl * 4 - tcp.dataofs * 4]  # without Ethernet's padding
        # On a busy machine TCP sometimes sends a segment twice: what was there before is cut off.
        seen = (self._expected.get(who, tcp.seq) - tcp.seq) % 2**32
        payload = payload[seen:] if seen < 2**31 else payload
        if payload or who not in self._expected:
            self._expected[who] = (tcp.seq + seen + len(payload) + ("S" in str(tcp.flags))) % 2**32
        if payload and self.turns and self.turns[-1][0] == who:
            payload = self.turns.pop()[1] + payload
        if payload:
            self.turns.append((who, payload))
        self.frames.append((int(packet.time * 10**9), bytes(packet), len(self.turns)))


def connections(packets: Iterable[Packet]) -> list[Connection]:
    """Sort a recording's packets into connections, in the order of their SYNs."""
    found: list[Connection] = []
    current: dict[frozenset[tuple[str, int]], Connection] = {}
    for packet in packets:
        if TCP not in packet or IP not in packet:
            continue
        pair = frozenset(((packet[IP].src, packet[TCP].sport), (packet[IP].dst, packet[TCP].dport)))
        if packet[TCP].flags == "S":
            current[pair] = Connection(packet)
            found.append(current[pair])
        if pair in current:
            current[pair].add(packet)
    return found


def consequences(found: list[Connection]) -> list[Connection]:
    """Only what clients opened; what the mail server opened by itself hangs on the connection before it."""
    opened: list[Connection] = []
    for connection in found:
        if connection.client[0] == HOSTS["mail"].ip and opened:
            opened[-1].then.append(connection)
        else:
            opened.append(connection)
    return opened


class Player:
    """What the client holds instead of a socket: takes what is sent, gives what was answered then.

    At first every recorded connection may be the one; each thing the client sends rules some out. The cards hear
    the frames when the connection ends, since only then it is certain which one it was, and no more of them than were
    needed for what was said.
    """

    def __init__(self, candidates: list[Connection], finished: Callable[[Connection, int], None]) -> None:
        self._candidates, self._finished = candidates, finished
        self._turn = 0
        self._said = b""
        self._answer = bytearray()
        self._closed = False
        self._hear_answer()

    def _now(self, connection: Connection) -> tuple[str, bytes]:
        return connection.turns[self._turn] if self._turn < len(connection.turns) else ("end", b"")

    def _hear_answer(self) -> None:
        now = self._now(self._candidates[0])
        if now[0] == "server":
            self._candidates = [c for c in self._candidates if self._now(c) == now]
            self._answer += now[1]
            self._turn += 1

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Find the recordings in which the client said just this, and go on to the answer."""
        said = self._said + bytes(data)
        fitting = [c for c in self._candidates if self._now(c)[0] == "client" and self._now(c)[1].startswith(said)]
        if not fitting:
            recorded = self._now(self._candidates[0])[1].decode("latin-1").strip() or "nothing more"
            raise NotRecorded(
                f"This is a recording: the client said {recorded!r} then, not {said.decode('latin-1').strip()!r}. "
                "Run the notebook again from the top; to say something new, start the lab on another rung."
            )
        self._candidates, self._said = fitting, said
        whole = [c for c in fitting if self._now(c)[1] == said]
        if whole:
            self._candidates, self._said = whole, b""
            self._turn += 1
            self._hear_answer()

    def foresee(self, line: bytes) -> list[bytes]:
        """What the client said from here on, in the first recording in which she goes on with ``line``."""
        for connection in self._candidates:
            said = [data for who, data in connection.turns[self._turn :] if who == "client"]
            if said and said[0].startswith(line):
                return said
        return []

    def send(self, data: Any, flags: int = 0) -> int:
        self.sendall(data)
        return len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        answer = bytes(self._answer[:size])
        del self._answer[:size]
        return answer

    def makefile(self, mode: str = "rb", *args: Any, **options: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._finished(self._candidates[0], self._turn)

    def __del__(self) -> None:
        self.close()  # as a socket does that nobody holds any more

    def shutdown(self, how: int) -> None:
        if how != socket.SHUT_RD:
            self.close()

    def getsockname(self) -> tuple[str, int]:
        return self._candidates[0].client

    def getpeername(self) -> tuple[str, int]:
        return self._candidates[0].server

    def settimeout(self, seconds: float | None) -> None:
        """A recording never lets anybody wait."""

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Reader(io.RawIOBase):
    def __init__(self, player: Player) -> None:
        self._player = player

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._player.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)
