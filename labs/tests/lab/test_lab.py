"""The lab as a learner holds it: up in a moment, complete captures, gone without a trace."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from scapy.all import sniff
from scapy.layers.inet import TCP
from support.proc import listening, processes
from support.rungs import RUNGS, lab_on

from maillab import Lab, follow
from maillab.network import RungUnavailable
from maillab.servers.handle import ServerError

pytestmark = pytest.mark.network


@pytest.fixture(params=RUNGS)
def rung(request):
    lab_on(request.param).close()
    return request.param


def read_one(lab: Lab) -> None:
    alice = lab.student.accounts["alice"]
    box = lab.alice.pop3()
    box.user(alice.name)
    box.pass_(alice.password)
    box.retr(1)
    box.quit()


def test_fifty_captures_in_a_row_are_complete(rung):
    with Lab(allow="plaintext_login", rung=rung) as lab:
        mail = lab.student.mails("alice")[0]
        for _ in range(50):
            with lab.capture() as heard:
                read_one(lab)
            flags = [str(p[TCP].flags) for p in heard.packets if TCP in p]
            ended = {p[TCP].sport for p in heard.packets if TCP in p and "F" in str(p[TCP].flags)}
            assert flags[:3] == ["S", "SA", "A"] and len(ended) == 2, flags  # a FIN may come twice
            assert heard.dropped == 0
            (conversation,) = follow(heard)
            assert conversation.complete and not conversation.gaps
            assert [turn.message for turn in conversation.turns if turn.kind == "mail"] == [mail]


def test_student_decides_the_passwords(rung):
    with Lab(allow="plaintext_login", rung=rung, student="s-1") as lab:
        read_one(lab)
        assert lab.student.password("alice") != Lab(rung="tap").student.password("alice")


def test_strict_by_default(rung):
    import poplib

    with Lab(rung=rung) as lab, pytest.raises(poplib.error_proto, match="-ERR"):
        read_one(lab)


def test_unknown_weakness_is_named():
    with pytest.raises(ServerError, match="plaintext_login"):
        Lab(allow="everything", rung="tap")


def test_a_lab_out_of_reach_is_closed():
    lab = Lab(rung="tap")
    server = lab.server._process
    del lab
    gc.collect()
    assert server.wait(2) == 0


def test_closing_twice_is_fine_and_said():
    lab = Lab(rung="tap")
    lab.close()
    lab.close()
    assert "has ended" in repr(lab) and "has ended" in lab._repr_mimebundle_()["text/plain"]


def test_the_card_says_rung_reason_and_weakness():
    with Lab(allow="plaintext_login", rung="tap") as lab:
        for text in ("tap", "relay recorded", "plaintext_login", "guest", "192.0.2.66"):
            assert text in repr(lab) and text in lab._repr_mimebundle_()["text/html"]


def test_steps_down_and_says_why(monkeypatch):
    from maillab.network import rungs

    def forbidden(*_):
        raise RungUnavailable("not today")

    monkeypatch.setattr(rungs, "Sandbox", forbidden)
    monkeypatch.setattr(rungs, "Loopback", forbidden)
    monkeypatch.delenv("MAILLAB_RUNG", raising=False)
    with Lab() as lab:
        assert lab.rung == "tap"
        assert "no sandbox: not today; no loopback: not today." in repr(lab)


def test_a_server_that_is_gone_is_one_sentence():
    with Lab(rung="tap") as lab:
        lab.server._process.kill()
        with pytest.raises(ServerError, match="start the lab anew"):
            lab.log()


def test_reset_puts_the_mails_back():
    with Lab(allow="plaintext_login", rung="tap") as lab:
        alice = lab.student.accounts["alice"]
        box = lab.alice.pop3()
        box.user(alice.name)
        box.pass_(alice.password)
        box.dele(1)
        box.quit()
        assert len(lab.server.ask("mails", user="alice")["mails"]) == 2
        lab.reset()
        assert len(lab.server.ask("mails", user="alice")["mails"]) == 3


def test_a_saved_capture_says_how_it_came_about(tmp_path):
    with Lab(allow="plaintext_login", rung="tap") as lab, lab.capture() as heard:
        read_one(lab)
    path = heard.save(tmp_path / "mine.pcapng")
    assert b"a relay recorded them" in path.read_bytes()
    assert len(follow(path)) == 1


def test_a_capture_waits_for_no_connection_that_stays_open():
    with Lab(allow="plaintext_login", rung="tap") as lab:
        began = time.monotonic()
        with lab.capture() as heard:
            box = lab.alice.pop3()
        assert time.monotonic() - began < 2.5 and len(heard) == 5
        box.quit()


def test_foreign_traffic_on_loopback_neither_shows_nor_hangs():
    try:
        lab = Lab(allow="plaintext_login", rung="loopback")
    except RungUnavailable as error:
        pytest.skip(f"not in CI: {error}")
    stop = threading.Event()

    def noise() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not stop.is_set():
                sock.sendto(b"noise", ("127.0.0.1", 9))
                time.sleep(0.0005)

    thread = threading.Thread(target=noise)
    thread.start()
    try:
        with lab:
            began = time.monotonic()
            with lab.capture() as heard:
                read_one(lab)
            assert time.monotonic() - began < 2
            assert all(TCP in packet for packet in heard.packets)
    finally:
        stop.set()
        thread.join()


PROGRAM = """
import json, sys, time
from maillab import Lab
lab = Lab(allow="plaintext_login", rung=sys.argv[1])
print(json.dumps({"ready": True}), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="not in CI: needs /proc")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_kernel_dies_nothing_is_left_after_two_seconds(rung, signum):
    mark = f"MAILLAB_MARK={os.getpid()}-{time.time_ns()}"
    name, _, value = mark.partition("=")
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, rung], stdout=subprocess.PIPE, env={**os.environ, name: value}
    )
    assert child.stdout and json.loads(child.stdout.readline())["ready"]
    assert len(processes(mark, "environ")) >= 2
    child.send_signal(signum)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 2
    while processes(mark, "environ") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes(mark, "environ") == []


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="not in CI: process groups are POSIX")
def test_an_interrupt_stops_the_cell_and_not_the_lab(rung):
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, rung], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    assert child.stdout and json.loads(child.stdout.readline())["ready"]
    os.killpg(child.pid, signal.SIGINT)  # what Jupyter's stop button does
    said, _ = child.communicate(timeout=20)
    assert said.strip() == "interrupted, and the server still says +OK"


