"""Mail clients that open their socket on a host of the lab.

They are Python's own ``poplib.POP3``, ``smtplib.SMTP`` and their siblings for TLS, whole: all that is replaced is the
one line in which each opens its connection, because a lab's host isn't reachable from the machine's own network.
"""

from __future__ import annotations

import poplib
import smtplib
import socket
import ssl
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


class POP3S(poplib.POP3_SSL):
    """``poplib.POP3_SSL`` from a host of the lab; ``lab.alice.pop3s(…)`` makes one."""

    def __init__(self, connect: Connect, host: str, port: int, timeout: float, context: ssl.SSLContext) -> None:
        self._connect, self._context = connect, context
        super().__init__(host, port, timeout=timeout, context=context)

    def _create_socket(self, timeout: float) -> socket.socket:
        return wrap(self._connect(self.host, self.port, timeout), self._context, self.host)


class SMTPS(smtplib.SMTP_SSL):
    """``smtplib.SMTP_SSL`` from a host of the lab; ``lab.alice.smtps(…)`` makes one."""

    def __init__(
        self, connect: Connect, host: str, port: int, local_hostname: str, timeout: float, context: ssl.SSLContext
    ) -> None:
        self._connect, self._context = connect, context
        super().__init__(host, port, local_hostname, timeout=timeout, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return wrap(self._connect(host, port, timeout), self._context, host)


def wrap(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """The handshake; when it fails the connection is closed.

    Raises:
        ssl.SSLError: it failed; ``ssl.SSLCertVerificationError`` if the certificate is to blame.
    """
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
