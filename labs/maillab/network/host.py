"""A host is a place where sockets are opened.

Lessons are written against :class:`Host` alone. What stands behind it, a network namespace, the loopback
device, a recording relay or a capture from a file, is a :class:`Network` (one file each in this folder).
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Protocol

from ..names import HOSTS, PORTS, Name, host_named
from .card import Card
from .clients import POP3, SMTP


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
    """Four hosts that can reach each other and nobody else."""

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

    @abstractmethod
    def connect(self, source: Name, target: Name, port: int, timeout: float) -> socket.socket: ...

    @abstractmethod
    def spawn(self, host: Name, argv: Sequence[str]) -> Process: ...

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

    def publish(self, host: Name, service: str, port: int) -> None:
        """A server on ``host`` reports on which port it really listens."""

    def port(self, host: Name, service: str) -> int:
        """The port on which captures show ``service``."""
        return PORTS[service]

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

    def port(self, service: str) -> int:
        """The port on which captures show ``service`` (``pop3``, ``smtp``, ``submission``) of this host."""
        return self.on.port(self.info, service)

    def connect(self, host: str, port: int | str, timeout: float = 10.0) -> socket.socket:
        """Open a TCP connection from here to ``host``, by port number or service name.

        Raises:
            ConnectionRefusedError: nobody listens there, or ``host`` isn't in the lab.
            TimeoutError: no answer within ``timeout`` seconds.
        """
        number = PORTS.get(port, 0) if isinstance(port, str) else port
        if not 0 < number < 65536:
            raise ValueError(f"{port!r} is no port: take a number from 1 to 65535, or one of {', '.join(PORTS)}.")
        return self.network.connect(self.info, host_named(host), number, timeout)

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
        return POP3(self.connect, host_named(host).fqdn, PORTS["pop3"], timeout)

    def smtp(self, service: str = "submission", host: str = "mail", timeout: float = 10.0) -> SMTP:
        """Python's own ``smtplib.SMTP``, connected from here to ``host``'s ``submission`` or ``smtp`` port."""
        return SMTP(self.connect, host_named(host).fqdn, PORTS[service], self.info.fqdn, timeout)


def hosts_on(network: Network) -> Mapping[str, Host]:
    """The four hosts of a network, by name."""
    return {name: Host(info, network) for name, info in HOSTS.items()}


def nobody_listens(target: Name, port: int) -> ConnectionRefusedError:
    """The error for a port where no server is, the same on every rung."""
    return ConnectionRefusedError(f"Nobody listens on {target.name}, port {port}.")
