"""SSH forwarding, tried: where sshd runs, whether the host key is compared, and what Mallory does."""

from __future__ import annotations

import poplib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from maillab.clients.tunnel import TunnelError
from maillab.conversations import follow
from maillab.findings import findings
from maillab.views.desk import Desk

if TYPE_CHECKING:
    from maillab.lab import Lab

COMPARES, BELIEVES = "compares the key", "believes any key"
LISTENS, ANSWERS = "listens", "answers in its place"
SSHD = {"on the mail host": "mail", "on a gateway": "bastion"}


class TunnelDesk(Desk):
    """`TunnelDesk(lab)`: the button has alice fetch her mail through SSH while mallory is busy.

    The lab needs a gateway, `Lab(…, bastion=True)`, and a mail server that takes passwords (`plaintext_login`).
    """

    choices: ClassVar[Mapping[str, tuple[str, Sequence[str]]]] = {
        "sshd": ("sshd runs", tuple(SSHD)),
        "client": ("Alice's program", (COMPARES, BELIEVES)),
        "mallory": ("Mallory", (LISTENS, ANSWERS)),
    }
    button = "Fetch the mail through SSH"
    caption = "Fetched through SSH"
    headers = ("sshd", "program", "Mallory", "Alice got", "TCP", "Mallory read PASS")

    def attempt(self, lab: Lab, **choice: str) -> tuple[str, int, str]:
        return through_ssh(lab, **choice)


def through_ssh(lab: Lab, sshd: str, client: str, mallory: str) -> tuple[str, int, str]:
    """Alice fetches through a tunnel: what she got, how many TCP connections mallory's card heard, what she read.

    Raises ServerError if the servers can't start.
    """
    name = SSHD[sshd]
    if name not in lab.ssh_servers:
        lab.start_ssh(lab.mail if name == "mail" else lab.bastion)
    impostor = None
    if mallory == ANSWERS:
        impostor = lab.start_ssh(lab.mallory, allow=["accept_anyone", "keep_passwords"])
    at = "mallory" if impostor else None
    alice = lab.student.accounts["alice"]
    with lab.capture() as heard:
        try:
            with lab.alice.tunnel("mail", 110, through=name, check=client == COMPARES, at=at) as tunnel:
                mailbox = tunnel.pop3()
                mailbox.user(alice.name)
                mailbox.pass_(alice.password)
                got = f"{mailbox.stat()[0]} mails"
                mailbox.quit()
        except TunnelError as error:
            words = str(error).partition("\n")[0]
            got = "nothing: a wrong host key" if "host key" in words else f"nothing: {words}"
        except (OSError, poplib.error_proto) as error:
            got = f"nothing: {error}"
    read = []
    if any(found.password == alice.password for found in findings(heard)):
        read.append("on the wire")
    if impostor is not None and (alice.name, alice.password) in impostor.passwords():
        read.append("at her own sshd")
    return got, len(follow(heard)), ", ".join(read) or "nowhere"
