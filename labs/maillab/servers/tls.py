"""TLS on the servers' side: which certificate and versions they use, and the step from clear text into TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CERTIFICATES = ("right", "expired", "wrong-name", "self-signed")
"""What there is to choose from; :mod:`maillab.servers.certificates` makes them."""

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
"""RFC 5246 and RFC 8446. What is older is forbidden (RFC 8996)."""

HANDSHAKE = 10.0
"""Seconds that a handshake may take: a client that never ends one must not hold a connection."""


class Tls:
    """What one host uses for connections that begin from now on.

    Args:
        folder: where the certificates lie.
        host: the host's short name.

    Raises:
        OSError: they can't be read.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self._folder, self._host = folder, host
        self.choose()

    @property
    def ca(self) -> Path:
        """The certificate that everybody in the lab trusts."""
        return self._folder / "ca.pem"

    def choose(self, certificate: str = "right", versions: Sequence[str] = tuple(VERSIONS), cipher: str = "") -> None:
        """Use this certificate, these versions, and in TLS 1.2 only this cipher suite, by OpenSSL's name.

        Raises:
            ValueError: there's no such thing; nothing changes then.
        """
        if certificate not in CERTIFICATES:
            raise ValueError(f"no certificate is called {certificate!r}: choose from {', '.join(CERTIFICATES)}.")
        unknown = [version for version in versions if version not in VERSIONS]
        if unknown or not versions:
            raise ValueError(
                f"the versions of TLS here are {' and '.join(VERSIONS)}, not {(unknown or ['none'])[0]!r}."
            )
        if cipher and list(versions) != ["1.2"]:
            raise ValueError("a cipher suite can be chosen while the server is restricted to TLS 1.2.")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = min(VERSIONS[version] for version in versions)
        context.maximum_version = max(VERSIONS[version] for version in versions)
        if cipher:
            try:
                context.set_ciphers(cipher)
            except ssl.SSLError:
                raise ValueError(f"OpenSSL knows no cipher suite {cipher!r} for TLS 1.2.") from None
        context.load_cert_chain(self._folder / f"{self._host}-{certificate}.pem")
        self.context = context
        self.choice: dict[str, Any] = {"certificate": certificate, "versions": list(versions), "cipher": cipher}


class HandshakeFailed(ConnectionError):
    """There will be no TLS on this connection, and nothing else either."""


async def start_tls(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    tls: Tls,
    note: Callable[[str], None],
    keep: bool = False,
) -> None:
    """Go over to TLS, and note how it went.

    What came in the clear behind STLS or STARTTLS is forgotten: whoever sits on the path could have put it there, and
    the server would take it for what came over TLS (RFC 3207 section 6, CVE-2011-0411). asyncio alone would keep it.

    Args:
        keep: keep it, the weakness ``tls_injection``.

    Raises:
        HandshakeFailed: it went wrong; the connection is closed.
    """
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # nor does anything come in between
    if not keep:
        reader._buffer.clear()  # type: ignore[attr-defined]
    try:
        await writer.start_tls(tls.context, ssl_handshake_timeout=HANDSHAKE)
    except OSError as error:
        note(f"TLS failed: {why(error)}")
        raise HandshakeFailed from error
    version, cipher = writer.get_extra_info("ssl_object").version(), writer.get_extra_info("cipher")[0]
    note(f"{version}, {cipher}")


def why(error: OSError) -> str:
    """What went wrong in a handshake, in OpenSSL's words.

    >>> why(ConnectionResetError())
    'the client hung up'
    """
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, ConnectionAbortedError):  # how asyncio reports its time limit
        return f"no end after {HANDSHAKE:g} s"
    return "the client hung up"
