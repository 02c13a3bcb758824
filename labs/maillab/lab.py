"""The lab: a network, a mail server in it, and the student whose mail it serves."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import ssl
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .capture.files import read_frames
from .capture.frame import Frame
from .capture.recorder import Capture
from .clients.ssh import Computer, Ssh
from .clients.tls import context as client_context
from .names import BASTION, CLEAR, GATE, PARTNER, PORTS
from .network.host import Host
from .network.rungs import open_network
from .recordings import arrived, recording, recording_of, save
from .sasl import Credentials
from .servers.handle import ServerError, ServerHandle
from .servers.ssh_handle import SshServer
from .servers.ssh_keys import KeyPair
from .servers.switches import POP_WINDOW
from .student import PARTNERS, Student

_started: list[weakref.ref[Lab]] = []


class Lab:
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
        self.name = name = recording_of(lesson, [*self._allow, *settings])
        if in_notebook():  # a cell that is run again means: start over
            for lab in running():
                if lab.name == name:
                    lab.close()
        wanted = Student(student or os.environ.get("MAILLAB_STUDENT") or "guest")
        self._closing = contextlib.ExitStack()
        self._finalizer = weakref.finalize(self, end, os.getpid(), self._closing)
        self._certificates: Path | None = None
        self._server: ServerHandle | None = None
        self._others: dict[str, ServerHandle] = {}  # by host: servers that a lesson starts beside the mail server
        try:
            self.network, self.passed_over = open_network(
                rung or os.environ.get("MAILLAB_RUNG") or None,
                recording(name) if name else None,
                nat,
                {BASTION.name: BASTION} if bastion else {},
            )
            self._closing.callback(self.network.close)
            self.student = wanted if self.network.serves else Student("guest")
            passwords = {user: account.password for user, account in self.student.accounts.items()}
            self._ssh = Ssh(self.network, passwords, self._services)
            self._hosts = {name: Computer(info, self.network, self._ssh) for name, info in self.network.names.items()}
            self._closing.callback(self._ssh.close)
            if self.network.serves:
                self._certificates = self._issue(["mail", "mx"] if mx else ["mail"]) if tls else None
                more = self._tls | (self._start_mx() if mx else {})
                ports = PORTS if tls else CLEAR
                self._server = ServerHandle(self.mail, self.network, ports, self.student.id, self._allow, **more)
                self._closing.callback(self._server.close)
            if name and (folder := os.environ.get("MAILLAB_RECORD")):  # set by `maillab record`
                self._closing.callback(save, self.capture(self.mail).start(), Path(folder) / f"{name}.pcapng")
        except BaseException:  # the learner's stop button is one
            self.close()
            raise
        self.seconds = time.perf_counter() - started
        _started.append(weakref.ref(self))

    def _folder(self) -> str:
        """A folder that nobody else can read, and that goes with the lab."""
        folder = tempfile.mkdtemp(prefix="maillab-")
        self._closing.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _issue(self, hosts: list[str]) -> Path:
        """Make a CA and certificates for these hosts."""
        from .servers.certificates import issue  # here: most lessons come before TLS, and needn't wait for it

        folder = Path(self._folder())
        issue(folder, hosts)
        return folder

    @property
    def _tls(self) -> dict[str, Any]:
        """What a server's configuration says about TLS."""
        return {} if self._certificates is None else {"tls": {"folder": str(self._certificates)}}

    def _start_mx(self) -> dict[str, Any]:
        """Start the next hop; gives what the mail server's configuration says about it."""
        folder = self._folder()
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
    def alice(self) -> Computer:
        return self._hosts["alice"]

    @property
    def mail(self) -> Computer:
        return self._hosts["mail"]

    @property
    def mallory(self) -> Computer:
        return self._hosts["mallory"]

    @property
    def mx(self) -> Computer:
        return self._hosts["mx"]

    @property
    def bastion(self) -> Computer:
        """The gateway for SSH.

        Raises:
            RuntimeError: the lab was started without it.
        """
        if "bastion" not in self._hosts:
            raise RuntimeError("There is no bastion in this lab: start it with Lab(…, bastion=True).")
        return self._hosts["bastion"]

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

    @property
    def server(self) -> ServerHandle:
        """The mail server's process. On the replay rung there is none.

        Raises:
            RuntimeError: on the replay rung.
        """
        if self._server is None:
            raise RuntimeError("There is no server on the replay rung, only what one said when this was recorded.")
        return self._server

    def allow(self, *switches: str) -> None:
        """Switch exactly these weaknesses of the mail server on, and all others off.

        Raises:
            ServerError: one of them doesn't exist.

        On the replay rung nothing can be switched: the recording was made in the order of the lesson. Example::

            lab.allow("apop", "cram_md5")
            lab.allow()                         # all off
        """
        if self._server is not None:
            self._server.ask("allow", switches=list(switches))

    @contextlib.contextmanager
    def put_back(self) -> Iterator[None]:
        """Whatever the block does to the mail server is undone at its end: weaknesses, challenges, window, TLS."""
        if self._server is None:
            yield
            return
        before = self._server.ask("weakness")
        try:
            yield
        except BaseException:
            with contextlib.suppress(ServerError):  # the learner's own error is the one to show
                self._go_back(before)
            raise
        self._go_back(before)

    def _go_back(self, before: dict[str, Any]) -> None:
        assert self._server is not None
        self._server.ask("allow", switches=before["on"])
        self._server.ask("fix", challenges=before["challenges"])
        self._server.ask("window", seconds=before["window"])
        if before["tls"]:
            self._server.ask("tls", **before["tls"])
        if before["next_hop"]:
            self._server.ask("next_hop", tls=before["next_hop"])

    @contextlib.contextmanager
    def fixed_challenge(self, mechanism: str, challenge: str | None = None) -> Iterator[None]:
        """For as long as the block lasts the mail server sends this mechanism's challenge over and over again.

        Args:
            mechanism: ``APOP``, ``CRAM-MD5``, ``DIGEST-MD5`` or ``SCRAM-SHA-256``.
            challenge: what to send; without it, the first one that comes up.

        Raises:
            ServerError: no such mechanism, or that text can't be its challenge.

        It is the weakness ``fixed_challenge``. (A recording was made with it, and repeats it by itself.) Example::

            with lab.fixed_challenge("APOP", "<1896.697170952@dbc.mtview.ca.us>"):
                print(lab.alice.pop3().getwelcome())
        """
        with self.put_back():
            if self._server is not None:
                now = self._server.ask("weakness")
                self._server.ask("allow", switches=[*now["on"], "fixed_challenge"])
                self._server.ask("fix", challenges={**now["challenges"], mechanism: challenge})
            yield

    @property
    def window(self) -> float:
        """For how many minutes a POP3 log-in opens SMTP to its address, with ``pop_before_smtp``; assign to change it.

        Raises:
            ServerError: less than 0, or more than a day.
        """
        return POP_WINDOW / 60 if self._server is None else float(self._server.ask("weakness")["window"]) / 60

    @window.setter
    def window(self, minutes: float) -> None:
        if self._server is not None:
            self._server.ask("window", seconds=minutes * 60)

    def forward(self, minutes: float) -> None:
        """Put the mail server's clock forward, so that nobody has to wait. Its log and its stamps follow.

        Raises:
            ServerError: back, or more than a year in all.
        """
        if self._server is not None:
            self._server.ask("forward", seconds=minutes * 60)

    def context(
        self, verify: bool = True, version: str | None = None, keylog: str | Path | None = None
    ) -> ssl.SSLContext:
        """What a client needs for TLS: it trusts the CA of this lab, and nobody else.

        Args:
            verify: ``False`` for a client that believes anybody.
            version: ``"1.2"`` or ``"1.3"`` only.
            keylog: a file to write the connections' secrets to, with which they can be decrypted.

        Raises:
            RuntimeError: this lab was started without TLS.

        Example::

            mailbox = lab.alice.pop3s(lab.context())
            mailbox = lab.alice.pop3()
            mailbox.stls(lab.context(keylog="keys.log"))
        """
        return client_context(self.certificates / "ca.pem", verify, version, keylog)

    @property
    def certificates(self) -> Path:
        """The folder with this lab's certificates: ``ca.pem`` for programs that are to trust it, and others (see
        ``maillab.servers.certificates``).

        Raises:
            RuntimeError: this lab was started without TLS.
        """
        return self._needs_tls()

    def _needs_tls(self) -> Path:
        if not self.network.serves:
            raise RuntimeError("On the replay rung there's no TLS: a recorded handshake can't be had again.")
        if self._certificates is None:
            raise RuntimeError("This lab has no TLS: start it with Lab(…, tls=True).")
        return self._certificates

    def certificate(self, kind: str, host: str = "mail") -> None:
        """Which certificate a server shows from the next connection on.

        Args:
            kind: ``right``, ``expired``, ``wrong-name`` or ``self-signed``.
            host: ``mail``, or ``mx`` where that runs.

        Raises:
            ServerError: no such certificate.
            RuntimeError: this lab was started without TLS.
        """
        self._tls_of(host).ask("tls", certificate=kind)

    def tls_versions(self, *versions: str, cipher: str = "") -> None:
        """Which versions of TLS the mail server takes from the next connection on: ``"1.2"``, ``"1.3"`` or both.

        Args:
            cipher: with 1.2 alone, the only cipher suite, by OpenSSL's name.

        Raises:
            ServerError: no such version or suite.
            RuntimeError: this lab was started without TLS.

        Example::

            lab.tls_versions("1.2", cipher="ECDHE-ECDSA-AES128-GCM-SHA256")
            lab.tls_versions("1.2", "1.3")
        """
        self._tls_of("mail").ask("tls", versions=versions, cipher=cipher)

    def _tls_of(self, host: str) -> ServerHandle:
        self._needs_tls()
        if host == "mx" and "mx" in self._others:
            return self._others["mx"]
        if host != "mail":
            raise ValueError(f"No server with TLS is called {host!r}: it's mail, or mx in a lab with mx=True.")
        return self.server

    def next_hop(self, policy: str) -> None:
        """What the mail server does about TLS on the way to mx, from the next attempt on.

        Args:
            policy: ``clear``, ``opportunistic`` or ``verified`` (``maillab.servers.next_hop.POLICIES``).

        Raises:
            ServerError: no such policy; or no next hop, in a lab without ``mx=True``.

        On the replay rung nothing happens.
        """
        if self._server is not None:
            self._server.ask("next_hop", tls=policy)

    def serve(
        self,
        host: Host,
        allow: str | Iterable[str] = (),
        accounts: dict[str, str] | None = None,
        challenges: dict[str, str] | None = None,
    ) -> None:
        """Start mail servers on another host, such as mallory's, with weaknesses and accounts of their own.

        Args:
            accounts: user name → password as that host knows it, empty where it doesn't; by default nobody.
            challenges: mechanism → the challenge that it sends to everybody (the weakness ``fixed_challenge``).

        Raises:
            ServerError: they can't start like this; the sentence says why.
            ValueError: that host has a server already.

        They end with the lab; starting them again ends the ones before. On the replay rung the recording speaks.
        """
        if host.name == "mail":
            raise ValueError("The host mail has its servers already: choose lab.mallory, for instance.")
        if not self.network.serves:
            return
        if host.name in self._others:
            self._others.pop(host.name).close()
        switches = [allow] if isinstance(allow, str) else list(allow)
        switches += ["fixed_challenge"] if challenges else []
        handle = ServerHandle(host, self.network, CLEAR, self.student.id, switches, accounts or {})
        self._others[host.name] = handle
        self._closing.callback(handle.close)
        if challenges:
            handle.ask("fix", challenges=challenges)

    def start_ssh(
        self, host: Host, allow: str | Iterable[str] = (), accounts: dict[str, str] | None = None
    ) -> SshServer:
        """Start an SSH server on a host. It forwards connections to the lab's mail servers, and does nothing else.

        Args:
            allow: weaknesses to switch on, by name (``maillab.servers.ssh_rules.SSH_SWITCHES``). None by default.
            accounts: user name → password; by default the mail users', and nobody on mallory's host.

        Raises:
            ServerError: it can't start like this; the sentence says why.
            RungUnavailable: on the replay rung.

        Its host key is made now. When it's started again it has another one, and who knew the first refuses it. It ends
        with the lab. Example::

            lab.start_ssh(lab.bastion)
            with lab.alice.tunnel("mail", 110, through="bastion") as tunnel:
                mailbox = tunnel.pop3()
        """
        if accounts is None and host is self.mallory:
            accounts = {}
        return self._ssh.start(host, [allow] if isinstance(allow, str) else allow, accounts)

    @property
    def ssh_servers(self) -> dict[str, SshServer]:
        """The SSH servers that were started, by host."""
        return dict(self._ssh.servers)

    def known_host(self, name: str) -> str:
        """The host key that the lab's users know an SSH server by: the one it had when it was first started.

        A line as in OpenSSH's file ``known_hosts``.

        Raises:
            ValueError: none was started there.
        """
        if name not in self._ssh.known:
            raise ValueError(f"No SSH server was started on {name!r} in this lab.")
        host = self._hosts[name]
        return f"{host.info.fqdn},{host.info.ip} {self._ssh.known[name]}"

    def accept_host_key(self, name: str) -> None:
        """From now on the lab's users know that SSH server by the key that it has now.

        Raises:
            ValueError: none runs there.
        """
        if name not in self._ssh.servers:
            raise ValueError(f"No SSH server runs on {name!r}: lab.start_ssh(…) starts one.")
        self._ssh.known[name] = self._ssh.servers[name].key

    def ssh_key(self, user: str) -> KeyPair:
        """A key with which a mail user can log in to the lab's SSH servers; made when first asked for. Example::

            lab.alice.tunnel("mail", 110, through="bastion", key=lab.ssh_key("alice"))

        Raises:
            ValueError: there's no such user.
        """
        return self._ssh.key(user)

    def _services(self) -> list[tuple[str, str]]:
        """The mail services that run, as (host, service)."""
        servers = {**({"mail": self._server} if self._server else {}), **self._others}
        return [(name, service) for name, handle in servers.items() for service in handle.ports]

    def store(self, user: str) -> list[list[str]]:
        """What the mail server keeps for a user: (mechanism, what it is, the value), for each mechanism.

        Raises:
            ServerError: there's no such user.

        On the replay rung there is no server to ask: the same is computed from the password.
        """
        if self._server is None:
            account = self.student.accounts.get(user)
            if account is None:
                raise ServerError(f"no user is called {user!r}: choose from {', '.join(self.student.accounts)}.")
            return [list(row) for row in Credentials({user: account.password}).kept(user)]
        kept: list[list[str]] = self._server.ask("store", user=user)["kept"]
        return kept

    def log(self) -> list[dict[str, Any]]:
        """What the mail server wrote into its log: time (seconds since 1970), service, client, text.

        On the replay rung nobody wrote one: then a single entry says so.
        """
        if self._server is None:
            text = "no log: there is no server on the replay rung, only what one said when this was recorded"
            return [{"time": time.time(), "service": "", "client": "", "text": text}]
        entries: list[dict[str, Any]] = self.server.ask("log")["events"]
        return entries

    def mails(self, user: str) -> list[bytes]:
        """What lies in a user's maildrop, oldest first, whichever host she has it on (dave and erin: ``mx``).

        On the replay rung nobody can be asked: these are the mails for dave and erin as they came to ``mx`` when the
        recording was made, all of them, without the line that ``mx`` put on top.

        Raises:
            RuntimeError: on the replay rung, for users of the mail server itself.
            ServerError: no server here has such a user.
        """
        if self._server is None and user in PARTNERS:
            return arrived(recording(str(self.name)), self.mx.ip, user)
        server = self._others["mx"] if user in PARTNERS and "mx" in self._others else self.server
        return [base64.b64decode(row["mail"]) for row in server.ask("mails", user=user)["mails"]]

    def nat_table(self) -> list[dict[str, str]]:
        """What the router in front of alice and mallory translates at the moment, the oldest connection first.

        Raises:
            RungUnavailable: on all rungs but the sandbox.
            RuntimeError: the lab was started without ``nat=True``.

        A row is there until 2 s after its connection has ended. Example::

            box = lab.alice.pop3()
            lab.nat_table()
            # [{'inside': '10.0.2.10:40312', 'outside': '192.0.2.1:50001', 'target': '192.0.2.25:110'}]
        """
        return self.network.nat_table()

    def queue(self) -> list[dict[str, Any]]:
        """What waits in the mail server to be passed on: sender, recipients, attempts, the last reply and more."""
        entries: list[dict[str, Any]] = self.server.ask("queue")["entries"]
        return entries

    def restart(self) -> None:
        """End the mail server's process and start it again, on the same ports: what it took is still there.

        Only with ``mx=True``, since only then mail is kept on disk; otherwise the mailboxes are as at the start. On the
        replay rung nothing happens.
        """
        if self._server is not None:
            self._server.restart()

    def reset(self) -> None:
        """Put the mailboxes back to how they were at the start; nothing waits in a queue any more."""
        if self._server is not None:
            for server in [self._server, *self._others.values()]:
                server.ask("reset")

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
