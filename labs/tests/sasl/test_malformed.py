"""10,000 generated messages to each side of each mechanism: a refusal, never an exception, never a login.

A server gets what nobody would send and what nearly everybody would: a right exchange with something changed. A client
gets challenges of that kind, and answers or raises SaslError.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from maillab.sasl import (
    MECHANISMS,
    Challenge,
    Client,
    Credentials,
    Failure,
    SaslError,
    Server,
    Setting,
    apop,
    scram,
)

COUNT = int(os.environ.get("MAILLAB_MALFORMED", "10000"))
PASSWORD = "copper-otter-41"
SCRAPS = [
    b"",
    b"=",
    b"*",
    b" ",
    b",",
    b",,",
    b'"',
    b"\\",
    b"\0",
    b"\0\0",
    b"\r\n",
    b"\xff",
    b"\xc3",
    "ü\u0627".encode(),
    b"A" * 5000,
    b"n,,",
    b"y,,",
    b"p=x,,",
    b"n=alice",
    b"r=",
    b"p=",
    b"c=biws",
    b"v=",
    b"e=x",
    b"m=",
    b"i=4096",
    b"=2C",
    b"stale=true",
    b'username="alice"',
    b'realm="',
    b"nonce=",
    b"nc=00000001",
    b"qop=auth-int",
    b"charset=utf-8",
    b"charset=x",
    b"rspauth=",
    b"algorithm=md5-sess",
    b"response=" + b"0" * 32,
    b"alice " + b"0" * 32,
    b"alice",
    b"\0alice\0",
]


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """PBKDF2 with one round: the shapes of messages don't depend on how slow it is."""
    real = scram.salted_password
    monkeypatch.setattr(scram, "salted_password", lambda secret, salt, rounds, *more: real(secret, salt, 1, *more))


def spoiled(message: bytes, random: Random) -> bytes:
    """The message with some octets changed, cut, doubled or put in; never the message itself."""
    spoilt = bytearray(message)
    while bytes(spoilt) == message:
        for _ in range(random.choice([1, 1, 1, 2, 5])):
            at = random.randrange(len(spoilt) + 1)
            to = min(len(spoilt), at + random.choice([0, 1, 1, 4, 30]))
            middle = random.choice(
                [b"", bytes([random.randrange(256)]), bytes(spoilt[at:to]) * 2, random.choice(SCRAPS)]
            )
            spoilt[at:to] = middle
    return bytes(spoilt)


def nonsense(random: Random) -> bytes:
    if random.random() < 0.3:
        return random.randbytes(random.randrange(60))
    return random.choice([b"", b",", b" "]).join(random.choices(SCRAPS, k=random.randrange(1, 5)))


KNOWN = Credentials({"alice": PASSWORD})


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_server_takes_no_spoiled_response(name: str, cheap: None) -> None:
    random = Random(name)
    for number in range(COUNT):
        setting = Setting(fresh=lambda mechanism, make: b"<1@mail>" if mechanism == "CRAM-MD5" else make())
        server, client = MECHANISMS[name].server(KNOWN, setting), MECHANISMS[name].client("alice", "a wrong guess")
        response = client.initial()
        outcome = server.step(response if number % 2 or response is None else spoiled(response, random))
        for _ in range(4):
            assert isinstance(outcome, Challenge | Failure)
            if isinstance(outcome, Failure):
                break
            try:
                right = client.step(outcome.data)
            except SaslError:
                right = b""
            bad = random.random()
            outcome = server.step(nonsense(random) if bad < 0.4 else spoiled(right, random) if bad < 0.9 else None)
        assert isinstance(outcome, Challenge | Failure)  # to the last step: never a login


@pytest.mark.parametrize("name", ["CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256"])
def test_a_spoiled_proof_is_no_proof(name: str) -> None:
    """The client knows the password; one digit of what she proves it with is changed on the way."""
    random = Random(name)
    for _ in range(COUNT if name != "SCRAM-SHA-256" else COUNT // 20):
        server, client = MECHANISMS[name].server(KNOWN, Setting()), MECHANISMS[name].client("alice", PASSWORD)
        outcome = server.step(client.initial())
        assert isinstance(outcome, Challenge)
        message = client.step(outcome.data)
        start = {
            "CRAM-MD5": 6,
            "DIGEST-MD5": message.find(b"response=") + 9,
            "SCRAM-SHA-256": message.find(b",p=") + 3,
        }[name]
        at = start + random.randrange(32)
        digit = random.choice([octet for octet in b"0123456789abcdef" if octet != message[at]])
        outcome = server.step(message[:at] + bytes([digit]) + message[at + 1 :])
        assert outcome == Failure("wrong name or password")


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_client_says_only_sasl_error(name: str, cheap: None) -> None:
    """And never finishes in peace where the server has to prove itself."""
    random = Random(name)
    for number in range(COUNT):
        client: Client = MECHANISMS[name].client("alice", PASSWORD)
        server: Server = MECHANISMS[name].server(Credentials({}), Setting())
        initial = client.initial()
        said = server.step(initial)
        challenge = said.data if isinstance(said, Challenge) else b""
        try:
            if number % 3 == 0:
                client.step(challenge)
            for _ in range(3):
                client.step(spoiled(challenge, random) if random.random() < 0.6 else nonsense(random))
        except SaslError as error:
            assert PASSWORD not in str(error)
        if name in ("DIGEST-MD5", "SCRAM-SHA-256"):
            with pytest.raises(SaslError, match="never proved"):
                client.finish()


def test_apop_takes_no_spoiled_digest() -> None:
    random = Random("APOP")
    right = apop.digest(b"<1@mail>", PASSWORD.encode())
    for number in range(COUNT):
        digest = spoiled(right.encode(), random) if number % 2 else nonsense(random)
        if digest.lower() != right.encode():
            outcome = apop.verify(KNOWN, b"<1@mail>", "alice", digest.decode("utf-8", "surrogateescape"))
            assert outcome == Failure("wrong name or password")
