"""An SSH server that forwards connections to the lab's mail servers, and does nothing else.

No shell, no commands, no files, no agent, no X11, no forwarding from here to the client: of all that SSH can carry
only the channel ``direct-tcpip`` (RFC 4254 section 7.2) is left. ``python -m maillab.servers ssh`` runs it as a process
(:mod:`maillab.servers.process` says how to talk to that). Its configuration::

    {"host": "bastion", "address": "192.0.2.22", "ports": {"ssh": 22}, "accounts": {"alice": "copper-otter-41"},
     "keys": {"alice": ["ssh-ed25519 AAAA…"]}, "routes": {"mail:110": ["192.0.2.25", 110]}, "within": "", "allow": []}

``routes`` says where each target really is; a target that isn't there has nobody who listens. ``within`` is the address
to take for connections to the host itself. ``allow``: switches, see ssh_rules.py. ``host_key``: its
``public`` and ``private`` half; without it a new one is made.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
from collections.abc import Awaitable
from typing import Any

import asyncssh

from maillab.servers.busy import explain
from maillab.servers.commands import ConfigError, obey
from maillab.servers.listen import MAX_CONNECTIONS, Turnstile
from maillab.servers.log import EventLog
from maillab.servers.ssh_keys import KeyPair, fingerprint, new_key
from maillab.servers.ssh_rules import SSH_SWITCHES, NotForwarded, target

LOGIN_TIME = 30.0
"""Seconds from the connection to the login (OpenSSH: LoginGraceTime, 120)."""
MAX_TRIES = 6
"""Passwords that one connection may try (OpenSSH: MaxAuthTries)."""
REACH = 10.0
"""Seconds in which a target has to answer."""


class SshHost:
    """The SSH server of one host.

    Raises:
        ConfigError: the configuration has a mistake.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        try:
            self.name, self.address, self.port = (
                str(config["host"]),
                str(config["address"]),
                int(config["ports"]["ssh"]),
            )
            self.accounts = {str(user): str(password) for user, password in config["accounts"].items()}
            self.keys = {str(user): {fingerprint(key) for key in keys} for user, keys in config["keys"].items()}
            self.allow = set(config.get("allow", ()))
            self._do_routes(config)
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            raise ConfigError(
                'the configuration needs "host", "address", "ports", "accounts", "keys" and "routes": '
                f"{error!r} is wrong."
            ) from None
        if unknown := sorted(self.allow - set(SSH_SWITCHES)):
            raise ConfigError(f"no switch is called {unknown[0]!r}: choose from {', '.join(SSH_SWITCHES)}.")
        self.within = str(config.get("within", ""))
        self.key = KeyPair(**config["host_key"]) if config.get("host_key") else new_key()
        self.log = EventLog()
        self.turnstile = Turnstile()
        self.passwords: list[tuple[str, str]] = []

    async def start(self) -> dict[str, int]:
        """Open the port.

        Raises:
            ConfigError: it can't be opened.
        """
        try:
            server = await asyncssh.listen(
                self.address, self.port,
                server_factory=lambda: Session(self),
                server_host_keys=[asyncssh.import_private_key(self.key.private)],
                config=[],  # nobody's own configuration is read
                login_timeout=LOGIN_TIME, gss_host=None, kbdint_auth=False, host_based_auth=False,
                agent_forwarding=False, x11_forwarding=False, allow_pty=False, allow_scp=False, sftp_factory=None,
            )  # fmt: skip
        except (OSError, OverflowError) as error:
            problem = error if isinstance(error, OSError) else OSError(str(error))
            raise ConfigError(explain(problem, "ssh", self.address, self.port)) from None
        return {"ssh": server.get_port()}

    def command(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a line on stdin asks for.

        ================================================= ==================================================
        request                                           answer, beside ``"ok": true``
        ================================================= ==================================================
        ``{"do": "key"}``                                 ``key``: the public host key
        ``{"do": "log"}``                                 ``events``: list of ``{time, service, client, text}``
        ``{"do": "passwords"}``                           ``passwords``: list of ``[user, password]``, which stays
                                                          empty without the switch ``keep_passwords``
        ``{"do": "authorize", "user": …, "key": …}``      this public key lets the user in from now on
        ``{"do": "routes", "routes": {…}}``               exactly these, from now on
        ================================================= ==================================================
        """
        return obey(self, request)

    def _do_key(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"key": self.key.public}

    def _do_log(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"events": [event._asdict() for event in self.log.events]}

    def _do_passwords(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"passwords": self.passwords}

    def _do_authorize(self, request: dict[str, Any]) -> dict[str, Any]:
        self.keys.setdefault(str(request["user"]), set()).add(fingerprint(request["key"]))
        return {}

    def _do_routes(self, request: dict[str, Any]) -> dict[str, Any]:
        self.routes = {str(name): (str(host), int(port)) for name, (host, port) in request["routes"].items()}
        return {}


class Session(asyncssh.SSHServer):
    """One SSH connection: who logs in, and what may be forwarded. asyncssh does all the rest."""

    def __init__(self, host: SshHost) -> None:
        self._host = host
        self._tries = 0
        self._user = self._how = self._client = ""

    def _note(self, text: str) -> None:
        self._host.log.add("ssh", self._client, text)

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Somebody has connected; nothing has been said yet."""
        self._client = "{}:{}".format(*conn.get_extra_info("peername")[:2])
        self._note("connected")
        self._entered = self._host.turnstile.enter()
        if not self._entered:
            self._note(f"turned away: {MAX_CONNECTIONS} connections are open")
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._note("closed")
        if self._entered:
            self._host.turnstile.leave()

    def begin_auth(self, username: str) -> bool:
        """Everybody has to log in."""
        self._user = username
        return True

    def password_auth_supported(self) -> bool:
        """Passwords are asked for (RFC 4252 section 8)."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """Is it the user's password? It came through the encrypted connection, to whoever has the host key."""
        if "keep_passwords" in self._host.allow:
            self._host.passwords.append((username, password))
        known = self._host.accounts.get(username)
        right = known is not None and hmac.compare_digest(known.encode(), password.encode(errors="replace"))
        if right or "accept_anyone" in self._host.allow:
            self._how = "a password"
            return True
        self._tries += 1
        self._note(
            f"login refused: wrong password for {username}" if known is not None else "login refused: no such user"
        )
        if self._tries >= MAX_TRIES:
            raise asyncssh.DisconnectError(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "too many wrong passwords")
        return False

    def public_key_auth_supported(self) -> bool:
        """Keys are taken, too (RFC 4252 section 7)."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Is it one of the user's keys? That the client has the private half is asyncssh's to check."""
        found = key.get_fingerprint()
        self._how = f"the key {found}"
        return found in self._host.keys.get(username, ())

    def auth_completed(self) -> None:
        """The user is in."""
        self._note(f"{self._user} logged in with {self._how}")

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Awaitable[Any]:
        """The client asks for a channel to somewhere."""
        try:
            name = target(dest_host, dest_port, self._host.name)
        except NotForwarded as error:
            self._note(f"{self._user}: not forwarded, {error}")
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, str(error)) from None
        return self._forward(name)

    async def _forward(self, name: str) -> asyncssh.SSHForwarder:
        """Connect to a target; the forwarder that is returned is the channel's end of it."""
        host, _, port = name.partition(":")
        try:
            if name not in self._host.routes:
                raise OSError("nobody listens there")
            async with asyncio.timeout(REACH):
                peer = await self._connect(self._host.routes[name], host == self._host.name)
        except (OSError, TimeoutError) as error:
            reason = f"no connection from {self._host.name} to {host}, port {port} ({error or 'no answer'})"
            self._note(f"{self._user}: {reason}")
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, reason) from None
        self._note(f"{self._user}: forwarded to {host}, port {port}")
        return asyncssh.SSHForwarder(peer)

    async def _connect(self, address: tuple[str, int], to_ourselves: bool) -> asyncssh.SSHForwarder:
        loop = asyncio.get_running_loop()
        if to_ourselves and self._host.within:
            try:
                local = (self._host.within, 0)
                return (await loop.create_connection(asyncssh.SSHForwarder, *address, local_addr=local))[1]
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:  # see Loopback.within
                    raise
        return (await loop.create_connection(asyncssh.SSHForwarder, *address))[1]
