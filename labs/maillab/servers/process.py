"""The servers as a process, steered by one line of JSON after the other on stdin.

Line 1 is the configuration::

    {"host": "mail", "address": "192.0.2.25", "ports": {"pop3": 110, "smtp": 25, "submission": 587},
     "student": "guest", "allow": ["plaintext_login"]}

A port of 0 means any free one. Only the services named in ``ports`` run. ``domain`` (``example.test``) and ``accounts``
(name → password; the student's alice, bob and carol) may be given for other hosts, which then start without mail.
With ``spool``, the path of a folder, mail is kept on disk and is there again when a process is started with the same
folder. ``next_hop``, ``[address, port]``, is where mail for others goes; it needs a spool. ``retry`` says how many
seconds to wait from one attempt to the next.

``tls``, ``{"folder": path}``, turns TLS on: the folder holds what certificates.py makes; ``certificate``, ``versions``
and ``cipher`` may be chosen there as with the command "tls". ``next_hop_tls`` is the policy for the way on (``clear``,
``opportunistic``, ``verified``), ``next_hop_name`` the name in the next server's certificate.

The answer is one line, ``{"ready": true, "ports": {…}}``, or ``{"error": "…"}`` and exit code 1. Every later line is a
command and gets one line: ``{"ok": true, …}`` or ``{"error": "…"}``; ``MailHost.command`` in mailhost.py has them. A
``number`` in a request comes back in its answer, so that nobody takes a late answer for another. The end of stdin ends
the process at once: whoever started it and died takes it along.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable
from typing import Any, Protocol

from maillab.servers.commands import ConfigError
from maillab.servers.log import EventLog


class Program(Protocol):
    """What runs in the process."""

    async def start(self) -> dict[str, int]:
        """Open all ports; gives them by service."""

    def command(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a line on stdin asks for."""


def main(make: Callable[[dict[str, Any]], Program]) -> None:
    """Run what ``make`` makes of the configuration, until stdin ends. Never returns."""
    data = b""
    while b"\n" not in data and (more := os.read(0, 65_536)):
        data += more
    first, _, rest = data.partition(b"\n")
    asyncio.run(_run(make, first, rest))


async def _run(make: Callable[[dict[str, Any]], Program], config: bytes, unfinished: bytes) -> None:
    request: dict[str, Any] = {}
    try:
        request = _object(config)
        host = make(request)
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
