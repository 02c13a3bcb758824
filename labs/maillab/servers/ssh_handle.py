"""The lab's side of an SSH server's process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..network import Host, Network
from .child import Child
from .ssh_keys import fingerprint


class SshServer(Child):
    """A running SSH server on one host of the lab; ``lab.start_ssh(lab.mail)`` starts one.

    Args:
        accounts: user → password, of those who may log in.
        more: what else its configuration says: ``keys``, ``routes`` and ``allow``; see sshd.py.

    Raises:
        ServerError: it couldn't start, a busy port for instance.

    Example::

        server = lab.start_ssh(lab.bastion)
        server.fingerprint          # 'SHA256:…'
        server.log()[-1]["text"]    # 'alice: forwarded to mail, port 110'
    """

    def __init__(self, host: Host, network: Network, port: int, accounts: Mapping[str, str], **more: Any) -> None:
        address, well_known = network.bind_to(host.info)
        ports = {"ssh": port if well_known else 0}
        config = {
            "host": host.name,
            "address": address,
            "ports": ports,
            "within": network.within,
            "accounts": dict(accounts),
            **more,
        }
        super().__init__(host, ["maillab.servers", "ssh"], config, what="SSH server", cure="start it again")
        self.users = frozenset(accounts)
        network.publish(host.info, "ssh", self.ports["ssh"])
        self.key: str = self.ask("key")["key"]

    @property
    def fingerprint(self) -> str:
        """Its host key's fingerprint, as OpenSSH shows it."""
        return fingerprint(self.key)

    def log(self) -> list[dict[str, Any]]:
        """What it wrote into its log: time, service, client, text."""
        events: list[dict[str, Any]] = self.ask("log")["events"]
        return events

    def passwords(self) -> list[tuple[str, str]]:
        """User names and passwords that it was given and wrote down; only with the weakness ``keep_passwords``."""
        return [(user, password) for user, password in self.ask("passwords")["passwords"]]

    def __repr__(self) -> str:
        return f"<SSH server on {self.host.name}, host key {self.fingerprint}>"
