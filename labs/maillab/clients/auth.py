"""AUTH as a client says it (RFC 5034 in POP3, RFC 4954 in SMTP), with any mechanism of :mod:`maillab.sasl`.

``poplib`` has no AUTH at all, and ``smtplib`` knows no mechanism in which the server proves itself. Here the mechanism
says what to answer, and this file carries it: base64 there and back, and the three ways in which a server replies.
"""

from __future__ import annotations

import poplib
import smtplib
from typing import Any

from ..sasl import MECHANISMS, SaslError, Setting, decode, digest_md5, encode, scram
from ..sasl.base64text import MAX_LINE

Connection = poplib.POP3 | smtplib.SMTP

MAX_COMMAND = 253
"""Octets in a command of POP3, without its CRLF (RFC 2449 section 4)."""


def auth(connection: Connection, mechanism: str, user: str, password: str = "", **options: Any) -> str:
    """Log in with a SASL mechanism.

    Args:
        connection: from ``lab.alice.pop3()`` or ``lab.alice.smtp()``.
        mechanism: a name in ``maillab.sasl.MECHANISMS``, such as ``"DIGEST-MD5"``.
        options: for the mechanism's client: ``authzid``, ``cnonce``, ``realm``, ``stored`` …

    Returns:
        The server's last line.

    Raises:
        SaslError: the server refused, or couldn't prove that it knows the password; or name, password or options
            can't be used with that mechanism.
        ConnectionError: the connection is closed.

    Example::

        mailbox = lab.alice.pop3()
        auth(mailbox, "DIGEST-MD5", alice.name, alice.password)
    """
    if mechanism not in MECHANISMS:
        raise SaslError(f"No mechanism is called {mechanism!r}: choose from {', '.join(MECHANISMS)}.")
    if connection.sock is None:
        raise ConnectionError("This connection is closed: open another with lab.alice.pop3() or lab.alice.smtp().")
    if isinstance(connection, poplib.POP3):
        say, setting = say_pop3, Setting(connection.host, "pop")
    else:
        connection.ehlo_or_helo_if_needed()
        say, setting = say_smtp, Setting(connection._host, "smtp")  # type: ignore[attr-defined]
    options = {**nonce_then(connection, mechanism), **options}
    try:
        client = MECHANISMS[mechanism].client(user, password, setting=setting, **options)
        initial = client.initial()
    except TypeError:
        raise SaslError(f"{mechanism} doesn't know one of the options {', '.join(options)}.") from None
    except ValueError as error:
        raise SaslError(str(error)) from None
    # An empty initial response is written "=" (RFC 4954 section 4), for nothing at all would mean "you begin".
    command = f"AUTH {mechanism}" + ("" if initial is None else f" {encode(initial).decode() or '='}")
    kept = None
    if say is say_pop3 and len(command) > MAX_COMMAND:
        command, kept = f"AUTH {mechanism}", initial  # it waits for the server's empty challenge (RFC 5034 section 4)
    code, text = say(connection, command)
    while code == "challenge":
        try:
            response = client.step(decode(text.encode())) if kept is None else kept
            kept = None
        except (SaslError, ValueError) as error:
            say(connection, "*")  # how a client breaks an exchange off
            raise SaslError(str(error)) from None
        code, text = say(connection, encode(response).decode())
    if code == "no":
        raise SaslError(f"The server refused: {text}")
    try:
        client.finish()
    except SaslError:
        connection.close()  # whoever that was, nothing more is said to it
        raise
    return text


def say_pop3(connection: Any, line: str) -> tuple[str, str]:
    """Send a line; the server's answer as ("challenge", base64), ("yes", line) or ("no", line)."""
    connection.sock.sendall(line.encode() + b"\r\n")
    reply = connection.file.readline(MAX_LINE).decode("utf-8", "backslashreplace").rstrip("\r\n")
    begins, _, rest = reply.partition(" ")
    if begins == "+":
        return "challenge", rest
    return ("yes" if begins == "+OK" else "no"), reply or "(the connection ended)"


def say_smtp(connection: Any, line: str) -> tuple[str, str]:
    """As in POP3; 334 is SMTP's way of saying ``+``."""
    code, data = connection.docmd(line)
    text = data.decode("utf-8", "backslashreplace")
    if code == 334:
        return "challenge", text
    return ("yes" if code == 235 else "no"), f"{code} {text}"


def nonce_then(connection: Any, mechanism: str) -> dict[str, str]:
    """On the replay rung: the nonce that the client made up when the recording was made; elsewhere nothing.

    A recording answers only what was said then, and a fresh nonce would be something new.
    """
    foresee = getattr(connection.sock, "foresee", None)
    lines = foresee(f"AUTH {mechanism}".encode()) if foresee else []
    if mechanism == "DIGEST-MD5" and len(lines) > 1:
        return {"cnonce": digest_md5.parse(decode(lines[1].strip()))["cnonce"][0]}
    if mechanism == "SCRAM-SHA-256" and lines:
        return {"nonce": scram.nonce_of(decode(lines[0].split()[2]))}
    return {}
