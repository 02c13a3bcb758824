"""A host is a place where sockets are opened.

Lessons are written against :class:`Host` alone. What stands behind it, a network namespace, the loopback
device, a recording relay or a capture from a file, is a :class:`Network` (one file each in this folder).
"""

from __future__ import annotations

import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, Protocol

from ..names import HOSTS, PORTS, WELL_KNOWN, Name, host_named
from . import takeover
from .card import Card
from .clients import POP3, POP3S, SMTP, SMTPS


class RungUnavailable(Exception):
    """This machine can't carry that kind of network; the text says why, and what would help."""


class Process(Protocol):
    """What :meth:`Host.spawn` returns: the part of ``subprocess.Popen`` that every rung can offer."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class Network(ABC):
    """Hosts that can reach each other and nobody else."""

    rung: str
    """``sandbox``, ``loopback``, ``tap`` or ``replay``."""
    real: str
    """One sentence: what is real on this rung, and what was synthesised."""
    modes = ("hub", "switch")
    """What joins the hosts: a ``hub`` repeats each frame to all, a ``switch`` only to the port it is meant for."""
    _mode = "hub"
    apart = False
    """Whether a server sees each host at an address of its own."""
    serves = True
    """False where there is nobody to talk to, only recordings."""
    ended = False
    names: Mapping[str, Name] = HOSTS
    """Who is on this network."""
    gate = ""
    """What the lab's card says about the router in front of alice and mallory; empty where there is none."""
    within = ""
    """The address that a server here takes to speak with its own host, where hosts have no loopback of their own."""

    @cached_property
    def intercepted(self) -> dict[str, Name]:
        """Before whom somebody stands, by name, and who (:meth:`Host.intercept`)."""
        return {}

    @abstractmethod
    def connect(self, source: Name, target: Name, port: int, timeout: float) -> socket.socket: ...

    def connect_within(self, host: Name, port: int, timeout: float) -> socket.socket:
        """A connection over ``host``'s own loopback, which no card hears: to a program there, from another there."""
        raise RungUnavailable(f"no program can run on the {self.rung} rung")

    @abstractmethod
    def spawn(self, host: Name, argv: Sequence[str]) -> Process: ...

    def listen(self, host: Name, port: int) -> socket.socket:
        raise RungUnavailable(f"nobody can listen on the {self.rung} rung")

    @abstractmethod
    def card(self, host: Name) -> Card: ...

    @abstractmethod
    def take_down(self) -> None:
        """Let go of everything that this rung holds."""

    def disown(self) -> None:
        """In a forked child: let go of what would keep the parent's lab alive."""

    def close(self) -> None:
        """End the network; whoever still holds one of its hosts gets a sentence from now on."""
        self.ended = True
        self.take_down()

    def bind_to(self, host: Name) -> tuple[str, bool]:
        """Where a server on ``host`` has to listen: its address, and whether it can have its well-known ports."""
        raise RungUnavailable(f"no server can run on the {self.rung} rung")

    def route(self, source: Name, target: Name, port: int) -> tuple[str, int]:
        """Where a server process on ``source`` finds ``port`` of ``target``; it opens its sockets itself.

        The address stays right when the server there ends and starts again.
        """
        raise RungUnavailable(f"no server can run on the {self.rung} rung")

    def ip(self, host: Name, *commands: str) -> None:
        """Run ``ip`` commands on a host (``man 8 ip``)."""
        raise only_the_sandbox(self)

    def borrowed(self, host: Name) -> list[str]:
        """Addresses of others that ``host`` has taken, the latest last; the list may be changed."""
        raise only_the_sandbox(self)

    def plug(self, host: Name, plugged: bool) -> None:
        """Put a host's cable in, or pull it out."""
        raise only_the_sandbox(self)

    def announce(self, host: Name, address: str) -> None:
        """Tell everybody that ``address`` is at ``host``'s card now, as a host does that has just been given one
        (ARP announcement, RFC 5227 section 2.3)."""
        raise only_the_sandbox(self)

    def intercept(self, host: Name, target: Name) -> AbstractContextManager[None]:
        """What others send to ``target`` stays at ``host``, if it comes by there; see :meth:`Host.intercept`."""
        return takeover.intercept(self, host, target)

    def nat_table(self) -> list[dict[str, str]]:
        """What gate translates at the moment; see :meth:`maillab.lab.Lab.nat_table`."""
        raise RungUnavailable(
            f"Only the sandbox has a router that translates addresses; on the {self.rung} rung there is no table."
        )

    def publish(self, host: Name, service: str, port: int) -> None:
        """A server on ``host`` reports on which port it really listens."""

    def withdraw(self, host: Name, service: str) -> None:
        """That server has ended."""

    def port(self, host: Name, service: str) -> int:
        """The port on which captures show ``service``."""
        return WELL_KNOWN[service]

    def address(self, host: Name) -> str:
        """The address that captures show for ``host``."""
        return host.ip

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in self.modes:
            raise ValueError(f"{mode!r} is neither 'hub' nor 'switch'.")
        self.rewire(mode)
        self._mode = mode

    def rewire(self, mode: str) -> None:
        """Put a hub or a switch in the middle, where that takes more than remembering it."""


