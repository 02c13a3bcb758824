"""PLAIN and LOGIN, both sides, without a carrier."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maillab.sasl import (
    MECHANISMS,
    Base64Error,
    Challenge,
    Credentials,
    Failure,
    LoginClient,
    PlainClient,
    PlainServer,
    SaslError,
    Success,
    decode,
    encode,
)

KNOWN = Credentials({"alice": "sesame", "tim": "tanstaaftanstaaf", "zoë": "öffne dich", "empty": ""})


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize(("user", "password"), [("alice", "sesame"), ("zoë", "öffne dich")])
@pytest.mark.parametrize("server_asks", [True, False])
def test_both_sides_understand_each_other(name: str, user: str, password: str, server_asks: bool) -> None:
    client, server = MECHANISMS[name].client(user, password), MECHANISMS[name].server(KNOWN)
    outcome = server.step(None if server_asks else client.initial())
    while isinstance(outcome, Challenge):
        outcome = server.step(client.step(outcome.data))
    assert outcome == Success(user)


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("nobody", "sesame"), ("alice", ""), ("empty", "")])
def test_wrong_credentials_look_the_same(name: str, user: str, password: str) -> None:
    client, server = MECHANISMS[name].client(user, password), MECHANISMS[name].server(KNOWN)
    outcome = server.step(client.initial())
    while isinstance(outcome, Challenge):
        outcome = server.step(client.step(outcome.data))
    assert outcome == Failure("wrong name or password")


def test_rfc_4616_section_4() -> None:
    """The examples: tim as himself, and as Kurt, which he may not here."""
    assert PlainClient("tim", "tanstaaftanstaaf").initial() == b"\0tim\0tanstaaftanstaaf"
    assert PlainClient("tim", "tanstaaftanstaaf", "Kurt").initial() == b"Kurt\0tim\0tanstaaftanstaaf"
    assert PlainServer(KNOWN).step(b"\0tim\0tanstaaftanstaaf") == Success("tim")
    assert PlainServer(KNOWN).step(b"tim\0tim\0tanstaaftanstaaf") == Success("tim", "tim")
    assert isinstance(PlainServer(KNOWN).step(b"Kurt\0tim\0tanstaaftanstaaf"), Failure)


@pytest.mark.parametrize("name", MECHANISMS)
@given(responses=st.lists(st.none() | st.binary(max_size=80), max_size=4))
@example(responses=[b""])
@example(responses=[b"\0\0", b"\0\0\0", b"\xff\0\xff\0\xff"])
def test_no_answer_raises_or_logs_in(name: str, responses: list[bytes | None]) -> None:
    server = MECHANISMS[name].server(KNOWN)
    for response in responses:
        assert isinstance(server.step(response), Challenge | Failure)


def test_reprs_hide_passwords() -> None:
    assert "sesame" not in repr(KNOWN)
    for mechanism in MECHANISMS.values():
        assert "sesame" not in repr(mechanism.client("alice", "sesame"))


def test_clients_notice_nonsense() -> None:
    with pytest.raises(SaslError, match="nothing to say"):
        PlainClient("alice", "sesame").step(b"who are you?")
    with pytest.raises(SaslError, match="NUL"):
        PlainClient("alice", "ses\0ame")
    client = LoginClient("alice", "sesame")
    client.step(b"Username:"), client.step(b"Password:")
    with pytest.raises(SaslError, match="something more"):
        client.step(b"Your cat's name:")


@given(data=st.binary())
def test_base64_round_trip(data: bytes) -> None:
    assert decode(encode(data)) == data
    assert encode(data) == base64.b64encode(data)


NOT_BASE64 = [b"=", b"A", b"AA", b"AAA", b"AA=A", b"A===", b"AAAA=", b"AA==AA==", b"AA==\n", b" AAAA", b"_-__", b"\xff"]


@pytest.mark.parametrize("text", NOT_BASE64)
def test_base64_is_strict_and_does_not_repeat_what_it_refuses(text: bytes) -> None:
    with pytest.raises(Base64Error) as error:
        decode(text)
    assert str(error.value).startswith("not base64: letters")
