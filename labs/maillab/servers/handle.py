"""The lab's side of a server process: start it on a host, ask it things, end it.

The process and this handle talk in lines of JSON over its stdin and stdout. Its stdin is also its lifeline: when
that ends, for whatever reason, the process does too, so no server survives the notebook's kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any

from ..network import Host, Network

PATIENCE = 10.0
"""Seconds an answer may take; it takes a millisecond, and less than a second to start."""


class ServerError(RuntimeError):
    """The server didn't start, or ended; the text says why and what to do."""


class ServerHandle:
    """A running server process on one host of the lab.

    Args:
        more: what else its configuration says, such as ``domain``, ``spool`` and ``next_hop``; see process.py.

    Raises:
        ServerError: it couldn't start, a busy port for instance.
    """

    def __init__(
        self,
        host: Host,
        network: Network,
        services: dict[str, int],
        student: str,
        allow: list[str],
        accounts: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        address, well_known = network.bind_to(host.info)
        self._host, self._network = host, network
        self._lock = threading.Lock()
        self._number = 0
        self._config = {
            "host": host.name,
            "address": address,
            "ports": {name: port if well_known else 0 for name, port in services.items()},
            "student": student,
            "allow": allow,
            **({} if accounts is None else {"accounts": accounts}),
            **more,
        }
        self._start()

    def _start(self) -> None:
        host = self._host
        # -P: a file of the learner's that happens to be called like a module must not become part of the server.
        self._process = host.spawn([sys.executable, "-P", "-m", "maillab.servers"])
        self._said: deque[str] = deque(maxlen=20)
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # Threads, because a pipe can't be waited for with a time limit on Windows.
        self._listener = threading.Thread(target=self._listen, daemon=True, name=f"{host.name}'s servers")
        self._listener.start()
        threading.Thread(target=self._listen_to_log, daemon=True, name=f"{host.name}'s log").start()
        try:
            self.ports: dict[str, int] = self._exchange(self._config)["ports"]
        except BaseException:  # also the learner's stop button
            self.close()
            raise
        for name, port in self.ports.items():
            self._network.publish(host.info, name, port)

    def restart(self) -> None:
        """End the process and start it again, on the same ports, with the switches as they are now.

        What it keeps on disk is there again, if it has a spool; what it has in memory is not.

        Raises:
            ServerError: it couldn't start.
        """
        deadline = time.monotonic() + PATIENCE / 2
        with contextlib.suppress(ServerError):  # it has crashed: all the more reason
            # A mail just being passed on would arrive twice if we cut in between the next server's 250 and its note.
            while self.ask("hold", held=True)["busy"] and time.monotonic() < deadline:
                time.sleep(0.02)
        self.close()
        self._config["ports"] = self.ports
        self._start()

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Have the server do something; what it can do is listed in ``maillab.servers.mailhost``.

        Raises:
            ServerError: it can't, or it has ended.
        """
        answer = self._exchange({"do": do, **details})
        if do == "allow":
            self._config["allow"] = answer["on"]
        elif do == "tls":
            self._config["tls"] |= answer["tls"]
        elif do == "next_hop":
            self._config["next_hop_tls"] = answer["tls"]
        return answer

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        """One request, one answer. They are numbered, because a stop button may have left an older answer unread."""
        with self._lock:
            self._number += 1
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps({**message, "number": self._number}).encode() + b"\n")
                self._process.stdin.flush()
                reply: dict[str, Any] = {}
                while reply.get("number") != self._number:
                    line = self._answers.get(timeout=PATIENCE)
                    if not line:
                        raise EOFError
                    reply = json.loads(line)
            except queue.Empty:
                raise ServerError(f"The mail server didn't answer for {PATIENCE:g} s: start the lab anew.") from None
            except (OSError, ValueError, EOFError):
                last = " ".join(list(self._said)[-1:])
                raise ServerError(f"The mail server has ended: start the lab anew. {last}".rstrip()) from None
        if "error" in reply:
            raise ServerError(reply["error"])
        return reply

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, OSError), self._process.stdout:
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put(b"")

    def _listen_to_log(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, OSError), self._process.stderr:
            for line in self._process.stderr:
                self._said.append(line.decode(errors="replace").strip())

    def disown(self) -> None:
        """In a forked child: let go of the lifeline, which is the parent's."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                os.close(self._process.stdin.fileno())

    def close(self) -> None:
        """End it: its stdin closes, and what doesn't go by itself is killed."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._listener.join(2)  # until its output ends
        if self._listener.is_alive():
            self._process.kill()
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.wait(2)
