"""Each mechanism in each protocol: with and without an initial response, accepted, refused, broken off, in a row."""

from __future__ import annotations

import base64
import itertools
from typing import NamedTuple

import pytest
from support.wire import Talk

from maillab.findings import Finding, findings

Lines = list[tuple[int, bytes]]
PORTS = {"pop3": 110, "smtp": 25, "imap": 143}
GREETINGS = {
    "pop3": b"+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n",
    "smtp": b"220 mail.example.test ESMTP\r\n",
    "imap": b"* OK ready\r\n",
}


class Exchange(NamedTuple):
    """What crosses: the client's messages, the server's challenges before each; who and what an eavesdropper reads."""

    client: list[bytes]
    server: list[bytes]
    username: str
    password: str | None
    optional: bool = True  # may the first message be an initial response?


BEARER = b"n,a=alice@example.test,\1host=mail\1port=25\1auth=Bearer tok.en\1\1"
RFC5802 = Exchange(
    [
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"",
    ],
    [
        b"",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ],
    "user",
    None,
)
RFC7677 = Exchange(
    [
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"",
    ],
    [
        b"",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ],
    "user",
    None,
)
EXCHANGES = {
    "PLAIN": Exchange([b"\0alice\0p\xc3\xa4ss word"], [b""], "alice", "päss word"),
    "LOGIN": Exchange([b"alice", b"p\xc3\xa4ss word"], [b"Username:", b"Password:"], "alice", "päss word"),
    "CRAM-MD5": Exchange(
        [b"tim b913a602c7eda7a495b4e6e7334d3890"],
        [b"<1896.697170952@postoffice.reston.mci.net>"],
        "tim",
        None,
        optional=False,
    ),
    "DIGEST-MD5": Exchange(
        [
            b'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,'
            b'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",'
            b"response=d388dad90d4bbd760a152321f2143af7,qop=auth",
            b"",
        ],
        [
            b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8',
            b"rspauth=ea40f60335c427b5527b84dbabcdfffd",
        ],
        "chris",
        None,
        optional=False,
    ),
    "SCRAM-SHA-1": RFC5802,
    "SCRAM-SHA-256": RFC7677,
    "XOAUTH2": Exchange([b"user=alice@example.test\1auth=Bearer tok.en\1\1"], [b""], "alice@example.test", "tok.en"),
    "OAUTHBEARER": Exchange([BEARER], [b""], "alice@example.test", "tok.en"),
}


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def log_in(protocol: str, mechanism: str, verdict: str, initial: bool, tag: bytes = b"a1") -> Lines:
    """The lines of one attempt. verdict: "accepted", "refused", "aborted"."""
    it = EXCHANGES[mechanism]
    begin = {"pop3": b"AUTH ", "smtp": b"AUTH ", "imap": tag + b" AUTHENTICATE "}[protocol] + mechanism.encode()
    go_on = b"334 " if protocol == "smtp" else b"+ "
    yes, no = {"pop3": (b"+OK", b"-ERR no"), "smtp": (b"235 ok", b"535 no"), "imap": (tag + b" OK", tag + b" NO no")}[
        protocol
    ]
    said: Lines = []
    for number, (asked, answered) in enumerate(zip(it.server, it.client, strict=True)):
        if number == 0 and initial:
            said.append((0, begin + b" " + b64(answered)))
            continue
        if number == 0:
            said.append((0, begin))
        said.append((1, go_on + b64(asked)))
        last = number == len(it.client) - 1
        said.append((0, b"*" if verdict == "aborted" and last else b64(answered)))
    if verdict == "refused" and mechanism in ("XOAUTH2", "OAUTHBEARER"):  # RFC 7628 section 3.2.3: an error, a dummy
        said += [(1, go_on + b64(b'{"status":"invalid_token"}')), (0, b64(b"\1"))]
    said.append((1, yes if verdict == "accepted" else no))
    return [(side, line + b"\r\n") for side, line in said]


def credentials(protocol: str, *attempts: Lines) -> list[Finding]:
    talk = Talk(server=("192.0.2.25", PORTS[protocol]))
    found = findings(talk.play([(1, GREETINGS[protocol]), *itertools.chain(*attempts)]).frames)
    assert {finding.protocol for finding in found} == {protocol}
    return [finding for finding in found if finding.kind == "credential"]


CASES = [
    (protocol, mechanism, verdict, initial)
    for protocol in PORTS
    for mechanism, it in EXCHANGES.items()
    for verdict in ("accepted", "refused", "aborted")
    for initial in (False, True)
    if not (initial and not it.optional) and not (initial and verdict == "aborted" and len(it.client) == 1)
]


