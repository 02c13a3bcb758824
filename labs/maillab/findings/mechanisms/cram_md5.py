"""CRAM-MD5 (RFC 2195): one challenge, one response: the name, a blank, 32 digits."""

from __future__ import annotations

import base64
import re

from ..attempt import Attempt, Learned, decoded, one_or_all, words

_DIGEST = re.compile(rb"[0-9a-fA-F]{32}")


def read(attempt: Attempt) -> Learned:
    """The user, and what it takes to guess the password. hashcat 10200 wants both messages in base64."""
    challenges = [decoded(text) for text in attempt.challenges if text]
    answers = attempt.answers
    # The name may hold blanks, the digits don't.
    name, _, digest = answers[-1].rpartition(b" ") if answers else (b"", b"", b"")
    if not name or not _DIGEST.fullmatch(digest):
        return Learned(challenge=one_or_all(challenges), response=one_or_all(answers))
    line = None
    if challenges:
        both = (base64.b64encode(text).decode() for text in (challenges[-1], answers[-1]))
        line = "$cram_md5$" + "$".join(both)
    return Learned(
        words(name),
        challenge=one_or_all(challenges),
        response=one_or_all(answers),
        hashcat={"mode": 10200, "line": line} if line else None,
    )
