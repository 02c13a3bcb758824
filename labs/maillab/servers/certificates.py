"""Certificates for one lab, made when it starts and gone with it: right ones, and wrong ones to be refused.

A certificate says "this key belongs to this name", and somebody whom the client trusts has signed it (RFC 5280). Who
verifies one asks three things: is it signed by somebody I trust, is the name the one I wanted (RFC 9525), and is it
still valid? Each kind but the first fails one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from maillab.names import HOSTS, PARTNER

DAY = timedelta(days=1)
NAMES = {"mail": [HOSTS["mail"].fqdn], "mx": [HOSTS["mx"].fqdn, f"mx.{PARTNER}"]}
"""The names in each server's certificate."""


def issue(folder: Path, hosts: Iterable[str]) -> None:
    """Make a CA and all kinds of certificate for these hosts (``mail``, ``mx``).

    In ``folder``, which should be readable to nobody else, lie then ``ca.pem``, what clients trust, and for each host
    and kind ``HOST-KIND.pem`` with key and certificate: ``right``, ``expired``, ``wrong-name``, ``self-signed``; and
    ``impostor.pem``, which mallory made herself in the name of mail. The CA's own key is kept nowhere.
    """
    ca, now = trustme.CA(organization_name="maillab"), datetime.now(UTC)
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    for host in hosts:
        names = NAMES[host]
        issued = {
            "right": ca.issue_cert(*names, common_name=names[0]),
            "expired": ca.issue_cert(*names, common_name=names[0], not_before=now - 90 * DAY, not_after=now - DAY),
            "wrong-name": ca.issue_cert("www.elsewhere.test", common_name="www.elsewhere.test"),
        }
        for kind, certificate in issued.items():
            _keep(folder / f"{host}-{kind}.pem", certificate.private_key_and_cert_chain_pem.bytes())
        _keep(folder / f"{host}-self-signed.pem", self_signed(names))
    _keep(folder / "impostor.pem", self_signed(NAMES["mail"]))


def _keep(path: Path, secret: bytes) -> None:
    """Write a key where only its owner can read it, whatever the folder is."""
    path.touch(0o600)
    path.write_bytes(secret)


def self_signed(names: list[str]) -> bytes:
    """Key and certificate (PEM) for these names, signed by nobody but the key itself: anybody can make one.

    >>> b"BEGIN CERTIFICATE" in self_signed(["mail.example.test"])
    True
    """
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 365 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, form, serialization.NoEncryption()) + certificate.public_bytes(pem)
