"""SMTP (RFC 5321) and message submission (RFC 6409) on aiosmtpd: what the lab adds to it, and where it is stricter."""

from __future__ import annotations

import asyncio
import collections
import logging
import re
import traceback
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, TLSSetupException

from maillab.servers.hangup import hang_up
from maillab.servers.house import House
from maillab.servers.log import EventLog
from maillab.servers.maildrop import MAX_MESSAGE
from maillab.servers.policy import Envelope, judge
from maillab.servers.smtp_auth import authenticate
from maillab.servers.smtp_hooks import Hooks
from maillab.servers.smtp_lines import MAX_LINE, BadLine, StrictReader
from maillab.servers.tls import HandshakeFailed, start_tls

MAX_ERRORS = 10
"""With the last of these the session ends: refused logins and commands that aren't understood."""

IDLE = 300
"""Seconds without a command (RFC 5321 section 4.5.3.2.7)."""

# aiosmtpd tells its log what clients said, and sometimes that is a password typed at the wrong moment.
logging.getLogger("mail.log").disabled = True

_AUTH_PARAMETER = re.compile(r"(?i) AUTH=\S+")
_COUNTED = ("500", "501", "502", "503", "504", "535", "538")


class SmtpServer(SMTP):
    """One session.

    Args:
        service: ``"smtp"`` takes mail from anybody for its own users (port 25); ``"submission"`` takes it only from
            its own users after they logged in (port 587, RFC 6409 section 4.3); ``"submissions"`` is the same, in TLS
            from the first octet (port 465, RFC 8314 section 3.3).
        ended: called once when the connection is gone.
    """

    def __init__(
        self,
        house: House,
        loop: asyncio.AbstractEventLoop,
        service: str = "smtp",
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        # aiosmtpd shares one such table between all sessions, and lengthens it at every EHLO.
        self.command_size_limits = collections.defaultdict(lambda: self.command_size_limit)
        super().__init__(
            Hooks(house),
            hostname=house.host, ident="ESMTP ready", data_size_limit=MAX_MESSAGE, timeout=IDLE, loop=loop,
        )  # fmt: skip
        self.command_size_limits["AUTH"] = MAX_LINE
        # A second time, with a reader that takes no bare LF for the end of a command.
        asyncio.StreamReaderProtocol.__init__(self, StrictReader(loop), self._cb_client_connected, loop)
        self.service = service
        self.username: str | None = None
        self._house, self._ended = house, ended
        self.secure = False
        self._errors = 0
        self._gone = False
        self._client = ("?", 0)

    def note(self, text: str) -> None:
        """Remember an event of this session."""
        self._house.log.add(self.service, "{}:{}".format(*self._client), text)

    @property
    def reader(self) -> asyncio.StreamReader:
        """What the client sends, in strict lines."""
        assert self._reader is not None
        return self._reader

    @property
    def client_address(self) -> str:
        """Where the client is, without her port."""
        return self._client[0]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As aiosmtpd's, and noted."""
        self._client = transport.get_extra_info("peername")[:2]
        self.note("connected")
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """As aiosmtpd's, and noted. After a failed handshake asyncio may call it, and may not: whoever is first."""
        if self._gone:
            return
        self._gone = True
        self.note("closed")
        self._ended()
        super().connection_lost(error)

    def _timeout_cb(self) -> None:
        """As aiosmtpd's, which closes, and that waits until the client has taken all that was said: for ever, if she
        doesn't read."""
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.abort()

    async def push(self, status: Any) -> None:
        """Send a reply; end the session with 421 after too many errors (RFC 5321 section 4.2.1)."""
        text = status if isinstance(status, str) else status.decode()
        self._errors += text.startswith(_COUNTED)
        if self._errors < MAX_ERRORS and not text.startswith("502 5.5.1 Too many"):
            await super().push(status)
            return
        await super().push(f"421 4.7.0 {self.hostname} too many errors, closing")
        self.note("too many errors")
        await hang_up(self._reader, self._writer)
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()  # what is pipelined behind is not run

    async def handle_exception(self, error: Exception) -> str:
        """The reply to what went wrong while a line was read or run."""
        if isinstance(error, BadLine):
            return str(error)
        if isinstance(error, TLSSetupException):
            return ""  # aiosmtpd doesn't send it, but hangs up
        EventLog.trouble("".join(traceback.format_exception(error)))
        return "451 4.3.0 the server made a mistake"

    async def check_auth_needed(self, caller_method: str) -> bool:
        """Refuse what submission allows only after a login (RFC 6409 section 4.3, RFC 4954 section 6)."""
        verdict = judge(self.envelope_so_far(""), self._house.store, self._house.switches)
        if verdict.rule != "log in first":
            return False
        await self.push(verdict.reply)
        return True

    def envelope_so_far(self, sender: str, recipient: str = "") -> Envelope:
        """What the policy is asked about."""
        last = self._house.pop_logins.last(self.client_address)
        popped, window = last and last.seconds, self._house.switches.pop_window
        service = self.service.removesuffix("s")  # the rules for submissions are those for submission
        return Envelope(self.client_address, self.username, sender, recipient, service, popped, window)

    async def _handle_client(self) -> None:
        """As aiosmtpd's, after the handshake where TLS comes first."""
        if self.service == "submissions":
            try:
                await self._start_tls()
            except TLSSetupException as error:
                self.connection_lost(error)
                return
        await super()._handle_client()

    async def smtp_STARTTLS(self, arg: str) -> None:
        """STARTTLS (RFC 3207)."""
        if self._house.tls is None:
            await self.push("502 5.5.1 STARTTLS isn't offered here")
        elif arg:
            await self.push("501 5.5.4 the syntax is: STARTTLS")
        elif self.secure:
            await self.push("503 5.5.1 this connection has TLS already")
        elif not await self.check_helo_needed("EHLO"):
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.pause_reading()  # her first octets of TLS are not for us
            await self.push("220 2.0.0 begin TLS")
            await self._start_tls()

    async def _start_tls(self) -> None:
        """Go over to TLS and forget what was said before (RFC 3207 section 4.2)."""
        assert self._house.tls is not None and self._writer is not None and self.session is not None
        try:
            keep = self._house.switches.allows("tls_injection")
            await start_tls(self.reader, self._writer, self._house.tls, self.note, keep)
        except HandshakeFailed as error:
            raise TLSSetupException from error
        self.transport, self.secure, self.username = self._writer.transport, True, None
        peer, self.session = self.session.peer, self._create_session()
        self.session.peer, self.session.ssl = peer, self._writer.get_extra_info("ssl_object")
        self._set_rset_state()

    async def smtp_AUTH(self, arg: str) -> None:
        """AUTH, with our own mechanisms. The rules for when are in RFC 4954 section 4."""
        assert self.session is not None and self.envelope is not None
        if await self.check_helo_needed("EHLO"):
            return
        if not self.session.extended_smtp:
            await self.push("503 5.5.1 say EHLO first")
        elif self.username:
            await self.push("503 5.5.1 you are logged in already")
        elif self.envelope.mail_from:
            await self.push("503 5.5.1 not in the middle of a mail")
        else:
            reply, self.username = await authenticate(self, arg, self._house.store, self._house.switches, self.note)
            self.session.authenticated = bool(self.username)
            await self.push(reply)

    async def smtp_MAIL(self, arg: str) -> None:
        """As aiosmtpd's, which doesn't know AUTH=: the sender's word for who wrote it (RFC 4954 section 5).

        A server that doesn't trust the client treats it as AUTH=<>, that is, as not said.
        """
        await super().smtp_MAIL(
            _AUTH_PARAMETER.sub("", arg) if arg and self._house.switches.offered(self.secure) else arg
        )

    async def smtp_EHLO(self, hostname: str) -> None:
        """As aiosmtpd's; the allowance for SIZE in MAIL doesn't grow with each."""
        self.command_size_limits.pop("MAIL", None)
        await super().smtp_EHLO(hostname)
