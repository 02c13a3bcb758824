"""A temporary folder that goes with its owner, also when a signal ends the notebook's kernel."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .network.local import apart

CARETAKER = """\
import os, shutil, sys, time
sys.stdin.read()  # ends with our owner, whatever ends it
for _ in range(50):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]):
        break
    time.sleep(0.1)  # a server that ends at the same moment was still writing
"""


class Scratch:
    """A folder that nobody else can read, removed by ``close()`` and in any case at the end of this process.

    At its end a process may be past doing anything (SIGKILL), so another one does it: its stdin is the lifeline, as the
    servers' is. Example::

        with Scratch() as folder:
            (folder / "password").write_text("…")
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="maillab-"))
        argv = [sys.executable, "-I", "-S", "-c", CARETAKER, str(self.path)]
        quiet = subprocess.DEVNULL
        try:
            self._caretaker = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, cwd=self.path.parent, **apart()
            )
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def disown(self) -> None:
        """In a forked child: let go of the lifeline, which is the parent's."""
        assert self._caretaker.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            os.close(self._caretaker.stdin.fileno())

    def close(self) -> None:
        """Remove it."""
        assert self._caretaker.stdin is not None
        with contextlib.suppress(OSError):
            self._caretaker.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._caretaker.wait(10)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()
