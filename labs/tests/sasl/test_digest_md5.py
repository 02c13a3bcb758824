"""DIGEST-MD5 (RFC 2831): the vector, the rules of both sides, and what real servers write."""

from __future__ import annotations

import hashlib

import pytest

from maillab.sasl import Challenge, Credentials, DigestMd5Client, DigestMd5Server, Failure, SaslError, Setting, Success
from maillab.sasl.credentials import digest_key
from maillab.sasl.digest_md5 import challenge_of, derive, parse
from maillab.sasl.steps import value_of

KNOWN = Credentials({"alice": "sesame", 'a "q\\': "sesame", "zoë": "öffne", "Łucja": "zażółć", "chris": "secret"})
HERE = Setting("mail.example.test", "smtp")
GIVEN = ("OA6MG9tEQGm2hh", "OA6MHXh6VqTrRk", "00000001", "auth", "imap/elwood.innosoft.com")
CHALLENGE = b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'
RESPONSE = (
    b'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,'
    b'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth'
)


def sending(challenge: bytes, service: str = "imap") -> Setting:
    return Setting("elwood.innosoft.com", service, lambda mechanism, make: challenge)


def test_rfc_2831_section_4_both_sides() -> None:
    """The first example there, octet by octet."""
    server = DigestMd5Server(KNOWN, sending(CHALLENGE))
    client = DigestMd5Client("chris", "secret", setting=sending(CHALLENGE), cnonce="OA6MHXh6VqTrRk")
    assert client.initial() is None
    assert server.step(None) == Challenge(CHALLENGE)
    assert client.step(CHALLENGE) == RESPONSE
    assert server.step(RESPONSE) == Challenge(b"rspauth=ea40f60335c427b5527b84dbabcdfffd")
    assert client.step(b"rspauth=ea40f60335c427b5527b84dbabcdfffd") == b""
    client.finish()
    assert server.step(b"") == Success("chris")


def test_rfc_2831_section_4_as_steps() -> None:
    steps = derive("chris", "elwood.innosoft.com", "secret", *GIVEN)
    assert [step.name for step in steps] == [
        "user:realm:password", "stored", "A1", "HA1", "A2", "HA2", "KD", "digest", "response",
        "A2 of server", "HA2 of server", "KD of server", "rspauth",
    ]  # fmt: skip
    assert value_of(steps, "digest").hex() == "d388dad90d4bbd760a152321f2143af7"
    assert value_of(steps, "rspauth").hex() == "ea40f60335c427b5527b84dbabcdfffd"
    assert value_of(steps, "response") == RESPONSE
    assert value_of(steps, "stored") == digest_key("chris", "elwood.innosoft.com", "secret")
    assert value_of(steps, "A1").startswith(value_of(steps, "stored") + b":OA6MG9tEQGm2hh:")


@pytest.mark.parametrize("qop", ["auth-int", "auth-conf"])
def test_other_qualities_are_derived_and_refused_by_name(qop: str) -> None:
    steps = derive("alice", "example.test", "sesame", "n", "c", "00000001", qop, "smtp/mail.example.test")
    assert value_of(steps, "A2") == b"AUTHENTICATE:smtp/mail.example.test:" + b"0" * 32
    assert value_of(steps, "A2 of server") == b":smtp/mail.example.test:" + b"0" * 32
    server = DigestMd5Server(KNOWN, HERE)
    server.step(None)
    outcome = server.step(value_of(steps, "response"))
    assert isinstance(outcome, Failure) and qop in outcome.reason
    with pytest.raises(SaslError, match=qop):
        DigestMd5Client("alice", "sesame", qop=qop)
    with pytest.raises(SaslError, match=qop):
        DigestMd5Client("alice", "sesame").step(b'nonce="1",qop="%s",algorithm=md5-sess' % qop.encode())


def test_auth_among_other_qualities_is_fine() -> None:
    response = DigestMd5Client("alice", "sesame").step(b'nonce="1",qop="auth-conf, auth",algorithm=md5-sess')
    assert response.endswith(b"qop=auth")


# Texts that are in ISO 8859-1 are hashed in it, others in UTF-8, each for itself
ENCODINGS = [
    ("zoë", "öffne", "zo\xeb:r:\xf6ffne".encode("latin-1")),
    ("zoë", "zażółć", b"zo\xeb:r:" + "zażółć".encode()),
    ("Łucja", "öffne", "Łucja".encode() + b":r:\xf6ffne"),
]


@pytest.mark.parametrize(("user", "password", "expected"), ENCODINGS)
def test_iso_8859_1_rule(user: str, password: str, expected: bytes) -> None:
    steps = derive(user, "r", password, "n", "c", "00000001", "auth", "smtp/x")
    assert value_of(steps, "user:realm:password") == expected
    assert value_of(steps, "stored") == hashlib.md5(expected).digest()
    assert f'username="{user}"'.encode() in value_of(steps, "response")


