"""Mail clients that open their socket on a host of the lab.

They are Python's own ``poplib.POP3`` and ``smtplib.SMTP``, whole: all that is replaced is the one line in
which each opens its connection, because a lab's host isn't reachable from the machine's own network.
"""

from __future__ import annotations

import poplib
import smtplib
import socket
from collections.abc import Callable

Connect = Callable[[str, int, float], socket.socket]


class POP3(poplib.POP3):
    """``poplib.POP3`` from a host of the lab; ``lab.alice.pop3()`` makes one."""

    def __init__(self, connect: Connect, host: str, port: int, timeout: float) -> None:
        self._connect = connect
        super().__init__(host, port, timeout)

    def _create_socket(self, timeout: float) -> socket.socket:
        return self._connect(self.host, self.port, timeout)


class SMTP(smtplib.SMTP):
    """``smtplib.SMTP`` from a host of the lab; ``lab.alice.smtp()`` makes one."""

    def __init__(self, connect: Connect, host: str, port: int, local_hostname: str, timeout: float) -> None:
        self._connect = connect
        # local_hostname is what EHLO says; without it smtplib would ask the machine's resolver.
        super().__init__(host, port, local_hostname, timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connect(host, port, timeout)
