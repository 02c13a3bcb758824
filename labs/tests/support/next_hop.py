"""A mail server that takes everything, or stops in the middle, for tests of what brings mail to it."""

from __future__ import annotations

import socket
import threading


class FakeNextHop:
    """Says 250 to everything (354 to DATA), writes down what comes, and falls silent, or hangs up, at a line."""

    def __init__(
        self, greeting: bytes = b"220 fake\r\n", silent_at: bytes = b"nothing", hangs_up: bool = False
    ) -> None:
        self._greeting, self._silent_at, self._hangs_up = greeting, silent_at, hangs_up
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._ended = False
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.lines: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended:
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            sock.settimeout(10)
            self._open.append(sock)
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        try:
            sock.sendall(self._greeting)
            if not self._greeting.endswith(b"\r\n"):
                return
            in_data = False
            with sock.makefile("rb") as file:
                for line in file:
                    self.lines.append(line)
                    if line.upper().startswith(self._silent_at):
                        if self._hangs_up:
                            break
                        continue
                    if not in_data or line == b".\r\n":
                        answer = self.reply(line)
                        in_data = answer.startswith(b"354")
                        sock.sendall(answer)
        except OSError:
            pass
        finally:
            sock.close()

    def reply(self, line: bytes) -> bytes:
        """What it answers to a command, or to a mail's last line."""
        return b"354 go on\r\n" if line.upper() == b"DATA\r\n" else b"250 fine\r\n"

    def __enter__(self) -> FakeNextHop:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()
        self._listener.close()
        for sock in self._open:
            sock.close()
