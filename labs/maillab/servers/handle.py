"""The lab's side of a server process: start it on a host, ask it things, end it.

The process and this handle talk in lines of JSON over its stdin and stdout. Its stdin is also its lifeline: when
that ends, for whatever reason, the process does too, so no server survives the notebook's kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from typing import Any

from ..network import Host, Network

PATIENCE = 10.0


class ServerError(RuntimeError):
    """The server didn't start, or ended; the text says why and what to do."""


class ServerHandle:
    """A running server process on one host of the lab.

    Raises:
        ServerError: it couldn't start, a busy port for instance.
    """

    def __init__(self, host: Host, network: Network, services: dict[str, int], student: str, allow: list[str]) -> None:
        address, well_known = network.bind_to(host.info)
        self._lock = threading.Lock()
        self._process = host.spawn([sys.executable, "-m", "maillab.servers"])
        self._said: deque[str] = deque(maxlen=20)
        threading.Thread(target=self._listen_to_log, daemon=True, name=f"log of {host.name}").start()
        config = {
            "host": host.name,
            "address": address,
            "ports": {name: port if well_known else 0 for name, port in services.items()},
            "student": student,
            "allow": allow,
        }
        try:
            self.ports: dict[str, int] = self._exchange(config)["ports"]
        except ServerError:
            self.close()
            raise
        for name, port in self.ports.items():
            network.publish(host.info, name, port)

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Have the server do something; what it can do is listed in ``maillab.servers.process``."""
        return self._exchange({"do": do, **details})

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            assert self._process.stdin is not None and self._process.stdout is not None
            try:
                self._process.stdin.write(json.dumps(message).encode() + b"\n")
                self._process.stdin.flush()
                line = self._process.stdout.readline()
            except (OSError, ValueError):
                line = b""
        if not line:
            raise ServerError("The mail server has ended: start the lab anew. " + " ".join(list(self._said)[-2:]))
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise ServerError(reply["error"])
        return reply

    def _listen_to_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said.append(line.decode(errors="replace").strip())

    def close(self) -> None:
        """End it: its stdin closes, and what doesn't go by itself is killed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(2)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
        for pipe in (self._process.stdout,):
            if pipe is not None:
                pipe.close()
