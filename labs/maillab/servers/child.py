"""A program of the lab that runs as a process on one of its hosts: start it, ask it things, end it.

The process and its owner talk in lines of JSON over its stdin and stdout (:mod:`maillab.servers.process` is the other
side). Its stdin is also its lifeline: when that ends, for whatever reason, the process does too, so nothing survives
the notebook's kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import IO, Any

from ..network import Host

PATIENCE = 10.0
"""Seconds an answer may take; it takes a millisecond, and less than a second to start."""


class ServerError(RuntimeError):
    """The server didn't start, or ended; the text says why and what to do."""


class Child:
    """A running process.

    Args:
        host: where it lives.
        program: the module that it runs, and its arguments.
        config: its first line.
        what: what errors call it.
        cure: what errors advise when it has ended.

    Raises:
        ServerError: it couldn't start; the sentence is its own.
    """

    def __init__(
        self,
        host: Host,
        program: Sequence[str],
        config: dict[str, Any],
        what: str = "mail server",
        cure: str = "start the lab anew",
    ) -> None:
        self.host, self._program, self._config = host, program, config
        self._what, self._cure = what, cure
        self._lock = threading.Lock()
        self._number = 0
        self.ports: dict[str, int] = {}
        self._start()

    def _start(self) -> None:
        self._said: deque[str] = deque(maxlen=20)
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._listener: threading.Thread | None = None
        # -P: a file of the learner's that happens to be called like a module must not become part of the server.
        self._process = self.host.spawn([sys.executable, "-P", "-m", *self._program])
        try:
            # Threads, because a pipe can't be waited for with a time limit on Windows. They don't hold us: when nobody
            # has us any more, the lifeline goes too.
            name, out, errors = f"{self.host.name}'s {self._what}", self._process.stdout, self._process.stderr
            self._listener = threading.Thread(target=_listen, args=(out, self._answers), daemon=True, name=name)
            self._listener.start()
            log = threading.Thread(target=_listen_to_log, args=(errors, self._said), daemon=True, name=f"{name}'s log")
            log.start()
            self.ports = self._exchange(self._config)["ports"]
        except BaseException:  # also the learner's stop button
            self.close()
            raise

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Have the process do something; what it can do is listed with its ``command``.

        Raises:
            ServerError: it can't, or it has ended.
        """
        return self._exchange({"do": do, **details})

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
                raise ServerError(f"The {self._what} didn't answer for {PATIENCE:g} s: {self._cure}.") from None
            except (OSError, ValueError, EOFError):
                last = " ".join(list(self._said)[-1:])
                raise ServerError(f"The {self._what} has ended: {self._cure}. {last}".rstrip()) from None
        if "error" in reply:
            raise ServerError(reply["error"])
        return reply

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
        if self._listener is not None and self._listener.ident:  # the stop button may have come before it started
            self._listener.join(2)  # until its output ends
            if self._listener.is_alive():
                self._process.kill()
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.wait(2)


def _listen(pipe: IO[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    with contextlib.suppress(ValueError, OSError), pipe:
        for line in pipe:
            answers.put(line)
    answers.put(b"")


def _listen_to_log(pipe: IO[bytes], said: deque[str]) -> None:
    with contextlib.suppress(ValueError, OSError), pipe:
        for line in pipe:
            said.append(line.decode(errors="replace").strip())