@pytest.mark.parametrize("user", ['a "q\\', "zoë", "Łucja"])
def test_names_with_quotes_and_accents(user: str) -> None:
    client, server = DigestMd5Client(user, KNOWN.secret(user) or "", setting=HERE), DigestMd5Server(KNOWN, HERE)
    challenge = server.step(None)
    assert isinstance(challenge, Challenge)
    assert parse(client.step(challenge.data))["username"] == [user]


def test_without_charset_everything_is_iso_8859_1() -> None:
    challenge = b'realm="example.test",nonce="1",qop="auth",algorithm=md5-sess'
    server = DigestMd5Server(KNOWN, Setting("mail.example.test", "smtp", lambda mechanism, make: challenge))
    client = DigestMd5Client("zoë", "öffne", setting=HERE)
    server.step(None)
    response = client.step(challenge)
    assert b"charset" not in response and b'username="zo\xeb"' in response
    proof = server.step(response)
    assert isinstance(proof, Challenge) and server.step(client.step(proof.data)) == Success("zoë")
    with pytest.raises(SaslError, match="iso-8859-1"):
        DigestMd5Client("Łucja", "zażółć").step(challenge)


def test_realms() -> None:
    """The first of several, or the one that's wanted; a realm that wasn't offered is refused."""
    challenge = b'realm="a",realm="b",nonce="1",qop="auth",algorithm=md5-sess,charset=utf-8'
    for asked, expected in (("", "a"), ("b", "b")):
        client = DigestMd5Client("alice", "sesame", setting=sending(challenge, "smtp"), realm=asked)
        server = DigestMd5Server(KNOWN, sending(challenge, "smtp"))
        server.step(None)
        response = client.step(challenge)
        assert parse(response)["realm"] == [expected]
        assert isinstance(server.step(response), Challenge)
    server = DigestMd5Server(KNOWN, sending(challenge, "smtp"))
    server.step(None)
    stranger = DigestMd5Client("alice", "sesame", setting=sending(challenge, "smtp"), realm="c")
    assert isinstance(server.step(stranger.step(challenge)), Failure)


def test_no_realm_at_all() -> None:
    challenge = b'nonce="1",qop="auth",algorithm=md5-sess,charset=utf-8'
    server = DigestMd5Server(KNOWN, sending(challenge, "smtp"))
    server.step(None)
    response = DigestMd5Client("alice", "sesame", setting=sending(challenge, "smtp")).step(challenge)
    assert b"realm" not in response
    assert isinstance(server.step(response), Challenge)


def respond(
    nonce: str = "fixed", realm: str = "example.test", nc: str = "00000001", uri: str = "", **more: str
) -> bytes:
    steps = derive("alice", realm, "sesame", nonce, "c", nc, "auth", uri or "smtp/mail.example.test", **more)
    return value_of(steps, "response")


def judged(response: bytes) -> Challenge | Success | Failure:
    challenge = challenge_of("example.test", "fixed")
    server = DigestMd5Server(KNOWN, Setting("mail.example.test", "smtp", lambda mechanism, make: challenge))
    server.step(None)
    return server.step(response)


def test_what_the_server_insists_on() -> None:
    assert isinstance(judged(respond()), Challenge)
    assert isinstance(judged(respond(authzid="alice")), Challenge)
    assert isinstance(judged(respond().replace(b",qop=auth", b"")), Challenge)  # auth is the default
    assert isinstance(judged(respond().replace(b",", b" , ,\t")), Challenge)
    for refused in (
        respond(nonce="another"),
        respond(realm="elsewhere.test"),
        respond(nc="00000002"),
        respond(uri="pop/mail.example.test"),
        respond(uri="smtp"),
        respond(authzid="bob"),
        respond() + b",nc=00000001",
        respond() + b',username="alice"',
        respond().replace(b'cnonce="c",', b""),
        respond().replace(b'cnonce="c"', b'cnonce="d"'),
        respond().replace(b"=", b""),
        respond() + b',x="' + b"x" * 4000 + b'"',
        b"",
        b",",
    ):
        assert isinstance(judged(refused), Failure), refused


def test_nothing_but_an_empty_answer_to_rspauth() -> None:
    for answer in (b"yes", b"=", None):
        server = DigestMd5Server(KNOWN, HERE)
        challenge = server.step(None)
        assert isinstance(challenge, Challenge)
        assert isinstance(server.step(DigestMd5Client("alice", "sesame", setting=HERE).step(challenge.data)), Challenge)
        assert isinstance(server.step(answer), Failure)
        assert isinstance(server.step(b""), Failure)


