"""What every mechanism has in common: the shape of a client, of a server, and of the server's three answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from maillab.sasl.credentials import Credentials


class SaslError(Exception):
    """The other side said something that the mechanism doesn't know."""


@dataclass(frozen=True)
class Challenge:
    """The server wants to hear more. ``data`` goes to the client as it is (it may be empty)."""

    data: bytes


@dataclass(frozen=True)
class Success:
    """The server believes the client: who logged in, and as whom she wants to act (empty: as herself)."""

    username: str
    authzid: str = ""


@dataclass(frozen=True)
class Failure:
    """The server doesn't. ``reason`` is for the server's log: on the wire every failure looks the same, because
    a hint which of name and password was wrong helps only those who guess."""

    reason: str


class Server(Protocol):
    """The server's side of one exchange; it serves for one log-in only."""

    def step(self, response: bytes | None) -> Challenge | Success | Failure:
        """Answer the client's ``response``; ``None`` means that she has said nothing yet.

        Any octets whatever are an answer: what makes no sense is a :class:`Failure`, never an exception.
        """
        ...


class Client(Protocol):
    """The client's side of one exchange."""

    def initial(self) -> bytes | None:
        """What the client says before she is asked, or ``None`` if the server has to begin."""
        ...

    def step(self, challenge: bytes) -> bytes:
        """The response to a challenge.

        Raises:
            SaslError: the challenge makes no sense, or the server proved to be an impostor.
        """
        ...


@dataclass(frozen=True)
class Mechanism:
    """A row of the registry.

    ``plaintext``: an eavesdropper can read the password out of the exchange, so a strict server refuses it without TLS.
    ``initial_response``: the client may speak first, in the command itself.
    """

    name: str
    server: Callable[[Credentials], Server]
    client: Callable[[str, str], Client]
    plaintext: bool
    initial_response: bool
    source: str
