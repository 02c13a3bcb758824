"""The lab: a network, a mail server in it, and the student whose mail it serves."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from .capture.files import read_frames
from .capture.frame import Frame
from .capture.recorder import Capture
from .clients.ssh import Computer, Ssh
from .controls import Mailboxes, SshServers, Tls, Weaknesses
from .names import BASTION, CLEAR, GATE, PARTNER, PORTS, Name
from .network.host import Host
from .network.rungs import open_network
from .recordings import recording, recording_of, save
from .scratch import Scratch
from .servers.handle import ServerHandle
from .student import Student

_started: list[weakref.ref[Lab]] = []


class Lab(Weaknesses, Mailboxes, Tls, SshServers):
    """Start the lab.

    Args:
        lesson: the lesson's number, ``"01"``; it names the recording to fall back on where nothing can run.
        allow: weaknesses to switch on in the server, by name (``maillab.servers.SWITCHES``). None by default.
        student: whose passwords and mails to use; default ``MAILLAB_STUDENT``, else ``guest``.
        rung: ``sandbox``, ``loopback``, ``tap`` or ``replay``; default ``MAILLAB_RUNG``, else the best there is.
        mx: start the next hop too, the mail server of dave and erin at partner.example.test, so that mail leaves the
            house; and keep the mail server's mail on disk, in a temporary folder.
        nat: put alice and mallory behind a router, as in a hotel: whoever is outside sees one address for both.
        tls: give the servers TLS: STLS and STARTTLS, and the ports 995 and 465. Certificates are made for this lab.
        bastion: put one more host on the network, a gateway for SSH; :meth:`start_ssh` starts its server.

    Raises:
        RungUnavailable: the rung asked for can't be had on this machine.
        ServerError: the mail server couldn't start.

    It ends with ``close()``, at the end of a ``with`` block, when the same cell of a notebook is run again, and in
    any case with the Python process. Example::

        lab = Lab("01", allow="plaintext_login")
        with lab.capture() as cap:
            lab.alice.pop3().quit()
    """

    _beside: ClassVar[Mapping[str, Name]] = {}
    """Hosts beside the usual ones, by name; a lab of another kind (:class:`maillab.firm.Firm`) has some."""

    def __init__(
        self,
        lesson: str | None = None,
        *,
        allow: str | Iterable[str] = (),
        student: str | None = None,
        rung: str | None = None,
        mx: bool = False,
        nat: bool = False,
        tls: bool = False,
        bastion: bool = False,
    ) -> None:
        started = time.perf_counter()
        self._allow = [allow] if isinstance(allow, str) else list(allow)
        self.lesson = lesson
        settings = ["mx"] * mx + ["nat"] * nat + ["tls"] * tls + ["bastion"] * bastion
        self.name = name = self._recording(settings)
        if in_notebook():  # a cell that is run again means: start over
            for lab in running():
                if lab.name == name:
                    lab.close()
        wanted = Student(student or os.environ.get("MAILLAB_STUDENT") or "guest")
        self._closing = contextlib.ExitStack()
        self._finalizer = weakref.finalize(self, end, os.getpid(), self._closing)
        self._scratch: Scratch | None = None
        self._certificates: Path | None = None
        self._server: ServerHandle | None = None
        self._others: dict[str, ServerHandle] = {}  # by host: servers that a lesson starts beside the mail server
        try:
            replayable = name is not None and self._replayable(tls or bastion)
            self.network, self.passed_over = open_network(
                rung or os.environ.get("MAILLAB_RUNG") or None,
                recording(str(name)) if replayable else None,
                nat,
                {**({BASTION.name: BASTION} if bastion else {}), **self._beside},
            )
            self._closing.callback(self.network.close)
            self.student = wanted if self.network.serves else Student("guest")
            passwords = {user: account.password for user, account in self.student.accounts.items()}
            mine = weakref.ref(self)  # what closes the lab must not keep it
            self._ssh = Ssh(self.network, passwords, lambda: lab._services() if (lab := mine()) else [])
            self._hosts = {name: Computer(info, self.network, self._ssh) for name, info in self.network.names.items()}
            self._closing.callback(self._ssh.close)
            if self.network.serves:
                self._certificates = self._issue(["mail", "mx"] if mx else ["mail"]) if tls else None
                more = self._tls | (self._start_mx() if mx else {})
                ports = PORTS if tls else CLEAR
                self._server = ServerHandle(
                    self.mail, self.network, ports, self.student.id, self._allow, self._accounts(), **more
                )
                self._closing.callback(self._server.close)
            if replayable and (folder := os.environ.get("MAILLAB_RECORD")):  # set by `maillab record`
                self._closing.callback(save, self.capture(self.mail).start(), Path(folder) / f"{name}.pcapng")
        except BaseException:  # the learner's stop button is one
            self.close()
            raise
        self.seconds = time.perf_counter() - started
        _started.append(weakref.ref(self))

    def _recording(self, settings: list[str]) -> str | None:
        """What the recording of this kind of lab is called."""
        return recording_of(self.lesson, [*self._allow, *settings])

    def _replayable(self, keys: bool) -> bool:
        """Can a recording take the servers' place? ``keys``: this lab has TLS or SSH, whose connections each have keys
        of their own."""
        return not keys

    def _accounts(self) -> dict[str, str] | None:
        """User name → password at the mail server; None: the student's alice, bob and carol, with their mails."""
        return None

    def _folder(self, name: str) -> Path:
        """A folder that nobody else can read, and that goes with the lab."""
        if self._scratch is None:
            self._scratch = Scratch()
            self._closing.callback(self._scratch.close)
        folder = self._scratch.path / name
        folder.mkdir(0o700)
        return folder

    def _issue(self, hosts: list[str]) -> Path:
        """Make a CA and certificates for these hosts."""
        from .servers.certificates import issue  # here: most lessons come before TLS, and needn't wait for it

        folder = self._folder("certificates")
        issue(folder, hosts)
        return folder

    @property
    def _tls(self) -> dict[str, Any]:
        """What a server's configuration says about TLS."""
        return {} if self._certificates is None else {"tls": {"folder": str(self._certificates)}}

    def _start_mx(self) -> dict[str, Any]:
        """Start the next hop; gives what the mail server's configuration says about it."""
        folder = str(self._folder("spool"))
        passwords = {user: account.password for user, account in self.student.partners.items()}
        self._others["mx"] = ServerHandle(
            self.mx, self.network, {"smtp": PORTS["smtp"]}, self.student.id, [], passwords,
            domain=PARTNER, **self._tls,
        )  # fmt: skip
        self._closing.callback(self._others["mx"].close)
        route = self.network.route(self.mail.info, self.mx.info, PORTS["smtp"])
        policy = "opportunistic" if self._certificates else "clear"
        return {"spool": folder, "next_hop": route, "next_hop_name": f"mx.{PARTNER}", "next_hop_tls": policy}

    @property
    def rung(self) -> str:
        return self.network.rung

    @property
    def mode(self) -> str:
        """What joins the hosts: ``hub`` or ``switch``; assign to change it."""
        return self.network.mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self.network.mode = mode

    def capture(self, on: Host | None = None) -> Capture:
        """Record what a host's card hears, mallory's by default: ``with lab.capture() as cap: …``."""
        host = on or self.mallory
        comment = f"maillab, {self.rung} rung, {host.name}'s card. {self.network.real}"
        return Capture(host.card(), f"{host.name}'s card ({self.rung})", comment)

    def experiment(self, name: str, run: Callable[[], object], on: Host | None = None) -> Capture | list[Frame]:
        """What a host's card (mallory's by default) hears while ``run()`` does what only the sandbox's network can.

        On other rungs ``run`` isn't called: you get the frames of ``data/captures/<name>.pcapng``, and are told so.
        """
        if self.rung == "sandbox":
            with self.capture(on) as heard:
                run()
            if folder := os.environ.get("MAILLAB_RECORD"):
                heard.save(Path(folder) / f"{name}.pcapng")
            return heard
        print(f"The {self.rung} rung can't show this. Here is {name}.pcapng, recorded in a sandbox.")
        return list(read_frames(recording(name)))

    @property
    def live(self) -> bool:
        """Can anything new be tried? Not on the replay rung; and not while a recording is made, which would hold it."""
        return self.network.serves and not os.environ.get("MAILLAB_RECORD")

    def nat_table(self) -> list[dict[str, str]]:
        """What the router in front of alice and mallory translates at the moment, the oldest connection first.

        Raises:
            RungUnavailable: on all rungs but the sandbox.
            RuntimeError: the lab was started without ``nat=True``.

        A row is there until 2 s after both sides have ended its connection, or 4 minutes after one broke it off (with
        an RST, which may be forged). Example::

            box = lab.alice.pop3()
            lab.nat_table()
            # [{'inside': '10.0.2.10:40312', 'outside': '192.0.2.1:50001', 'target': '192.0.2.25:110'}]
        """
        return self.network.nat_table()

    def close(self) -> None:
        """End the lab; nothing stays behind."""
        self._finalizer()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        return self._finalizer.alive

    def describe(self) -> list[tuple[str, str]]:
        """What stands in the lab's card in the notebook, as (label, text)."""
        lines = [("network", self.network.real)]
        if self.passed_over:
            lines.append(("why not better", "; ".join(self.passed_over) + "."))
        for host in self._hosts.values():
            ports = PORTS if self._certificates else CLEAR
            offered = ports if host is self.mail else ["smtp"] if host.name in self._others and host is self.mx else []
            offered = [*offered, *(["ssh"] if host.name in self._ssh.servers else [])]
            services = ", ".join(f"{name} {host.port(name)}" for name in offered)
            lines.append((host.name, f"{host.ip}  {host.info.role}" + (f" ({services})" if services else "")))
        if self.network.gate:
            lines.append((GATE.name, self.network.gate))
        weak = ", ".join(self._allow) or "none"
        lines += [("weaknesses on", weak), ("student", self.student.id)]
        return lines

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        from .views import table  # here: the views know the lab, not the other way round

        if not self.running:
            return {"text/plain": repr(self)}
        return table(self.describe(), ["in this lab", ""], self._title())._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        if not self.running:
            return "The lab has ended; run Lab(…) again to start another."
        return "\n".join([self._title(), *(f"  {label:15} {text}" for label, text in self.describe())])

    def _title(self) -> str:
        return f"The lab is up after {self.seconds:.1f} s: {self.rung}"


def end(owner: int, closing: contextlib.ExitStack) -> None:
    """What a lab's end comes to. A forked child has a copy of the lab, but it isn't the child's to end."""
    if os.getpid() == owner:
        closing.close()


def disown() -> None:
    """In a forked child (a worker of multiprocessing, say): let go of the lab, so that it ends with its parent."""
    for lab in running():
        lab.network.disown()
        for handle in filter(None, [lab._server, *lab._others.values(), *lab._ssh.processes]):
            handle.disown()
        if lab._scratch is not None:
            lab._scratch.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=disown)


def in_notebook() -> bool:
    """Are we in a notebook's kernel, where a cell that is run again means "start over"?"""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def running() -> list[Lab]:
    """The labs of this process that are up, the newest last."""
    _started[:] = [reference for reference in _started if (lab := reference()) is not None and lab.running]
    return [lab for reference in _started if (lab := reference()) is not None]


def newest(lesson: str | None = None) -> Lab | None:
    """The lab that an exercise is about: one of its lesson, the weakest, and of those the one started last."""
    found = [lab for lab in running() if lesson is None or lab.lesson in (None, lesson)]
    return max(reversed(found), key=lambda lab: len(lab._allow), default=None)
