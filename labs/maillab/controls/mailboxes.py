"""What lies in the servers: mails, queues, logs, what is kept of a password; and servers on other hosts."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from typing import Any

from ..names import CLEAR
from ..network.host import Host
from ..recordings import arrived, recording
from ..sasl import Credentials
from ..servers.handle import ServerError, ServerHandle
from ..student import PARTNERS
from .started import Started


class Mailboxes(Started):
    """Look into the servers, and start others."""

    def serve(
        self,
        host: Host,
        allow: str | Iterable[str] = (),
        accounts: dict[str, str] | None = None,
        challenges: dict[str, str] | None = None,
    ) -> None:
        """Start mail servers on another host, such as mallory's, with weaknesses and accounts of their own.

        Args:
            accounts: user name → password as that host knows it, empty where it doesn't; by default nobody.
            challenges: mechanism → the challenge that it sends to everybody (the weakness ``fixed_challenge``).

        Raises:
            ServerError: they can't start like this; the sentence says why.
            ValueError: that host has a server already.

        They end with the lab; starting them again ends the ones before. On the replay rung the recording speaks.
        """
        if host.name == "mail":
            raise ValueError("The host mail has its servers already: choose lab.mallory, for instance.")
        if not self.network.serves:
            return
        self.stop_serving(host)
        switches = [allow] if isinstance(allow, str) else list(allow)
        switches += ["fixed_challenge"] if challenges else []
        handle = ServerHandle(host, self.network, CLEAR, self.student.id, switches, accounts or {})
        self._others[host.name] = handle
        self._closing.callback(handle.close)
        if challenges:
            handle.ask("fix", challenges=challenges)

    def stop_serving(self, host: Host) -> None:
        """End the mail servers that :meth:`serve` started on a host; nothing happens where there are none."""
        if host.name in self._others:
            self._others.pop(host.name).close()

    def store(self, user: str) -> list[list[str]]:
        """What the mail server keeps for a user: (mechanism, what it is, the value), for each mechanism.

        Raises:
            ServerError: there's no such user.

        On the replay rung there is no server to ask: the same is computed from the password.
        """
        if self._server is None:
            account = self.student.accounts.get(user)
            if account is None:
                raise ServerError(f"no user is called {user!r}: choose from {', '.join(self.student.accounts)}.")
            return [list(row) for row in Credentials({user: account.password}).kept(user)]
        kept: list[list[str]] = self._server.ask("store", user=user)["kept"]
        return kept

    def log(self) -> list[dict[str, Any]]:
        """What the mail server wrote into its log: time (seconds since 1970), service, client, text.

        On the replay rung nobody wrote one: then a single entry says so.
        """
        if self._server is None:
            text = "no log: there is no server on the replay rung, only what one said when this was recorded"
            return [{"time": time.time(), "service": "", "client": "", "text": text}]
        entries: list[dict[str, Any]] = self.server.ask("log")["events"]
        return entries

    def logged_in(self, since: int) -> bool:
        """Has the mail server's log a login behind its first ``since`` entries?"""
        return any("logged in" in event["text"] for event in self.log()[since:])

    def mails(self, user: str) -> list[bytes]:
        """What lies in a user's maildrop, oldest first, whichever host she has it on (dave and erin: ``mx``).

        On the replay rung nobody can be asked: these are the mails for dave and erin as they came to ``mx`` when the
        recording was made, all of them, without the line that ``mx`` put on top.

        Raises:
            RuntimeError: on the replay rung, for users of the mail server itself.
            ServerError: no server here has such a user.
        """
        if self._server is None and user in PARTNERS:
            return arrived(recording(str(self.name)), self.mx.ip, user)
        server = self._others["mx"] if user in PARTNERS and "mx" in self._others else self.server
        return [base64.b64decode(row["mail"]) for row in server.ask("mails", user=user)["mails"]]

    def queue(self) -> list[dict[str, Any]]:
        """What waits in the mail server to be passed on: sender, recipients, attempts, the last reply and more."""
        entries: list[dict[str, Any]] = self.server.ask("queue")["entries"]
        return entries

    def restart(self) -> None:
        """End the mail server's process and start it again, on the same ports: what it took is still there.

        Only with ``mx=True``, since only then mail is kept on disk; otherwise the mailboxes are as at the start. On the
        replay rung nothing happens.
        """
        if self._server is not None:
            self._server.restart()

    def reset(self) -> None:
        """Put the mailboxes back to how they were at the start; nothing waits in a queue any more."""
        if self._server is not None:
            for server in [self._server, *self._others.values()]:
                server.ask("reset")
