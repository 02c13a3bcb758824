"""LOGIN (draft-murchison-sasl-login, expired): the server asks for the name, then for the password."""

from __future__ import annotations

from ..attempt import Attempt, Learned, decoded, one_or_all, unbase64, words


def read(attempt: Attempt) -> Learned:
    """First response (or the initial response): the name; second: the password. The questions aren't looked at:
    servers word them as they like."""
    sent = attempt.responses if attempt.initial is None else [attempt.initial, *attempt.responses]
    fields = [unbase64(text) for text in sent[:2]]
    # A client that says QUIT into the question hasn't told a name, though "QUIT" is valid base64.
    if sent and sent[0].upper() in (b"QUIT", b"RSET", b"NOOP"):
        fields = []
    name, password = (None if field is None else words(field) for field in (*fields, None, None)[:2])
    challenge = one_or_all([decoded(c) for c in attempt.challenges if c])
    return Learned(name, password, challenge, one_or_all(attempt.answers))
