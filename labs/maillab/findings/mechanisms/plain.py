"""PLAIN (RFC 4616): authzid NUL user NUL password, in base64."""

from __future__ import annotations

from ..attempt import Attempt, Learned, decoded, one_or_all, words


def read(attempt: Attempt) -> Learned:
    """User and password; none when the response isn't three fields."""
    answers = attempt.answers
    challenge = one_or_all([decoded(c) for c in attempt.challenges if c])
    fields = answers[0].split(b"\0") if answers else []
    if len(fields) != 3:
        return Learned(challenge=challenge, response=one_or_all(answers))
    authzid, user, password = map(words, fields)
    return Learned(user, password, challenge, one_or_all(answers), authzid=authzid)
