"""What a client believes about TLS: an ``ssl.SSLContext`` for Python's own poplib and smtplib."""

from __future__ import annotations

import ssl
from pathlib import Path

from ..servers.tls import VERSIONS


def context(
    ca: Path, verify: bool = True, version: str | None = None, keylog: str | Path | None = None
) -> ssl.SSLContext:
    """A context that trusts ``ca`` and nobody else, also none of those whom this machine trusts.

    Args:
        verify: ask for a certificate for the right name, as RFC 8314 section 4.4 wants it; ``False`` believes anybody.
        version: ``"1.2"`` or ``"1.3"`` and no other; by default the newest that both sides know.
        keylog: write the secrets of this client's connections to that file, for Wireshark and ``maillab findings``
            (RFC 9850). Who has it can decrypt them.

    Raises:
        ValueError: no such version.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies, and trusts nobody yet
    made.minimum_version = ssl.TLSVersion.TLSv1_2  # some systems' Python still offers what RFC 8996 forbids
    if verify:
        made.load_verify_locations(ca)
    else:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        if version not in VERSIONS:
            raise ValueError(f"The versions of TLS here are {' and '.join(VERSIONS)}, not {version!r}.")
        made.minimum_version = made.maximum_version = VERSIONS[version]
    if keylog is not None:
        made.keylog_filename = str(keylog)
    return made
