"""A process inside the sandbox, as the learner's own process holds it."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from .sandbox import Sandbox


class Spawned:
    """A process inside the sandbox, seen from outside: three pipes and a number."""

    def __init__(self, sandbox: Sandbox, pid: int, fds: list[int]) -> None:
        self._sandbox, self.pid = sandbox, pid
        self.stdin: IO[bytes] | None = os.fdopen(fds[0], "wb")
        self.stdout: IO[bytes] | None = os.fdopen(fds[1], "rb")
        self.stderr: IO[bytes] | None = os.fdopen(fds[2], "rb")

    def kill(self) -> None:
        self._sandbox.kill(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, which shows as the end of its output (its exit code stays inside)."""
        assert self.stdout is not None
        while not self.stdout.closed and select.select([self.stdout], [], [], timeout)[0]:
            if not self.stdout.read1(65536):  # type: ignore[attr-defined]
                return 0
        if self.stdout.closed:
            return 0
        raise subprocess.TimeoutExpired("a server of the lab", timeout or 0)

    def close(self) -> None:
        """Let go of the pipes."""
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what is still to be written finds nobody any more
                    pipe.close()
