"""Challenges that were fixed beforehand: the weakness ``fixed_challenge``, mechanism by mechanism."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from maillab.sasl import SaslError, digest_md5

MAX_CHALLENGE = 400
"""Characters: with the rest of POP3's greeting it fits into 512 octets (RFC 2449 section 4)."""

SHAPES = {
    "APOP": (r"<[!-;=?-~]+@[!-;=?-~]+>", "<, something, @, something, >, without blanks (RFC 1939 section 7)"),
    "CRAM-MD5": (r"[ -~]*[!-~]", "printable ASCII characters (RFC 2195 section 2)"),
    "DIGEST-MD5": (r"[ -~]*[!-~]", "directives such as nonce=\"…\" with commas between them (RFC 2831 section 2.1.1)"),
    "SCRAM-SHA-256": (r"[!-+\--~]+", "printable ASCII characters without commas and blanks (RFC 5802 section 5.1)"),
}  # fmt: skip
"""Mechanism → what its challenge (of SCRAM the server's part of the nonce) looks like, as a pattern and in words."""


class FixedChallenges:
    """Mechanism → the challenge it always sends.

    >>> fixed = FixedChallenges()
    >>> fixed.set({"CRAM-MD5": None})    # the first that comes up
    >>> fixed.get("CRAM-MD5", lambda: b"<1@mail>"), fixed.get("CRAM-MD5", lambda: b"<2@mail>")
    (b'<1@mail>', b'<1@mail>')
    >>> fixed.get("APOP", lambda: b"<3@mail>")
    b'<3@mail>'
    """

    def __init__(self) -> None:
        self._fixed: dict[str, bytes | None] = {}

    def set(self, challenges: Mapping[str, str | None]) -> None:
        """Fix exactly these; ``None`` stands for the first that comes up.

        Raises:
            ValueError: no such mechanism, or nothing that could be its challenge; nothing is changed then.
        """
        for mechanism, challenge in challenges.items():
            check(mechanism, challenge)
        self._fixed = {name: None if text is None else text.encode() for name, text in challenges.items()}

    def get(self, mechanism: str, make: Callable[[], bytes]) -> bytes:
        """The fixed one, or a fresh one from ``make``, as it has to be."""
        if mechanism not in self._fixed:
            return make()
        kept = self._fixed[mechanism]
        if kept is None:
            kept = self._fixed[mechanism] = make()
        return kept

    @property
    def texts(self) -> dict[str, str | None]:
        """What :meth:`set` takes to come back to this."""
        return {name: None if kept is None else kept.decode() for name, kept in self._fixed.items()}


def check(mechanism: str, challenge: str | None) -> None:
    """Whether this could be the mechanism's challenge.

    Raises:
        ValueError: it couldn't; the sentence says what one looks like.
    """
    if mechanism not in SHAPES:
        raise ValueError(f"no mechanism {mechanism!r} has a challenge: choose from {', '.join(SHAPES)}.")
    if challenge is None:
        return
    pattern, words = SHAPES[mechanism]
    fits = isinstance(challenge, str) and len(challenge) <= MAX_CHALLENGE and bool(re.fullmatch(pattern, challenge))
    if fits and mechanism == "DIGEST-MD5":
        try:
            fits = len(digest_md5.parse(challenge.encode()).get("nonce", ())) == 1
        except SaslError:
            fits = False
    if not fits:
        raise ValueError(f"a challenge of {mechanism} is, in at most {MAX_CHALLENGE} characters: {words}.")