def test_subsequent_authentication_gets_a_new_nonce() -> None:
    """RFC 2831 section 2.2: right for an old nonce. The client is told so, and answers once more."""
    server = DigestMd5Server(KNOWN, HERE)
    again = server.step(respond(nonce="from last time", nc="00000002"))
    assert isinstance(again, Challenge) and again.data.endswith(b",stale=true")
    client = DigestMd5Client("alice", "sesame", setting=HERE)
    client.step(challenge_of("example.test", "from last time"))
    proof = server.step(client.step(again.data))
    assert isinstance(proof, Challenge) and server.step(client.step(proof.data)) == Success("alice")
    client.finish()
    with pytest.raises(SaslError, match="second challenge"):
        client.step(again.data)


def test_a_wrong_guess_for_an_old_nonce_is_no_hint() -> None:
    server = DigestMd5Server(KNOWN, HERE)
    assert server.step(respond(nonce="x").replace(b'"c"', b'"d"')) == Failure("wrong name or password")


BAD_CHALLENGES = [
    b"",
    b'realm="x",qop="auth",algorithm=md5-sess',
    b'nonce="1",nonce="2",algorithm=md5-sess',
    b'nonce="1",qop="auth"',
    b'nonce="1",algorithm=md5-sess,algorithm=md5-sess',
    b'nonce="1",algorithm=md5',
    b'nonce="1",algorithm=md5-sess,charset=utf-8,realm="\xff"',
    b'nonce="1,algorithm=md5-sess',
    b'nonce="1",algorithm=md5-sess,x="' + b"x" * 2048 + b'"',
    b"rspauth=ea40f60335c427b5527b84dbabcdfffd",
]


@pytest.mark.parametrize("challenge", BAD_CHALLENGES)
def test_what_the_client_insists_on(challenge: bytes) -> None:
    with pytest.raises(SaslError):
        DigestMd5Client("alice", "sesame").step(challenge)


@pytest.mark.parametrize("proof", [b"rspauth=" + b"0" * 32, b"rspauth=", b'rspauth="x",rspauth="y"', b"", b"welcome"])
def test_the_client_checks_the_proof(proof: bytes) -> None:
    client = DigestMd5Client("alice", "sesame")
    client.step(challenge_of("example.test", "1"))
    with pytest.raises(SaslError):
        client.step(proof)
    with pytest.raises(SaslError, match="never proved"):
        client.finish()


def test_what_real_servers_write() -> None:
    """Dovecot quotes the algorithm; GNU SASL has a blank behind the comma; Perl's has none."""
    expected = {"nonce": ["a,b="], "qop": ["auth"], "algorithm": ["md5-sess"]}
    assert parse(b'nonce="a,b=",qop="auth",algorithm="md5-sess"') == expected
    assert parse(b'nonce="a,b=", qop=auth, algorithm=md5-sess') == expected
    assert parse(b'Nonce = "a\\,b=" ,, qop=auth,algorithm=md5-sess,') == expected


def test_a_stolen_hash_is_enough() -> None:
    """What the server keeps for DIGEST-MD5 is as good as the password, in this realm."""
    stolen = KNOWN.digest_key("alice", "example.test")
    assert stolen is not None
    client, server = DigestMd5Client("alice", "", setting=HERE, stored=stolen), DigestMd5Server(KNOWN, HERE)
    challenge = server.step(None)
    assert isinstance(challenge, Challenge)
    proof = server.step(client.step(challenge.data))
    assert isinstance(proof, Challenge) and server.step(client.step(proof.data)) == Success("alice")
    client.finish()


def test_the_server_never_asks_for_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {("alice", "example.test"): digest_key("alice", "example.test", "sesame")}
    monkeypatch.setattr(Credentials, "digest_key", lambda self, user, realm: stored.get((user, realm)))
    monkeypatch.setattr(Credentials, "secret", lambda self, user: pytest.fail("asked for the password"))
    assert isinstance(judged(respond()), Challenge)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"nc": "1"}, "8 digits"),
        ({"nc": '0000000"'}, "8 digits"),
        ({"qop": "auth,x"}, "qop is one of"),
        ({"realm": "\ud800"}, "realm"),
        ({"secret": "\ud800"}, "password"),
    ],
)
def test_inputs_that_cannot_be_sent(changed: dict[str, str], sentence: str) -> None:
    given = {"user": "a", "realm": "r", "secret": "s", "nonce": "n", "cnonce": "c", "nc": "00000001", "qop": "auth"}
    with pytest.raises(ValueError, match=sentence):
        derive(**{**given, "digest_uri": "smtp/x", **changed})
