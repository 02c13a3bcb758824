"""The sandbox rung: four hosts in network namespaces, on Linux, for an ordinary user.

Everything is real here: Ethernet, ARP, TCP, the ports 25, 110 and 587, and the frames. A helper process
(``sandbox_helper.py``) lives inside; sockets are opened there and handed out over a Unix socket
(``socket.recv_fds``, ``man 7 unix``: SCM_RIGHTS). A socket keeps belonging to the network in which it was
opened, so Python's own ``poplib`` and Scapy work with it in this process, which needs no privilege at all.
No packet can leave: none of these networks has a way out.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scapy.layers.l2 import ARP, Ether

from ..names import BEHIND_GATE, GATE, GATE_INSIDE, Name
from .cabling import cables
from .card import Card
from .host import Network, RungUnavailable, nobody_listens
from .spawned import Spawned
from .wire import WireCard

HELPER = Path(__file__).with_name("sandbox_helper.py")
"""Not imported: it can't be on Windows, and has to run where the standard library is all there is."""
ROUTER = Path(__file__).with_name("nat.py")
"""Runs on the host ``gate``."""

PATIENCE = 10.0
"""Seconds the sandbox may take to answer; it needs a few milliseconds, and up to a second to be built."""
LONGEST = 1 << 16
"""Bytes in a request or an answer."""
GONE = "The lab's network has ended: run the cell that starts the lab again."


