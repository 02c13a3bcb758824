"""Recognition, TLS, and dialogues with holes in them."""

from __future__ import annotations

import pytest
from support.wire import Talk

from maillab.conversations import follow
from maillab.findings import findings

HELLO = bytes([22, 3, 1, 0, 5, 1, 0, 0, 1, 0])


def test_ftp_is_not_mail() -> None:
    """FTP has USER and PASS too, and a 220 greeting."""
    talk = Talk(server=("192.0.2.25", 21)).open()
    talk.server(b"220 ready\r\n").client(b"USER bob\r\n").server(b"331 password?\r\n").client(b"PASS x\r\n")
    talk.server(b"230 in\r\n").client(b"LIST\r\n").server(b"150 here\r\n").close()
    (conversation,) = follow(talk.frames)
    assert conversation.protocol is None and conversation.turns[0].kind == "data"
    assert findings(talk.frames) == []


@pytest.mark.parametrize(
    "first",
    [
        b"GET LOGIN HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\0\1\2\3",
        HELLO,
        b"SSH-2.0-x\r\n",
    ],
)
def test_other_protocols(first: bytes) -> None:
    talk = Talk(server=("192.0.2.25", 4711)).open().client(first).server(b"+OK\r\n").client(b"x\r\n").close()
    (conversation,) = follow(talk.frames)
    assert conversation.protocol is None
    assert conversation.bytes_from("client") == first + b"x\r\n"


def test_insist() -> None:
    """--port: USER and PASS of a client alone are pop3 when the caller says so."""
    talk = Talk(server=("192.0.2.25", 4711)).open().client(b"USER bob\r\n").client(b"PASS x\r\n")
    assert [c.protocol for c in follow(talk.frames, ports={4711: "pop3"})] == ["pop3"]
    (found,) = findings(talk.frames, ports={4711: "pop3"})
    assert (found.username, found.password, found.accepted) == ("bob", "x", None)


@pytest.mark.parametrize("command,verb,go", [(b"STLS", "STLS", b"+OK go"), (b"STARTTLS", "STARTTLS", b"220 go")])
def test_upgrade(command: bytes, verb: str, go: bytes) -> None:
    talk = Talk(server=("192.0.2.25", 4711)).open()
    talk.server(b"+OK\r\n" if verb == "STLS" else b"220 ESMTP\r\n")
    talk.client(command + b"\r\n").server(go + b"\r\n").client(HELLO).server(HELLO).close()
    (conversation,) = follow(talk.frames)
    assert [t.kind for t in conversation.turns] == ["greeting", "command", "reply", "tls", "tls"]
    (found,) = findings(talk.frames)
    assert (found.kind, found.mechanism, found.accepted, found.username) == ("tls", verb, True, None)


def test_plaintext_pipelined_before_the_handshake() -> None:
    """Commands behind STARTTLS in the same segment (CVE-2011-0411) were said in the clear, and are shown."""
    talk = Talk(server=("192.0.2.25", 25)).open().server(b"220 ESMTP\r\n").client(b"STARTTLS\r\nRSET\r\n")
    talk.server(b"220 go\r\n").client(HELLO).server(HELLO).close()
    (conversation,) = follow(talk.frames)
    assert [t.text for t in conversation.turns[1:4]] == ["STARTTLS", "220 go", "RSET"]
    assert conversation.turns[4].kind == "tls"


def test_upgrade_of_imap() -> None:
    talk = Talk(server=("192.0.2.25", 4711)).open().server(b"* OK ready\r\n").client(b"1 STARTTLS\r\n")
    talk.server(b"1 OK go\r\n").client(HELLO).server(HELLO).close()
    (found,) = findings(talk.frames)
    assert (found.protocol, found.mechanism, found.accepted) == ("imap", "STARTTLS", True)


