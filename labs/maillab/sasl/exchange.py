"""What every mechanism has in common: the shape of a client, of a server, and of the server's three answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from maillab.sasl.credentials import Credentials


class SaslError(Exception):
    """The other side said something that the mechanism doesn't know."""


def _each_time_anew(mechanism: str, make: Callable[[], bytes]) -> bytes:
    return make()


@dataclass(frozen=True)
class Setting:
    """Where a login takes place.

    ``host`` and ``service`` (``"pop"`` or ``"smtp"``: RFC 5034 section 7, RFC 4954 section 3) are what DIGEST-MD5 binds
    its response to. ``fresh`` is whom a server asks for its challenge: called with the mechanism's name and a function
    that makes a new one. It makes one each time, unless somebody wants to see what happens otherwise.

    >>> Setting("mail.example.test").realm
    'example.test'
    """

    host: str = "mail.example.test"
    service: str = "smtp"
    fresh: Callable[[str, Callable[[], bytes]], bytes] = _each_time_anew

    @property
    def realm(self) -> str:
        """Whose users they are: the host without its first label."""
        return self.host.partition(".")[2] or self.host


SOMEWHERE = Setting()
"""For mechanisms that don't care where they are, and for examples."""


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
    """The server's side of one exchange; it serves for one login only."""

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

    def finish(self) -> None:
        """To be called when the server has said yes.

        Raises:
            SaslError: in this mechanism the server has to prove itself, and it never did.
        """
        ...


@dataclass(frozen=True)
class Mechanism:
    """A row of the registry.

    ``plaintext``: an eavesdropper can read the password out of the exchange, so a strict server refuses it without TLS.
    ``initial_response``: the client may speak first, in the command itself.
    ``client`` takes name and password, then by keyword ``setting`` and the mechanism's own options.
    ``weak``: the switch without which servers don't offer it, because the mechanism itself is a weakness.
    """

    name: str
    server: Callable[[Credentials, Setting], Server]
    client: Callable[..., Client]
    plaintext: bool
    initial_response: bool
    source: str
    weak: str = ""
