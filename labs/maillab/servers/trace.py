"""The lines that a server writes on top of a mail, so that its way can be read later (RFC 5321 section 4.4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime


def received(helo: str, client: str, host: str, protocol: str, recipient: str, when: datetime | None = None) -> bytes:
    """A Received field: who said she was whom, from which address, to whom, how and when.

    Args:
        helo: the name that the client gave in EHLO; anybody can say any name.
        client: her address, which the server saw itself.
        host: this server.
        protocol: ``SMTP``, ``ESMTP``, or with ``S`` behind it for TLS and ``A`` if she logged in (RFC 3848).
        recipient: to whom; empty if to several, who shouldn't learn of each other here (RFC 5321 section 7.6).

    >>> received("laptop", "192.0.2.10", "mail.example.test", "ESMTPA", "bob@example.test", datetime(2026, 11, 24, tzinfo=UTC))
    b'Received: from laptop ([192.0.2.10])\\r\\n\\tby mail.example.test with ESMTPA for <bob@example.test>;\\r\\n\\tTue, 24 Nov 2026 00:00:00 +0000\\r\\n'
    """  # noqa: E501
    stamp = format_datetime(when or datetime.now(UTC))
    # What the client calls itself must not look like what the server saw (RFC 5321 section 4.1.1.1: name or literal).
    helo = re.sub(r"[^A-Za-z0-9._:\[\]-]", "?", helo)
    literal = f"[IPv6:{client}]" if ":" in client else f"[{client}]"  # RFC 5321 section 4.1.3
    to = f" for <{recipient}>" if recipient else ""
    lines = f"Received: from {helo} ({literal})\r\n\tby {host} with {protocol}{to};\r\n\t{stamp}\r\n"
    return lines.encode("ascii", "replace")


def return_path(sender: str) -> bytes:
    """The Return-Path field: where the envelope said the mail is from; written at final delivery only.

    >>> return_path("eve@elsewhere.test")
    b'Return-Path: <eve@elsewhere.test>\\r\\n'
    """
    return f"Return-Path: <{sender}>\r\n".encode("ascii", "replace")
