"""One host with its services, and what it does when it's told to by :mod:`maillab.servers.process`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from maillab.names import DOMAIN, IMPLICIT_TLS, PORTS
from maillab.servers.busy import explain
from maillab.servers.clock import Clock
from maillab.servers.commands import ConfigError, obey
from maillab.servers.delivery import Delivery
from maillab.servers.house import House
from maillab.servers.listen import listen
from maillab.servers.log import EventLog
from maillab.servers.maildrop import MAX_MESSAGE
from maillab.servers.next_hop import NextHop
from maillab.servers.queue import RETRY
from maillab.servers.relay import Relay
from maillab.servers.spool import Spool
from maillab.servers.store import Store
from maillab.servers.switches import Switches
from maillab.servers.tls import Tls
from maillab.student import Student


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
        unknown = [service for service in self.wanted if service not in PORTS]
        if unknown:
            raise ConfigError(f"no service is called {unknown[0]!r}: choose from {', '.join(PORTS)}.")
        try:
            self.switches = Switches(config.get("allow", ()))
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None
        self.host = name if "." in name else f"{name}.{config.get('domain', DOMAIN)}"
        self.clock = Clock()
        self.log = EventLog(self.clock.now)
        self.tls = _tls(config, name)
        spool, next_hop, retry = _relaying(config, self.tls)
        try:
            self.store = _store(config, lambda: self.switches.allows("accept_anyone"), spool)
            self.delivery = Delivery(self.store, self.log, self.host)
            if spool is not None and next_hop is not None:
                queue = Spool(spool / "queue")
                self.delivery.relay = Relay(queue, next_hop, self.host, self.log, self.delivery.give_back, retry)
        except OSError as error:
            raise ConfigError(f"the spool {spool} can't be used: {error.strerror or error}.") from None
        self.house = House(self.host, self.store, self.switches, self.clock, self.log, self.delivery, self.tls)
        self._servers: list[asyncio.Server] = []

    async def start(self) -> dict[str, int]:
        """Open all ports and return those that were opened, by service.

        Raises:
            ConfigError: one can't be opened; then none is.
        """
        ports = {}
        for service, port in self.wanted.items():
            try:
                server = await listen(service, self.address, port, self.house)
            except (OSError, OverflowError) as error:
                for started in self._servers:
                    started.close()
                problem = error if isinstance(error, OSError) else OSError(str(error))
                raise ConfigError(explain(problem, service, self.address, port)) from None
            self._servers.append(server)
            ports[service] = server.sockets[0].getsockname()[1]
        if self.delivery.relay is not None:
            self._emptying = asyncio.create_task(self.delivery.relay.run())
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
        ``{"do": "queue"}``                          ``entries``: what waits to be passed on, see queue.py;
                                                     ``busy``: is an attempt under way?
        ``{"do": "hold", "held": true}``             no attempt is started any more; ``busy`` as above
        ``{"do": "reset"}``                          all maildrops as at the start; queue, log and POP3
                                                     logins are forgotten
        ``{"do": "allow", "switches": […]}``         ``on``: exactly these are on now, also for open sessions
        ``{"do": "fix", "challenges": {…}}``         mechanism → the challenge it sends from now on, null for the
                                                     first that comes up; exactly these (``fixed_challenge``)
        ``{"do": "window", "seconds": 600}``         how long a POP3 login counts (``pop_before_smtp``)
        ``{"do": "tls", "certificate": "expired"}``  ``tls``: what is chosen now of ``certificate``, ``versions``,
                                                     ``cipher`` (see tls.py); what isn't named stays as it is
        ``{"do": "next_hop", "tls": "verified"}``    the policy for TLS to the next server, see next_hop.py; with
                                                     ``"address": [address, port]`` also where it is; answers both
        ``{"do": "weakness"}``                       ``on``, ``challenges``, ``window``, ``tls``, ``next_hop``: what
                                                     "allow", "fix", "window", "tls", "next_hop" take to come back
        ``{"do": "forward", "seconds": 60}``         puts the host's clock forward; ``now``: what it shows
        ============================================ =====================================================

        >>> host = MailHost({"host": "mail", "address": "127.0.0.1", "ports": {}})
        >>> host.command({"do": "allow", "switches": ["plaintext_login"]})
        {'ok': True, 'on': ['plaintext_login']}
        >>> host.command({"do": "dance"})  # doctest: +ELLIPSIS
        {'error': "no command is called 'dance': choose from allow, deliver, fix, forward, ..."}
        """
        return obey(self, request)

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
        if self.delivery.relay is not None:
            self.delivery.relay.clear()
        self.house.pop_logins.clear()
        self.log.events.clear()
        return {}

    def _do_queue(self, request: dict[str, Any]) -> dict[str, Any]:
        relay = self.delivery.relay
        entries = [] if relay is None else [asdict(entry) for entry in relay.entries.values()]
        return {"entries": entries, "busy": relay is not None and relay.busy}

    def _do_hold(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.delivery.relay is not None:
            self.delivery.relay.hold(bool(request["held"]))
        return {"busy": self.delivery.relay is not None and self.delivery.relay.busy}

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
        return {
            "on": self.switches.on,
            "challenges": self.switches.fixed.texts,
            "window": self.switches.pop_window,
            "tls": self.tls and self.tls.choice,
            "next_hop": self.delivery.relay and self.delivery.relay.next_hop.tls,
        }

    def _do_tls(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.tls is None:
            raise ValueError("this server has no TLS.")
        self.tls.choose(**{key: request.get(key, chosen) for key, chosen in self.tls.choice.items()})
        return {"tls": self.tls.choice}

    def _do_next_hop(self, request: dict[str, Any]) -> dict[str, Any]:
        relay = self.delivery.relay
        if relay is None:
            raise ValueError("this server has no next hop.")
        hop = relay.next_hop.with_policy(request.get("tls", relay.next_hop.tls))
        host, port = request.get("address", hop.address)
        relay.next_hop = replace(hop, address=(str(host), int(port)))
        return {"tls": relay.next_hop.tls, "address": relay.next_hop.address}

    def _do_window(self, request: dict[str, Any]) -> dict[str, Any]:
        self.switches.set_window(float(request["seconds"]))
        return {}

    def _do_forward(self, request: dict[str, Any]) -> dict[str, Any]:
        self.clock.forward(float(request["seconds"]))
        return {"now": self.clock.now()}

    def _do_store(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"kept": self.store.credentials.kept(self._user(request))}

    def _user(self, request: dict[str, Any]) -> str:
        user = request["user"]
        if not isinstance(user, str) or user not in self.store.maildrops:
            raise ValueError(f"no user is called {user!r}: choose from {', '.join(self.store.maildrops)}.")
        return user


def _tls(config: dict[str, Any], host: str) -> Tls | None:
    """Where the certificates lie and what is chosen of them."""
    chosen = config.get("tls")
    if chosen is None:
        if wanted := [service for service in config["ports"] if service in IMPLICIT_TLS]:
            raise ConfigError(f'{wanted[0]} needs "tls", with the folder of the certificates.')
        return None
    try:
        tls = Tls(Path(chosen["folder"]), host)
        tls.choose(**{key: value for key, value in chosen.items() if key != "folder"})
    except (LookupError, TypeError, ValueError, OSError) as error:
        raise ConfigError(f'"tls" is {{"folder": path}}, with certificates in it for {host}: {error!r}') from None
    return tls


def _relaying(config: dict[str, Any], tls: Tls | None) -> tuple[Path | None, NextHop | None, tuple[float, ...]]:
    """Where mail is kept, where it goes from here, and the seconds between attempts."""
    next_hop = None
    try:
        spool = Path(str(config["spool"])) if config.get("spool") else None
        if config.get("next_hop"):
            address = (str(config["next_hop"][0]), int(config["next_hop"][1]))
            next_hop = NextHop(address, str(config.get("next_hop_name", "")), ca=None if tls is None else tls.ca)
            next_hop = next_hop.with_policy(config.get("next_hop_tls", "clear"))
        retry = tuple(float(seconds) for seconds in config.get("retry", RETRY))
    except (LookupError, TypeError, ValueError) as error:
        raise ConfigError(
            f'"next_hop" is [address, port], "spool" a path and "retry" a list of seconds: {error!r}'
        ) from None
    if next_hop is not None and spool is None:
        raise ConfigError('"next_hop" needs a "spool", so that no mail is lost that this host has taken.')
    return spool, next_hop, retry


def _store(config: dict[str, Any], believe: Callable[[], bool], spool: Path | None) -> Store:
    folder = spool and spool / "maildrops"
    domain = str(config.get("domain", DOMAIN))
    if "accounts" in config:
        accounts = config["accounts"]
        if not (isinstance(accounts, dict) and all(isinstance(password, str) for password in accounts.values())):
            raise ConfigError('"accounts" is an object: user name → password, both texts.')
        return Store(domain, accounts, believe=believe, folder=folder)
    student = Student(config.get("student", "guest"))
    passwords = {user: account.password for user, account in student.accounts.items()}
    return Store(domain, passwords, {user: student.mails(user) for user in passwords}, believe, folder)
