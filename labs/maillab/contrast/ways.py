"""The rows and columns of the matrix: ways to log in, and channels to do it in."""

from __future__ import annotations

import contextlib
import poplib
import smtplib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..clients import auth
from ..names import PORTS

if TYPE_CHECKING:
    from ..lab import Lab

WAYS = ("USER/PASS", "PLAIN", "LOGIN", "APOP", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256", "POP before SMTP")
"""Ways to log in: POP3's own two commands, one that POP3 has for itself, SASL's, and one for SMTP that is none."""

CHANNELS = {
    "clear": "TCP and nothing else",
    "STLS": "TLS from a command on (STLS, STARTTLS)",
    "POP3S": "TLS from the first octet (port 995)",
    "SSH": "through SSH, with sshd on the mail host",
}
"""Channels, and what they are."""

SWITCHES = ("plaintext_login", "apop", "cram_md5", "digest_md5", "pop_before_smtp")
"""The weaknesses that a server has to have, to speak all of these."""

RELAYED = "From: alice@example.test\r\nSubject: Key\r\n\r\nIt is under the flower pot.\r\n"
"""What is sent where the login is for sending."""


def log_in(mailbox: poplib.POP3, way: str, user: str, password: str) -> None:
    """Log in over POP3.

    Raises:
        poplib.error_proto, SaslError: the server refused, or couldn't prove itself.
    """
    if way in ("USER/PASS", "POP before SMTP"):
        mailbox.user(user)
        mailbox.pass_(password)
    elif way == "APOP":
        mailbox.apop(user, password)
    else:
        auth(mailbox, way, user, password)


def fetch(lab: Lab, way: str, channel: str, *, careful: bool = True, at: str = "mail") -> bytes:
    """Alice logs in and fetches her first mail, as it came; for POP before SMTP she sends one then, too.

    Args:
        way: one of :data:`WAYS`. channel: one of :data:`CHANNELS`.
        careful: her program insists on the channel and compares certificate or host key. Otherwise it takes TLS if
            it's offered, and believes anybody.
        at: the host that she gets when she asks for mail, in channels ``clear`` and ``SSH``.

    Raises:
        ValueError: no such way or channel.
        OSError, poplib.error_proto, smtplib.SMTPException, SaslError: it didn't come to that.

    Example::

        with lab.capture() as heard:
            fetch(lab, "CRAM-MD5", "STLS")
    """
    if way not in WAYS or channel not in CHANNELS:
        raise ValueError(f"{way!r} in {channel!r}: choose from {', '.join(WAYS)}, and from {', '.join(CHANNELS)}.")
    alice = lab.student.accounts["alice"]
    with pop3(lab, channel, careful, at) as mailbox:
        log_in(mailbox, way, alice.name, alice.password)
        mail = b"\r\n".join(mailbox.retr(1)[1])
        mailbox.quit()
    if way == "POP before SMTP":
        with smtp(lab, channel, careful, at) as server:
            server.sendmail(alice.address, "dave@partner.example.test", RELAYED)
    return mail


@contextlib.contextmanager
def pop3(lab: Lab, channel: str, careful: bool, at: str) -> Iterator[poplib.POP3]:
    """Alice's connection to her mailbox; it is over when the block is."""
    context = lab.context(verify=careful) if channel in ("STLS", "POP3S") else None
    with contextlib.ExitStack() as stack:
        mailbox: poplib.POP3
        if channel == "SSH":
            mailbox = stack.enter_context(lab.alice.tunnel("mail", PORTS["pop3"], "mail", check=careful, at=at)).pop3()
        else:
            mailbox = lab.alice.pop3s(context) if channel == "POP3S" and context else lab.alice.pop3(at)
        stack.callback(closed, mailbox)
        if channel == "STLS" and (careful or "STLS" in mailbox.capa()):
            mailbox.stls(context)
        yield mailbox


def closed(mailbox: poplib.POP3) -> None:
    """Close it, whatever state it is in."""
    with contextlib.suppress(OSError):
        mailbox.close()


@contextlib.contextmanager
def smtp(lab: Lab, channel: str, careful: bool, at: str) -> Iterator[smtplib.SMTP]:
    """Alice's connection to port 25, which has no TLS from the first octet: there it is STARTTLS for both of them."""
    with contextlib.ExitStack() as stack:
        if channel == "SSH":
            server = stack.enter_context(lab.alice.tunnel("mail", PORTS["smtp"], "mail", check=careful, at=at)).smtp()
        else:
            server = lab.alice.smtp("smtp", at)
        stack.enter_context(server)
        server.ehlo()
        if channel in ("STLS", "POP3S") and (careful or server.has_extn("starttls")):
            server.starttls(context=lab.context(verify=careful))
        yield server
