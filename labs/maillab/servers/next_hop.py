"""One session with the next server: who it is, whether in TLS, and what it said about each recipient.

Between mail servers TLS isn't a matter of course. Nobody sits there to be asked, so most prefer a mail in the clear to
none at all, which is enough against those who only listen and nothing against those who stand on the path.
"""

from __future__ import annotations

import contextlib
import io
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maillab.servers.queue import Entry

TIMEOUT = 30.0
"""Seconds to wait for each reply of the next server (RFC 5321 section 4.5.3.2 has minutes)."""
SESSION = 300.0
"""Seconds for all its replies together, however slowly it deals them out."""
MOST = 1 << 20
"""Octets of all its replies together."""

POLICIES = {
    "clear": "no TLS, whatever the next server offers",
    "opportunistic": "TLS if it's offered, with whomever, and else in the clear (RFC 7435)",
    "verified": "TLS with a certificate for the right name, or the mail waits (as with MTA-STS, RFC 8461 section 5)",
}
"""What to do about TLS on the way to the next server."""


@dataclass(frozen=True)
class NextHop:
    """The server that gets everything.

    ``name`` is what its certificate has to show, ``ca`` the file with whom we trust to say so.
    """

    address: tuple[str, int]
    name: str = ""
    tls: str = "clear"
    ca: Path | None = None

    def with_policy(self, tls: str) -> NextHop:
        """The same server with another policy.

        Raises:
            ValueError: there's none of that name, or no certificate to verify anything with.
        """
        if tls not in POLICIES:
            raise ValueError(f"no policy is called {tls!r}: choose from {', '.join(POLICIES)}.")
        if tls == "verified" and (self.ca is None or not self.name):
            raise ValueError("this server has no name and CA to verify the next one by: give it TLS.")
        return replace(self, tls=tls)


def hand_over(hop: NextHop, host: str, entry: Entry, content: bytes) -> tuple[smtplib.SMTP | None, dict[str, str]]:
    """Bring a mail to the next server.

    Returns:
        The connection, to be ended by :func:`quit_politely`, and the reply for each recipient.
    """
    smtp: smtplib.SMTP | None = None
    try:
        smtp = _Session(hop, host)
        if hop.tls != "clear" and (problem := start_tls(smtp, hop)):
            if hop.tls == "verified":
                return smtp, dict.fromkeys(entry.recipients, problem)
            if smtp.sock is None:
                smtp = _Session(hop, host)  # better in the clear than not at all
        return smtp, _transaction(smtp, entry, content)
    except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
        # A greeting or EHLO refused. (Their parent class is what smtplib says by itself, of overlong lines.)
        reply = _reply(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: what came back isn't SMTP
        words = str(error).splitlines() or [type(error).__name__]
        reply = f"451 4.4.1 no answer from the next server: {words[0]}"
    return smtp, dict.fromkeys(entry.recipients, reply)


class _Session(smtplib.SMTP):
    """A connection to the address of a server whose name we know without DNS."""

    def __init__(self, hop: NextHop, host: str) -> None:
        self._address = hop.address
        self._until, self._left = time.monotonic() + SESSION, MOST
        super().__init__(hop.name or hop.address[0], hop.address[1], host, TIMEOUT)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection(self._address, timeout)

    def getreply(self) -> tuple[int, bytes]:
        """As smtplib's, within :data:`SESSION` and :data:`MOST`: the whole queue waits for the end of this session."""
        if self.file is None and self.sock is not None:  # smtplib would open one that reads on and on
            self.file = io.BufferedReader(_Replies(self))
        return super().getreply()

    def receive(self, buffer: memoryview) -> int:
        """What comes next.

        Raises:
            OSError: it took too long, or was too much.
        """
        assert self.sock is not None
        seconds = self._until - time.monotonic()
        if seconds <= 0 or self._left <= 0:
            raise OSError("it has talked for too long")
        self.sock.settimeout(min(TIMEOUT, seconds))
        count = self.sock.recv_into(buffer)
        self._left -= count
        return count


class _Replies(io.RawIOBase):
    """A session's replies, as a file."""

    def __init__(self, session: _Session) -> None:
        self._session = session

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._session.receive(buffer)


def start_tls(smtp: smtplib.SMTP, hop: NextHop) -> str:
    """Go over to TLS; if it can't be had, why, as a reply with its enhanced status code (RFC 3463 section 3.8).

    After a handshake that failed the connection is closed.
    """
    smtp.ehlo_or_helo_if_needed()
    try:
        smtp.starttls(context=_context(hop))
    except (smtplib.SMTPNotSupportedError, smtplib.SMTPResponseException):  # not offered, or refused
        return f"454 4.7.4 {hop.name} offers no TLS, and without it nothing is sent there"
    except smtplib.SMTPException:  # no answer: that's no matter of TLS (and an OSError, for smtplib)
        raise
    except OSError as error:
        smtp.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"454 4.7.5 {hop.name} showed a wrong certificate: {error.verify_message}"
        return f"454 4.7.5 no TLS with {hop.name}: {getattr(error, 'reason', None) or error}"
    return ""


def _context(hop: NextHop) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if hop.tls == "verified":
        assert hop.ca is not None
        context.load_verify_locations(hop.ca)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _transaction(smtp: smtplib.SMTP, entry: Entry, content: bytes) -> dict[str, str]:
    """One mail (RFC 5321 section 3.3), command by command, because each recipient has a reply of its own."""
    smtp.ehlo_or_helo_if_needed()
    options = [f"SIZE={len(content)}"] if smtp.has_extn("size") else []
    if not content.isascii() and smtp.has_extn("8bitmime"):
        options.append("BODY=8BITMIME")
    code, text = smtp.mail(entry.sender, options)
    if code != 250:
        return dict.fromkeys(entry.recipients, _reply(code, text))
    replies = {to: _reply(*smtp.rcpt(to)) for to in entry.recipients}
    taken = [to for to, reply in replies.items() if reply.startswith("2")]
    if taken:
        try:
            reply = _reply(*smtp.data(content))  # doubles the dots
        except smtplib.SMTPDataError as error:  # refused before it came
            reply = _reply(error.smtp_code, error.smtp_error)
        replies |= dict.fromkeys(taken, reply)
    return replies


def _reply(code: int, text: bytes | str) -> str:
    """A reply on one line. smtplib has -1 for what it couldn't read."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    return f"{code if code > 0 else '451 4.4.2'} {' '.join(words.split())}"[:400]


def how(smtp: smtplib.SMTP | None) -> str:
    """`` over TLSv1.3``, or nothing."""
    sock = None if smtp is None else smtp.sock
    return f" over {sock.version()}" if isinstance(sock, ssl.SSLSocket) else ""


def quit_politely(smtp: smtplib.SMTP) -> None:
    """End a connection, whatever state it is in."""
    with contextlib.suppress(OSError, smtplib.SMTPException, ValueError):
        smtp.quit()
    smtp.close()
