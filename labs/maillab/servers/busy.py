"""Why a port can't be opened, in one sentence with the cure."""

from __future__ import annotations

import errno
import ipaddress
from pathlib import Path


def explain(error: OSError, service: str, address: str, port: int) -> str:
    """What to tell the user when ``service`` can't listen on ``address``, ``port``.

    >>> explain(OSError(errno.EACCES, "denied"), "pop3", "127.0.0.1", 110)
    'port 110 on 127.0.0.1 (pop3) may not be opened by this user: choose a port from 1024 on, or 0 for any free one.'
    """
    where = f"port {port} on {address} ({service})"
    # errno.EADDRINUSE is what Python makes of it on every system; 100xx are Windows' own numbers.
    if error.errno in (errno.EADDRINUSE, 10048):
        owner = owner_of(address, port)
        program = f" ({owner})" if owner else ""
        return f"{where} is busy: close the program that uses it{program}, or choose 0 for any free port."
    if error.errno in (errno.EACCES, errno.EPERM, 10013):
        return f"{where} may not be opened by this user: choose a port from 1024 on, or 0 for any free one."
    if error.errno in (errno.EADDRNOTAVAIL, 10049):
        return f"{where} can't be opened, this machine has no such address: start its network first, or use 127.0.0.1."
    return f"{where} can't be opened: {error.strerror or error}."


def owner_of(address: str, port: int) -> str:
    """Which program listens there, such as ``dovecot, process 812``.

    Empty where the system doesn't say: only Linux does, and of other users' programs only to root.

    >>> owner_of("127.0.0.1", 1)
    ''
    """
    try:
        inodes = set(_listening(address, port))
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:[") and target[8:-1] in inodes:
                process = link.parts[2]
                return f"{Path('/proc', process, 'comm').read_text().strip()}, process {process}"
    except (OSError, ValueError):
        pass  # not Linux, or a process that ended while we looked
    return ""


def _listening(address: str, port: int) -> list[str]:
    """The inode numbers of sockets that listen on ``port`` (proc(5), /proc/net/tcp; addresses are little-endian)."""
    mine = ipaddress.IPv4Address(address).packed[::-1].hex().upper()
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        host, _, number = fields[1].partition(":")
        if fields[3] == "0A" and int(number, 16) == port and host in (mine, "00000000"):
            found.append(fields[9])
    return found
