"""Nonsense in the middle of AUTH, through the servers themselves: a refusal each time, and the next client is served.

The mechanisms alone get 10,000 each in tests/sasl/test_malformed.py. Here the carrier is around them: base64 that is
none, lines that are too long, ``*``, ``=``, nothing, and commands where a response should be.
"""

from __future__ import annotations

import base64
import contextlib
import poplib
import smtplib
import socket
from random import Random

import pytest

from maillab.sasl import MECHANISMS, apop
from maillab.servers.pop3 import MAX_ERRORS, Pop3Server
from maillab.servers.store import Store
from maillab.servers.switches import Switches
from maillab.student import Student

ALL = ["plaintext_login", "apop", "cram_md5", "digest_md5"]
PASSWORD = Student("test").password("alice")


def nonsense(random: Random) -> bytes:
    """One line that no client sends."""
    junk = random.randbytes(random.choice((0, 1, 3, 16, 60, 300)))
    return random.choice(
        (
            b"",
            b"*",
            b"=",
            b"====",
            b"QUIT",
            b"AUTH PLAIN =",
            b"a b c",
            b"+ " + base64.b64encode(junk),
            base64.b64encode(junk),
            base64.b64encode(junk)[:-1],
            base64.b64encode(b"alice " + junk.hex().encode()),
            base64.b64encode(b"n,,n=alice,r=" + junk.hex().encode()),
            base64.b64encode(b'username="alice",response=' + junk.hex().encode()),
            base64.b64encode(b"\0alice\0" + junk),
            bytes(byte for byte in junk if byte not in b"\r\n\0"),
            b"A" * random.choice((1000, 12_284, 12_400, 20_000)),
        )
    )


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_pop3_engine(mechanism: str) -> None:
    store = Store("example.test", {"alice": "sesame"})
    random = Random(mechanism)
    for _ in range(400):
        session = Pop3Server(store, Switches(ALL))
        session.greeting()
        for _ in range(MAX_ERRORS):
            first = random.choice((b"", b" " + nonsense(random)))
            answers = session.receive(b"AUTH " + mechanism.encode() + first + b"\r\n")
            for _ in range(3):
                if not answers.startswith(b"+ "):
                    break
                answers = session.receive(nonsense(random) + b"\r\n")
            assert answers.startswith((b"-ERR", b"+ ")) or session.closed, answers
            assert session.username is None
            if session.closed:
                break
        session.lost()
    assert store.maildrops["alice"].lock()  # nobody holds it


def test_apop_engine() -> None:
    store = Store("example.test", {"alice": "sesame"})
    random = Random("APOP")
    right = apop.digest(b"<1@mail>", b"sesame").encode()
    switches = Switches(["apop", "fixed_challenge"])
    switches.fix({"APOP": "<1@mail>"})
    for _ in range(2000):
        session = Pop3Server(store, switches)
        session.greeting()
        digest = bytearray(right)
        digest[random.randrange(32)] ^= 1 << random.randrange(5)
        line = random.choice((b"alice " + digest, b"alice " + nonsense(random), nonsense(random), right + b" alice"))
        assert session.receive(b"APOP " + line + b"\r\n").startswith(b"-ERR")
        assert session.username is None


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_over_the_wire(server_process, mechanism: str) -> None:
    """Thirty connections to each service say nonsense; then somebody logs in."""
    server = server_process(allow=ALL)
    random = Random(mechanism)
    for service, hello in (("pop3", b""), ("submission", b"EHLO x\r\n")):
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", server.ports[service]), 10) as sock:
                lines = [b"AUTH " + mechanism.encode(), *(nonsense(random) for _ in range(3))] * 4
                with contextlib.suppress(ConnectionError):  # hung up after too many errors
                    sock.sendall(hello + b"".join(line + b"\r\n" for line in lines))
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
    assert not any("logged in" in text for text in server.texts())
    mailbox = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    mailbox.apop("alice", PASSWORD)
    mailbox.quit()
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], "x", timeout=10) as smtp:
        smtp.login("alice", PASSWORD)
