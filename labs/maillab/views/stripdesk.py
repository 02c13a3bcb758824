"""Stripping, tried: what a program does about TLS, and what mallory does about it; and the table of who leaks."""

from __future__ import annotations

import poplib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from maillab.attacks import Leak, Middle, on_path
from maillab.findings import findings
from maillab.views.desk import Desk
from maillab.views.table import table
from maillab.views.view import View

if TYPE_CHECKING:
    from maillab.lab import Lab

IF_OFFERED, OR_NOTHING, FIRST_BYTE = "TLS if offered", "TLS or nothing", "TLS from the first byte"
CHECKS, BELIEVES = "checks it", "believes any"
UNOFFERED = "-ERR STLS not supported by server"
"""What poplib says where STLS isn't in the list: the server was never asked for it."""
LISTENS, STRIPS, OWN = "listens", "strips the offer", "shows her own certificate"


class StripDesk(Desk):
    """`StripDesk(lab)`: the button has alice log in over POP3 while mallory does what is chosen.

    The lab needs TLS, and a server that takes passwords without it (`Lab(…, tls=True, allow="plaintext_login")`).
    """

    choices: ClassVar[Mapping[str, tuple[str, Sequence[str]]]] = {
        "policy": ("Alice's program", (IF_OFFERED, OR_NOTHING, FIRST_BYTE)),
        "certificate": ("certificate", (CHECKS, BELIEVES)),
        "mallory": ("Mallory", (LISTENS, STRIPS, OWN)),
    }
    button = "Log in over POP3"
    caption = "Logged in, with Mallory on the path"
    headers = ("Alice's program", "certificate", "Mallory", "what happened", "Mallory read the password")

    def attempt(self, lab: Lab, **choice: str) -> tuple[str, str]:
        return with_mallory(lab, **choice)


def with_mallory(lab: Lab, policy: str, certificate: str, mallory: str) -> tuple[str, str]:
    """Alice logs in while mallory stands between her and mail: what happened, and where the password was read.

    Raises OSError or RungUnavailable if it can't be tried.
    """
    impostor = lab.certificates / "impostor.pem" if mallory == OWN else None
    middle = Middle(lab.mallory, strip=mallory == STRIPS, impostor=impostor, services=("pop3", "pop3s"))
    with middle, on_path(lab), lab.capture() as heard:
        happened = log_in(lab, policy, lab.context(verify=certificate == CHECKS))
    secret = lab.student.password("alice")
    if any(found.password == secret for found in findings(heard)):
        return happened, "on the wire"
    return happened, "in her TLS" if any(found.password == secret for found in findings(middle.frames())) else "nowhere"


def log_in(lab: Lab, policy: str, context: ssl.SSLContext) -> str:
    """Log in as a program with this policy does; what happened, in words."""
    alice = lab.student.accounts["alice"]
    try:
        mailbox = lab.alice.pop3s(context) if policy == FIRST_BYTE else lab.alice.pop3()
        if policy == OR_NOTHING or (policy == IF_OFFERED and "STLS" in mailbox.capa()):
            mailbox.stls(context)
        mailbox.user(alice.name)
        mailbox.pass_(alice.password)
        how = "in TLS" if isinstance(mailbox.sock, ssl.SSLSocket) else "in the clear"
        mailbox.quit()
    except ssl.SSLCertVerificationError as error:
        return f"gave up: {error.verify_message}"
    except poplib.error_proto as error:
        said = error.args[0]
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"gave up: {said}" + (" (says poplib)" if said == UNOFFERED else "")
    return f"logged in, {how}"


def leaks_table(leaks: Iterable[Leak]) -> View:
    """One row a program and setting: what it is told to do, and where mallory read the password in each situation."""
    rows: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for leak in leaks:
        told = "not installed" if leak.did == "not installed" else "–"
        who = (leak.client, leak.service, leak.how, leak.policy)
        rows.setdefault(who, {})[leak.situation] = leak.read or told
    situations = list(dict.fromkeys(name for row in rows.values() for name in row))
    body = [[*who, *(found.get(name, "") for name in situations)] for who, found in rows.items()]
    note = (
        "on the wire: in the clear. in her TLS: the program had encrypted it, for Mallory. –: Mallory read no password."
    )
    return table(body, ["program", "over", "set to", "what that means", *situations], "Who leaks the password?", note)
