"""APOP, CRAM-MD5, DIGEST-MD5 and SCRAM: what an eavesdropper reads, whole and broken."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire import Talk

from maillab.findings import Finding, findings

ID = b"<1896.697170952@dbc.mtview.ca.us>"
DIGEST = b"c4c9334bac560ecc979e58001b3e22fb"


def b64(text: bytes) -> bytes:
    return base64.b64encode(text)


def look(*lines: tuple[int, bytes], port: int = 110) -> Finding:
    """The one login of a dialogue. 0: the client's line, 1: the server's."""
    talk = Talk(server=("192.0.2.25", port)).play([(side, line + b"\r\n") for side, line in lines])
    (finding,) = (f for f in findings(talk.frames) if f.kind == "credential")
    return finding


def auth(mechanism: bytes, *said: bytes, end: bytes = b"+OK in") -> Finding:
    """AUTH in POP3: a challenge, a response, and so on, base64 put on."""
    lines = [(1, b"+OK"), (0, b"AUTH " + mechanism)]
    lines += [
        (1 - i % 2, (b"" if i % 2 else b"+ ") + (text if text == b"*" else b64(text))) for i, text in enumerate(said)
    ]
    return look(*lines, (1, end))


def test_apop() -> None:
    found = look((1, b"+OK POP3 server ready " + ID), (0, b"APOP mrose " + DIGEST), (1, b"+OK maildrop has 1 message"))
    assert (found.username, found.password, found.accepted) == ("mrose", None, True)
    assert (found.challenge, found.response) == (ID.decode(), f"mrose {DIGEST.decode()}")
    assert found.hashcat == {"mode": 20, "line": f"{DIGEST.decode()}:{ID.decode()}"}
    assert found.frames[0] == found.frame


def test_apop_refused_with_a_name_with_blanks_and_capital_digits() -> None:
    found = look((1, b"+OK " + ID), (0, b"APOP  mr o rose " + DIGEST.upper()), (1, b"-ERR"))
    assert (found.username, found.accepted) == ("mr o rose", False)
    assert found.hashcat == {"mode": 20, "line": f"{DIGEST.decode()}:{ID.decode()}"}


@pytest.mark.parametrize(
    ("greeting", "challenge"),
    [
        (b"+OK", None),
        (b"+OK ready <1.2@mail.example.test> hello", "<1.2@mail.example.test>"),
        # As poplib has it, from the first < to the last >
        (b"+OK <mail.example.test> ready <1.2@mail.example.test>", "<mail.example.test> ready <1.2@mail.example.test>"),
        (b"+OK <hello>", "<hello>"),
        (b"+OK a > b < c", None),
    ],
)
def test_apop_greetings(greeting: bytes, challenge: str | None) -> None:
    found = look((1, greeting), (0, b"APOP mrose " + DIGEST), (1, b"+OK"))
    assert found.challenge == challenge and found.username == "mrose"
    assert (found.hashcat is None) is (challenge is None)


def test_apop_challenge_that_hashcat_cannot_take() -> None:
    """Its salts have up to 256 octets."""
    for length, fits in ((256, True), (257, False)):
        challenge = b"<" + b"1" * (length - 5) + b"@ab>"
        found = look((1, b"+OK " + challenge), (0, b"APOP mrose " + DIGEST), (1, b"+OK"))
        assert found.challenge == challenge.decode() and (found.hashcat is not None) is fits


@pytest.mark.parametrize("argument", [b"mrose", b"mrose 123", b"mrose " + b"g" * 32, b" " + DIGEST, b""])
def test_apop_that_is_none(argument: bytes) -> None:
    found = look((1, b"+OK " + ID), (0, b"APOP " + argument), (1, b"-ERR"))
    assert found.username is None and found.hashcat is None


def test_cram_md5() -> None:
    found = auth(b"CRAM-MD5", ID, b"tim b913 " + DIGEST)
    assert (found.username, found.password, found.accepted) == ("tim b913", None, True)
    assert (found.challenge, found.response) == (ID.decode(), f"tim b913 {DIGEST.decode()}")
    line = f"$cram_md5${b64(ID).decode()}${b64(b'tim b913 ' + DIGEST).decode()}"
    assert found.hashcat == {"mode": 10200, "line": line}


def test_cram_md5_in_smtp() -> None:
    lines = [
        (1, b"220 ESMTP"),
        (0, b"EHLO a"),
        (1, b"250 AUTH CRAM-MD5"),
        (0, b"AUTH CRAM-MD5"),
        (1, b"334 " + b64(ID)),
    ]
    found = look(*lines, (0, b64(b"tim " + DIGEST)), (1, b"535 no"), port=587)
    assert (found.protocol, found.username, found.accepted) == ("smtp", "tim", False)


def test_cram_md5_broken_off_or_rubbish() -> None:
    found = auth(b"CRAM-MD5", ID, b"*", end=b"-ERR")
    assert (found.username, found.challenge, found.response, found.hashcat) == (None, ID.decode(), None, None)
    assert found.aborted and found.accepted is None
    for answer in (b"tim", b"tim " + b"x" * 32, b" " + DIGEST, DIGEST):
        assert auth(b"CRAM-MD5", ID, answer, end=b"-ERR").username is None


def test_cram_md5_with_two_challenges() -> None:
    """No honest server sends two. In hashcat's line is the one that was answered."""
    found = auth(b"CRAM-MD5", ID, b"tim " + DIGEST, b"<2@x>", b"*", end=b"-ERR")
    line = f"$cram_md5${b64(ID).decode()}${b64(b'tim ' + DIGEST).decode()}"
    assert found.challenge == [ID.decode(), "<2@x>"] and found.hashcat == {"mode": 10200, "line": line}


