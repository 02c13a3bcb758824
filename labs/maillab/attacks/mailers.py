"""Mail programs as people use them: how each one logs in, by its policy about TLS.

Python's own are here in a few lines as anybody may have written them, the others as their manuals have it.
"""

from __future__ import annotations

import contextlib
import os
import poplib
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..names import HOSTS, PORTS
from ..network import Host

NAME = HOSTS["mail"].fqdn
USER, SENDER, RECIPIENT = "alice", "alice@example.test", "bob@example.test"
MAIL = b"Subject: from a program\n\nhello\n"
NEVER = "never TLS"
IF = "TLS if offered, any certificate"
IF_CHECKED = "TLS if offered, then the right certificate"
MUST = "TLS or nothing, any certificate"
CHECKED = "TLS or nothing, the right certificate"
FIRST = "TLS from the first byte, the right certificate"
FINDS = ("PATH", "LD_LIBRARY_PATH", "PERL5LIB")
"""Where programs find each other, and their own parts."""


class Scene(NamedTuple):
    """What a client needs to know."""

    host: Host
    address: str  # where mallory is, for a program that opens its sockets itself
    port: int
    password: str
    trust: ssl.SSLContext
    anybody: ssl.SSLContext
    ca: Path
    folder: Path  # its home


class Client(NamedTuple):
    """A client with a policy; ``run`` returns its last words, or raises an OSError or its own error."""

    name: str
    policy: str
    how: str  # its option, or the line of code
    service: str
    run: Callable[[Scene], str]


# Python's own: a few lines that anybody may have written


def _poplib(scene: Scene, starttls: Callable[[Any], Any]) -> str:
    with _closing(scene.host.pop3("mallory")) as box:
        box.host = NAME  # whom it takes mallory for
        starttls(box)
        box.user(USER)
        return box.pass_(scene.password).decode()


def _smtplib(scene: Scene, starttls: Callable[[Any], Any]) -> str:
    with _closing(scene.host.smtp(host="mallory")) as smtp:
        smtp._host = NAME  # type: ignore[attr-defined]
        smtp.ehlo()
        starttls(smtp)
        return repr(smtp.login(USER, scene.password))


def _poplib_ssl(scene: Scene) -> str:
    class AsMail(poplib.POP3_SSL):
        def _create_socket(self, timeout: float) -> Any:
            return scene.trust.wrap_socket(scene.host.connect("mallory", "pop3s", timeout), server_hostname=NAME)

    with _closing(AsMail(NAME, PORTS["pop3s"], timeout=10, context=scene.trust)) as box:
        box.user(USER)
        return box.pass_(scene.password).decode()


@contextlib.contextmanager
def _closing(connection: Any) -> Iterator[Any]:
    """A connection that may have ended already."""
    try:
        yield connection
    finally:
        with contextlib.suppress(OSError):
            connection.close()


# Programs


def installed(name: str) -> bool:
    """Whether this machine has it; swaks speaks TLS only with a module of Perl's."""
    if name in ("poplib", "smtplib"):
        return True
    if shutil.which(name) is None:
        return False
    module = ["perl", "-MNet::SSLeay", "-e1"]
    return name != "swaks" or subprocess.run(module, stderr=subprocess.DEVNULL).returncode == 0


def _program(scene: Scene, *argv: str, stdin: bytes = b"") -> str:
    """Run it on the host as a user with an empty home, for up to 20 s; its first complaint, or else its last line.

    It sees nothing else of the learner's settings, where a proxy may be named (``ALL_PROXY``): that would lead it out
    of the lab.
    """
    settings = [f"{name}={scene.folder}" for name in ("HOME", "FETCHMAILHOME")]
    settings += [f"{name}={os.environ[name]}" for name in FINDS if name in os.environ]
    process = scene.host.spawn(["env", "-i", *settings, *argv])
    assert process.stdin and process.stdout and process.stderr
    watchdog = threading.Timer(20, process.kill)
    watchdog.start()
    try:
        with process.stdin as pipe, contextlib.suppress(OSError):
            pipe.write(stdin)
        with process.stdout as out, process.stderr as errors:
            said, complaints = out.read(), errors.read()
        process.wait(5)
    finally:
        watchdog.cancel()
    lines = [line for line in complaints.decode(errors="replace").splitlines() if line and "WARNING" not in line]
    return (lines[:1] or said.decode(errors="replace").strip().splitlines()[-1:] or [""])[0]


