"""What holds for every mechanism, and PLAIN and LOGIN; both sides, without a carrier."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sasl.conversation import overheard, talk

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
    Setting,
    Success,
    decode,
    encode,
)

KNOWN = Credentials({"alice": "sesame", "tim": "tanstaaftanstaaf", "zoë": "öffne dich", "empty": ""})
HIDING = [name for name, mechanism in MECHANISMS.items() if not mechanism.plaintext]


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize(("user", "password"), [("alice", "sesame"), ("zoë", "öffne dich")])
@pytest.mark.parametrize("server_asks", [True, False])
def test_both_sides_understand_each_other(name: str, user: str, password: str, server_asks: bool) -> None:
    setting = Setting("mail.example.test", "pop")
    client = MECHANISMS[name].client(user, password, setting=setting)
    assert talk(client, MECHANISMS[name].server(KNOWN, setting), server_asks) == Success(user)


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("nobody", "sesame"), ("alice", ""), ("empty", "")])
def test_wrong_credentials_look_the_same(name: str, user: str, password: str) -> None:
    outcome = talk(MECHANISMS[name].client(user, password), MECHANISMS[name].server(KNOWN, Setting()))
    assert outcome == Failure("wrong name or password")


@pytest.mark.parametrize("name", HIDING)
def test_what_was_overheard_serves_nobody_else(name: str) -> None:
    said = overheard(MECHANISMS[name].client("alice", "sesame"), MECHANISMS[name].server(KNOWN, Setting()))
    again = MECHANISMS[name].server(KNOWN, Setting())
    if not MECHANISMS[name].initial_response or name == "DIGEST-MD5":
        again.step(None)
    outcomes = [again.step(response) for response in said]
    assert not any(isinstance(outcome, Success) for outcome in outcomes)
    assert isinstance(outcomes[-1], Failure)


@pytest.mark.parametrize("name", HIDING)
def test_a_server_that_repeats_its_challenge_takes_a_replay(name: str) -> None:
    """No mechanism helps a server that doesn't bring anything new: its own nonce is what makes a replay fail."""
    kept: dict[str, bytes] = {}
    setting = Setting(fresh=lambda mechanism, make: kept.setdefault(mechanism, make()))
    said = overheard(MECHANISMS[name].client("alice", "sesame"), MECHANISMS[name].server(KNOWN, setting))
    again = MECHANISMS[name].server(KNOWN, setting)
    if MECHANISMS[name].client("alice", "sesame").initial() is None:
        again.step(None)
    assert [again.step(response) for response in said][-1] == Success("alice")


@pytest.mark.parametrize("name", HIDING)
def test_a_server_serves_for_one_login(name: str) -> None:
    server = MECHANISMS[name].server(KNOWN, Setting())
    assert talk(MECHANISMS[name].client("alice", "wrong"), server) == Failure("wrong name or password")
    assert isinstance(server.step(None), Failure)
    assert isinstance(server.step(b""), Failure)


IMPOSTOR = Credentials({"alice": "a guess"}, believe=lambda: True)
NO_IDEA = Credentials({"alice": ""}, believe=lambda: True)


@pytest.mark.parametrize("credentials", [IMPOSTOR, NO_IDEA])
@pytest.mark.parametrize("name", ["CRAM-MD5", "PLAIN", "LOGIN"])
def test_an_impostor_is_believed(name: str, credentials: Credentials) -> None:
    assert talk(MECHANISMS[name].client("alice", "sesame"), MECHANISMS[name].server(credentials, Setting())) == Success(
        "alice"
    )


@pytest.mark.parametrize("credentials", [IMPOSTOR, NO_IDEA])
@pytest.mark.parametrize("name", ["DIGEST-MD5", "SCRAM-SHA-256"])
def test_an_impostor_is_noticed(name: str, credentials: Credentials) -> None:
    """He says yes, and his proof is wrong; or he never gives one."""
    client, server = MECHANISMS[name].client("alice", "sesame"), MECHANISMS[name].server(credentials, Setting())
    with pytest.raises(SaslError, match="impostor"):
        talk(client, server)
    client = MECHANISMS[name].client("alice", "sesame")
    with pytest.raises(SaslError, match="never proved"):
        client.finish()


def test_an_impostor_believes_only_those_he_has_heard_of() -> None:
    for mechanism in MECHANISMS.values():
        outcome = talk(mechanism.client("mallory", "sesame"), mechanism.server(IMPOSTOR, Setting()))
        assert outcome == Failure("wrong name or password")


def test_offered_order_and_switches() -> None:
    assert list(MECHANISMS) == ["SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"]
    assert [mechanism.weak for mechanism in MECHANISMS.values()] == ["", "digest_md5", "cram_md5", "", ""]


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
    server = MECHANISMS[name].server(KNOWN, Setting())
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
