"""SCRAM-SHA-256 (RFC 5802, RFC 7677): vectors, the rules of both sides, and what it keeps to itself."""

from __future__ import annotations

import base64
import hmac
import re

import pytest

from maillab.sasl import (
    Challenge,
    Credentials,
    Failure,
    SaslError,
    ScramClient,
    ScramServer,
    Setting,
    Success,
    Verifier,
    scram,
)
from maillab.sasl import credentials as credentials_module
from maillab.sasl.saslprep import PrepError, saslprep
from maillab.sasl.scram import derive
from maillab.sasl.steps import value_of, xored

SERVER_NONCE = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SIGNATURE = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.fixture
def rfc(monkeypatch: pytest.MonkeyPatch) -> ScramServer:
    """A server that keeps the verifier of RFC 7677's example, and nothing else."""
    verifier = credentials_module.verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    monkeypatch.setattr(Credentials, "verifier", lambda self, user: verifier if user == "user" else None)
    monkeypatch.setattr(Credentials, "secret", lambda self, user: pytest.fail("asked for the password"))
    return ScramServer(Credentials({}), Setting(fresh=lambda mechanism, make: SERVER_NONCE))


def test_rfc_7677_section_3_both_sides(rfc: ScramServer) -> None:
    client = ScramClient("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
    assert client.initial() == FIRST
    assert rfc.step(FIRST) == Challenge(CHALLENGE)
    assert client.step(CHALLENGE) == FINAL
    assert rfc.step(FINAL) == Challenge(SIGNATURE)
    assert client.step(SIGNATURE) == b""
    client.finish()
    assert rfc.step(b"") == Success("user")


def test_rfc_7677_section_3_as_steps() -> None:
    steps = derive("user", "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", "4096", "rOprNGfwEbeRWgbNEkqO", SERVER_NONCE.decode())
    assert [step.name for step in steps] == [
        "SaltedPassword", "ClientKey", "StoredKey", "AuthMessage", "ClientSignature", "ClientProof", "ServerKey",
        "ServerSignature", "response",
    ]  # fmt: skip
    assert value_of(steps, "response") == FINAL
    assert b"v=" + base64.b64encode(value_of(steps, "ServerSignature")) == SIGNATURE
    assert value_of(steps, "AuthMessage") == b",".join((FIRST[3:], CHALLENGE, FINAL.rpartition(b",p=")[0]))


def test_rfc_5802_section_5_with_sha_1() -> None:
    steps = derive(
        "user", "pencil", "QSXCR+Q6sek8bf92", 4096, "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", algorithm="sha1"
    )
    assert value_of(steps, "response").endswith(b",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
    assert base64.b64encode(value_of(steps, "ServerSignature")) == b"rmF9pqV8S7suAoZWja4dJRkFsKQ="


KNOWN = Credentials({"alice": "sesame", "a,b=c": "sesame", "I\u00adX": "x", "IX": "caf\u00e9", "bell": "\u0007"})


def test_names_with_comma_and_equals_sign() -> None:
    client, server = ScramClient("a,b=c", "sesame"), ScramServer(KNOWN)
    assert b"n=a=2Cb=3Dc," in client.initial()
    proof = server.step(client.step(server.step(client.initial()).data))  # type: ignore[union-attr]
    assert isinstance(proof, Challenge) and server.step(client.step(proof.data)) == Success("a,b=c")


def test_the_same_password_typed_in_two_ways() -> None:
    """An accent of its own, an invisible hyphen in the name: SASLprep makes them one (RFC 4013)."""
    client, server = ScramClient("I\u00adX", "cafe\u0301"), ScramServer(KNOWN)
    proof = server.step(client.step(server.step(client.initial()).data))  # type: ignore[union-attr]
    assert isinstance(proof, Challenge) and server.step(client.step(proof.data)) == Success("IX")


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,n=alice",
        b"n,,r=abc,n=alice",
        b"x,,n=alice,r=abc",
        b"n,b=c,n=alice,r=abc",
        b"n,,n=,r=abc",
        b"n,,n=alice,r=",
        b"n,,n=alice,r=a b",
        b"n,,n=al=ice,r=abc",
        b"n,,n=al=2cice,r=abc",
        b"n,,n=\xff,r=abc",
        b"n,,m=x,n=alice,r=abc",
        b"p=tls-unique,,n=alice,r=abc",
        b"p,,n=alice,r=abc",
        b"n=tls-unique,,n=alice,r=abc",
        b"y=tls-unique,,n=alice,r=abc",
        b"n,,n=\x07,r=abc",
        b"n,a=,n=alice,r=abc",
        b"n,,n=alice,r=" + b"a" * 5000,
        "n,,n=ali\u0627ce,r=abc".encode(),
    ],
)
def test_first_messages_that_are_refused(first: bytes) -> None:
    server = ScramServer(KNOWN)
    assert isinstance(server.step(first), Failure)
    assert server.step(b"n,,n=alice,r=abc") == Failure("this exchange is over")


