"""An SSH client that forwards a local port, as ``ssh -N -L`` does, in a process of its own on a host of the lab.

One SSH connection, however many connections come to the local port: each becomes a channel in it (RFC 4254 sections 5
and 7.2). :mod:`maillab.servers.process` says how to talk to the process. Its configuration::

    {"name": "bastion", "server": ["192.0.2.22", 22], "known": "ssh-ed25519 AAAA…", "check": true,
     "user": "alice", "password": "copper-otter-41", "target": ["mail", 110], "port": 0}

With ``key``, a private key in OpenSSH's format, no password is sent. ``known`` is the host key that the user knows
``name`` by, empty if there's none; with ``check`` false any key will do. ``port``: the local port, 0 for any free one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import asyncssh

from maillab.servers.busy import explain
from maillab.servers.commands import ConfigError, obey
from maillab.servers.ssh_keys import fingerprint

LOCAL = "127.0.0.1"
LOGIN_TIME = 8.0
"""Seconds from the start until the user is in; less than what the lab waits for an answer."""


class SshClient:
    """The client of one tunnel.

    Raises:
        ConfigError: the configuration has a mistake.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        try:
            self.name, self.user = str(config["name"]), str(config["user"])
            self.server = str(config["server"][0]), int(config["server"][1])
            self.target = str(config["target"][0]), int(config["target"][1])
            self.known, self.check = str(config["known"]), bool(config["check"])
            self.password, self.key = config.get("password"), config.get("key")
            self.port = int(config.get("port", 0))
        except (LookupError, TypeError, ValueError) as error:
            raise ConfigError(f"the configuration has a mistake: {error!r} is wrong.") from None
        self.shown = ""  # the host key that the server showed
        self.refusal = ""  # why the last channel wasn't opened
        self._connection: asyncssh.SSHClientConnection

    async def start(self) -> dict[str, int]:
        """Log in, then open the local port.

        Raises:
            ConfigError: one of them isn't possible; the text says why.
        """
        try:
            async with asyncio.timeout(LOGIN_TIME):
                self._connection = await self._log_in()
        except asyncssh.HostKeyNotVerifiable:
            raise ConfigError(self._stranger()) from None
        except asyncssh.PermissionDenied:
            what = "key isn't one that it knows" if self.key else "password is wrong, or there's no such user"
            raise ConfigError(f"{self.name} refused the login as {self.user!r}: the {what}.") from None
        except (OSError, TimeoutError, asyncssh.Error, ValueError) as error:
            reason = str(error) or "no answer"
            raise ConfigError(f"No SSH connection to {self.name} ({reason}): is an SSH server running there?") from None
        try:
            listener = await asyncio.start_server(self._carry, LOCAL, self.port)
        except (OSError, OverflowError) as error:
            problem = error if isinstance(error, OSError) else OSError(str(error))
            raise ConfigError(explain(problem, "tunnel", LOCAL, self.port)) from None
        self._closing = asyncio.create_task(self._close_with_connection(listener))
        return {"tunnel": listener.sockets[0].getsockname()[1]}

    async def _log_in(self) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            *self.server,
            client_factory=lambda: HostKeyCheck(self),
            known_hosts=([], [], []),  # none but ours: HostKeyCheck is asked about every key
            config=[], agent_path=None, gss_auth=False, gss_kex=False,  # nobody's own configuration or keys are used
            username=self.user, password=self.password,
            client_keys=[asyncssh.import_private_key(self.key)] if self.key else None,
            preferred_auth="publickey" if self.key else "password",
        )  # fmt: skip

    def _stranger(self) -> str:
        """What to say when the server isn't the one that we know by this name."""
        shows = f"shows the host key {fingerprint(self.shown)}"
        if not self.known:
            return f"{self.name} {shows}, and is not among the known hosts: nothing was sent to it."
        return (
            f"{self.name} {shows}, but is known by {fingerprint(self.known)}: this is somebody else, or its key was "
            "changed, so no password was sent."
        )

    async def _close_with_connection(self, listener: asyncio.Server) -> None:
        """Without the SSH connection nobody can be carried: the local port closes with it."""
        await self._connection.wait_closed()
        listener.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection through a channel of its own, until both directions have ended."""
        try:
            there = await self._connection.open_connection(*self.target, *writer.get_extra_info("peername")[:2])
        except asyncssh.ChannelOpenError as error:
            self.refusal = error.reason
            writer.close()
            return
        except (OSError, asyncssh.Error):
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(pass_on(reader, there[1]))
                both.create_task(pass_on(there[0], writer))
        except* (OSError, asyncssh.Error):
            pass  # one side broke off
        finally:
            there[1].close()
            writer.close()

    def command(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a line on stdin asks for.

        ====================== ==============================================================================
        request                answer, beside ``"ok": true``
        ====================== ==============================================================================
        ``{"do": "status"}``   ``shown``: the server's host key; ``refusal``: why the last channel wasn't opened,
                               empty if it was; ``ended``: is the SSH connection over?
        ====================== ==============================================================================
        """
        return obey(self, request)

    def _do_status(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"shown": self.shown, "refusal": self.refusal, "ended": self._connection.is_closed()}


class HostKeyCheck(asyncssh.SSHClient):
    """Is this the server that it says it is? Asked before anything secret is sent (RFC 4253 section 8)."""

    def __init__(self, client: SshClient) -> None:
        self._client = client

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Compare the key with the one that we know; who doesn't check believes everybody."""
        self._client.shown = key.export_public_key().decode().strip()
        known = self._client.known
        return not self._client.check or (bool(known) and fingerprint(known) == fingerprint(self._client.shown))


async def pass_on(source: Any, target: Any) -> None:
    """Pass on what comes, until it ends."""
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    with contextlib.suppress(OSError):  # the other side has gone already
        target.write_eof()