SERVER = b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'
CLIENT = (
    b'charset=utf-8, username="chr\\"is",realm="elwood.innosoft.com", nonce="OA6MG9tEQGm2hh",nc=00000001,'
    b'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth'
)
RSPAUTH = b"rspauth=ea40f60335c427b5527b84dbabcdfffd"


def test_digest_md5() -> None:
    found = auth(b"DIGEST-MD5", SERVER, CLIENT, RSPAUTH, b"")
    assert (found.username, found.password, found.accepted, found.hashcat) == ('chr"is', None, True, None)
    assert found.challenge == [SERVER.decode(), RSPAUTH.decode()] and found.response == CLIENT.decode()


def test_digest_md5_refused_and_with_an_authzid() -> None:
    found = auth(b"DIGEST-MD5", SERVER, CLIENT + b',authzid="bob"', end=b"-ERR")
    assert (found.username, found.authzid, found.accepted, found.challenge) == ('chr"is', "bob", False, SERVER.decode())


def test_digest_md5_in_latin_1() -> None:
    assert auth(b"DIGEST-MD5", SERVER, b'username="J\xfcrgen",response=' + DIGEST).username == "Jürgen"


@pytest.mark.parametrize(
    "answer", [b"", b"username=", b'username="a', b"\xff\xfe", b"response=" + DIGEST, b'username="a"']
)
def test_digest_md5_rubbish(answer: bytes) -> None:
    assert auth(b"DIGEST-MD5", SERVER, answer, end=b"-ERR").username is None


FIRST = b"n,,n=us=2Cer=3D,r=rOprNGfwEbeRWgbNEkqO"
FIRST_OF_SERVER = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
FINAL_OF_SERVER = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize("hash", [b"SCRAM-SHA-1", b"SCRAM-SHA-256", b"scram-sha-256-plus"])
def test_scram_with_an_initial_response(hash: bytes) -> None:
    found = auth(hash + b" " + b64(FIRST), FIRST_OF_SERVER, FINAL, FINAL_OF_SERVER, b"")
    assert (found.mechanism, found.username, found.password) == (hash.decode().upper(), "us,er=", None)
    assert found.challenge == [FIRST_OF_SERVER.decode(), FINAL_OF_SERVER.decode()]
    assert found.response == [FIRST.decode(), FINAL.decode()] and found.hashcat is None and found.accepted


def test_scram_without_an_initial_response() -> None:
    found = auth(b"SCRAM-SHA-256", b"", FIRST, FIRST_OF_SERVER, FINAL, FINAL_OF_SERVER, b"")
    assert found.username == "us,er=" and found.response == [FIRST.decode(), FINAL.decode()]
    assert found.challenge == [FIRST_OF_SERVER.decode(), FINAL_OF_SERVER.decode()]


@pytest.mark.parametrize(
    ("header", "authzid"), [(b"y,,", None), (b"n,a=b=2Cob,", "b,ob"), (b"p=tls-exporter,,", None), (b"n,,m=x,", None)]
)
def test_scram_headers(header: bytes, authzid: str | None) -> None:
    found = auth(b"SCRAM-SHA-256 " + b64(header + b"n=eve,r=abc"), FIRST_OF_SERVER, b"*", end=b"-ERR")
    assert (found.username, found.authzid, found.aborted) == ("eve", authzid, True)


@pytest.mark.parametrize(
    ("mechanism", "line"),
    [
        (b"CRAM-MD5", b"APOP mrose " + DIGEST),
        (b"DIGEST-MD5", CLIENT),
        (b"SCRAM-SHA-256", FIRST),
    ],
)
def test_what_is_no_base64_is_shown_and_not_read(mechanism: bytes, line: bytes) -> None:
    """Such as a command that a confused client sends where the server waits for a response."""
    found = look((1, b"+OK"), (0, b"AUTH " + mechanism), (1, b"+ " + b64(ID)), (0, line), (1, b"-ERR"))
    assert (found.username, found.authzid, found.hashcat) == (None, None, None)
    assert found.response == line.decode()


def test_cram_md5_challenge_that_is_no_base64() -> None:
    found = look((1, b"+OK"), (0, b"AUTH CRAM-MD5"), (1, b"+ " + ID), (0, b64(b"tim " + DIGEST)), (1, b"-ERR"))
    assert (found.username, found.challenge, found.hashcat) == ("tim", ID.decode(), None)


@settings(deadline=None, max_examples=300)
@given(
    mechanism=st.sampled_from([b"CRAM-MD5", b"DIGEST-MD5", b"SCRAM-SHA-256", b"SCRAM-SHA-1"]),
    said=st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([ID, b"tim " + DIGEST, SERVER, CLIENT, RSPAUTH, FIRST, FIRST_OF_SERVER, FINAL, b"*"]),
        ),
        max_size=5,
    ),
)
def test_whatever_is_said(mechanism: bytes, said: list[bytes]) -> None:
    """Any messages in any order: a finding without a password, no exception."""
    found = auth(mechanism, *said)
    assert found.password is None
    assert found.to_json() and repr(found)
