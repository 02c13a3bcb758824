"""Runs inside the sandbox: builds the network and opens sockets there for the learner's process.

Started by ``sandbox.py`` under ``unshare``, where an ordinary user is root of a network of their own. Uses the
standard library only, and knows nothing of mail. Its one connection to the outside is a Unix socket (fd given
as the first argument): a request is one JSON object, the answer another, and open sockets travel beside them as
file descriptors. When that socket ends, because the notebook's kernel did, this process ends, and the
kernel removes with it every process in the sandbox and the whole network (it is process 1 of a PID namespace).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

Cables = list[dict[str, Any]]
"""Each: ``host``, ``device`` (its card), ``bridge`` (where the other end is), ``mac``, ``ip`` and ``setup``: further
``ip`` commands that its host needs for it."""
CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946
OFFLOADS = {"rx checksum": 0x15, "tx checksum": 0x17, "sg": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
FOREVER = 100_000_000  # hundredths of a second: a switch that forgets would flood in the middle of a lesson
IP_TRANSPARENT = 19
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1
ETH_P_ALL = 3
libc = ctypes.CDLL(None, use_errno=True)


def call(function: Callable[..., int], *arguments: Any) -> None:
    if function(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def ip(commands: Sequence[str], inside: int | None = None) -> None:
    """Run ``ip`` commands, one a line, in this namespace or in another."""
    enter = (lambda: call(libc.setns, inside, CLONE_NEWNET)) if inside is not None else None
    done = subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(commands), text=True, capture_output=True, preexec_fn=enter
    )
    if done.returncode:
        raise OSError(f"ip: {done.stderr.strip()}")


class Room:
    """Hosts and bridges, and the cables between them."""

    def __init__(self, cables: Cables) -> None:
        self.cables = cables
        self.children: list[subprocess.Popen[bytes]] = []
        self.here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.namespace: dict[str, int] = {}
        self.bridges = sorted({cable["bridge"] for cable in cables})
        commands = ["link set lo up"]
        for bridge in self.bridges:
            commands += [
                f"link add {bridge} type bridge ageing_time 0 forward_delay 0 mcast_snooping 0",
                f"link set {bridge} addrgenmode none",
                f"link set {bridge} up",
            ]
        ip(commands)
        for cable in cables:
            host, device = cable["host"], cable["device"]
            if host not in self.namespace:
                call(libc.unshare, CLONE_NEWNET)
                self.namespace[host] = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                call(libc.setns, self.here, CLONE_NEWNET)
            # addrgenmode none: no IPv6 address, hence none of its chatter in the captures
            ip(
                [
                    "link set lo up",
                    f"link add {device} address {cable['mac']} type veth peer name {plug(cable)} netns {os.getpid()}",
                    f"link set {device} addrgenmode none",
                    f"link set {device} up",
                    *cable["setup"],
                ],
                inside=self.namespace[host],
            )
        ip(
            [f"link set {plug(cable)} master {cable['bridge']} addrgenmode none" for cable in cables]
            + [f"link set {plug(cable)} up" for cable in cables]
        )
        for cable in cables:
            with self.open(cable["host"], socket.AF_INET, socket.SOCK_DGRAM) as sock:
                plain_frames(sock, cable["device"])
        with socket.socket() as sock:
            for cable in cables:
                plain_frames(sock, plug(cable))

    def open(self, host: str, family: int, kind: int) -> socket.socket:
        """A socket that belongs to ``host``'s network for as long as it lives, whoever holds it."""
        call(libc.setns, self.namespace[host], CLONE_NEWNET)
        try:
            return socket.socket(family, kind)
        finally:
            call(libc.setns, self.here, CLONE_NEWNET)

    def listen(self, host: str, port: int) -> socket.socket:
        """A socket that listens on ``host``, also (transparent) on addresses of others that are routed to it."""
        sock = self.open(host, socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
            sock.bind(("", port))
            sock.listen()
        except OSError:
            sock.close()
            raise
        return sock

    def card(self, host: str, device: str = "eth0") -> socket.socket:
        """A packet socket on ``host``'s card that hears everything (promiscuous)."""
        call(libc.setns, self.namespace[host], CLONE_NEWNET)
        try:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            sock.bind((device, ETH_P_ALL))
            index = socket.if_nametoindex(device)
        finally:
            call(libc.setns, self.here, CLONE_NEWNET)
        sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
        return sock

    def mode(self, mode: str) -> None:
        """hub: the bridge forgets at once where a host lives, and so repeats every frame to all. switch: it
        remembers; each host announces itself (gratuitous ARP) so that nothing is flooded for want of knowing."""
        ageing = 0 if mode == "hub" else FOREVER
        ip([f"link set {bridge} type bridge ageing_time {ageing} fdb_flush" for bridge in self.bridges])
        if mode == "switch":
            for cable in self.cables:
                with self.card(cable["host"], cable["device"]) as sock:
                    sock.send(announcement(cable))

    def plug(self, host: str, plugged: bool) -> None:
        """Put the cable of ``host`` into its bridge, or pull it out."""
        for cable in self.cables:
            if cable["host"] == host:
                ip([f"link set {plug(cable)} {'master ' + cable['bridge'] if plugged else 'nomaster'}"])

    def spawn(self, host: str, argv: list[str], stdio: Sequence[int]) -> int:
        def enter() -> None:
            call(libc.setns, self.namespace[host], CLONE_NEWNET)

        self.children = [child for child in self.children if child.poll() is None]  # poll() also buries the dead
        child = subprocess.Popen(argv, stdin=stdio[0], stdout=stdio[1], stderr=stdio[2], preexec_fn=enter)
        self.children.append(child)
        return child.pid


def plug(cable: dict[str, Any]) -> str:
    """What the bridge's end of a cable is called."""
    return f"{cable['host']}-{cable['device']}"


def announcement(cable: dict[str, Any]) -> bytes:
    mac = bytes.fromhex(cable["mac"].replace(":", ""))
    address = socket.inet_aton(cable["ip"])
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + address + bytes(6) + address
    return b"\xff" * 6 + mac + b"\x08\x06" + arp + bytes(18)


def plain_frames(sock: socket.socket, device: str) -> None:
    """Turn off what a card would do later, so that captures show true checksums and frames as they'd cross a cable."""
    for command in OFFLOADS.values():
        value = ctypes.create_string_buffer(struct.pack("II", command, 0))
        request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
        with contextlib.suppress(OSError):  # a kernel that doesn't know one of them doesn't do it either
            fcntl.ioctl(sock, SIOCETHTOOL, request)


def answer(room: Room, request: dict[str, Any], fds: Sequence[int]) -> tuple[dict[str, Any], list[socket.socket]]:
    """Do one request; gives the reply and the sockets that go with it."""
    what = request["do"]
    if what == "socket":
        return {}, [room.open(request["host"], socket.AF_INET, socket.SOCK_STREAM)]
    if what == "card":
        return {}, [room.card(request["host"])]
    if what == "listen":
        return {}, [room.listen(request["host"], request["port"])]
    if what == "mode":
        room.mode(request["mode"])
    elif what == "plug":
        room.plug(request["host"], request["plugged"])
    elif what == "ip":
        ip(request["commands"], inside=room.namespace[request["host"]])
    elif what == "spawn":
        return {"pid": room.spawn(request["host"], request["argv"], fds)}, []
    elif what == "kill":
        with contextlib.suppress(ProcessLookupError):
            os.kill(request["pid"], signal.SIGKILL)
    return {}, []


def serve(control: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    room: Room | None = None
    while True:
        data, fds, _, _ = socket.recv_fds(control, 1 << 16, 3)
        if not data:
            return
        sockets: list[socket.socket] = []
        reply: dict[str, Any]
        try:
            request = json.loads(data)
            if request["do"] == "build":
                room, reply = Room(request["cables"]), {}
            else:
                assert room is not None
                reply, sockets = answer(room, request, fds)
        except Exception as error:  # a request that makes no sense must not take the whole network down
            reply = {"error": str(error) or type(error).__name__}
        reply["number"] = json.loads(data).get("number")
        socket.send_fds(control, [json.dumps(reply).encode()], [s.fileno() for s in sockets])
        for s in sockets:
            s.close()
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