INTERRUPTED = """
import json, signal, sys, time
from maillab import Lab
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
lab = Lab(allow="plaintext_login", rung=sys.argv[1])
try:
    print(json.dumps({"ready": True}), flush=True)
    time.sleep(20)
except KeyboardInterrupt:
    print("interrupted, and the server still says", lab.alice.pop3().getwelcome()[:3].decode())
"""


def test_twenty_labs_at_once(rung):
    labs = [Lab(allow="plaintext_login", rung=rung, student=f"student {n}") for n in range(20)]
    try:
        for lab in labs:
            with lab.capture() as heard:
                read_one(lab)
            said = b"".join(frame.data for frame in heard.frames)
            own = [other.student.id for other in labs if other.student.password("alice").encode() in said]
            assert own == [lab.student.id]
    finally:
        for lab in labs:
            lab.close()


def test_in_a_notebook_a_cell_run_again_starts_over(monkeypatch):
    from maillab import lab as module

    monkeypatch.setattr(module, "in_notebook", lambda: True)
    first = Lab("01", allow="plaintext_login", rung="tap")
    with Lab("01", rung="tap") as strict:  # another kind of lab: both stay
        assert first.running and strict.running
        assert module.newest("01") is first, "exercises ask the one that takes logins"
    with Lab("03", allow="plaintext_login", rung="tap") as other:
        assert module.newest("01") is first and module.newest("03") is other
    second = Lab("01", allow="plaintext_login", rung="tap")
    assert not first.running and module.newest() is second
    second.close()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="not in CI: needs /proc")
def test_only_127_0_0_1_is_listened_on_and_in_the_sandbox_not_even_that(rung):
    before = listening()
    with Lab(allow="plaintext_login", rung=rung) as lab, lab.capture():
        mine = {lab.server.ports[service] for service in lab.server.ports}
        opened = {where for where in listening() - before if int(where.rpartition(":")[2], 16) in mine}
        assert opened == (set() if rung == "sandbox" else {f"0100007F:{port:04X}" for port in mine})


def test_a_host_of_a_lab_that_has_ended_says_so(rung):
    lab = Lab(rung=rung)
    alice, card = lab.alice, lab.mallory.card()
    lab.close()
    for use in (alice.card, alice.pop3, lambda: alice.connect("mail", "smtp")):
        with pytest.raises(ConnectionError, match="run the cell that starts it again"):
            use()
    assert alice.ip
    with contextlib.suppress(ConnectionError):  # one sentence, where the card went with the lab
        assert sniff(opened_socket=card, timeout=0.1) is not None


def python(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60)


def test_nothing_that_only_linux_has_is_imported():
    """What Windows would meet: no fcntl, no AF_PACKET; the lab still comes up, on the tap."""
    done = python(
        "import sys, socket, scapy.all\n"
        "sys.modules['fcntl'] = None; del socket.AF_PACKET\n"
        "import maillab.network.sandbox as s; s.sys = type('S', (), {'platform': 'win32', 'executable': ''})\n"
        "import maillab.network.loopback as l\n"
        "def no(keep): raise l.RungUnavailable('no Npcap')\n"
        "l.linux_card = no\n"
        "from maillab import Lab\n"
        "with Lab() as lab: print(lab.rung, lab.alice.pop3().getwelcome())\n"
    )
    assert done.stdout.startswith("tap b'+OK"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="not in CI: fork is POSIX")
