"""SASL (RFC 4422): one file a mechanism, both sides in it, and no I/O in any of them.

A mechanism is a short conversation of byte strings. How they travel is the carrier's business: POP3 (RFC 5034) and SMTP
(RFC 4954) both send them as base64 behind ``+`` or ``334``, and :mod:`maillab.sasl.base64text` does that part.

>>> from maillab.sasl import MECHANISMS, Credentials, Setting
>>> server = MECHANISMS["PLAIN"].server(Credentials({"alice": "copper-otter-41"}), Setting())
>>> client = MECHANISMS["PLAIN"].client("alice", "copper-otter-41")
>>> client.initial()
b'\\x00alice\\x00copper-otter-41'
>>> server.step(client.initial())
Success(username='alice', authzid='')
"""

from __future__ import annotations

from maillab.sasl.base64text import Base64Error, decode, encode
from maillab.sasl.cram_md5 import CramMd5Client, CramMd5Server
from maillab.sasl.credentials import Credentials, Verifier
from maillab.sasl.digest_md5 import DigestMd5Client, DigestMd5Server
from maillab.sasl.exchange import Challenge, Client, Failure, Mechanism, SaslError, Server, Setting, Success
from maillab.sasl.login import LoginClient, LoginServer
from maillab.sasl.plain import PlainClient, PlainServer
from maillab.sasl.scram import ScramClient, ScramServer

MECHANISMS: dict[str, Mechanism] = {
    mechanism.name: mechanism
    for mechanism in (
        Mechanism("SCRAM-SHA-256", ScramServer, ScramClient, plaintext=False, initial_response=True, source="RFC 7677"),
        # The server begins, except towards a client that has a nonce left from last time (RFC 2831 section 2.2).
        Mechanism(
            "DIGEST-MD5", DigestMd5Server, DigestMd5Client, plaintext=False, initial_response=True,
            source="RFC 2831 (Historic: RFC 6331)", weak="digest_md5",
        ),
        Mechanism(
            "CRAM-MD5", CramMd5Server, CramMd5Client, plaintext=False, initial_response=False, source="RFC 2195",
            weak="cram_md5",
        ),
        Mechanism("PLAIN", PlainServer, PlainClient, plaintext=True, initial_response=True, source="RFC 4616"),
        # The draft lets the server begin; real clients send the name along with the command, real servers take it.
        Mechanism(
            "LOGIN", LoginServer, LoginClient, plaintext=True, initial_response=True,
            source="draft-murchison-sasl-login (expired)",
        ),
    )
}  # fmt: skip
"""Every mechanism the lab knows, by the name it has on the wire, in the order in which servers offer them: best first.

APOP is missing: it's a command of POP3's own (:mod:`maillab.sasl.apop`)."""

__all__ = [
    "MECHANISMS",
    "Base64Error",
    "Challenge",
    "Client",
    "CramMd5Client",
    "CramMd5Server",
    "Credentials",
    "DigestMd5Client",
    "DigestMd5Server",
    "Failure",
    "LoginClient",
    "LoginServer",
    "Mechanism",
    "PlainClient",
    "PlainServer",
    "SaslError",
    "ScramClient",
    "ScramServer",
    "Server",
    "Setting",
    "Success",
    "Verifier",
    "decode",
    "encode",
]
