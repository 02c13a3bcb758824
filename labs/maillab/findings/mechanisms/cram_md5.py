"""CRAM-MD5 (RFC 2195): one challenge, one response: the name, a blank, 32 digits."""

from __future__ import annotations

import base64

from ..attempt import DIGEST, Attempt, Learned, decoded, one_or_all, unbase64, words


def read(attempt: Attempt) -> Learned:
    """The user, and what it takes to guess the password. hashcat 10200 wants both messages in base64."""
    challenges = [text for text in attempt.challenges if text]
    challenge, response = one_or_all([decoded(text) for text in challenges]), one_or_all(attempt.answers)
    answer = (attempt.messages[-1] if attempt.messages else None) or b""
    # The name may hold blanks, the digits don't.
    name, _, digest = answer.rpartition(b" ")
    if not name or not DIGEST.fullmatch(digest):
        return Learned(challenge=challenge, response=response)
    # The challenge that this answers: there is one of each, unless somebody breaks the rules.
    asked = [unbase64(text) for text in challenges[: len(attempt.messages)]][-1:]
    line = None
    if asked and asked[0]:
        line = "$cram_md5$" + "$".join(base64.b64encode(text).decode() for text in (asked[0], answer))
    return Learned(
        words(name),
        challenge=challenge,
        response=response,
        hashcat={"mode": 10200, "line": line} if line else None,
    )
