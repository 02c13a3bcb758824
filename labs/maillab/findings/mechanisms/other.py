"""Any mechanism that has no file of its own: what was sent is shown, nothing is read into it."""

from __future__ import annotations

from ..attempt import Attempt, Learned, decoded, one_or_all


def read(attempt: Attempt) -> Learned:
    """Challenges and responses with base64 undone; no user name."""
    challenge = one_or_all([decoded(c) for c in attempt.challenges if c])
    return Learned(challenge=challenge, response=one_or_all(attempt.answers))
