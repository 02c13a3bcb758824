"""The servers as a process, steered by one line of JSON after the other on stdin.

Line 1 is the configuration::

    {"host": "mail", "address": "192.0.2.25", "ports": {"pop3": 110, "smtp": 25, "submission": 587},
     "student": "guest", "allow": ["plaintext_login"]}

A port of 0 means any free one. Only the services named in ``ports`` run. ``domain`` (``example.test``) and ``accounts``
(name → password; the student's alice, bob and carol) may be given for other hosts, which then start without mail.

The answer is one line, ``{"ready": true, "ports": {…}}``, or ``{"error": "…"}`` and exit code 1. Every later line is a
command and gets one line: ``{"ok": true, …}`` or ``{"error": "…"}``; :meth:`MailHost.command` has them. A ``number``
in a request comes back in its answer, so that nobody takes a late answer for another. The end of
stdin ends the process at once: whoever started it and died takes it along.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from collections.abc import Callable
from typing import Any

from maillab.names import DOMAIN
from maillab.servers.busy import explain
from maillab.servers.listen import listen
from maillab.servers.log import EventLog
from maillab.servers.maildrop import MAX_MESSAGE
from maillab.servers.store import Store
from maillab.servers.switches import Switches
from maillab.student import Student

SERVICES = ("pop3", "smtp", "submission")


class ConfigError(Exception):
    """The host can't start like this; the text says what to change."""


