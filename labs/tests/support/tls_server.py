"""A server with something in the clear behind its "begin TLS", for tests of clients."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path


class HalfTls:
    """Greets, offers STARTTLS to EHLO, answers STLS or STARTTLS with ``begin``, goes over to TLS, and then says
    ``250 over TLS`` or ``+OK over TLS`` to each line. One connection."""

    def __init__(self, certificate: Path, greeting: bytes, begin: bytes) -> None:
        self._greeting, self._begin, self._certificate = greeting, begin, certificate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """For the lab's clients."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            sock.settimeout(10)
            sock.sendall(self._greeting)
            if self._greeting.startswith(b"220"):
                self._until(sock, (b"EHLO", b"STARTTLS"))
            else:
                self._until(sock, (b"STLS",))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            with context.wrap_socket(sock, server_side=True) as secure:
                while said := secure.recv(4096):
                    code = b"+OK" if self._greeting.startswith(b"+OK") else b"354" if said == b"data\r\n" else b"250"
                    secure.sendall(code + b" over TLS\r\n")

    def _until(self, sock: socket.socket, verbs: tuple[bytes, ...]) -> None:
        while True:
            line = sock.recv(4096)
            if line.startswith(verbs[-1]) or not line:
                sock.sendall(self._begin)
                return
            sock.sendall(b"250-fake\r\n250 STARTTLS\r\n")

    def __enter__(self) -> HalfTls:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._thread.join(10)
