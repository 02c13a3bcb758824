"""`auth` over poplib's and smtplib's connections, against real servers; and at an impostor."""

from __future__ import annotations

import pytest

from maillab import Lab, follow
from maillab.clients import auth
from maillab.sasl import MECHANISMS, SaslError

pytestmark = pytest.mark.network

ALL = ["plaintext_login", "apop", "cram_md5", "digest_md5"]
PROVING = {"DIGEST-MD5": "digest_md5", "SCRAM-SHA-256": ""}
"""The mechanisms in which the server proves itself."""


@pytest.fixture(scope="module")
def lab():
    with Lab(allow=ALL, rung="tap") as lab:
        yield lab


def connections(lab, host="mail"):
    return [lab.alice.pop3(host), lab.alice.smtp(host=host)]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_mechanism_in_both_protocols(lab, mechanism):
    alice = lab.student.accounts["alice"]
    pop, smtp = connections(lab)
    assert auth(pop, mechanism, alice.name, alice.password).startswith("+OK alice has 3 messages")
    assert auth(smtp, mechanism, alice.name, alice.password).startswith("235 ")
    assert pop.stat()[0] == 3 and smtp.noop()[0] == 250  # both conversations go on as before
    pop.quit(), smtp.quit()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_refused_and_the_connection_goes_on(lab, mechanism):
    alice = lab.student.accounts["alice"]
    for connection in connections(lab):
        for user, password in (("alice", "wrong"), ("eve", alice.password), ("alice", "")):
            with pytest.raises(SaslError, match=r"refused.*wrong name or password"):
                auth(connection, mechanism, user, password)
        auth(connection, mechanism, alice.name, alice.password)
        connection.quit()


@pytest.mark.parametrize("mechanism", PROVING)
@pytest.mark.parametrize("password", ["", "a-wrong-guess"])
def test_an_impostor_is_found_out(lab, mechanism, password):
    alice = lab.student.accounts["alice"]
    switches = ["accept_anyone", *filter(None, [PROVING[mechanism]])]
    lab.serve(lab.mallory, allow=switches, accounts={"alice": password})
    for connection in connections(lab, "mallory"):
        with lab.capture() as heard, pytest.raises(SaslError, match=r"proof|prove|signature|impostor"):
            auth(connection, mechanism, alice.name, alice.password)
        connection.close()
        assert alice.password.encode() not in b"".join(bytes(packet) for packet in heard.packets)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_where_the_server_proves_nothing_an_impostor_is_believed(lab, mechanism):
    alice = lab.student.accounts["alice"]
    lab.serve(lab.mallory, allow=["accept_anyone", *ALL], accounts={"alice": ""})
    for connection in connections(lab, "mallory"):
        auth(connection, mechanism, alice.name, alice.password)
        connection.quit()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_what_does_not_fit_into_a_command_of_pop3_waits_to_be_asked(lab, mechanism):
    """RFC 5034 section 4: then there is no initial response. (A wrong password of 300 characters, and a right one.)"""
    mailbox = lab.alice.pop3()
    with pytest.raises(SaslError, match="wrong name or password"):
        auth(mailbox, mechanism, "alice" * 50, "x" * 300)
    auth(mailbox, mechanism, "alice", lab.student.password("alice"))
    mailbox.quit()


def test_a_closed_connection_and_an_unknown_option_are_one_sentence(lab):
    for connection in connections(lab):
        with pytest.raises(SaslError, match="CRAM-MD5 doesn't know one of the options cnonce"):
            auth(connection, "CRAM-MD5", "alice", "x", cnonce="1")
        connection.quit()
        with pytest.raises(ConnectionError, match="closed"):
            auth(connection, "CRAM-MD5", "alice", "x")


def test_an_unknown_mechanism_is_named(lab):
    with pytest.raises(SaslError, match="No mechanism is called 'KERBEROS': choose from SCRAM-SHA-256"):
        auth(lab.alice.pop3(), "KERBEROS", "alice", "x")


def test_the_cancelled_exchange_is_on_the_wire(lab):
    """A client that finds out an impostor says `*`, and nothing after it."""
    alice = lab.student.accounts["alice"]
    lab.serve(lab.mallory, allow=["accept_anyone", "digest_md5"], accounts={"alice": "a-wrong-guess"})
    with lab.capture() as heard:
        mailbox = lab.alice.pop3("mallory")
        with pytest.raises(SaslError):
            auth(mailbox, "DIGEST-MD5", alice.name, alice.password)
        mailbox.close()
    (conversation,) = follow(heard)
    assert [turn.data for turn in conversation.turns if turn.who == "C"][-1] == b"*\r\n"
