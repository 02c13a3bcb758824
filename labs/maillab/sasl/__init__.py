"""SASL (RFC 4422): one file a mechanism, both sides in it, and no I/O in any of them.

A mechanism is a short conversation of byte strings. How they travel is the carrier's business: POP3 (RFC 5034) and SMTP
(RFC 4954) both send them as base64 behind ``+`` or ``334``, and :mod:`maillab.sasl.base64text` does that part.

>>> from maillab.sasl import MECHANISMS, Credentials
>>> server = MECHANISMS["PLAIN"].server(Credentials({"alice": "copper-otter-41"}))
>>> client = MECHANISMS["PLAIN"].client("alice", "copper-otter-41")
>>> client.initial()
b'\\x00alice\\x00copper-otter-41'
>>> server.step(client.initial())
Success(username='alice', authzid='')
"""

from __future__ import annotations

from maillab.sasl.base64text import Base64Error, decode, encode
from maillab.sasl.credentials import Credentials
from maillab.sasl.exchange import Challenge, Client, Failure, Mechanism, SaslError, Server, Success
from maillab.sasl.login import LoginClient, LoginServer
from maillab.sasl.plain import PlainClient, PlainServer

MECHANISMS: dict[str, Mechanism] = {
    mechanism.name: mechanism
    for mechanism in (
        Mechanism("PLAIN", PlainServer, PlainClient, plaintext=True, initial_response=True, source="RFC 4616"),
        # The draft lets the server begin; real clients send the name along with the command, real servers take it.
        Mechanism(
            "LOGIN", LoginServer, LoginClient, plaintext=True, initial_response=True,
            source="draft-murchison-sasl-login (expired)",
        ),
    )
}  # fmt: skip
"""Every mechanism the lab knows, by the name it has on the wire, in the order in which servers offer them."""

__all__ = [
    "MECHANISMS",
    "Base64Error",
    "Challenge",
    "Client",
    "Credentials",
    "Failure",
    "LoginClient",
    "LoginServer",
    "Mechanism",
    "PlainClient",
    "PlainServer",
    "SaslError",
    "Server",
    "Success",
    "decode",
    "encode",
]
