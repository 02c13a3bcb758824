"""Independent implementations against ours: scramp for SCRAM (both sides), pure-sasl's clients for the others."""

from __future__ import annotations

import pytest

from maillab.sasl import MECHANISMS, Challenge, Credentials, Failure, ScramClient, ScramServer, Setting, Success
from maillab.sasl.credentials import verifier

puresasl_client = pytest.importorskip("puresasl.client")
scramp = pytest.importorskip("scramp")

KNOWN = Credentials({"alice": "sesame", "a,b=c": 'qu"ote', "zoë": "öffne dich"})
HERE = Setting("mail.example.test", "pop")
PEOPLE = [("alice", "sesame"), ("a,b=c", 'qu"ote'), ("zoë", "öffne dich")]


@pytest.mark.parametrize(("user", "password"), PEOPLE)
def test_scramp_client_with_our_server(user: str, password: str) -> None:
    client, server = scramp.ScramClient(["SCRAM-SHA-256"], user, password), ScramServer(KNOWN)
    challenge = server.step(client.get_client_first().encode())
    assert isinstance(challenge, Challenge)
    client.set_server_first(challenge.data.decode())
    proof = server.step(client.get_client_final().encode())
    assert isinstance(proof, Challenge)
    client.set_server_final(proof.data.decode())
    assert server.step(b"") == Success(user)


def test_scramp_client_with_a_wrong_password() -> None:
    client, server = scramp.ScramClient(["SCRAM-SHA-256"], "alice", "wrong"), ScramServer(KNOWN)
    challenge = server.step(client.get_client_first().encode())
    assert isinstance(challenge, Challenge)
    client.set_server_first(challenge.data.decode())
    assert server.step(client.get_client_final().encode()) == Failure("wrong name or password")


@pytest.mark.parametrize(("user", "password"), PEOPLE)
def test_our_client_with_scramp_server(user: str, password: str) -> None:
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    kept = mechanism.make_auth_info(password, iteration_count=4096)
    server, client = mechanism.make_server(lambda name: kept), ScramClient(user, password)
    server.set_client_first(client.initial().decode())
    server.set_client_final(client.step(server.get_server_first().encode()).decode())
    assert client.step(server.get_server_final().encode()) == b""
    client.finish()


def test_scramp_keeps_the_same_keys() -> None:
    salt, stored_key, server_key, iterations = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(
        "öffne dich", iteration_count=4096, salt=b"0123456789abcdef"
    )
    assert verifier("öffne dich", b"0123456789abcdef") == (salt, iterations, stored_key, server_key)


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5", "DIGEST-MD5"])
@pytest.mark.parametrize(
    ("password", "expected"), [("sesame", Success("alice")), ("no", Failure("wrong name or password"))]
)
def test_puresasl_client_with_our_server(mechanism: str, password: str, expected: Success | Failure) -> None:
    theirs = puresasl_client.SASLClient(
        HERE.host, HERE.service, mechanism, username="alice", password=password, qops={b"auth"}
    )
    server = MECHANISMS[mechanism].server(KNOWN, HERE)
    outcome = server.step(None)
    while isinstance(outcome, Challenge):
        outcome = server.step(theirs.process(outcome.data) or b"")
    assert outcome == expected
    if isinstance(outcome, Success):
        assert theirs.complete
