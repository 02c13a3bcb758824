"""A tunnel as the lab holds it: the process of an SSH client on one host, and the way into it."""

from __future__ import annotations

import poplib
import socket
import weakref
from typing import Any

from ..network import Host
from ..network.clients import POP3, SMTP
from ..servers.child import Child, ServerError
from ..servers.ssh_keys import fingerprint


class TunnelError(ConnectionError):
    """There is no tunnel, or nothing comes through; the text says why."""


class Tunnel:
    """A port on a host's own loopback that leads through an SSH connection to a port of another host.

    ``lab.alice.tunnel("mail", 110, through="bastion")`` makes one. It ends with ``close()``, with its ``with`` block,
    and with the lab.

    Raises:
        TunnelError: wrong host key, wrong password, nobody there …
    """

    def __init__(self, host: Host, through: str, target: tuple[str, int], **config: Any) -> None:
        self._host, self._through, self._target = host, through, target
        try:
            self.client = Child(
                host, ["maillab.clients"], {"name": through, "target": target, **config}, "tunnel", "start it anew"
            )
        except ServerError as error:
            raise TunnelError(str(error)) from None
        weakref.finalize(self, self.client.close).atexit = False  # a cell that is run again; at exit the lab does it

    @property
    def port(self) -> int:
        """The local port, on 127.0.0.1 of the host."""
        return self.client.ports["tunnel"]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the host key that the SSH server showed."""
        return fingerprint(self.client.ask("status")["shown"])

    def connect(self, timeout: float = 10.0) -> socket.socket:
        """A connection to the local port: what is said there comes out at the far end.

        Raises:
            TunnelError: the SSH connection has ended.
        """
        try:
            return self._host.network.connect_within(self._host.info, self.port, timeout)
        except ConnectionRefusedError:
            raise TunnelError(f"The tunnel through {self._through} has ended: start it anew.") from None

    def pop3(self, timeout: float = 10.0) -> POP3:
        """Python's own ``poplib.POP3``, connected to the local port.

        Raises:
            TunnelError: nobody answers at the far end; the SSH server's reason is in the text.
        """
        try:
            return POP3(lambda _host, _port, seconds: self.connect(seconds), "localhost", self.port, timeout)
        except (poplib.error_proto, ConnectionResetError):
            status = self.client.ask("status")
            reason = status["refusal"] or "it hung up at once"
            name, port = self._target
            raise TunnelError(
                f"The tunnel through {self._through} doesn't reach {name}, port {port}: {reason}."
            ) from None

    def smtp(self, timeout: float = 10.0) -> SMTP:
        """Python's own ``smtplib.SMTP``, connected to the local port.

        Raises:
            TunnelError: the SSH connection has ended.
        """
        return SMTP(
            lambda _host, _port, seconds: self.connect(seconds), "localhost", self.port, self._host.info.fqdn, timeout
        )

    def close(self) -> None:
        """End the SSH connection and all that goes through it."""
        self.client.close()

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        name, port = self._target
        return f"<tunnel from {self._host.name}, 127.0.0.1:{self.port}, through {self._through} to {name}, port {port}>"