def test_a_forked_child_neither_ends_the_lab_nor_keeps_it_alive(rung):
    done = python(
        "import os, sys, time\n"
        "from maillab import Lab\n"
        "lab = Lab(allow='plaintext_login', rung=sys.argv[1])\n"
        "pid = os.fork()\n"
        "if pid == 0: sys.exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print(lab.alice.pop3().getwelcome()[:3].decode())\n",
        rung,
    )
    assert done.stdout.strip() == "+OK", done.stderr


def test_an_interrupt_in_the_middle_of_a_request_spoils_no_later_answer(monkeypatch, rung):
    from maillab.network import sandbox as module

    with Lab(allow="plaintext_login", rung=rung) as lab:
        answers, real = lab.server._answers, lab.server._answers.get
        monkeypatch.setattr(lab.server, "_answers", Stopped(real))
        with pytest.raises(KeyboardInterrupt):
            lab.log()
        monkeypatch.setattr(lab.server, "_answers", answers)
        assert "on" in lab.server.ask("allow", switches=["plaintext_login"])
        assert len(lab.server.ask("mails", user="alice")["mails"]) == 3
        if rung == "sandbox":
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(module.socket, "recv_fds", stop)
                lab.mallory.card()
            with lab.capture() as heard:
                read_one(lab)
            assert len(heard) > 10


class Stopped:
    """A queue at which the learner presses the stop button."""

    def __init__(self, get) -> None:
        self.get = stop


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


class StoppedThread(threading.Thread):
    """The learner presses the stop button when the second of a server's two is to start."""

    def start(self) -> None:
        if self.name.endswith("'s log"):
            raise KeyboardInterrupt
        super().start()


@pytest.mark.parametrize("when", ["starting to listen", "waiting for the answer"])
def test_an_interrupt_while_the_lab_starts_leaves_nothing_running(monkeypatch, rung, when):
    from maillab import lab as module
    from maillab.servers import child

    before = set(threading.enumerate())  # with those of the tests before this one, some on their way out
    mark = f"MAILLAB_MARK={os.getpid()}-{time.time_ns()}"
    name, _, value = mark.partition("=")
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "save", None)
    if when == "starting to listen":
        monkeypatch.setattr(child, "threading", SimpleNamespace(Thread=StoppedThread, Lock=threading.Lock))
    else:
        monkeypatch.setattr(module.ServerHandle, "_exchange", stop)
    with pytest.raises(KeyboardInterrupt):
        Lab("01", rung=rung)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and (processes(mark, "environ") or set(threading.enumerate()) - before):
        time.sleep(0.02)
    assert processes(mark, "environ") == [] and set(threading.enumerate()) - before == set()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="not in CI: POSIX signals")
def test_a_server_that_hangs_is_given_up(monkeypatch):
    from maillab.servers import handle

    monkeypatch.setattr(handle, "PATIENCE", 0.3)
    with Lab(rung="tap") as lab:
        os.kill(lab.server._process.pid, signal.SIGSTOP)
        with pytest.raises(ServerError, match="didn't answer"):
            lab.log()


def test_a_capture_that_the_lab_ends_under_says_so(rung, capfd):
    lab = Lab(allow="plaintext_login", rung=rung)
    heard = lab.capture().start()
    read_one(lab)
    time.sleep(0.1)
    lab.close()
    time.sleep(0.2)  # for the listener to notice
    heard.stop()
    assert len(heard) > 10
    if rung != "sandbox":  # where the device outlives the lab for a moment
        assert "cut short because the lab ended" in repr(heard)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("lesson", ["1", 1, "../x", "011"])
def test_a_lesson_has_two_digits(lesson):
    with pytest.raises(ValueError, match="two digits"):
        Lab(lesson, rung="tap")


@pytest.mark.parametrize("student", ["a\nb", "\udcff", "x" * 201])
def test_a_student_id_is_printable(student):
    with pytest.raises(ValueError, match="printable"):
        Lab(rung="tap", student=student)


def test_thirty_labs_one_after_the_other_leave_no_trace(rung):
    Lab(rung=rung).close()
    gc.collect()
    before = open_files()
    for _ in range(30):
        with Lab(allow="plaintext_login", rung=rung) as lab, lab.capture():
            read_one(lab)
    gc.collect()
    deadline = time.monotonic() + 3
    while threading.active_count() > 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert open_files() <= before


def open_files() -> int:
    place = Path("/proc/self/fd")
    return sum(1 for _ in place.iterdir()) if place.exists() else 0
