"""POP3S, tried: which version of TLS, which certificate, who checks it, and mails that hide their size."""

from __future__ import annotations

import base64
import contextlib
import poplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from maillab.conversations import follow
from maillab.tls import visible
from maillab.views.desk import Desk

if TYPE_CHECKING:
    from maillab.lab import Lab

VERIFIES, BELIEVES = "verifies", "believes anybody"
PADDING = {"as they are": 0, "to multiples of 1,024": 1024, "to multiples of 4,096": 4096}
#: The reply to RETR is more than the mail: "+OK 947 octets", and a dot on a line of its own.
LARGE = 300


class TlsDesk(Desk):
    """`TlsDesk(lab)`: the button has alice fetch her mails over POP3S while mallory listens."""

    choices: ClassVar[Mapping[str, tuple[str, Sequence[str]]]] = {
        "version": ("TLS version", ("1.3", "1.2")),
        "certificate": ("server shows", ("right", "expired", "wrong-name", "self-signed")),
        "client": ("Alice's program", (VERIFIES, BELIEVES)),
        "padding": ("mails filled", tuple(PADDING)),
    }
    button = "Fetch the mail over POP3S"
    caption = "Fetched over POP3S, with Mallory listening"
    headers = ("TLS", "certificate", "program", "mails filled", "what Alice got", "what Mallory saw")

    def attempt(self, lab: Lab, **choice: str) -> tuple[str, str]:
        return fetch(lab, **choice)


def fetch(lab: Lab, version: str, certificate: str, client: str, padding: str) -> tuple[str, str]:
    """Alice fetches all her mails over POP3S; what she got, and what mallory saw of it, in words.

    Raises ServerError or OSError if nothing can be tried.
    """
    with lab.put_back(), filled(lab, PADDING[padding]):
        lab.certificate(certificate)
        with lab.capture() as heard:
            got = _fetch(lab, lab.context(verify=client == VERIFIES, version=version))
        lab.certificate("right")
    seen = visible(follow(heard)[0])
    sides = [size.side for size in seen.sizes]
    later = seen.sizes[sides.index("C") :] if "C" in sides else []  # before, TLS 1.3 sends its certificate
    sizes = [f"{size.length:,}" for size in later if size.side == "S" and size.length > LARGE]
    mails = f"; {len(sizes)} large records: {', '.join(sizes)} bytes" if got.endswith("mails") else ""
    shown = f", a certificate for {', '.join(seen.certificate.names)}" if seen.certificate else ""
    return got, f"{seen.sni}{shown}{mails}"


def _fetch(lab: Lab, context: ssl.SSLContext) -> str:
    try:
        mailbox = log_in(lab, context)
    except ssl.SSLCertVerificationError as error:
        return f"nothing: {error.verify_message}"
    count = mailbox.stat()[0]
    for number in range(1, count + 1):
        mailbox.retr(number)
    mailbox.quit()
    return f"{count} mails"


def log_in(lab: Lab, context: ssl.SSLContext) -> poplib.POP3:
    alice = lab.student.accounts["alice"]
    mailbox = lab.alice.pop3s(context)
    mailbox.user(alice.name)
    mailbox.pass_(alice.password)
    return mailbox


@contextlib.contextmanager
def filled(lab: Lab, block: int) -> Iterator[None]:
    """For as long as the block lasts each of alice's mails is filled up to a multiple of `block` bytes, 0: as it is."""
    mails = lab.mails("alice")
    if not block:
        yield
        return
    put(lab, [padded(mail, block) for mail in mails])
    try:
        yield
    finally:
        put(lab, mails)


def put(lab: Lab, mails: list[bytes]) -> None:
    """These instead of the mails that alice has."""
    mailbox = log_in(lab, lab.context())
    for number in range(1, mailbox.stat()[0] + 1):
        mailbox.dele(number)
    mailbox.quit()
    for mail in mails:
        lab.server.ask("deliver", user="alice", mail=base64.b64encode(mail).decode())


def padded(mail: bytes, block: int) -> bytes:
    """The mail with header fields in front that make its length a multiple of `block`.

    >>> len(padded(b"Subject: lunch?\\r\\n\\r\\nNoon?\\r\\n", 1024))
    1024
    """
    name, end, wide = b"X-Padding: ", b"\r\n", 76
    least = len(name + end)
    missing = -len(mail) % block
    if 0 < missing < least:
        missing += block
    lines = []
    while missing:
        line = missing if missing <= wide else min(wide, missing - least)  # so that a whole line is left for the rest
        lines.append(name + b"x" * (line - least) + end)
        missing -= line
    return b"".join(lines) + mail
