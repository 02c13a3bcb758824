"""What aiosmtpd asks us while a mail comes in: may she, is there room, and where does it go?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from maillab.servers.house import House
from maillab.servers.maildrop import MAX_MESSAGE
from maillab.servers.policy import POP_BEFORE_SMTP, Verdict, judge
from maillab.servers.queue import MAX_HOPS, hops
from maillab.servers.trace import received

if TYPE_CHECKING:
    from maillab.servers.smtp import SmtpServer

MAX_RECIPIENTS = 100
"""Recipients of one mail; RFC 5321 section 4.5.3.1.8 wants at least so many."""

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Hooks:
    """aiosmtpd finds these by their names."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._store, self._switches, self._delivery = house.store, house.switches, house.delivery

    async def handle_EHLO(
        self, smtp: SmtpServer, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """What the server can do. AUTH is there only if there's a mechanism to offer, STARTTLS only where it helps."""
        session.host_name = hostname
        lines = [smtp.hostname, "PIPELINING", f"SIZE {MAX_MESSAGE}", "8BITMIME"]
        if self._house.tls is not None and not smtp.secure:
            lines.append("STARTTLS")
        if mechanisms := self._switches.offered(smtp.secure):
            lines.append("AUTH " + " ".join(mechanisms))
        return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    async def handle_MAIL(self, smtp: SmtpServer, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Ask the policy about the sender. ``<>`` is that of bounces (RFC 5321 section 4.5.5)."""
        sender = _bare(address)
        reply = judge(smtp.envelope_so_far(sender), self._store, self._switches).reply
        if not reply.startswith("250"):
            smtp.note(f"refused mail from <{sender}>: {reply}")
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(self, smtp: SmtpServer, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Ask the policy about a recipient, and whether there's room for her mail."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"  # RFC 5321 section 4.5.3.1.10
        sender = _bare(envelope.mail_from)
        verdict = judge(smtp.envelope_so_far(sender, address), self._store, self._switches)
        reply = verdict.reply
        if verdict.accepted:
            reply = self._delivery.refusal(address, verdict.relay) or reply
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
            if verdict.relay:
                smtp.note(f"lets mail from <{sender}> to <{address}> pass: {verdict.rule}{self._whose(smtp, verdict)}")
        else:
            smtp.note(f"refused mail from <{sender}> to <{address}>: {reply}")
        return reply

    def _whose(self, smtp: SmtpServer, verdict: Verdict) -> str:
        """With POP before SMTP, whom the server takes the client for."""
        popped = self._house.pop_logins.last(smtp.client_address)
        if verdict.rule != POP_BEFORE_SMTP or popped is None:
            return ""
        return f", {popped.username} logged in from this address {popped.seconds:.0f} s ago"

    async def handle_DATA(self, smtp: SmtpServer, session: Any, envelope: Any) -> str:
        """Have the mail delivered."""
        content: bytes = envelope.content
        if _BARE.search(content):
            # RFC 5321 section 2.3.8. Behind us somebody may read "LF . CRLF" as the end of a mail.
            return "550 5.6.11 bare CR or LF in the mail"
        sender = _bare(envelope.mail_from)
        if hops(content) > MAX_HOPS:
            smtp.note(f"refused mail from <{sender}>: it goes in circles")
            return "554 5.4.6 this mail goes in circles"
        # RFC 3848: S for TLS, A for a login; both need EHLO.
        protocol = f"ESMTP{'S' * smtp.secure}{'A' * bool(smtp.username)}" if session.extended_smtp else "SMTP"
        when = datetime.fromtimestamp(self._house.clock.now(), UTC)

        def stamp(recipient: str) -> bytes:
            return received(session.host_name, smtp.client_address, smtp.hostname, protocol, recipient, when)

        reply, names = self._delivery.take(sender, envelope.rcpt_tos, stamp, content)
        if names:
            smtp.note(f"took mail from <{sender}> for {names} ({len(content)} octets)")
        return reply


def _bare(address: str) -> str:
    """An address for the policy; aiosmtpd hands over ``<>``, the null sender, with its brackets."""
    return "" if address == "<>" else address