class Sandbox(Network):
    """Network namespaces on one bridge; with ``nat`` two of them on another one, and a router in between.

    Raises:
        RungUnavailable: not Linux, ``unshare`` or ``ip`` missing, or user namespaces forbidden.
    """

    rung = "sandbox"
    apart = True
    real = "Everything is real: hosts, Ethernet, ports and frames, in a network of your own with no way out."

    def __init__(self, nat: bool = False, more: Mapping[str, Name] | None = None) -> None:
        if sys.platform != "linux":
            raise RungUnavailable("the sandbox needs Linux")
        for program, package in (("unshare", "util-linux"), ("ip", "iproute2")):
            if not shutil.which(program):
                raise RungUnavailable(f"the program {program!r} is missing: install the package {package}")
        self._lock = threading.Lock()
        self._number = 0
        self._router: Spawned | None = None
        self._borrowed: dict[str, list[str]] = {}
        if nat:
            self.names = BEHIND_GATE
            self.gate = (
                f"{GATE.ip}  {GATE.role}: the mail server sees this one for both "
                f"(on their side gate is {GATE_INSIDE.ip})"
            )
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE)
        with theirs:
            self._helper = subprocess.Popen(
                [*unshare(), sys.executable, "-I", "-S", str(HELPER), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Jupyter's interrupt goes to our process group, not to the lab
            )
        try:
            self._ask({"do": "build", "cables": cables(nat, {**self.names, **(more or {})})})
            if nat:
                self._start_router()
        except TimeoutError:
            self.close()
            raise RungUnavailable(f"the network wasn't up within {PATIENCE:g} seconds: try again") from None
        except OSError as error:
            said = self._last_words()
            raise RungUnavailable(f"this system forbids networks of one's own ({said or error}{cure()})") from None
        except BaseException:  # the learner's stop button
            self.close()
            raise

    def _last_words(self) -> str:
        """End the helper; what it, or ``unshare``, said last on stderr."""
        assert self._helper.stderr is not None
        self.take_down(keep_stderr=True)
        with self._helper.stderr:
            said = self._helper.stderr.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else ""

    def _ask(self, request: dict[str, Any], fds: Sequence[int] = ()) -> tuple[dict[str, Any], list[int]]:
        """Have the helper do something; gives its answer and the sockets that came with it.

        Requests are numbered, because a stop button or a time-out may have left an older answer unread.
        """
        with self._lock:
            self._number += 1
            message = json.dumps({**request, "number": self._number}).encode()
            if len(message) > LONGEST:
                raise OSError(f"a request to the sandbox has at most {LONGEST:,} bytes, this one {len(message):,}")
            try:
                socket.send_fds(self._control, [message], list(fds))
                while True:
                    data, received, _, _ = socket.recv_fds(self._control, LONGEST, 3)
                    reply: dict[str, Any] = json.loads(data) if data else {"error": GONE, "number": self._number}
                    if reply["number"] == self._number:
                        break
                    for fd in received:
                        os.close(fd)
            except (BrokenPipeError, ConnectionError):
                raise ConnectionError(GONE) from None
        if "error" in reply:
            raise OSError(reply["error"])
        for fd in received:
            os.set_inheritable(fd, False)
        return reply, received

    def bind_to(self, host: Name) -> tuple[str, bool]:
        return host.ip, True

    def route(self, source: Name, target: Name, port: int) -> tuple[str, int]:
        return target.ip, port

    def connect(self, source: Name, target: Name, port: int, timeout: float) -> socket.socket:
        try:
            return self._connect(source, (target.ip, port), timeout, self._borrowed.get(source.name, [])[-1:])
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                raise nobody_listens(target, port) from None
            raise

    def connect_within(self, host: Name, port: int, timeout: float) -> socket.socket:
        return self._connect(host, ("127.0.0.1", port), timeout, [])

    def _connect(self, source: Name, address: tuple[str, int], timeout: float, taken: list[str]) -> socket.socket:
        """``taken``: the address to come from, if it isn't the host's own."""
        _, (fd,) = self._ask({"do": "socket", "host": source.name})
        sock = socket.socket(fileno=fd)
        try:
            sock.settimeout(timeout)
            if taken:
                sock.bind((taken[0], 0))
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock

    def listen(self, host: Name, port: int) -> socket.socket:
        try:
            _, (fd,) = self._ask({"do": "listen", "host": host.name, "port": port})
        except ConnectionError:
            raise
        except OSError as error:
            raise OSError(f"Nobody else can listen on {host.name}, port {port}, now ({error}).") from None
        return socket.socket(fileno=fd)

    def spawn(self, host: Name, argv: Sequence[str]) -> Spawned:
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        try:
            reply, _ = self._ask({"do": "spawn", "host": host.name, "argv": list(argv)}, theirs)
        except BaseException:
            for fd in ours:
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        return Spawned(self, reply["pid"], ours)

    def card(self, host: Name) -> Card:
        _, (fd,) = self._ask({"do": "card", "host": host.name})
        return WireCard(socket.socket(fileno=fd), host, self.names)

    def ip(self, host: Name, *commands: str) -> None:
        self._ask({"do": "ip", "host": host.name, "commands": commands})

    def borrowed(self, host: Name) -> list[str]:
        return self._borrowed.setdefault(host.name, [])

    def plug(self, host: Name, plugged: bool) -> None:
        self._ask({"do": "plug", "host": host.name, "plugged": plugged})

    def announce(self, host: Name, address: str) -> None:
        with self.card(host) as card:
            card.send(Ether() / ARP(op="who-has", psrc=address, pdst=address))

    def _start_router(self) -> None:
        program = [sys.executable, "-I", "-S", str(ROUTER), GATE_INSIDE.ip, GATE.ip]
        self._router = self.spawn(GATE, program)
        self.nat_table()  # it answers when it is up

    def nat_table(self) -> list[dict[str, str]]:
        if self._router is None:
            raise RuntimeError("There is no router in this lab: start it with Lab(…, nat=True).")
        asked, answered = self._router.stdin, self._router.stdout
        assert asked and answered
        if self.ended:
            raise ConnectionError(GONE)
        with self._lock:
            try:
                asked.write(b"\n")
                asked.flush()
                if not select.select([answered], [], [], PATIENCE)[0]:
                    raise TimeoutError("The lab's router doesn't answer: start the lab anew.")
                rows: list[dict[str, str]] = json.loads(answered.readline())
            except (BrokenPipeError, json.JSONDecodeError):
                raise ConnectionError("The lab's router has ended: start the lab anew.") from None
        return rows

    def rewire(self, mode: str) -> None:
        self._ask({"do": "mode", "mode": mode})
        for name, taken in self._borrowed.items():  # a switch learns from the hosts' announcements
            for address in taken:
                self.announce(self.names[name], address)

    def kill(self, pid: int) -> None:
        """End a process inside, by its number there."""
        with contextlib.suppress(OSError):
            self._ask({"do": "kill", "pid": pid})

    def disown(self) -> None:
        self._control.close()

    def take_down(self, keep_stderr: bool = False) -> None:
        self._control.close()
        if self._router:
            self._router.close()
        try:
            self._helper.wait(2)
        except subprocess.TimeoutExpired:
            self._helper.kill()
            self._helper.wait()
        if self._helper.stderr and not keep_stderr:
            self._helper.stderr.close()


APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


def cure() -> str:
    """What would help on Ubuntu 24.04 and later, whose default is to forbid them; nothing elsewhere."""
    if APPARMOR.exists() and APPARMOR.read_text().strip() == "1":
        return f"; `sudo sysctl kernel.{APPARMOR.name}=0` allows them until the next start"
    return ""


def unshare() -> list[str]:
    """The command that makes the place: a network and a process table of its own.

    An ordinary user becomes root of a new user namespace first; root needs none. ``--kill-child``: should
    ``unshare`` itself be killed, the helper goes with it.
    """
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [str(Path(shutil.which("unshare") or "unshare")), *user, "--net", "--pid", "--fork", "--kill-child"]