def test_hole_in_a_literal() -> None:
    """Bytes of a mail are missing: their number is known, so what follows the mail is understood."""
    talk = Talk().open().server(b"* OK ready\r\n").client(b"1 FETCH 1 BODY[]\r\n")
    talk.server(b"* 1 FETCH (BODY[] {400}\r\nSubject: lunch\r\n\r\n")
    talk.next[1] += 300
    talk.server(b"x" * 82 + b")\r\n1 OK\r\n").client(b"2 LOGIN a b\r\n").server(b"2 OK in\r\n").close()
    mail, login = findings(talk.frames)
    assert (mail.subject, mail.complete, mail.size) == ("lunch", False, 100)
    assert (login.username, login.accepted) == ("a", True)


def test_huge_literals_are_not_held() -> None:
    """A literal that is no mail, of any size: what comes after it is understood."""
    data = b"z" * 3_000_000
    talk = Talk(acks=False).open().server(b"* OK ready\r\n").client(b"1 FETCH 1 BODY[TEXT]\r\n")
    talk.server(b"* 1 FETCH (BODY[TEXT] {3000000}\r\n" + data + b")\r\n1 OK\r\n")
    talk.client(b"2 SEARCH TEXT {3000000+}\r\n" + data + b"\r\n").server(b"2 OK\r\n").client(b"3 LOGIN a b\r\n").close()
    (login,) = findings(talk.frames)
    assert (login.mechanism, login.username) == ("LOGIN", "a")


@pytest.mark.parametrize("port,protocol", [(995, "pop3"), (465, "smtp"), (993, "imap")])
def test_tls_from_the_first_byte(port: int, protocol: str) -> None:
    talk = Talk(server=("192.0.2.25", port)).open().client(HELLO).server(HELLO).close()
    (found,) = findings(talk.frames)
    assert (found.kind, found.protocol, found.mechanism) == ("tls", protocol, "TLS")
    talk = Talk(server=("192.0.2.25", 443)).open().client(HELLO).server(HELLO).close()
    assert findings(talk.frames) == []


def test_all_client_lines_in_one_segment() -> None:
    """AUTH, its response and the next commands at once: what is a response is decided by the reply."""
    talk = Talk(server=("192.0.2.25", 25)).open().server(b"220 ESMTP\r\n")
    talk.client(b"EHLO a\r\nAUTH LOGIN\r\nZGF2ZQ==\r\nQUIT\r\n").server(b"250 ok\r\n334 \r\n334 \r\n235 ok\r\n")
    (found,) = findings(talk.close().frames)
    assert (found.username, found.accepted) == ("dave", True)
    talk = Talk(server=("192.0.2.25", 25)).open().server(b"220 ESMTP\r\n")
    talk.client(b"EHLO a\r\nAUTH LOGIN\r\nRSET\r\nQUIT\r\n").server(b"250 ok\r\n504 no\r\n250 ok\r\n221 bye\r\n")
    (found,) = findings(talk.close().frames)
    assert (found.username, found.accepted) == (None, False)
    assert [t.kind for t in follow(talk.frames)[0].turns if t.text == "RSET"] == ["command"]