@pytest.mark.parametrize(("protocol", "mechanism", "verdict", "initial"), CASES)
def test_mechanism(protocol: str, mechanism: str, verdict: str, initial: bool) -> None:
    (found,) = credentials(protocol, log_in(protocol, mechanism, verdict, initial))
    it = EXCHANGES[mechanism]
    assert found.mechanism == mechanism
    assert found.accepted is {"accepted": True, "refused": False, "aborted": None}[verdict]
    assert found.aborted is (verdict == "aborted")
    if verdict != "aborted":
        assert (found.username, found.password) == (it.username, it.password)
    elif len(it.client) == 1:
        assert (found.username, found.password) == (None, None)  # broken off before anything was said
    elif mechanism == "LOGIN":
        assert (found.username, found.password) == (it.username, None)
    if it.password is None and verdict != "aborted":
        sent = found.challenge if isinstance(found.challenge, list) else [found.challenge]
        assert [text for text in it.server if text and text.decode() not in sent] == []


@pytest.mark.parametrize("protocol", PORTS)
def test_all_on_one_connection(protocol: str) -> None:
    """One attempt after the other, all refused but the last; each is told apart, in order."""
    names = list(EXCHANGES)
    attempts = [
        log_in(protocol, name, verdict, number % 2 == 0 and EXCHANGES[name].optional, b"t%d" % number)
        for number, name in enumerate(names)
        for verdict in ["accepted" if name == names[-1] else "refused"]
    ]
    found = credentials(protocol, *attempts)
    assert [finding.mechanism for finding in found] == names
    assert [finding.username for finding in found] == [it.username for it in EXCHANGES.values()]
    assert [finding.accepted for finding in found] == [False] * (len(names) - 1) + [True]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_literals_of_imap(size: int) -> None:
    """LOGIN with quoted strings, literals that wait and such that don't; bytes in a literal aren't lines."""
    said: Lines = [
        (0, b'a1 LOGIN "al\\"ice" "p\\\\w"\r\n'),
        (1, b"a1 NO\r\n"),
        (0, b"a2 LOGIN {5}\r\n"),
        (1, b"+ go\r\n"),
        (0, b"alice {8}\r\n"),
        (1, b"+ go\r\n"),
        (0, b"a\r\nb c d\r\n"),
        (1, b"a2 NO\r\n"),
        (0, b"a3 LOGIN {5+}\r\nalice {6+}\r\nsecret\r\n"),
        (1, b"a3 OK\r\n"),
    ]
    talk = Talk(server=("192.0.2.25", 143)).play([(1, GREETINGS["imap"]), *said], size)
    found = findings(talk.frames)
    assert [(f.username, f.password, f.accepted) for f in found] == [
        ('al"ice', "p\\w", False),
        ("alice", "a\r\nb c d", False),
        ("alice", "secret", True),
    ]


MIME = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.test>\r\n"
    b'To: "List, the" <list@example.test>,\r\n =?iso-8859-1?q?Ren=E9?= <rene@example.test>\r\n'
    b"Subject: =?utf-8?b?R3LDvMOf?=\r\n =?utf-8?q?e?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=xx\r\n\r\n"
    b"--xx\r\nSubject: not this one\r\n\r\n..dots\r\n--xx--\r\n"
)


def test_headers_of_a_mail() -> None:
    """Encoded words, folded fields, several recipients; what a part of the mail is called isn't the mail's subject."""
    said: Lines = [
        (1, GREETINGS["pop3"]),
        (0, b"RETR 1\r\n"),
        (1, b"+OK\r\n" + MIME + b".\r\n"),
    ]
    (mail,) = findings(Talk().play(said).frames)
    assert (mail.subject, mail.sender) == ("Grüße", "joerg@example.test")
    assert mail.recipients == ["list@example.test", "rene@example.test"]
    assert b"\r\n.dots\r\n" in mail.message and mail.complete


def test_chunks() -> None:
    """BDAT: no dots are doubled, chunks may end anywhere, binary in them, LAST alone."""
    mail = MIME.replace(b"..dots", b".\r\n..\0dots")
    said: Lines = [
        (1, GREETINGS["smtp"]),
        (0, b"MAIL FROM:<a@example.test> BODY=BINARYMIME\r\nRCPT TO:<b@example.test>\r\n"),
        (1, b"250 ok\r\n250 ok\r\n"),
        (0, b"BDAT 100\r\n" + mail[:100] + b"BDAT %d\r\n" % (len(mail) - 100) + mail[100:] + b"BDAT 0 LAST\r\n"),
        (1, b"250 ok\r\n250 ok\r\n250 queued\r\n"),
    ]
    (found,) = findings(Talk(server=("192.0.2.25", 25)).play(said).frames)
    assert (found.mechanism, found.message, found.accepted) == ("BDAT", mail, True)
    assert (found.sender, found.recipients, found.subject) == ("a@example.test", ["b@example.test"], "Grüße")
