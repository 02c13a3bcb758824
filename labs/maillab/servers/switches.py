"""The lab's weaknesses, by name. All are off until a lesson switches one on and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from maillab.sasl import MECHANISMS, Mechanism
from maillab.servers.challenges import FixedChallenges

SWITCHES: dict[str, str] = {
    "plaintext_login": "takes passwords without TLS: POP3 USER/PASS, AUTH PLAIN and LOGIN in POP3 and SMTP",
    "apop": "offers APOP (RFC 1939), for which it has to keep the passwords themselves",
    "cram_md5": "offers CRAM-MD5 (RFC 2195), for which it has to keep the passwords or what is as good as them",
    "digest_md5": "offers DIGEST-MD5 (RFC 2831), which is Historic since 2011 (RFC 6331)",
    "fixed_challenge": "sends the challenges that the lab has fixed, over and over again",
    "accept_anyone": "believes everybody whose name it has heard of, as an impostor does",
    "open_relay": "passes on mail from anybody to anywhere: an open relay",
    "pop_before_smtp": "passes on mail to anywhere from the address of whoever has logged in over POP3 lately",
    "sender_check": "passes on mail to anywhere for whoever claims a sender in its own domain",
    "tls_injection": "takes what came in the clear behind STLS or STARTTLS for something that came over TLS",
}
"""What each switch makes the servers do. A mechanism that can be guessed offline is a weakness like any other."""


POP_WINDOW = 600.0
"""Seconds for which a POP3 login opens SMTP to its address, unless it's set otherwise."""
LONGEST_WINDOW = 86_400.0


class Switches:
    """Which weaknesses are on. Servers ask at every command, so a switch works on connections that are open.

    >>> switches = Switches()
    >>> switches.allows("plaintext_login")
    False
    >>> switches.set(["plaintext_login"])
    >>> switches.allows("plaintext_login")
    True
    """

    def __init__(self, on: Iterable[str] = ()) -> None:
        self._on: frozenset[str] = frozenset()
        self.fixed = FixedChallenges()
        self.pop_window = POP_WINDOW
        self.set(on)

    def __repr__(self) -> str:
        return f"Switches({', '.join(sorted(self._on)) or 'all off'})"

    def set(self, on: Iterable[str]) -> None:
        """Switch on exactly these, and all others off.

        Raises:
            ValueError: one of them doesn't exist; nothing is switched then.
        """
        names = frozenset([on] if isinstance(on, str) else on)
        unknown = sorted(str(name) for name in names if name not in SWITCHES)
        if unknown:
            raise ValueError(f"no switch is called {unknown[0]!r}: choose from {', '.join(SWITCHES)}.")
        self._on = names
        if "fixed_challenge" not in names:
            self.fixed.set({})

    def allows(self, name: str) -> bool:
        """Whether the switch is on."""
        if name not in SWITCHES:
            raise ValueError(f"no switch is called {name!r}: choose from {', '.join(SWITCHES)}.")
        return name in self._on

    def permits(self, mechanism: Mechanism, secure: bool = False) -> bool:
        """Whether a login with this mechanism is possible; ``secure``: on a connection with TLS."""
        needed = ["plaintext_login"] if mechanism.plaintext and not secure else []
        return all(map(self.allows, [*needed, *([mechanism.weak] if mechanism.weak else [])]))

    def offered(self, secure: bool = False) -> list[str]:
        """The mechanisms to announce, best first: no weak one, unless it is switched on."""
        return [mechanism.name for mechanism in MECHANISMS.values() if self.permits(mechanism, secure)]

    def fix(self, challenges: Mapping[str, str | None]) -> None:
        """With ``fixed_challenge`` on: which mechanisms send which challenge from now on (exactly these).

        Raises:
            ValueError: the switch is off, or one of them can't be a challenge.
        """
        if challenges and not self.allows("fixed_challenge"):
            raise ValueError("a challenge can be fixed only while the switch fixed_challenge is on.")
        self.fixed.set(challenges)

    def challenge(self, mechanism: str, make: Callable[[], bytes]) -> bytes:
        """A challenge: a fresh one from ``make`` each time, as it has to be, unless it was fixed."""
        return self.fixed.get(mechanism, make)

    def set_window(self, seconds: float) -> None:
        """For how long a POP3 login opens SMTP to its address, where the switch pop_before_smtp is on.

        Raises:
            ValueError: less than nothing, or more than a day.
        """
        if not 0 <= seconds <= LONGEST_WINDOW:
            raise ValueError(f"the window is 0 to {LONGEST_WINDOW:.0f} seconds long, not {seconds}.")
        self.pop_window = float(seconds)

    @property
    def on(self) -> list[str]:
        """The names of those that are on."""
        return sorted(self._on)
