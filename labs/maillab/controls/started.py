"""What a lab that has been started consists of, for all that can be done with it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from ..clients.ssh import Computer, Ssh
from ..network.host import Network
from ..servers.handle import ServerHandle
from ..student import Student


class Started:
    """A lab's parts; :class:`maillab.lab.Lab` puts them there."""

    name: str | None
    network: Network
    student: Student
    _hosts: Mapping[str, Computer]
    _server: ServerHandle | None
    """The mail server; None on the replay rung."""
    _others: dict[str, ServerHandle]
    """By host: servers beside the mail server."""
    _ssh: Ssh
    _certificates: Path | None
    """The folder with them; None in a lab without TLS."""
    _closing: contextlib.ExitStack

    @property
    def alice(self) -> Computer:
        return self._hosts["alice"]

    @property
    def mail(self) -> Computer:
        return self._hosts["mail"]

    @property
    def mallory(self) -> Computer:
        return self._hosts["mallory"]

    @property
    def mx(self) -> Computer:
        return self._hosts["mx"]

    @property
    def bastion(self) -> Computer:
        """The gateway for SSH.

        Raises:
            RuntimeError: the lab was started without it.
        """
        if "bastion" not in self._hosts:
            raise RuntimeError("There is no bastion in this lab: start it with Lab(…, bastion=True).")
        return self._hosts["bastion"]

    @property
    def server(self) -> ServerHandle:
        """The mail server's process. On the replay rung there is none.

        Raises:
            RuntimeError: on the replay rung.
        """
        if self._server is None:
            raise RuntimeError("There is no server on the replay rung, only what one said when this was recorded.")
        return self._server
