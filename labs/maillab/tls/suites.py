"""Cipher suites: the number on the wire, its name, and what the name says about the records.

Source: the TLS Cipher Suites registry of IANA. Named are those that mail programs and servers still offer; what isn't
in the table is shown by its number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAMES = {
    0x00FF: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",  # a signal, no suite (RFC 5746)
    0x5600: "TLS_FALLBACK_SCSV",  # likewise (RFC 7507)
    # TLS 1.3: cipher and hash alone (RFC 8446 appendix B.4)
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    # TLS 1.2 with GCM (RFC 5288, 5289)
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    # TLS 1.2 with ChaCha20 (RFC 7905)
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    # CBC (RFC 5246, 5289, 8422) and older
    0x0004: "TLS_RSA_WITH_RC4_128_MD5",
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256",
    0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
    0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    0x006B: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
}

_READABLE = re.compile(r"(AES_128_GCM|AES_256_GCM|CHACHA20_POLY1305)_(SHA\d+)$")
_KEY_BYTES = {"AES_128_GCM": 16, "AES_256_GCM": 32, "CHACHA20_POLY1305": 32}
_CBC = re.compile(r"(AES_128|AES_256|3DES_EDE)_CBC_(SHA\d*)$")
_MAC_BYTES = {"SHA": 20, "SHA256": 32, "SHA384": 48}
TAG = 16  # bytes that prove a record is untouched, in all three readable ciphers


@dataclass(frozen=True, slots=True)
class Suite:
    """What two sides agreed on. aead: AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, or "": not read here.

    hash: of the key derivation, as hashlib names it. key_bytes: length of a key.

    >>> suite(0x1302)
    Suite(number=4866, name='TLS_AES_256_GCM_SHA384', aead='AES_256_GCM', hash='sha384', key_bytes=32)
    """

    number: int
    name: str
    aead: str = ""
    hash: str = ""
    key_bytes: int = 0

    @property
    def tls13(self) -> bool:
        """Made for TLS 1.3 (RFC 8446 appendix B.4): the suites of older versions don't fit it, nor these them."""
        return self.number >> 8 == 0x13

    def overhead(self) -> tuple[int, bool]:
        """(Bytes that encryption adds to what is said, at least; is that exact?)

        TLS 1.2 with GCM: 8 bytes of nonce and the tag (RFC 5288); with ChaCha20 the tag alone (RFC 7905). TLS 1.3: the
        tag, one byte for the true content type, and padding of unknown length (RFC 8446 section 5.4). CBC: the IV, the
        MAC, and padding of at least one byte (RFC 5246 section 6.2.3.2).
        """
        if self.tls13:
            return TAG + 1, False
        if self.aead:
            return TAG + (8 if self.aead.endswith("GCM") else 0), True
        cbc = _CBC.search(self.name)
        if cbc:
            return (8 if cbc[1] == "3DES_EDE" else 16) + _MAC_BYTES[cbc[2]] + 1, False
        return 0, False


def suite(number: int) -> Suite:
    """The suite with this number."""
    name = suite_name(number)
    readable = _READABLE.search(name)
    if not readable:
        return Suite(number, name)
    return Suite(number, name, readable[1], readable[2].lower(), _KEY_BYTES[readable[1]])


def suite_name(number: int) -> str:
    """Its name, or its number where it has none here.

    >>> suite_name(0xCCA8), suite_name(0x1234), suite_name(0x2A2A)
    ('TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', '0x1234', '0x2a2a')
    """
    return NAMES.get(number, f"0x{number:04x}")


def is_grease(number: int) -> bool:
    """A number that means nothing and is offered so that servers stay used to unknown ones (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
