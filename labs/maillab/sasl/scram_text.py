"""SCRAM's messages as text (RFC 5802 sections 5.1 and 7): their shapes, and how a name stands in one."""

from __future__ import annotations

import re

from maillab.sasl.exchange import SaslError

NONCE = rb"[!-+\--~]+"
"""Printable ASCII without the comma (RFC 5802 section 7)."""

# RFC 5802 section 7: gs2-header (channel binding, authzid), then reserved-mext, name and nonce; extensions may follow.
FIRST = re.compile(rb"((n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]+))?,)((m=[^,]*,)?n=([^,]+),r=(" + NONCE + rb")(?:,.*)?)", re.S)
CHALLENGE = re.compile(rb"r=(" + NONCE + rb"),s=([^,]+),i=([1-9][0-9]{0,8})(?:,.*)?", re.S)
FINAL = re.compile(rb"(c=([^,]+),r=(" + NONCE + rb")(?:,.*)?),p=([^,]+)", re.S)


def escaped(name: str) -> str:
    """A name as it stands in a message: without comma and equals sign (RFC 5802 section 5.1).

    >>> escaped("a,b=c"), unescaped("a=2Cb=3Dc")
    ('a=2Cb=3Dc', 'a,b=c')
    """
    return name.replace("=", "=3D").replace(",", "=2C")


def unescaped(text: str) -> str:
    """The name behind it.

    Raises:
        SaslError: an equals sign that stands for nothing.
    """
    if re.search("=(?!2C|3D)", text):
        raise SaslError("an equals sign in a name is written =3D, a comma =2C.")
    return text.replace("=2C", ",").replace("=3D", "=")


def nonce_of(message: bytes) -> str:
    """The client's nonce, out of her first message.

    >>> nonce_of(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    'rOprNGfwEbeRWgbNEkqO'
    """
    found = FIRST.fullmatch(message)
    if found is None:
        raise SaslError("that isn't the first message of a SCRAM client.")
    return found[7].decode()
