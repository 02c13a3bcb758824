"""SSH in a lab: its servers, its users' keys, the host keys that they know, and hosts that can open a tunnel."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from ..names import PORTS, WELL_KNOWN, host_named
from ..network import Host, Network, RungUnavailable
from ..servers.child import Child, ServerError
from ..servers.ssh_handle import SshServer
from ..servers.ssh_keys import KeyPair, new_key
from .tunnel import Tunnel, TunnelError

NO_REPLAY = (
    "SSH can't be replayed: both sides make up new keys for each connection, so no recording fits. "
    "This needs another rung."
)


class Ssh:
    """What a lab knows of SSH.

    Args:
        passwords: user → password, of those who may log in.
        services: what mail services run now, as (host, service).
    """

    def __init__(
        self, network: Network, passwords: Mapping[str, str], services: Callable[[], Iterable[tuple[str, str]]]
    ) -> None:
        self._network, self._passwords, self._services = network, passwords, services
        self.servers: dict[str, SshServer] = {}
        self.known: dict[str, str] = {}  # by host: the key that it had when it first started
        self._keys: dict[str, KeyPair] = {}
        self._host_keys: dict[str, KeyPair] = {}
        self._clients: weakref.WeakSet[Child] = weakref.WeakSet()

    def start(
        self, host: Host, allow: Iterable[str], accounts: Mapping[str, str] | None, another_key: bool
    ) -> SshServer:
        """See ``Lab.start_ssh``."""
        if not self._network.serves:
            raise RungUnavailable(NO_REPLAY)
        if host.name in self.servers:
            self.servers.pop(host.name).close()
        accounts = self._passwords if accounts is None else accounts
        if another_key or host.name not in self._host_keys:
            self._host_keys[host.name] = new_key()
        server = self.servers[host.name] = SshServer(
            host, self._network, WELL_KNOWN["ssh"], accounts,
            keys={user: [pair.public] for user, pair in self._keys.items() if user in accounts},
            routes=self._routes(host), allow=list(allow), host_key=asdict(self._host_keys[host.name]),
        )  # fmt: skip
        self.known.setdefault(host.name, server.key)
        return server

    def key(self, user: str) -> KeyPair:
        """See ``Lab.ssh_key``."""
        if user not in self._passwords:
            raise ValueError(f"no user is called {user!r}: choose from {', '.join(self._passwords)}.")
        if user not in self._keys:
            self._keys[user] = new_key()
            for server in [server for server in self.servers.values() if user in server.users]:
                server.ask("authorize", user=user, key=self._keys[user].public)
        return self._keys[user]

    def tunnel(
        self,
        host: Host,
        target: tuple[str, int],
        through: str,
        user: str | None,
        password: str | None,
        key: KeyPair | None,
        check: bool,
        at: str | None,
        local_port: int,
    ) -> Tunnel:
        """See ``Computer.tunnel``."""
        if not self._network.serves:
            raise RungUnavailable(NO_REPLAY)
        name, place = (host_named(each, self._network.names) for each in (through, at or through))
        if place.name not in self.servers:
            raise TunnelError(f"No SSH server runs on {place.name}: lab.start_ssh(lab.{place.name}) starts one.")
        user = user or host.name
        if password is None and key is None:
            if user not in self._passwords:
                raise ValueError(f"Say who logs in, with user= and password=: {user!r} has no password that is known.")
            password = self._passwords[user]
        try:  # what runs now may be other than when it started
            self.servers[place.name].ask("routes", routes=self._routes(self.servers[place.name].host))
        except ServerError as error:
            raise TunnelError(str(error)) from None
        tunnel = Tunnel(
            host, name.name, target,
            server=self._network.route(host.info, place, WELL_KNOWN["ssh"]),
            known=self.known.get(name.name, ""), check=check, user=user, port=local_port,
            **({"key": key.private} if key else {"password": password}),
        )  # fmt: skip
        self._clients.add(tunnel.client)
        return tunnel

    def _routes(self, source: Host) -> dict[str, tuple[str, int]]:
        """Where a server on ``source`` finds each mail service."""
        names = self._network.names
        return {
            f"{name}:{PORTS[service]}": self._network.route(source.info, names[name], PORTS[service])
            for name, service in self._services()
        }

    @property
    def processes(self) -> list[Child]:
        """All that run, or did."""
        return [*self._clients, *self.servers.values()]

    def close(self) -> None:
        """End them, also the rest when the stop button comes in between."""
        with contextlib.ExitStack() as closing:
            for process in self.processes:
                closing.callback(process.close)


@dataclass
class Computer(Host):
    """A host whose user has an SSH client."""

    ssh: Ssh = field(repr=False)

    def tunnel(
        self,
        host: str,
        port: int,
        through: str = "bastion",
        *,
        user: str | None = None,
        password: str | None = None,
        key: KeyPair | None = None,
        check: bool = True,
        at: str | None = None,
        local_port: int = 0,
    ) -> Tunnel:
        """Forward a port of this host's own loopback through SSH, as ``ssh -N -L local_port:host:port through`` does.

        Args:
            through: the host with the SSH server; it opens the connection to ``host`` and ``port``.
            user, password: who logs in; by default the user called like this host, with her mail password.
            key: logs in with a key instead, see ``lab.ssh_key``.
            check: compare the server's host key with the known one. False believes everybody.
            at: where the name ``through`` leads, if not to that host: what a forged answer of DNS would do.
            local_port: 0 for any free one.

        Raises:
            TunnelError: the host key isn't the known one, the login was refused, nobody is there …
            RungUnavailable: on the replay rung.

        Example::

            with lab.alice.tunnel("mail", 110, through="bastion") as tunnel:
                mailbox = tunnel.pop3()
        """
        return self.ssh.tunnel(self, (host, port), through, user, password, key, check, at, local_port)
