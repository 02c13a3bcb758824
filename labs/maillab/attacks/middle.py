"""In the middle: mallory answers in mail's place, connects on to the real mail, and reads what passes.

How a client comes to talk to her is another matter: she can stand on the path (``Spoof`` and ``Host.intercept``), or
the client was told a wrong address.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from scapy.layers.l2 import Ether

from ..names import HOSTS, IMPLICIT_TLS, PORTS, host_named
from ..network import Host
from ..network.scribe import Scribe
from .strip import Protocol, Strip

PATIENCE = 10.0
"""Seconds for a handshake, and for the other side to take what was sent."""
LOOK = 0.1
"""Seconds after which it looks whether it has been closed."""
MAX_HEARD = 4 << 20
"""Octets that are kept of one connection."""


@dataclass
class Overheard:
    """One connection that passed: what mallory could read of it, as (who sent it, ``C`` or ``S``; when; octets)."""

    service: str
    client: tuple[str, int]
    to: str
    heard: list[tuple[str, int, bytes]] = field(default_factory=list, repr=False)
    tls: bool = False
    """Did the client go over to TLS, with whomever?"""
    opened: bool = False
    """Was it mallory whom it spoke TLS with? Then what was in it stands in ``heard``."""
    removed: list[str] = field(default_factory=list)
    """What was stripped."""

    def forget_last_line(self, who: str) -> None:
        """As if ``who`` hadn't said it; it may have come in several pieces."""
        begun = False
        for index in reversed([index for index, heard in enumerate(self.heard) if heard[0] == who]):
            _, when, data = self.heard[index]
            if begun and data.endswith(b"\n"):
                return  # that's the line before
            before, begun = data[: data.rfind(b"\n", 0, -1) + 1], True
            self.heard[index] = who, when, before
            if before:
                return

    def frames(self) -> list[Ether]:
        """What was read, as packets: where mallory spoke TLS herself, as if there had been none. All but the octets in
        them is made up."""
        if not self.heard:
            return []
        frames: list[Ether] = []
        client = next((host for host in HOSTS.values() if host.ip == self.client[0]), HOSTS["alice"])
        ends = (client, self.client[1]), (HOSTS[self.to], PORTS[self.service])
        scribe = Scribe(*ends, lambda _, data: frames.append(Ether(data)))
        scribe.opened(self.heard[0][1])
        for who, when, data in self.heard:
            scribe.data(when, "client" if who == "C" else "server", data)
        for who in ("client", "server"):
            scribe.finished(self.heard[-1][1], who)
        return frames


