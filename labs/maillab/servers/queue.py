"""The rules of a mail queue: when to try again, when to give up, what to write to the sender. No disk, no socket."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from email.utils import format_datetime

RETRY = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds from one attempt to the next; after the last we give up. A lesson has no time for the half hour between
attempts and the four or five days in all that RFC 5321 section 4.5.4.1 wants."""

MAX_HOPS = 25
"""Received fields in one mail, sendmail's limit: with more of them it goes in circles. (RFC 5321 section 6.3 would
rather have 100, because a mail may be forwarded often; in the lab nobody forwards.)"""

_RECEIVED = re.compile(rb"(?im)^received[ \t]*:")
_STATUS = re.compile(r"\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True)
class Entry:
    """A mail that waits: its envelope, and what has been tried. ``due`` is a time, in seconds since 1970."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    attempts: int = 0
    due: float = 0.0
    reply: str = ""


def pack(entry: Entry, content: bytes) -> bytes:
    """The file for an entry: a line of JSON, then the mail as it is.

    >>> unpack(pack(Entry("1", "", ("dave@partner.example.test",), 4), b"hi\\r\\n"))[1]
    b'hi\\r\\n'
    """
    return json.dumps(asdict(entry)).encode() + b"\n" + content


def unpack(data: bytes) -> tuple[Entry, bytes]:
    """What :func:`pack` wrote.

    Raises:
        ValueError: it's something else.
    """
    head, _, content = data.partition(b"\n")
    try:
        fields = json.loads(head)
        return Entry(**{**fields, "recipients": tuple(fields["recipients"])}), content
    except (KeyError, TypeError) as error:
        raise ValueError(f"no mail of a queue: {error}") from None


def settle(
    entry: Entry, replies: Mapping[str, str], now: float, schedule: Sequence[float]
) -> tuple[Entry | None, dict[str, str]]:
    """After an attempt: what stays in the queue, and for whom we give up, with the reply that said so.

    The first digit decides (RFC 5321 section 4.2.1): 2 is done, 5 is for good, all else is worth another attempt.

    >>> settle(Entry("1", "a@b.test", ("c@d.test", "e@d.test"), 4), {"c@d.test": "250 OK", "e@d.test": "451"}, 10, [5])
    (Entry(id='1', sender='a@b.test', recipients=('e@d.test',), size=4, attempts=1, due=15, reply='451'), {})
    """
    undone = {to: replies[to] for to in entry.recipients if not replies[to].startswith("2")}
    failed = {to: reply for to, reply in undone.items() if reply.startswith("5") or entry.attempts >= len(schedule)}
    left = tuple(to for to in undone if to not in failed)
    if not left:
        return None, failed
    due = now + schedule[entry.attempts]
    return replace(entry, recipients=left, attempts=entry.attempts + 1, due=due, reply=undone[left[0]]), failed


def hops(content: bytes) -> int:
    r"""Through how many servers a mail has come: its Received fields (RFC 5321 section 6.3).

    >>> hops(b"Received: from a\r\nReceived: from b\r\nSubject: x\r\n\r\nReceived: not a field\r\n")
    2
    """
    return len(_RECEIVED.findall(content.partition(b"\r\n\r\n")[0]))


def status(reply: str) -> str:
    """The enhanced status code in a reply by which we gave up (RFC 3463); one is made where it has none.

    >>> status("550 5.1.1 no such user here"), status("550 no"), status("451 4.4.1 no answer")
    ('5.1.1', '5.0.0', '5.4.7')
    """
    if not reply.startswith("5"):
        return "5.4.7"  # its time in the queue is over (RFC 3463 section 3.5)
    found = _STATUS.match(reply)
    return found[1] if found else "5.0.0"


def bounce(host: str, sender: str, failed: Mapping[str, str], content: bytes, now: datetime) -> bytes:
    """The mail that tells a sender what didn't arrive: in words, for programs (RFC 3464), and what it was (RFC 6522).

    It's sent from ``<>``, and nothing is ever sent back to that address: two servers that bounce each other's bounces
    would never stop (RFC 5321 section 4.5.5).
    """
    header = content.partition(b"\r\n\r\n")[0].rstrip(b"\r\n") + b"\r\n"
    boundary = "undelivered"
    while boundary.encode() in header:
        boundary += "-"
    words = "".join(f"  <{to}>\r\n      {reply}\r\n" for to, reply in failed.items())
    fields = "".join(
        f"\r\nFinal-Recipient: rfc822; {to}\r\nAction: failed\r\nStatus: {status(reply)}\r\n"
        f"Diagnostic-Code: smtp; {reply}\r\n"
        for to, reply in failed.items()
    )
    text = f"""\
From: Mail system <postmaster@{host}>\r
To: <{sender}>\r
Subject: Undelivered mail\r
Date: {format_datetime(now)}\r
Auto-Submitted: auto-replied\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"\r
\r
--{boundary}\r
\r
Your mail could not be delivered to\r
\r
{words}\r
It won't be tried again.\r
--{boundary}\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; {host}\r
{fields}\r
--{boundary}\r
Content-Type: text/rfc822-headers\r
Content-Transfer-Encoding: {"7bit" if header.isascii() else "8bit"}\r
\r
"""
    return text.encode("ascii", "replace") + header + f"\r\n--{boundary}--\r\n".encode()
