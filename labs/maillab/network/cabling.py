"""Which host of the sandbox is plugged in where.

alice, mail, mx, mallory -- bridge
alice, mallory -- inner -- gate -- bridge -- mail, mx        with a router in between
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..names import GATE, GATE_INSIDE, HOSTS, Name


def cables(nat: bool, hosts: Mapping[str, Name]) -> list[dict[str, Any]]:
    """What is plugged in where, as sandbox_helper.py takes it."""
    found = []
    for host in hosts.values():
        setup = [f"addr add {host.ip}/24 dev eth0"]
        behind = host != HOSTS.get(host.name, host)
        if behind:  # no default route: what isn't in the lab is out of reach, and the kernel says so at once
            setup.append(f"route add 192.0.2.0/24 via {GATE_INSIDE.ip}")
        found.append(cable(host, "eth0", "inner" if behind else "bridge", setup))
    if nat:  # without addresses of the kernel's: the router (nat.py) speaks for itself
        found += [cable(GATE_INSIDE, "inside", "inner", []), cable(GATE, "outside", "bridge", [])]
    return found


def cable(host: Name, device: str, bridge: str, setup: list[str]) -> dict[str, Any]:
    """One row of :func:`cables`."""
    return {"host": host.name, "device": device, "bridge": bridge, "mac": host.mac, "ip": host.ip, "setup": setup}