@pytest.mark.parametrize(
    "lines,expected",
    [
        ([b"EHLO a", b"AUTH PLAIN", b"AGJvYgB0YW5zdGFhZg==", b"MAIL FROM:<a@b>"], ("PLAIN", "bob", "tanstaaf")),
        ([b"EHLO a", b"AUTH LOGIN", b"YWxpY2U=", b"d29uZGVybGFuZA==", b"QUIT"], ("LOGIN", "alice", "wonderland")),
        ([b"EHLO a", b"AUTH LOGIN YWxpY2U=", b"d29uZGVybGFuZA==", b"QUIT"], ("LOGIN", "alice", "wonderland")),
        ([b"EHLO a", b"AUTH PLAIN AGJvYgB0YW5zdGFhZg==", b"MAIL FROM:<a@b>"], ("PLAIN", "bob", "tanstaaf")),
        ([b"CAPA", b"USER bob", b"PASS x", b"STAT"], ("USER", "bob", "x")),
        ([b"CAPA", b"AUTH PLAIN", b"AGJvYgB0YW5zdGFhZg==", b"STAT"], ("PLAIN", "bob", "tanstaaf")),
        ([b"1 CAPABILITY", b"2 LOGIN {3}", b'bob "x y"', b"3 LOGOUT"], ("LOGIN", "bob", "x y")),
        ([b"1 AUTHENTICATE PLAIN", b"AGJvYgB0YW5zdGFhZg==", b"3 LOGOUT"], ("PLAIN", "bob", "tanstaaf")),
    ],
)
@pytest.mark.parametrize("syn", [True, False])
def test_client_alone(lines: list[bytes], expected: tuple[str, str, str], syn: bool) -> None:
    """Only the client's direction: found all the same, without a verdict."""
    talk = Talk(server=("192.0.2.25", 4711)).open()
    for line in lines:
        talk.server(b"x" * 20).client(line + b"\r\n")
    frames = [f for f, side in zip(talk.frames, talk.sides, strict=True) if side == 0][0 if syn else 2 :]
    (found,) = findings(frames)
    assert (found.mechanism, found.username, found.password) == expected
    assert found.accepted is None


def test_reply_lost_means_no_verdict() -> None:
    """The reply to PASS is missing: the next reply isn't taken for it."""
    talk = Talk().open().server(b"+OK\r\n").client(b"USER bob\r\n").server(b"+OK\r\n").client(b"PASS x\r\n")
    talk.next[1] += 6
    talk.client(b"USER bob\r\n").server(b"+OK\r\n").close()
    (found,) = findings(talk.frames)
    assert found.accepted is None


def test_hole_in_a_mail() -> None:
    """The mail is shown in two parts with the gap between; what follows it is understood."""
    talk = Talk().open().server(b"+OK\r\n").client(b"RETR 1\r\n")
    talk.server(b"+OK\r\nSubject: lunch\r\n\r\nHello\r\n")
    talk.next[1] += 100
    talk.server(b"ld\r\n.\r\n").client(b"QUIT\r\n").server(b"+OK bye\r\n").close()
    (conversation,) = follow(talk.frames)
    assert [t.kind for t in conversation.turns] == [
        "greeting",
        "command",
        "reply",
        "mail",
        "gap",
        "mail",
        "command",
        "reply",
    ]
    (found,) = findings(talk.frames)
    assert (found.subject, found.complete, found.size) == ("lunch", False, 16 + 2 + 7 + 4)


def test_end_of_a_mail_lost() -> None:
    talk = Talk().open().server(b"+OK\r\n").client(b"RETR 1\r\n").server(b"+OK\r\nSubject: a\r\n\r\nHello")
    talk.next[1] += 100
    talk.client(b"RETR 2\r\n").server(b"+OK\r\nSubject: b\r\n\r\nHi\r\n.\r\n").close()
    assert [f.subject for f in findings(talk.frames)] == ["a", "b"]


def test_half_a_session() -> None:
    """The capture stops in the middle of everything: what was said is shown, marked partial."""
    talk = Talk().open().server(b"+OK ready\r\n").client(b"USER bob\r\nPASS sec")
    (conversation,) = follow(talk.frames)
    assert [(t.text, t.partial) for t in conversation.turns][-1] == ("PASS sec", True)


def test_endless_line_is_cut() -> None:
    """Memory: a line without end doesn't stay in the buffer."""
    talk = Talk().open().server(b"+OK\r\n").client(b"USER " + b"x" * 200_000 + b"\r\nPASS y\r\n").close()
    (conversation,) = follow(talk.frames)
    assert max(len(t.data) for t in conversation.turns) <= 65536
    assert len(conversation.bytes_from("client")) == 200_000 + 5 + 2 + 8


def test_hostile_text_is_escaped() -> None:
    """Terminal escapes of a capture don't reach the reader's terminal."""
    talk = Talk().open().server(b"+OK \x1b]0;x\x07\r\n").close()
    assert "\x1b" not in str(follow(talk.frames)[0]) and "\\x1b" in str(follow(talk.frames)[0])
