"""The certificate that a server shows in TLS 1.2, where anybody on the path can read it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who a server says it is, and who says so too.

    subject, issuer: distinguished names (RFC 4514). names: host names and addresses that it is valid for (RFC 5280
    section 4.2.1.6). not_before, not_after: in UTC. der: its bytes.
    """

    subject: str
    names: list[str]
    issuer: str
    not_before: datetime
    not_after: datetime
    der: bytes = field(repr=False)

    def __str__(self) -> str:
        names = ", ".join(self.names) or self.subject
        return f"for {names}, issued by {self.issuer}, valid {self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d}"


def certificate(der: bytes) -> Certificate | None:
    """Read an X.509 certificate; None when these bytes are none.

    >>> certificate(b"no certificate")
    """
    from cryptography import x509  # here: what doesn't meet a certificate needn't wait for it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # serial numbers and the like that aren't as they should be
            read = x509.load_der_x509_certificate(der)
            return Certificate(
                read.subject.rfc4514_string(),
                _names(read),
                read.issuer.rfc4514_string(),
                read.not_valid_before_utc,
                read.not_valid_after_utc,
                der,
            )
    except Exception:  # the library raises many kinds on malformed certificates
        return None


def _names(read: Any) -> list[str]:
    from cryptography import x509

    try:
        found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in found if isinstance(name, (x509.DNSName, x509.IPAddress))]
