"""AUTH in SMTP (RFC 4954): the carrier of :mod:`maillab.sasl`, in place of aiosmtpd's own login."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from maillab.sasl import MECHANISMS, Base64Error, Challenge, Mechanism, Setting, Success, decode, encode
from maillab.servers.store import Store
from maillab.servers.switches import Switches


def request(words: Iterable[str], switches: Switches, secure: bool = False) -> tuple[Mechanism, bytes | None] | str:
    """Which mechanism ``AUTH …`` asks for, and its initial response if it has one; or the reply that refuses it.

    >>> request(["PLAIN"], Switches())
    '538 5.7.11 no passwords without TLS here'
    >>> request(["plain", "!"], Switches(["plaintext_login"]))
    "501 5.5.2 can't decode base64"
    """
    name, *initial = words
    if len(initial) > 1 or not name:
        return "501 5.5.4 the syntax is: AUTH mechanism [initial-response]"
    mechanism = (
        MECHANISMS.get(name.upper()) if name.isascii() else None
    )  # RFC 4422 section 3.1 has them in capitals; RFC 5321 forgives
    if mechanism is None:
        return "504 5.5.4 that mechanism isn't known here"
    if not switches.permits(mechanism, secure):
        return "538 5.7.11 no passwords without TLS here" if mechanism.plaintext else "504 5.5.4 not offered here"
    if not initial:
        return mechanism, None
    if not mechanism.initial_response:
        return "501 5.7.0 that mechanism begins with the server's challenge"
    try:
        # RFC 4954 section 4: "=" is how an empty initial response is written
        return mechanism, b"" if initial[0] == "=" else decode(initial[0].encode("ascii"))
    except Base64Error:
        return "501 5.5.2 can't decode base64"


async def authenticate(
    smtp: Any, argument: str | None, store: Store, switches: Switches, log: Callable[[str], None]
) -> tuple[str, str | None]:
    """Run one AUTH command of an aiosmtpd session to its end.

    Returns:
        The reply, and who logged in (``None`` if nobody did).

    Raises:
        BadLine: a response that isn't a line; the text is the reply.
    """
    asked = request((argument or "").split(" "), switches, smtp.secure)
    if isinstance(asked, str):
        return asked, None
    mechanism, response = asked
    server = mechanism.server(store.credentials, Setting(smtp.hostname, "smtp", switches.challenge))
    outcome = server.step(response)
    while isinstance(outcome, Challenge):
        # RFC 4954 section 4: the blank stays, even if the challenge is empty
        await smtp.push(b"334 " + encode(outcome.data))
        line = (await smtp.reader.readline()).removesuffix(b"\r\n")
        if line == b"*":
            return "501 5.7.0 cancelled", None
        if not switches.permits(mechanism, smtp.secure):  # switched off in the meantime
            return "504 5.5.4 not offered here", None
        try:
            outcome = server.step(decode(line))
        except Base64Error:
            return "501 5.5.2 can't decode base64", None
    if isinstance(outcome, Success):
        log(f"{outcome.username} logged in with AUTH {mechanism.name}")
        return "235 2.7.0 welcome", outcome.username
    log(f"login refused, AUTH {mechanism.name}")
    return "535 5.7.8 wrong name or password", None
