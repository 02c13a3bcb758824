"""What only the sandbox promises: true frames, no way out, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scapy.all import ARP, IP, Ether, sniff
from scapy.layers.inet import TCP
from support.proc import listening, processes

from maillab.network.sandbox import Sandbox

pytestmark = [pytest.mark.network, pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")]


def test_frames_have_true_checksums_and_fit_a_cable(sandbox):
    with sandbox.mallory.card() as card:
        sandbox.login()
        packets = sniff(opened_socket=card, timeout=0.3)
    for packet in (p for p in packets if TCP in p):
        assert len(packet) <= 1514
        fresh = packet.copy()
        del fresh[IP].chksum, fresh[TCP].chksum
        assert bytes(Ether(bytes(fresh))) == bytes(packet)


def test_mac_addresses_are_the_labs_and_arp_is_real(sandbox):
    with sandbox.mallory.card() as card:
        sandbox.login()
        packets = sniff(opened_socket=card, timeout=0.3)
    assert ARP in packets[0] and packets[0][ARP].psrc == "192.0.2.10"
    assert {p.src for p in packets} == {"02:00:00:00:00:10", "02:00:00:00:00:25"}


def test_nothing_listens_outside():
    for _ in range(5):  # meanwhile other tests may open a port; not each time
        before = listening()
        sandbox = Sandbox()
        try:
            new = listening() - before
        finally:
            sandbox.close()
        if not new:
            return
    raise AssertionError(new)


def test_no_way_out(sandbox):
    with sandbox.alice.connect("mail", "pop3") as sock:
        sock.recv(100)
        # sockets of the sandbox know its own network only: there is no route to anywhere else
        with pytest.raises(OSError, match=r"unreachable|refused"):
            sandbox.network.connect(sandbox.alice.info, type(sandbox.alice.info)("x", "203.0.113.1", "", ""), 25, 1)


def test_kill_9_leaves_nothing_behind(tmp_path):
    mark = f"sandbox-{os.getpid()}-{time.time_ns()}"
    program = (
        "import sys, time\n"
        "from maillab.network.sandbox import Sandbox\n"
        "from maillab.names import HOSTS\n"
        f"n = Sandbox(); p = n.spawn(HOSTS['mail'], [sys.executable, '-c', 'import time; time.sleep(60)', {mark!r}])\n"
        "print(n._helper.pid, flush=True); time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert child.stdout
    helper = int(child.stdout.readline())
    deadline = time.monotonic() + 5
    while (
        len(processes(mark, "cmdline")) < 2 and time.monotonic() < deadline
    ):  # the program itself, and the child inside
        time.sleep(0.02)
    assert len(processes(mark, "cmdline")) == 2
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and (processes(mark, "cmdline") or Path(f"/proc/{helper}").exists()):
        time.sleep(0.02)
    assert processes(mark, "cmdline") == []
    assert not Path(f"/proc/{helper}").exists()


def test_twenty_at_once_do_not_meet():
    sandboxes = [Sandbox() for _ in range(20)]
    try:
        namespaces = {Path(f"/proc/{s._helper.pid}/ns/net").readlink() for s in sandboxes}
        assert len(namespaces) == 20
        for sandbox in sandboxes:
            sandbox.mode = "switch"
    finally:
        for sandbox in sandboxes:
            sandbox.close()


def test_missing_programs_are_named(monkeypatch):
    from maillab.network.host import RungUnavailable

    monkeypatch.setenv("PATH", "")
    with pytest.raises(RungUnavailable, match="install the package util-linux"):
        Sandbox()


def test_forbidden_namespaces_give_one_sentence(monkeypatch, tmp_path):
    from maillab.network import sandbox as module

    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(module, "unshare", lambda: [str(refusing)])
    with pytest.raises(module.RungUnavailable, match="Operation not permitted"):
        Sandbox()
    monkeypatch.setattr(module, "APPARMOR", tmp_path / "apparmor_restrict_unprivileged_userns")
    module.APPARMOR.write_text("1\n")
    with pytest.raises(module.RungUnavailable, match=r"sudo sysctl kernel\.apparmor_restrict_unprivileged_userns=0"):
        Sandbox()


def test_a_helper_that_hangs_is_given_up(monkeypatch, tmp_path):
    from maillab.network import sandbox as module

    hanging = tmp_path / "unshare"
    hanging.write_text("#!/bin/sh\nexec sleep 30\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(module, "unshare", lambda: [str(hanging)])
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    begun = time.monotonic()
    with pytest.raises(module.RungUnavailable):
        Sandbox()
    assert time.monotonic() - begun < 4