class Middle:
    """For as long as the block lasts, mallory's ports lead to mail's.

    Args:
        host: where it listens: ``lab.mallory``.
        to: whom it connects on to.
        strip: take the offer of TLS out (:class:`Strip`).
        impostor: a file with a key and a certificate (PEM), such as ``lab.certificates / "impostor.pem"``: where the
            client wants TLS she gets it, from mallory, who speaks TLS of her own with mail.
        services: whose ports to listen on.

    Raises:
        OSError: somebody listens there already.
        RungUnavailable: on the replay rung.

    Example::

        with Middle(lab.mallory, strip=True) as middle:
            lab.alice.pop3("mallory").capa()        # no STLS
        middle.connections[0].removed               # ['the offer of STLS']
    """

    def __init__(
        self,
        host: Host,
        to: str = "mail",
        *,
        strip: bool = False,
        impostor: Path | None = None,
        services: Iterable[str] = tuple(PORTS),
    ) -> None:
        self._host, self._to, self._strip = host, to, strip
        self._context: ssl.SSLContext | None = None
        if impostor is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(impostor)
        self._services = list(services)
        self._closing = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        self._pairs: list[_Pair] = []
        self._lock = threading.Lock()
        self._ended = False
        self.connections: list[Overheard] = []

    def __enter__(self) -> Middle:
        try:
            for service in self._services:
                listener = self._closing.enter_context(self._host.listen(service))
                listener.settimeout(LOOK)
                self._start(self._accept, listener, service)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everybody."""
        self._ended = True
        while alive := [thread for thread in self._threads if thread.is_alive()]:
            for pair in list(self._pairs):  # each time: somebody may just have come
                pair.hang_up()
            alive[0].join(LOOK)
        self._closing.close()

    def frames(self) -> list[Ether]:
        """Those of all connections, for :func:`maillab.findings.findings`."""
        return [frame for one in self.connections for frame in one.frames()]

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="mallory")  # type: ignore[arg-type]
        with self._lock:  # each port has a thread, and all of them come here
            thread.start()
            self._threads = [thread for thread in self._threads if thread.is_alive()] + [thread]

    def _accept(self, listener: socket.socket, service: str) -> None:
        while not self._ended:
            try:
                client, peer = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            one = Overheard(service, peer[:2], self._to)
            self.connections.append(one)
            self._start(self._serve, client, one)

    def _serve(self, client: socket.socket, one: Overheard) -> None:
        # An OSError: one of them broke off, doesn't believe in the other's certificate, or mail isn't there.
        with contextlib.suppress(OSError), contextlib.closing(client):
            client.settimeout(PATIENCE)
            mail = self._host.connect(self._to, PORTS[one.service], PATIENCE)
            with contextlib.closing(_Pair(client, mail)) as pair:
                self._pairs.append(pair)
                if one.service in IMPLICIT_TLS:
                    one.tls = True
                    if self._context is not None:
                        self._open(pair, one)
                self._pass_on(pair, one)

    def _open(self, pair: _Pair, one: Overheard) -> None:
        """Speak TLS with both: with the client as mail, with mail as some client who believes anybody."""
        assert self._context is not None
        # The handshakes come after, when close() finds the sockets in their place: a client may be silent for long.
        pair.client = tls = self._context.wrap_socket(pair.client, server_side=True, do_handshake_on_connect=False)
        tls.do_handshake()
        one.opened = True
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        name = host_named(self._to).fqdn
        pair.mail = tls = anybody.wrap_socket(pair.mail, server_hostname=name, do_handshake_on_connect=False)
        tls.do_handshake()

    def _pass_on(self, pair: _Pair, one: Overheard) -> None:
        protocol: Protocol = "pop3" if one.service.startswith("pop3") else "smtp"
        strip, kept = Strip(protocol), 0  # it follows the conversation, also where nothing is taken out
        while len(pair.done) < 2 and not self._ended:
            for who, data in pair.read():
                over = not data
                if over and one.opened:
                    return  # TLS ends for both sides at once
                if data and (not one.tls or one.opened):
                    kept += len(data)
                    if kept <= MAX_HEARD:
                        one.heard.append((who, time.time_ns(), data))
                if not one.tls:
                    stripped = strip.from_client(data) if who == "C" else strip.from_server(data)
                    if self._strip:
                        data, one.removed = stripped + (strip.rest(who) if over else b""), strip.removed
                pair.other(who).sendall(data)
                if over:
                    pair.finish(who)
                if strip.granted and not one.tls:
                    one.tls = True
                    if self._context is not None:
                        for speaker in "CS":  # the command and its reply: what follows is in the same conversation
                            one.forget_last_line(speaker)
                        self._open(pair, one)


class _Pair:
    """The two ends of a connection that goes through mallory."""

    def __init__(self, client: socket.socket, mail: socket.socket) -> None:
        self.client, self.mail = client, mail
        self.done: set[str] = set()
        """Who has nothing more to say."""

    def other(self, who: str) -> socket.socket:
        return self.mail if who == "C" else self.client

    def finish(self, who: str) -> None:
        """Pass on that ``who`` is done; the other side may go on talking (RFC 9293 section 3.6)."""
        self.done.add(who)
        self.other(who).shutdown(socket.SHUT_WR)

    def hang_up(self) -> None:
        """Wake whoever waits for one of the two."""
        for sock in (self.client, self.mail):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # TCP's, also where there is TLS

    def read(self) -> list[tuple[str, bytes]]:
        """What has come, and from whom; nothing if nothing comes for a moment, no octets if that side is done."""
        ends = {sock: who for sock, who in ((self.client, "C"), (self.mail, "S")) if who not in self.done}
        waiting = [sock for sock in ends if isinstance(sock, ssl.SSLSocket) and sock.pending()]
        ready = waiting or select.select(list(ends), [], [], LOOK)[0]
        read = []
        for sock in ready:
            sock.settimeout(0)
            with contextlib.suppress(ssl.SSLWantReadError):  # TLS had something to say, but not to us
                read.append((ends[sock], sock.recv(65_536)))
            sock.settimeout(PATIENCE)
        return read

    def close(self) -> None:
        self.client.close()
        self.mail.close()