class MailHost:
    """One host with its services, store, switches and log.

    Raises:
        ConfigError: the configuration has a mistake.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        try:
            name, self.address = str(config["host"]), str(config["address"])
            self.wanted = {str(service): int(port) for service, port in config["ports"].items()}
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f'the configuration needs "host", "address" and "ports": {error!r} is wrong.') from None
        unknown = [service for service in self.wanted if service not in SERVICES]
        if unknown:
            raise ConfigError(f"no service is called {unknown[0]!r}: choose from {', '.join(SERVICES)}.")
        try:
            self.switches = Switches(config.get("allow", ()))
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None
        self.host = name if "." in name else f"{name}.{DOMAIN}"
        self.log = EventLog()
        self.store = _store(config, lambda: self.switches.allows("accept_anyone"))
        self._servers: list[asyncio.Server] = []

    async def start(self) -> dict[str, int]:
        """Open all ports and return those that were opened, by service.

        Raises:
            ConfigError: one can't be opened; then none is.
        """
        ports = {}
        for service, port in self.wanted.items():
            try:
                server = await listen(service, self.address, port, self.host, self.store, self.switches, self.log)
            except (OSError, OverflowError) as error:
                for started in self._servers:
                    started.close()
                problem = error if isinstance(error, OSError) else OSError(str(error))
                raise ConfigError(explain(problem, service, self.address, port)) from None
            self._servers.append(server)
            ports[service] = server.sockets[0].getsockname()[1]
        return ports

    def command(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a line on stdin asks for.

        ============================================ =====================================================
        request                                      answer, beside ``"ok": true``
        ============================================ =====================================================
        ``{"do": "ping"}``                           nothing more
        ``{"do": "log"}``                            ``events``: list of ``{time, service, client, text}``
        ``{"do": "mails", "user": …}``               ``mails``: list of ``{uid, size, mail}``, mail in base64
        ``{"do": "store", "user": …}``               ``kept``: list of ``[mechanism, what, value]``
        ``{"do": "deliver", "user", "mail"}``        puts a mail (base64) into the maildrop
        ``{"do": "reset"}``                          all maildrops as at the start; the log is emptied
        ``{"do": "allow", "switches": […]}``         ``on``: exactly these are on now, also for open sessions
        ``{"do": "fix", "challenges": {…}}``         mechanism → the challenge it sends from now on, null for the
                                                     first that comes up; exactly these (``fixed_challenge``)
        ``{"do": "weakness"}``                       ``on``, ``challenges``: what "allow" and "fix" take to come back
        ============================================ =====================================================

        >>> host = MailHost({"host": "mail", "address": "127.0.0.1", "ports": {}})
        >>> host.command({"do": "allow", "switches": ["plaintext_login"]})
        {'ok': True, 'on': ['plaintext_login']}
        >>> host.command({"do": "dance"})  # doctest: +ELLIPSIS
        {'error': "no command is called 'dance': choose from allow, deliver, fix, log, ..."}
        """
        do = request.get("do")
        actions = {name.removeprefix("_do_"): name for name in dir(self) if name.startswith("_do_")}
        if not isinstance(do, str) or do not in actions:
            return {"error": f"no command is called {do!r}: choose from {', '.join(sorted(actions))}."}
        try:
            result: dict[str, Any] = getattr(self, actions[do])(request)
            return {"ok": True, **result}
        except KeyError as error:
            return {"error": f'"{do}" needs "{error.args[0]}" in the same line.'}
        except (TypeError, ValueError) as error:
            return {"error": str(error)}

    def _do_ping(self, request: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _do_log(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"events": [event._asdict() for event in self.log.events]}

    def _do_mails(self, request: dict[str, Any]) -> dict[str, Any]:
        messages = self.store.maildrops[self._user(request)].messages
        rows = ((message.uid, len(message), base64.b64encode(message.content).decode()) for message in messages)
        return {"mails": [{"uid": uid, "size": size, "mail": mail} for uid, size, mail in rows]}

    def _do_deliver(self, request: dict[str, Any]) -> dict[str, Any]:
        mail = base64.b64decode(request["mail"], validate=True)
        if len(mail) > MAX_MESSAGE:
            raise ValueError(f"a mail has at most {MAX_MESSAGE} octets, and this one has {len(mail)}.")
        self.store.maildrops[self._user(request)].deliver(mail)
        return {}

    def _do_reset(self, request: dict[str, Any]) -> dict[str, Any]:
        self.store.reset()
        self.log.events.clear()
        return {}

    def _do_allow(self, request: dict[str, Any]) -> dict[str, Any]:
        self.switches.set(request["switches"])
        return {"on": self.switches.on}

    def _do_fix(self, request: dict[str, Any]) -> dict[str, Any]:
        challenges = request["challenges"]
        if not isinstance(challenges, dict):
            raise ValueError('"challenges" is an object: mechanism → challenge.')
        self.switches.fix(challenges)
        return {}

    def _do_weakness(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"on": self.switches.on, "challenges": self.switches.fixed.texts}

    def _do_store(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"kept": self.store.credentials.kept(self._user(request))}

    def _user(self, request: dict[str, Any]) -> str:
        user = request["user"]
        if not isinstance(user, str) or user not in self.store.maildrops:
            raise ValueError(f"no user is called {user!r}: choose from {', '.join(self.store.maildrops)}.")
        return user


def _store(config: dict[str, Any], believe: Callable[[], bool]) -> Store:
    domain = str(config.get("domain", DOMAIN))
    if "accounts" in config:
        accounts = config["accounts"]
        if not (isinstance(accounts, dict) and all(isinstance(password, str) for password in accounts.values())):
            raise ConfigError('"accounts" is an object: user name → password, both texts.')
        return Store(domain, accounts, believe=believe)
    student = Student(config.get("student", "guest"))
    passwords = {user: account.password for user, account in student.accounts.items()}
    return Store(domain, passwords, {user: student.mails(user) for user in passwords}, believe)


def main() -> None:
    """Run until stdin ends. Never returns."""
    data = b""
    while b"\n" not in data and (more := os.read(0, 65_536)):
        data += more
    first, _, rest = data.partition(b"\n")
    asyncio.run(_run(first, rest))


async def _run(config: bytes, unfinished: bytes) -> None:
    request: dict[str, Any] = {}
    try:
        request = _object(config)
        host = MailHost(request)
        _say({"ready": True, "ports": await host.start()}, request)
    except ConfigError as error:
        _say({"error": str(error)}, request)
        os._exit(1)
    # Only now, so that a short-lived stdin doesn't end us before we could say what is wrong. A thread, because
    # Windows can't wait for a pipe on stdin in an event loop.
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_trouble)
    threading.Thread(target=_lifeline, args=(loop, lines, unfinished), daemon=True).start()
    while True:
        request = {}
        try:
            request = _object(await lines.get())
            answer = host.command(request)
        except ConfigError as error:
            answer = {"error": str(error)}
        except Exception as error:
            answer = {"error": f"the servers made a mistake: {error!r}"}
        _say(answer, request)


def _trouble(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A task failed. Clients that vanish are nothing to write about."""
    if not isinstance(context.get("exception"), ConnectionError):
        EventLog.trouble(f"{context.get('message')} {context.get('exception')!r}")


def _lifeline(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes], unfinished: bytes) -> None:
    """Hand over stdin line by line; at its end the process ends, whatever else it is doing."""
    while True:
        *whole, unfinished = unfinished.split(b"\n")
        for line in whole:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        try:
            data = os.read(0, 65_536)
        except OSError:
            data = b""
        if not data:
            os._exit(0)
        unfinished += data


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigError("a line on stdin has to be one JSON object.")
    return value


def _say(answer: dict[str, Any], request: dict[str, Any]) -> None:
    if "number" in request:
        answer["number"] = request["number"]
    data = json.dumps(answer).encode() + b"\n"
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:  # whoever started us is gone
        os._exit(0)
