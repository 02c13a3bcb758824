"""The plan carried out: real sessions of real clients with the firm's servers."""

from __future__ import annotations

import contextlib
import poplib
import time
from typing import TYPE_CHECKING, Any

from ..attacks import Middle, on_path
from ..clients import auth
from ..sasl import SaslError
from .people import Person, people
from .plan import Step
from .texts import message

if TYPE_CHECKING:
    from .lab import Firm

PATIENCE = 8.0
"""Seconds in which the last mail has to be passed on."""


class Play:
    """The morning's steps, on one lab."""

    def __init__(self, lab: Firm) -> None:
        self.lab, self.firm = lab, people(lab.student)

    def do(self, step: Step) -> None:
        """Carry one step out; the errors that belong to it are expected."""
        getattr(self, f"_{step.kind}")(step, self.firm.get(step.part))

    def _send(self, step: Step, who: Person) -> None:
        host = self.lab.host(step.host)
        server = host.smtps(self.lab.context()) if step.how == "TLS" else host.smtp()
        with server:
            server.ehlo(host.name)
            auth(server, "PLAIN" if step.how == "TLS" else step.how, who.name, who.password)
            server.sendmail(who.address, step.to, message(self.lab.student, step.mail, who.address, step.to))

    def _slip(self, step: Step, who: Person) -> None:
        host = self.lab.host(step.host)
        mistyped = who.password[:-1] + str((int(who.password[-1]) + 1) % 10)
        with host.smtp() as server, contextlib.suppress(SaslError):
            server.ehlo(host.name)
            auth(server, step.how, who.name, mistyped)

    def _stranger(self, step: Step, who: None) -> None:
        host = self.lab.host(step.host)
        with host.smtp("smtp") as server:
            server.ehlo("localhost")
            server.sendmail(step.sender, step.to, message(self.lab.student, step.mail, step.sender, step.to))

    def _ask(self, step: Step, who: None) -> None:
        with self.lab.host(step.host).smtp("smtp") as server:
            server.ehlo("localhost")
            server.docmd("MAIL", f"FROM:<{step.sender}>")
            server.docmd("RCPT", f"TO:<{step.to[0]}>")

    def _abort(self, step: Step, who: Person) -> None:
        mailbox = self.lab.host(step.host).pop3()
        with contextlib.suppress(poplib.error_proto):
            mailbox._shortcmd(f"AUTH {step.how}")  # type: ignore[attr-defined]
        with contextlib.suppress(poplib.error_proto):
            mailbox._shortcmd("*")  # type: ignore[attr-defined]
        mailbox.quit()

    def _fetch(self, step: Step, who: Person) -> None:
        host = self.lab.host(step.host)
        with contextlib.ExitStack() as stack:
            if step.how == "stripped":
                copier = self.lab.host("copier")
                stack.enter_context(Middle(copier, strip=True, services=["pop3"]))
                stack.enter_context(on_path(self.lab, host, self.lab.mail, by=copier))
            mailbox = host.pop3s(self.lab.context()) if step.how == "POP3S" else host.pop3()
            log_in(mailbox, step.how, who, self.lab)
            for number in range(1, mailbox.stat()[0] + 1):
                mailbox.retr(number)
            mailbox.quit()

    def finish(self) -> None:
        """Wait until the server has passed on what it took.

        Raises:
            TimeoutError: it hasn't.
        """
        deadline = time.monotonic() + PATIENCE
        while self.lab.queue():
            if time.monotonic() > deadline:
                raise TimeoutError("The firm's server didn't pass its mails on in time: run the cell again.")
            time.sleep(0.05)


def log_in(mailbox: Any, how: str, who: Person, lab: Firm) -> None:
    """Over POP3, in one of the ways of the plan."""
    if how in ("APOP",):
        mailbox.apop(who.name, who.password)
        return
    if how in ("CRAM-MD5", "DIGEST-MD5"):
        auth(mailbox, how, who.name, who.password)
        return
    if how in ("STLS", "stripped") and "STLS" in mailbox.capa():  # TLS if it's offered
        mailbox.stls(lab.context())
    mailbox.user(who.name)
    mailbox.pass_(who.password)