@dataclass
class Host:
    """One of the lab's machines.

    Example::

        with lab.alice.connect("mail", 110) as sock:
            print(sock.recv(512))          # b'+OK mail.example.test POP3 ready\\r\\n'
    """

    info: Name
    on: Network = field(repr=False)

    @property
    def network(self) -> Network:
        """What this host is plugged into.

        Raises:
            ConnectionError: the lab has ended.
        """
        if self.on.ended:
            raise ConnectionError("This lab has ended: run the cell that starts it again.")
        return self.on

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def ip(self) -> str:
        """The address that captures show for this host."""
        return self.on.address(self.info)

    @property
    def mac(self) -> str:
        """The address of this host's card."""
        return self.info.mac

    def port(self, service: str) -> int:
        """The port on which captures show ``service`` (``pop3``, ``smtp``, ``submission``, ``ssh`` …) of this host."""
        return self.on.port(self.info, service)

    def connect(self, host: str, port: int | str, timeout: float = 10.0) -> socket.socket:
        """Open a TCP connection from here to ``host``, by port number or service name.

        Raises:
            ConnectionRefusedError: nobody listens there, or ``host`` isn't in the lab.
            TimeoutError: no answer within ``timeout`` seconds.
        """
        return self.network.connect(self.info, self._named(host), port_number(port), timeout)

    def listen(self, port: int | str) -> socket.socket:
        """A socket that listens here, on all of this host's addresses: ``accept()`` gives who connects.

        Raises:
            OSError: somebody listens on that port already.
            RungUnavailable: on the replay rung.

        Example::

            with lab.mallory.listen("pop3") as listener:
                sock, (address, port) = listener.accept()
        """
        return self.network.listen(self.info, port_number(port))

    def borrow(self, address: str) -> AbstractContextManager[None]:
        """For as long as the block lasts this host has the address of another one, too.

        Whatever it opens then comes from there, and it answers ARP for it. It announces the address, as a host does
        that was given one by DHCP; at the end its owner does.

        Raises:
            ConnectionRefusedError: the address is nobody's in the lab.
            RungUnavailable: on all rungs but the sandbox.

        Example::

            with lab.alice.unplugged(), lab.mallory.borrow(lab.alice.ip):
                lab.mallory.smtp("smtp")         # the server believes that alice is back
        """
        return takeover.borrow(self.network, self.info, self._named(address))

    def unplugged(self) -> AbstractContextManager[None]:
        """For as long as the block lasts this host's cable is out.

        Raises:
            RungUnavailable: on all rungs but the sandbox.
        """
        return takeover.unplugged(self.network, self.info)

    def intercept(self, target: Host) -> AbstractContextManager[None]:
        """For as long as the block lasts, what comes to this host's card for ``target`` stays here: who listens on
        the port gets the connection, and the client believes that ``target`` answers.

        Where nobody listens, the client is refused. Connections that this host opens still reach the real ``target``.
        That the others' frames come to this card at all is another matter: see :class:`maillab.attacks.Spoof`. On tap
        and loopback, which have no cables, the others' connections to ``target`` are simply led here.

        Raises:
            OSError: somebody stands before ``target`` already.
            RungUnavailable: on the replay rung.

        Example::

            with lab.mallory.intercept(lab.mail), lab.mallory.listen("pop3") as listener:
                sock, client = listener.accept()
                sock.getsockname()               # ('192.0.2.25', 110): mail's, not hers
        """
        return self.network.intercept(self.info, target.info)

    def spawn(self, argv: Sequence[str]) -> Process:
        """Start a program that lives on this host; its stdin, stdout and stderr are pipes."""
        return self.network.spawn(self.info, argv)

    def card(self) -> Card:
        """This host's network card, open for listening: give it to Scapy's ``sniff(opened_socket=…)``.

        It hears from now on, also before anybody reads it. Close it when done, or use it in a ``with``.
        """
        return self.network.card(self.info)

    def pop3(self, host: str = "mail", timeout: float = 10.0) -> POP3:
        """Python's own ``poplib.POP3``, connected from here to ``host``."""
        return POP3(self.connect, self._named(host).fqdn, PORTS["pop3"], timeout)

    def smtp(self, service: str = "submission", host: str = "mail", timeout: float = 10.0) -> SMTP:
        """Python's own ``smtplib.SMTP``, connected from here to ``host``'s ``submission`` or ``smtp`` port."""
        return SMTP(self.connect, self._named(host).fqdn, PORTS[service], self.info.fqdn, timeout)

    def pop3s(self, context: ssl.SSLContext, host: str = "mail", timeout: float = 10.0) -> POP3S:
        """Python's own ``poplib.POP3_SSL``: TLS from the first octet, with a context from ``lab.context()``.

        Raises:
            ssl.SSLCertVerificationError: the context verifies, and that isn't ``host``.
        """
        return POP3S(self.connect, self._named(host).fqdn, PORTS["pop3s"], timeout, context)

    def smtps(self, context: ssl.SSLContext, host: str = "mail", timeout: float = 10.0) -> SMTPS:
        """Python's own ``smtplib.SMTP_SSL``, to ``host``'s port for submission in TLS; see :meth:`pop3s`."""
        return SMTPS(self.connect, self._named(host).fqdn, PORTS["submissions"], self.info.fqdn, timeout, context)

    def _named(self, host: str) -> Name:
        return host_named(host, self.on.names)


def hosts_on(network: Network) -> Mapping[str, Host]:
    """The hosts of a network, by name."""
    return {name: Host(info, network) for name, info in network.names.items()}


def port_number(port: int | str) -> int:
    """A port by its number or service name.

    >>> port_number("pop3")
    110
    """
    number = WELL_KNOWN.get(port, 0) if isinstance(port, str) else port
    if not 0 < number < 65536:
        raise ValueError(f"{port!r} is no port: take a number from 1 to 65535, or one of {', '.join(WELL_KNOWN)}.")
    return number


def only_the_sandbox(network: Network) -> RungUnavailable:
    """The error for what takes hosts that are hosts."""
    return RungUnavailable(
        "Only the sandbox has addresses that can be taken, cables that can be pulled and a path to stand on; "
        f"this is the {network.rung} rung."
    )


def nobody_listens(target: Name, port: int) -> ConnectionRefusedError:
    """The error for a port where no server is, the same on every rung."""
    return ConnectionRefusedError(f"Nobody listens on {target.name}, port {port}.")
