"""APOP and CRAM-MD5: vectors, steps, and what only they do."""

from __future__ import annotations

import hashlib
import hmac
import poplib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillab.sasl import (
    Challenge,
    CramMd5Client,
    CramMd5Server,
    Credentials,
    Failure,
    SaslError,
    Setting,
    Success,
    apop,
    cram_md5,
)
from maillab.sasl.md5 import hmac_md5
from maillab.sasl.steps import Step, value_of

KNOWN = Credentials({"alice": "sesame", "tim": "tanstaaftanstaaf", "two words": "öffne dich", "empty": ""})


def test_rfc_1939_section_7() -> None:
    steps = apop.derive("<1896.697170952@dbc.mtview.ca.us>", "tanstaaf", "mrose")
    assert value_of(steps, "response") == b"mrose c4c9334bac560ecc979e58001b3e22fb"
    assert value_of(steps, "digest").hex() == "c4c9334bac560ecc979e58001b3e22fb"


def test_rfc_2195_section_2() -> None:
    challenge = "<1896.697170952@postoffice.reston.mci.net>"
    steps = cram_md5.derive(challenge, "tanstaaftanstaaf", "tim")
    assert value_of(steps, "response") == b"tim b913a602c7eda7a495b4e6e7334d3890"
    server = CramMd5Server(KNOWN, Setting(fresh=lambda mechanism, make: challenge.encode()))
    assert server.step(None) == Challenge(challenge.encode())
    assert server.step(value_of(steps, "response")) == Success("tim")


# RFC 2202 section 2
HMAC_VECTORS = [
    (b"\x0b" * 16, b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d"),
    (b"Jefe", b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
    (b"\xaa" * 16, b"\xdd" * 50, "56be34521d144c88dbb8c733f0e8b3f6"),
    (b"\xaa" * 80, b"Test Using Larger Than Block-Size Key - Hash Key First", "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
]


@pytest.mark.parametrize(("key", "data", "expected"), HMAC_VECTORS)
def test_hmac_md5(key: bytes, data: bytes, expected: str) -> None:
    assert hmac_md5(key, data).hex() == expected


@given(challenge=st.text(max_size=80), secret=st.text(max_size=150), user=st.text(max_size=20))
def test_steps_say_what_the_libraries_say(challenge: str, secret: str, user: str) -> None:
    """Also for secrets that HMAC hashes first."""
    raw, key = challenge.encode(), secret.encode()
    plain, keyed = apop.derive(challenge, secret, user), cram_md5.derive(challenge, secret, user)
    assert value_of(plain, "digest") == hashlib.md5(raw + key).digest()
    assert value_of(keyed, "digest") == hmac.new(key, raw, "md5").digest()
    assert value_of(keyed, "inner key") == bytes(octet ^ 0x36 for octet in value_of(keyed, "key"))
    assert apop.digest(raw, key) == value_of(plain, "digest").hex()
    assert cram_md5.digest(raw, key) == value_of(keyed, "digest").hex()
    for steps in (plain, keyed):
        assert value_of(steps, "response") == user.encode() + b" " + value_of(steps, "digest").hex().encode()


@pytest.mark.parametrize("derive", [apop.derive, cram_md5.derive])
@pytest.mark.parametrize("what", ["challenge", "secret", "user"])
def test_inputs_that_cannot_be_sent(derive: Callable[..., list[Step]], what: str) -> None:
    with pytest.raises(ValueError, match=f"^the {what} has a character that can't be written in utf-8.$"):
        derive(**{"challenge": "<1@mail>", "secret": "sesame", "user": "alice", what: "\ud800"})


@pytest.mark.parametrize("greeting", [
    b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n", b"+OK <mail.example.test> ready <1@mail> today",
    b"+OK <a b@c>", b"+OK a < b > c", b"+OK<1@mail>", b"+OK", b"-ERR <1@mail>", b"+OK > <", b"",
])  # fmt: skip
def test_the_challenge_is_where_poplib_finds_it(greeting: bytes) -> None:
    found = poplib.POP3.timestamp.match(greeting)  # type: ignore[attr-defined]
    assert apop.challenge_in(greeting) == (found[1] if found else None)


def test_challenges_are_unique_and_say_where_they_are_from() -> None:
    """As many as a busy server sends in a moment, and none twice (RFC 1939 section 7)."""
    challenges = {apop.new_challenge("mail.example.test") for _ in range(5000)}
    assert len(challenges) == 5000
    assert all(text.startswith(b"<") and text.endswith(b"@mail.example.test>") for text in challenges)


@pytest.mark.parametrize(
    ("user", "secret", "outcome"),
    [
        ("alice", "sesame", Success("alice")),
        ("two words", "öffne dich", Success("two words")),
        ("alice", "wrong", Failure("wrong name or password")),
        ("nobody", "sesame", Failure("wrong name or password")),
        ("empty", "", Failure("wrong name or password")),
    ],
)
def test_who_gets_in(user: str, secret: str, outcome: Success | Failure) -> None:
    digest = apop.digest(b"<1@mail>", secret.encode())
    assert apop.verify(KNOWN, b"<1@mail>", user, digest) == outcome
    server = CramMd5Server(KNOWN)
    challenge = server.step(None)
    assert isinstance(challenge, Challenge)
    assert server.step(CramMd5Client(user, secret).step(challenge.data)) == outcome


def test_apop_believes_no_other_challenges_digest() -> None:
    digest = apop.digest(b"<1@mail>", b"sesame")
    assert apop.verify(KNOWN, b"<2@mail>", "alice", digest) == Failure("wrong name or password")


def test_an_apop_impostor_is_believed() -> None:
    impostor = Credentials({"alice": ""}, believe=lambda: True)
    assert apop.verify(impostor, b"<1@mail>", "alice", "whatever") == Success("alice")
    assert isinstance(apop.verify(impostor, b"<1@mail>", "nobody", "whatever"), Failure)


@given(digest=st.text(max_size=60), user=st.text(max_size=30))
def test_no_apop_line_raises_or_logs_in(digest: str, user: str) -> None:
    assert isinstance(apop.verify(KNOWN, b"<1@mail>", user, digest), Failure)


def test_cram_md5_client_answers_once() -> None:
    client = CramMd5Client("alice", "sesame")
    assert client.initial() is None
    client.step(b"<1@mail>")
    with pytest.raises(SaslError, match="one challenge"):
        client.step(b"<2@mail>")
    with pytest.raises(SaslError):
        CramMd5Client("alice", "sesame").step(b"")


def test_cram_md5_server_begins() -> None:
    assert isinstance(CramMd5Server(KNOWN).step(b"alice 0123"), Failure)


def test_cram_md5_server_takes_one_answer() -> None:
    """A second guess needs a second exchange, even if it's right."""
    server = CramMd5Server(KNOWN, Setting(fresh=lambda mechanism, make: b"<1@mail>"))
    server.step(None)
    assert isinstance(server.step(b"alice " + b"0" * 32), Failure)
    right = f"alice {cram_md5.digest(b'<1@mail>', b'sesame')}".encode()
    assert isinstance(server.step(right), Failure)
