"""The lab's weaknesses, by name. All are off until a lesson switches one on and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from maillab.sasl import Mechanism

SWITCHES: dict[str, str] = {
    "plaintext_login": "takes passwords without TLS: POP3 USER/PASS, AUTH PLAIN and LOGIN in POP3 and SMTP",
    "apop": "offers APOP (RFC 1939), for which it has to keep the passwords themselves",
    "cram_md5": "offers CRAM-MD5 (RFC 2195), for which it has to keep the passwords or what is as good as them",
    "digest_md5": "offers DIGEST-MD5 (RFC 2831), which is Historic since 2011 (RFC 6331)",
    "fixed_challenge": "sends the same challenge in every connection",
    "accept_anyone": "believes everybody whose name it has heard of, as an impostor does",
}
"""What each switch makes the servers do. A mechanism that can be guessed offline is a weakness like any other."""


MAX_CHALLENGE = 400
"""Characters of a chosen challenge: with the rest of POP3's greeting it fits into 512 octets (RFC 2449 section 4)."""


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
        self._fixed: dict[str, bytes] = {}  # mechanism → the challenge it always sends
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
            self._fixed.clear()

    def allows(self, name: str) -> bool:
        """Whether the switch is on."""
        if name not in SWITCHES:
            raise ValueError(f"no switch is called {name!r}: choose from {', '.join(SWITCHES)}.")
        return name in self._on

    def permits(self, mechanism: Mechanism) -> bool:
        """Whether a log-in with this mechanism is possible on a connection without TLS."""
        needed = ["plaintext_login"] if mechanism.plaintext else []
        return all(map(self.allows, [*needed, *([mechanism.weak] if mechanism.weak else [])]))

    def fix(self, mechanism: str, challenge: str) -> None:
        """With ``fixed_challenge`` on: from now on the mechanism sends just this.

        Raises:
            ValueError: the switch is off, or the text can't cross the wire as a challenge.
        """
        if not self.allows("fixed_challenge"):
            raise ValueError("a challenge can be chosen only while the switch fixed_challenge is on.")
        if not (challenge.isascii() and challenge.isprintable() and 0 < len(challenge) <= MAX_CHALLENGE):
            raise ValueError(f"a challenge is 1 to {MAX_CHALLENGE} printable ASCII characters.")
        self._fixed[mechanism] = challenge.encode()

    def challenge(self, mechanism: str, make: Callable[[], bytes]) -> bytes:
        """A challenge from ``make``: a fresh one each time, as it has to be, unless ``fixed_challenge`` is on.

        >>> switches = Switches(["fixed_challenge"])
        >>> switches.challenge("CRAM-MD5", lambda: b"<1@mail>"), switches.challenge("CRAM-MD5", lambda: b"<2@mail>")
        (b'<1@mail>', b'<1@mail>')
        """
        if not self.allows("fixed_challenge"):
            return make()
        if mechanism not in self._fixed:
            self._fixed[mechanism] = make()
        return self._fixed[mechanism]

    @property
    def on(self) -> list[str]:
        """The names of those that are on."""
        return sorted(self._on)
