"""Keys and mail on disk: nobody else reads them, and they go with the lab, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.rungs import RUNGS, lab_on

from maillab import scratch
from maillab.clients.ssh import Ssh
from maillab.scratch import Scratch
from maillab.servers.certificates import issue

START = """\
import sys, time
from maillab import Lab
lab = Lab(rung=sys.argv[1], tls=True, mx=True)
print(lab.certificates.parent, flush=True)
time.sleep(60)
"""


def gone(path: Path) -> bool:
    deadline = time.monotonic() + 20
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not path.exists()


@pytest.mark.network
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="not in CI: POSIX signals")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("rung", RUNGS)
def test_a_signal_ends_the_kernel(rung, name) -> None:
    lab_on(rung).close()
    kernel = subprocess.Popen(
        [sys.executable, "-c", START, rung], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with kernel:
        assert kernel.stdout
        folder = Path(kernel.stdout.readline().strip())
        assert folder.is_absolute() and {path.name for path in folder.iterdir()} == {"certificates", "spool"}
        os.killpg(kernel.pid, getattr(signal, name))
    assert gone(folder)


@pytest.mark.network
def test_it_goes_with_the_lab() -> None:
    with lab_on("tap", tls=True, mx=True) as lab:
        folder = lab.certificates.parent
        assert folder.is_dir()
    assert not folder.exists()


def test_the_stop_button_while_it_is_made_or_removed(monkeypatch, tmp_path) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    made = Scratch()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(made._caretaker, "wait", stop)
        made.close()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(scratch.subprocess, "Popen", stop)
        Scratch()
    assert gone(made.path) and list(tmp_path.iterdir()) == []
    made.close()


def test_the_stop_button_while_ssh_ends() -> None:
    class Process:
        closed = False

        def close(self) -> None:
            self.closed = True
            raise KeyboardInterrupt

    ssh = Ssh(None, {}, list)  # type: ignore[arg-type]
    ssh.servers = {name: Process() for name in ("mail", "bastion")}  # type: ignore[misc]
    with pytest.raises(KeyboardInterrupt):
        ssh.close()
    assert [process.closed for process in ssh.servers.values()] == [True, True]


@pytest.mark.skipif(sys.platform == "win32", reason="not in CI: Windows has no such modes")
def test_only_the_owner_reads_a_key(tmp_path) -> None:
    before = os.umask(0)
    try:
        issue(tmp_path, ["mail", "mx"])
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert len(modes) == 10 and modes.pop("ca.pem") and set(modes.values()) == {0o600}