def _curl(scheme: str, *more: str) -> Callable[[Scene], str]:
    def run(scene: Scene) -> str:
        where = f"{NAME}:{scene.port}:{scene.address}"
        options = [
            "-q",
            "-sS",
            "-m",
            "10",
            "--resolve",
            where,
            "--cacert",
            str(scene.ca),
            "-u",
            f"{USER}:{scene.password}",
        ]
        if scheme == "smtp":
            options += ["--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "-T", "-"]
        path = "laptop" if scheme == "smtp" else ""
        return _program(
            scene, "curl", *options, *more, f"{scheme}://{NAME}:{scene.port}/{path}", stdin=MAIL.replace(b"\n", b"\r\n")
        )

    return run


def _mpop(*more: str) -> Callable[[Scene], str]:
    def run(scene: Scene) -> str:
        options = f"--host={scene.address} --port={scene.port} --user={USER} --auth=user --keep=on --timeout=10 --quiet"
        options += f" --tls-trust-file={scene.ca} --tls-host-override={NAME} --delivery=mbox,{scene.folder / 'mbox'}"
        options += f" --uidls-file={scene.folder / 'uidls'}"
        return _program(scene, "mpop", *options.split(), _password_file(scene), *more)

    return run


def _msmtp(*more: str) -> Callable[[Scene], str]:
    def run(scene: Scene) -> str:
        options = f"--host={scene.address} --port={scene.port} --user={USER} --auth=plain --timeout=10"
        options += f" --tls-trust-file={scene.ca} --tls-host-override={NAME} --from={SENDER} --domain=laptop"
        return _program(scene, "msmtp", *options.split(), _password_file(scene), *more, RECIPIENT, stdin=MAIL)

    return run


def _swaks(*more: str) -> Callable[[Scene], str]:
    def run(scene: Scene) -> str:
        options = f"--server {scene.address} --port {scene.port} --helo laptop --timeout 10 --quit-after AUTH"
        options += f" --to {RECIPIENT} --tls-ca-path {scene.ca} --auth PLAIN --auth-user {USER} --auth-password"
        return _program(scene, "swaks", *options.split(), scene.password, *more)

    return run


def _fetchmail(more: str) -> Callable[[Scene], str]:
    def run(scene: Scene) -> str:
        config = scene.folder / "fetchmailrc"
        config.write_text(
            f"poll {NAME} via {scene.address} service {scene.port} protocol POP3 auth password timeout 10 "
            f'user "{USER}" password "{scene.password}" sslcertfile "{scene.ca}" sslcommonname "{NAME}" {more} '
            f'keep fetchall mda "cat >> {scene.folder}/mbox"\n'
        )
        config.chmod(0o600)
        return _program(scene, "fetchmail", "-f", str(config), "--nosyslog", "--pidfile", str(scene.folder / "pid"))

    return run


def _password_file(scene: Scene) -> str:
    path = scene.folder / "password"
    path.write_text(scene.password)
    return f"--passwordeval=cat {path}"


CLIENTS: tuple[Client, ...] = (
    Client("poplib", IF, "if 'STLS' in capa()", "pop3",
           lambda s: _poplib(s, lambda box: "STLS" in box.capa() and box.stls(s.anybody))),
    Client("poplib", MUST, "stls()", "pop3", lambda s: _poplib(s, lambda box: box.stls())),
    Client("poplib", CHECKED, "stls(context)", "pop3", lambda s: _poplib(s, lambda box: box.stls(s.trust))),
    Client("poplib", FIRST, "POP3_SSL(context=…)", "pop3s", _poplib_ssl),
    Client("curl", IF_CHECKED, "--ssl", "pop3", _curl("pop3", "--ssl")),
    Client("curl", MUST, "--ssl-reqd -k", "pop3", _curl("pop3", "--ssl-reqd", "-k")),
    Client("curl", CHECKED, "--ssl-reqd", "pop3", _curl("pop3", "--ssl-reqd")),
    Client("curl", FIRST, "pop3s://", "pop3s", _curl("pop3s")),
    Client("mpop", NEVER, "tls off", "pop3", _mpop("--tls=off")),
    Client("mpop", MUST, "tls_certcheck off", "pop3", _mpop("--tls=on", "--tls-certcheck=off", "--tls-trust-file=")),
    Client("mpop", CHECKED, "tls on", "pop3", _mpop("--tls=on")),
    Client("mpop", FIRST, "tls_starttls off", "pop3s", _mpop("--tls=on", "--tls-starttls=off")),
    Client("fetchmail", NEVER, "sslproto ''", "pop3", _fetchmail("sslproto ''")),
    Client("fetchmail", MUST, "sslproto tls1+, no sslcertck", "pop3", _fetchmail("sslproto tls1+ no sslcertck")),
    Client("fetchmail", CHECKED, "no option", "pop3", _fetchmail("")),
    Client("fetchmail", CHECKED, "sslproto tls1+", "pop3", _fetchmail("sslproto tls1+")),
    Client("fetchmail", FIRST, "ssl", "pop3s", _fetchmail("ssl")),
    Client("smtplib", IF, "if has_extn('starttls')", "submission",
           lambda s: _smtplib(s, lambda smtp: smtp.has_extn("starttls") and smtp.starttls(context=s.anybody))),
    Client("smtplib", MUST, "starttls()", "submission", lambda s: _smtplib(s, lambda smtp: smtp.starttls())),
    Client("smtplib", CHECKED, "starttls(context=…)", "submission",
           lambda s: _smtplib(s, lambda smtp: smtp.starttls(context=s.trust))),
    Client("curl", IF_CHECKED, "--ssl", "submission", _curl("smtp", "--ssl")),
    Client("curl", CHECKED, "--ssl-reqd", "submission", _curl("smtp", "--ssl-reqd")),
    Client("msmtp", NEVER, "tls off", "submission", _msmtp("--tls=off")),
    Client("msmtp", MUST, "tls_certcheck off", "submission",
           _msmtp("--tls=on", "--tls-certcheck=off", "--tls-trust-file=")),
    Client("msmtp", CHECKED, "tls on", "submission", _msmtp("--tls=on")),
    Client("swaks", IF, "-tlso", "submission", _swaks("-tlso")),
    Client("swaks", MUST, "-tls", "submission", _swaks("-tls")),
    Client("swaks", CHECKED, "-tls --tls-verify", "submission", _swaks("-tls", "--tls-verify")),
)  # fmt: skip
