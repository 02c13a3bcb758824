"""SSH in the lab: servers, and the keys that its users know."""

from __future__ import annotations

from collections.abc import Iterable

from ..network.host import Host
from ..servers.ssh_handle import SshServer
from ..servers.ssh_keys import KeyPair
from .started import Started


class SshServers(Started):
    """Start SSH servers, and ask about their keys; ``lab.alice.tunnel(…)`` uses them."""

    def start_ssh(
        self,
        host: Host,
        allow: str | Iterable[str] = (),
        accounts: dict[str, str] | None = None,
        another_key: bool = False,
    ) -> SshServer:
        """Start an SSH server on a host. It forwards connections to the lab's mail servers, and does nothing else.

        Args:
            allow: weaknesses to switch on, by name (``maillab.servers.ssh_rules.SSH_SWITCHES``). None by default.
            accounts: user name → password; by default the mail users', and nobody on mallory's host.
            another_key: make a new host key, as on a computer that was set up anew; whoever knew the one before
                refuses it. Otherwise a host keeps its key, also when its server is started again.

        Raises:
            ServerError: it can't start like this; the sentence says why.
            RungUnavailable: on the replay rung.

        It ends with the lab. Example::

            lab.start_ssh(lab.bastion)
            with lab.alice.tunnel("mail", 110, through="bastion") as tunnel:
                mailbox = tunnel.pop3()
        """
        if accounts is None and host is self.mallory:
            accounts = {}
        return self._ssh.start(host, [allow] if isinstance(allow, str) else allow, accounts, another_key)

    @property
    def ssh_servers(self) -> dict[str, SshServer]:
        """The SSH servers that were started, by host."""
        return dict(self._ssh.servers)

    def known_host(self, name: str) -> str:
        """The host key that the lab's users know an SSH server by: the one it had when it was first started.

        A line as in OpenSSH's file ``known_hosts``.

        Raises:
            ValueError: none was started there.
        """
        if name not in self._ssh.known:
            raise ValueError(f"No SSH server was started on {name!r} in this lab.")
        host = self._hosts[name]
        return f"{host.info.fqdn},{host.info.ip} {self._ssh.known[name]}"

    def accept_host_key(self, name: str) -> None:
        """From now on the lab's users know that SSH server by the key that it has now.

        Raises:
            ValueError: none runs there.
        """
        if name not in self._ssh.servers:
            raise ValueError(f"No SSH server runs on {name!r}: lab.start_ssh(…) starts one.")
        self._ssh.known[name] = self._ssh.servers[name].key

    def ssh_key(self, user: str) -> KeyPair:
        """A key with which a mail user can log in to the lab's SSH servers; made when first asked for. Example::

            lab.alice.tunnel("mail", 110, through="bastion", key=lab.ssh_key("alice"))

        Raises:
            ValueError: there's no such user.
        """
        return self._ssh.key(user)

    def _services(self) -> list[tuple[str, str]]:
        """The mail services that run, as (host, service)."""
        servers = {**({"mail": self._server} if self._server else {}), **self._others}
        return [(name, service) for name, handle in servers.items() for service in handle.ports]
