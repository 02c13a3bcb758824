"""What the "Send it" button of a widget does: put on the wire, for real, what the learner typed."""

from __future__ import annotations

import base64
import contextlib
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
        if not lab.network.serves:
            raise RuntimeError("This is a recording: watch the bytes; sending needs another rung.")
        alice = lab.student.accounts["alice"]
        mode, lab.mode = lab.mode, "hub"
        try:
            if typed.mail is not None:
                mail = "\r\n".join(typed.mail.splitlines()) + "\r\n"
                lab.server.ask("deliver", user=alice.name, mail=base64.b64encode(mail.encode()).decode())
                with lab.capture() as heard:
                    fetch_last(lab, alice.name, alice.password)
            else:
                with lab.capture() as heard:
                    log_in(lab, typed.user, typed.password)
        finally:
            lab.mode = mode
        return heard

    return send


def log_in(lab: Lab, user: str, password: str) -> None:
    """Log in and out again; the server may refuse, and may hang up."""
    mailbox = lab.alice.pop3()
    with contextlib.suppress(poplib.error_proto, OSError):
        mailbox.user(user)
        mailbox.pass_(password)
    with contextlib.suppress(poplib.error_proto, OSError):
        mailbox.quit()
    mailbox.close()


def fetch_last(lab: Lab, user: str, password: str) -> None:
    """Fetch the newest mail and delete it from the server."""
    mailbox = lab.alice.pop3()
    mailbox.user(user)
    mailbox.pass_(password)
    last = mailbox.stat()[0]
    mailbox.retr(last)
    mailbox.dele(last)
    mailbox.quit()