@pytest.mark.parametrize("header", [b"n,,", b"y,,", b"n,a=alice,"])
def test_channel_binding_that_is_not_used(header: bytes) -> None:
    assert isinstance(ScramServer(KNOWN).step(header + b"n=alice,r=abc"), Challenge)


def last(server: ScramServer) -> bytes:
    client = ScramClient("alice", "sesame", nonce="abc")
    return client.step(server.step(client.initial()).data)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"c=biws", b"c=eSws"), (b"c=biws", b"c=biw"), (b"c=biws,", b""), (b"r=abc", b"r=abd"), (b",p=", b",x=1,p="),
        (b",p=", b",q="), (b",p=", b",p=AAAA"), (b",p=", b",p=!"), (b"=biws,r=", b"=biws,m=x,r="),
    ],
)  # fmt: skip
def test_last_messages_that_are_refused(old: bytes, new: bytes) -> None:
    server = ScramServer(KNOWN)
    message = last(server)
    assert isinstance(server.step(message.replace(old, new)), Failure)
    assert isinstance(server.step(message), Failure)


def test_changing_the_header_on_the_way_is_noticed() -> None:
    """Who turns y into n, to hide that the client could have bound the channel, is found out (RFC 5802 section 6)."""
    server = ScramServer(KNOWN)
    client = ScramClient("alice", "sesame")
    challenge = server.step(b"y" + client.initial()[1:])
    assert isinstance(challenge, Challenge) and isinstance(server.step(client.step(challenge.data)), Failure)


def test_nonces_of_another_exchange_are_refused_whoever_signed_them(rfc: ScramServer) -> None:
    """The proof covers what the client says the nonces were; the server has to compare (RFC 5802 section 5.1)."""
    rfc.step(FIRST)
    unproved = b"c=biws,r=rOprNGfwEbeRWgbNEkqO-of-another-exchange"
    salted = scram.salted_password("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    client_key, stored_key, _ = scram.keys(salted)
    signature = hmac.digest(stored_key, b",".join((FIRST[3:], CHALLENGE, unproved)), "sha256")
    outcome = rfc.step(unproved + b",p=" + base64.b64encode(xored(client_key, signature)))
    assert isinstance(outcome, Failure) and "replay" in outcome.reason


def test_an_unknown_name_gets_a_salt_of_its_own() -> None:
    """Always the same one, as long and as many iterations as anybody's; and fails like a wrong password."""
    said = [ScramServer(KNOWN).step(b"n,,n=%s,r=abc" % name) for name in (b"eve", b"eve", b"dave", b"alice", b"bell")]
    shape = re.compile(rb"r=abc[\w-]{24},s=([A-Za-z0-9+/]{22}==),i=4096")
    matches = [shape.fullmatch(challenge.data) for challenge in said]  # type: ignore[union-attr]
    salts = [match[1] for match in matches if match]
    assert len(salts) == 5 and salts[0] == salts[1] and len(set(salts)) == 4
    for name, password in (("eve", "sesame"), ("alice", "wrong")):
        client, server = ScramClient(name, password), ScramServer(KNOWN)
        answer = client.step(server.step(client.initial()).data)  # type: ignore[union-attr]
        assert server.step(answer) == Failure("wrong name or password")


def test_only_as_oneself() -> None:
    for authzid, expected in (("alice", Success("alice", "alice")), ("bob", Failure("may not act as somebody else"))):
        client, server = ScramClient("alice", "sesame", authzid=authzid), ScramServer(KNOWN)
        outcome = server.step(client.step(server.step(client.initial()).data))  # type: ignore[union-attr]
        if isinstance(outcome, Challenge):
            outcome = server.step(client.step(outcome.data))
        assert outcome == expected


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"r=abcd",
        b"r=abc,s=c2FsdA==,i=4096",
        b"r=abdd,s=c2FsdA==,i=4096",
        b"r=abcd,s=c2FsdA==,i=4095",
        b"r=abcd,s=c2FsdA==,i=1000001",
        b"r=abcd,s=c2FsdA==,i=99999999999999",
        b"r=abcd,s=!,i=4096",
        b"r=abcd,s=\xff\xff,i=4096",
        b"r=abcd,s=c2FsdA==,i=x",
        b"m=x,r=abcd,s=c2FsdA==,i=4096",
        b"s=c2FsdA==,r=abcd,i=4096",
        b"e=unknown-user",
    ],
)
def test_challenges_that_the_client_refuses(challenge: bytes) -> None:
    client = ScramClient("alice", "sesame", nonce="abc")
    client.initial()
    with pytest.raises(SaslError):
        client.step(challenge)


