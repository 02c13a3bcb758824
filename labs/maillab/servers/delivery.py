"""What becomes of a mail that the policy let in: into maildrops, to the relay, or back to its sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from maillab.servers.log import EventLog
from maillab.servers.maildrop import MaildropFull
from maillab.servers.queue import bounce
from maillab.servers.relay import QueueFull, Relay
from maillab.servers.store import Store
from maillab.servers.trace import return_path

Stamp = Callable[[str], bytes]
"""Makes the Received field; its argument is the recipient, empty where there are several (RFC 5321 section 7.6)."""


class Delivery:
    """The way in for all mail of one host. ``relay`` is set where there's a next server to bring mail to."""

    def __init__(self, store: Store, log: EventLog, host: str) -> None:
        self._store, self._log, self._host = store, log, host
        self.relay: Relay | None = None

    def refusal(self, recipient: str, relay: bool) -> str:
        """Why mail to this recipient can't be taken now, though it may be; empty if it can.

        To be asked at RCPT and not after DATA, where the answer would be for all recipients or none.
        """
        if relay and self.relay is None:
            return "550 5.4.4 no way from here to other servers"
        if relay and self.relay is not None and self.relay.full:
            return "452 4.3.1 too much mail waits here already"
        user = self._store.local_user(recipient)
        return "452 4.2.2 the maildrop is full" if user is not None and self._store.maildrops[user].full else ""

    def take(self, sender: str, recipients: Sequence[str], stamp: Stamp, content: bytes) -> tuple[str, str]:
        """Put a mail where it belongs. When this returns with a reply of 250, all of it is there.

        Returns:
            The reply to DATA, and for whom the mail was taken, in words.
        """
        users: dict[str, str] = {}  # user → address: one copy each
        others: dict[str, str] = {}
        for to in recipients:
            user = self._store.local_user(to)
            if user is not None:
                users[user] = to
            else:
                name, _, domain = to.rpartition("@")
                others.setdefault(f"{name}@{domain.lower()}", to)
        if others and self.relay is not None:
            away = list(others.values())
            try:
                self.relay.accept(sender, away, stamp(away[0] if len(away) == 1 else "") + content)
            except QueueFull:
                return "452 4.3.1 too much mail waits here already", ""
        full = {}
        for user, address in users.items():
            try:
                self._store.maildrops[user].deliver(return_path(sender) + stamp(address) + content)
            except MaildropFull:
                full[address] = "552 5.2.2 the maildrop is full"
            except OSError:  # our disk: those before have theirs, and a 451 now would bring it to them again
                full[address] = "451 4.3.0 the server's disk failed"
        names = [user for user, address in users.items() if address not in full] + list(others.values())
        if not names:
            broken = any(reply.startswith("451") for reply in full.values())
            return ("451 4.3.0 the server's disk failed" if broken else "452 4.2.2 the maildrop is full"), ""
        if full:  # 250 is for all of them, so these few must not vanish
            self.give_back(sender, full, content)
        return "250 2.0.0 taken, will be passed on" if others else "250 2.0.0 delivered", ", ".join(names)

    def give_back(self, sender: str, failed: Mapping[str, str], content: bytes) -> None:
        """Tell a sender what couldn't be delivered. Nobody is told about a bounce: its sender is ``<>``."""
        lost = ", ".join(f"<{to}>" for to in failed)
        if not sender:
            self._note(f"gave up a bounce to {lost}")
            return
        report = bounce(self._host, sender, failed, content, datetime.now(UTC))
        user = self._store.local_user(sender)
        try:
            if user is not None:
                self._store.maildrops[user].deliver(return_path("") + report)
            elif self.relay is not None and not self._store.is_local(sender):
                self.relay.accept("", [sender], report)
            else:
                self._note(f"gave up mail to {lost}; its sender <{sender}> doesn't exist")
                return
        except (MaildropFull, QueueFull):
            self._note(f"gave up mail to {lost}, with no room to tell its sender <{sender}>")
            return
        self._note(f"gave up mail to {lost}; told its sender <{sender}>")

    def _note(self, text: str) -> None:
        self._log.add("relay", self._host, text)
