"""What the "Send it" button of a widget does: put on the wire, for real, what the learner typed."""

from __future__ import annotations

import base64
import poplib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maillab.capture.recorder import Capture
    from maillab.lab import Lab
    from maillab.views.wire import Typed


def sender(lab: Lab) -> Callable[[Typed], Capture]:
    """For `WireView(sender(lab))`: logs in as typed, or puts the typed mail into alice's mailbox and fetches it.

    Returns what mallory's card heard. A login that the server refuses is a result like any other.
    """

    def send(typed: Typed) -> Capture:
        alice = lab.student.accounts["alice"]
        if typed.mail is not None:
            mail = "\r\n".join(typed.mail.splitlines()) + "\r\n"
            lab.server.ask("deliver", user=alice.name, mail=base64.b64encode(mail.encode()).decode())
        with lab.capture() as heard:
            mailbox = lab.alice.pop3()
            mailbox.encoding = "utf-8"  # poplib's own, but said here: what is typed may hold any letter
            try:
                mailbox.user(alice.name if typed.mail is not None else typed.user)
                mailbox.pass_(alice.password if typed.mail is not None else typed.password)
                if typed.mail is not None:
                    last = mailbox.stat()[0]
                    mailbox.retr(last)
                    mailbox.dele(last)
            except poplib.error_proto:
                pass
            finally:
                mailbox.quit()
        return heard

    return send