def test_the_client_checks_the_signature() -> None:
    for signature in (b"v=" + b"A" * 44, b"v=", b"", b"e=other-error", b"\xff", SIGNATURE + b"x"):
        client = ScramClient("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
        client.initial(), client.step(CHALLENGE)
        with pytest.raises(SaslError):
            client.step(signature)
        with pytest.raises(SaslError, match="never proved"):
            client.finish()


def test_extensions_that_one_may_ignore_are_signed_all_the_same() -> None:
    server = ScramServer(KNOWN)
    first = server.step(b"n,,n=alice,r=abc,x=1")
    assert isinstance(first, Challenge)
    client = ScramClient("alice", "sesame", nonce="abc")
    client.initial()
    assert isinstance(server.step(client.step(first.data)), Failure)  # she never said x=1
    client = ScramClient("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
    client.initial()
    assert client.step(CHALLENGE + b",x=1") != FINAL


def test_clients_that_cannot_be_made() -> None:
    for user, password, nonce in (("\u0007", "x", ""), ("x", "\u0007", ""), ("x", "y", "a,b"), ("x", "y", "ä")):
        with pytest.raises(SaslError):
            ScramClient(user, password, nonce=nonce)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"salt": "!"}, "base64"), ({"iterations": "0"}, "whole number"), ({"iterations": "²"}, "whole number"),
        ({"iterations": ""}, "whole number"), ({"client_nonce": "a,b"}, "comma"), ({"server_nonce": ""}, "printable"),
        ({"secret": "\u0007"}, "U\\+0007"), ({"user": "\ud800"}, "U\\+D800"),
    ],
)  # fmt: skip
def test_inputs_that_cannot_be_sent(changed: dict[str, str], sentence: str) -> None:
    given = {
        "user": "a",
        "secret": "s",
        "salt": "c2FsdA==",
        "iterations": "1",
        "client_nonce": "c",
        "server_nonce": "s",
    }
    with pytest.raises(ValueError, match=sentence):
        derive(**{**given, **changed})


# RFC 4013 section 3
PREPARED = [
    ("I\u00adX", "IX"),
    ("user", "user"),
    ("USER", "USER"),
    ("\u00aa", "a"),
    ("\u2168", "IX"),
    ("a\u00a0b", "a b"),
]


@pytest.mark.parametrize(("text", "expected"), PREPARED)
def test_saslprep(text: str, expected: str) -> None:
    assert saslprep(text) == expected


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "\ud800", "\ue000", "\ufffd", "a\u0627"])
def test_saslprep_refuses_and_does_not_repeat(text: str) -> None:
    with pytest.raises(PrepError) as error:
        saslprep(text)
    assert text not in str(error.value)


def test_the_verifier_as_text() -> None:
    verifier = credentials_module.verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert isinstance(verifier, Verifier)
    # the form of RFC 5803; both keys were computed from RFC 7677's example with scramp, see test_oracles.py
    keys = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    assert str(verifier) == f"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==${keys}"
