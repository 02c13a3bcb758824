"""A relay on loopback that writes down what passes, in order: for clients that can't be joined by memory."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Wiretap:
    """Passes one connection on to `target`. .flights is what crossed, (side, bytes), side 0 being the client."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.port: int = self._listener.getsockname()[1]
        self.flights: list[tuple[int, bytes]] = []
        self.heard = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._listener:
            client, _ = self._listener.accept()
        with (
            client,
            socket.create_connection(self._target, timeout=20) as server,
            selectors.DefaultSelector() as chosen,
        ):
            ends = [client, server]
            for side, end in enumerate(ends):
                chosen.register(end, selectors.EVENT_READ, side)
            while chosen.get_map():
                for key, _ in chosen.select(20) or [(None, 0)]:
                    if key is None:
                        return
                    side = key.data
                    with contextlib.suppress(OSError):
                        data = ends[side].recv(1 << 16)
                        if data:
                            with self.heard:
                                self.flights.append((side, data))
                                self.heard.notify_all()
                            ends[1 - side].sendall(data)
                            continue
                        ends[1 - side].shutdown(socket.SHUT_WR)
                    chosen.unregister(ends[side])

    def wait_for_client(self, more_than: int) -> int:
        """Wait until the client has sent more than so many flights; how many there are."""
        with self.heard:
            assert self.heard.wait_for(lambda: self.count() > more_than, 20)
            return self.count()

    def count(self) -> int:
        return sum(1 for side, _ in self.flights if side == 0)

    def join(self) -> None:
        """Wait for the end of the connection."""
        self._thread.join(20)
        assert not self._thread.is_alive()
