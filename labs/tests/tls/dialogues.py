"""What is said in the tests of TLS: (before TLS, inside TLS, port) of the ways to begin it."""

from __future__ import annotations

from support.tls_sessions import Said
from support.wire import Talk

MAIL = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: lunch\r\n\r\n" + b"At noon.\r\n" * 3000 + b".\r\n"

POP3: Said = [
    (0, b"USER alice\r\n"),
    (1, b"+OK\r\n"),
    (0, b"PASS w0nderland\r\n"),
    (1, b"+OK in\r\n"),
    (0, b"RETR 1\r\n"),
    (1, b"+OK\r\n" + MAIL),
    (0, b"QUIT\r\n"),
    (1, b"+OK bye\r\n"),
]
SMTP: Said = [
    (0, b"EHLO client\r\n"),
    (1, b"250-mail.example.test\r\n250 AUTH PLAIN\r\n"),
    (0, b"AUTH PLAIN AGFsaWNlAHcwbmRlcmxhbmQ=\r\n"),
    (1, b"235 welcome\r\n"),
    (0, b"MAIL FROM:<alice@example.test>\r\n"),
    (1, b"250 ok\r\n"),
    (0, b"RCPT TO:<bob@example.test>\r\n"),
    (1, b"250 ok\r\n"),
    (0, b"DATA\r\n"),
    (1, b"354 go\r\n"),
    (0, MAIL),
    (1, b"250 ok\r\n"),
    (0, b"QUIT\r\n"),
    (1, b"221 bye\r\n"),
]
IMAP: Said = [
    (0, b"a1 LOGIN alice w0nderland\r\n"),
    (1, b"a1 OK in\r\n"),
    (0, b"a2 SELECT INBOX\r\n"),
    (1, b"* 1 EXISTS\r\na2 OK done\r\n"),
    (0, b"a3 FETCH 1 BODY[]\r\n"),
    (1, b"* 1 FETCH (BODY[] {%d}\r\n%s)\r\na3 OK done\r\n" % (len(MAIL) - 3, MAIL[:-3])),
    (0, b"a4 LOGOUT\r\n"),
    (1, b"* BYE\r\na4 OK bye\r\n"),
]
WAYS: dict[str, tuple[Said, Said, int]] = {
    "POP3S": ([], [(1, b"+OK ready\r\n"), *POP3], 995),
    "STLS": ([(1, b"+OK ready\r\n"), (0, b"STLS\r\n"), (1, b"+OK go\r\n")], POP3, 110),
    "submissions": ([], [(1, b"220 mail.example.test ESMTP\r\n"), *SMTP], 465),
    "STARTTLS": (
        [
            (1, b"220 mail.example.test ESMTP\r\n"),
            (0, b"EHLO client\r\n"),
            (1, b"250-mail.example.test\r\n250 STARTTLS\r\n"),
            (0, b"STARTTLS\r\n"),
            (1, b"220 go\r\n"),
        ],
        SMTP,
        587,
    ),
    "IMAPS": ([], [(1, b"* OK IMAP4rev1 ready\r\n"), *IMAP], 993),
    "IMAP's STARTTLS": (
        [(1, b"* OK IMAP4rev1 ready\r\n"), (0, b"a0 STARTTLS\r\n"), (1, b"a0 OK go\r\n")],
        IMAP,
        143,
    ),
}


def talk_of(flights: Said, before: Said = [], port: int = 995, size: int = 1400, client: int = 40001) -> Talk:  # noqa: B006
    """Frames of a connection: what was said before TLS, then its flights."""
    return Talk(client=("192.0.2.10", client), server=("192.0.2.25", port)).play([*before, *flights], size)


def said_by(side: int, said: Said) -> bytes:
    return b"".join(data for who, data in said if who == side)
