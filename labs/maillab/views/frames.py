"""A captured frame, field by field: Ethernet (or Linux "cooked", or raw IP), IPv4 or IPv6, TCP, the payload.

Parsed with `struct`, from the frame's own lengths, so that it also works where Scapy isn't installed.
"""

from __future__ import annotations

import contextlib
import struct
from ipaddress import IPv6Address
from typing import Any, NamedTuple

from maillab.names import BASTION, BEHIND_GATE, GATE, GATE_INSIDE, HOSTS
from maillab.views.bytes import Field, byte_view
from maillab.views.payload import PAYLOAD, payload_fields
from maillab.views.view import View, size

#: The lab's addresses and who has them.
NAMES = {host.ip: host.name for host in (*HOSTS.values(), *BEHIND_GATE.values(), GATE, GATE_INSIDE, BASTION)}
PORTS = {25: "smtp", 110: "pop3", 465: "smtps", 587: "submission", 995: "pop3s"}
#: link type → (length of its header, its name, whether it is in Ethernet's form)
_HEADERS = {
    1: (14, "Ethernet"),
    113: (16, "Linux cooked"),
    276: (20, "Linux cooked v2"),
    0: (4, "loopback"),
    108: (4, "loopback"),
    101: (0, ""),
}
_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


class Summary(NamedTuple):
    """One frame in one line."""

    number: int
    time: float
    source: str
    target: str
    flags: str
    payload: bytes


def frame_bytes(frame: Any) -> tuple[bytes, int]:
    """(bytes, LINKTYPE number) of a capture's Frame, a Scapy packet, or bytes (taken for Ethernet)."""
    if isinstance(frame, bytes | bytearray):
        return bytes(frame), 1
    if hasattr(frame, "linktype"):
        return bytes(frame.data), int(frame.linktype)
    from maillab.capture.frame import frame_of_scapy  # only needed, and Scapy only loaded, for its packets

    found = frame_of_scapy(frame, 1)
    return found.data, found.linktype


def frame_fields(frame: Any, detail: bool = False) -> list[Field]:
    """The fields of one frame, outermost header first; `detail=True` names each field of each header.

    Whatever can't be parsed (cut short, another protocol) becomes one last field "the rest".
    """
    data, link = frame_bytes(frame)
    fields: list[Field] = []
    try:
        end = _parse(data, link, detail, fields)
    except (struct.error, IndexError, ValueError):
        end = len(data)
    last = fields[-1].end if fields else 0
    if last < end:
        fields.append(Field("the rest", last, end, f"{end - last} bytes", "not parsed"))
    return [field for field in fields if field.start < field.end <= len(data)]


def frame_view(frame: Any, caption: str = "", detail: bool = False) -> View:
    """The byte view of one frame, captioned with who sent it to whom: `byte_view(…, frame_fields(frame))`."""
    data, _ = frame_bytes(frame)
    if not caption:
        line = frame_summary(frame)
        name = f"Frame {line.number}" if line.number else "A frame"  # Scapy's packets have no number
        caption = f"{name}: {line.source} → {line.target}, {size(len(data))}"
    return byte_view(data, frame_fields(frame, detail), caption, max_bytes=1600)


def frame_summary(frame: Any, number: int = 0, names: dict[str, str] | None = None) -> Summary:
    """Who, to whom, with which flags and payload; "?" where the frame is neither TCP over IP nor ARP."""
    names = NAMES if names is None else names
    data, link = frame_bytes(frame)
    number, time = int(getattr(frame, "number", number) or number), float(getattr(frame, "time", 0.0) or 0.0)
    if link == 1 and data[12:14] == b"\x08\x06" and len(data) >= 42:
        return Summary(number, time, *_arp(data, names))
    fields: list[Field] = []
    with contextlib.suppress(struct.error, IndexError, ValueError):
        _parse(data, link, True, fields)
    by_name = {field.name: field.value for field in fields}
    ends = []
    for side in ("source", "target"):
        address = by_name.get(f"IP {side}", "?").split(" ")[0]
        port = by_name.get(f"{side} port", "").split(" ")[0]
        ends.append(f"{names.get(address, address)}{':' + port if port else ''}")
    payload = b"".join(data[field.start : field.end] for field in fields if field.name in PAYLOAD)
    return Summary(number, time, ends[0], ends[1], by_name.get("flags", ""), payload)


def _arp(data: bytes, names: dict[str, str]) -> tuple[str, str, str, bytes]:
    """Which hardware address belongs to an IP address: a question to everybody, an answer to one (RFC 826)."""
    sender, target = (".".join(map(str, data[i : i + 4])) for i in (28, 38))
    who, whom = names.get(sender, sender), names.get(target, target)
    if data[20:22] == b"\0\1":
        return who, "everybody" if data[:6] == b"\xff" * 6 else whom, "ARP", f"who has {target}?".encode()
    return who, whom, "ARP", f"{sender} is at {data[22:28].hex(':')}".encode()


def _parse(data: bytes, link: int, detail: bool, fields: list[Field]) -> int:
    """Appends the fields; returns where the packet ends (Ethernet pads short frames to 60 bytes)."""
    at, name = _HEADERS[link]
    if link == 1:
        fields += [
            Field("Ethernet target", 0, 6, data[0:6].hex(":"), "the network card it is for", "link"),
            Field("Ethernet source", 6, 12, data[6:12].hex(":"), "the network card it came from", "link"),
            Field(
                "Ethernet type",
                12,
                14,
                "0x" + data[12:14].hex(),
                "what's inside: 0800 is IPv4, 86dd IPv6",
                "link",
            ),
        ]
    elif at:
        fields.append(Field(f"{name} header", 0, at, f"{at} bytes", "added by the capture, not on the wire", "link"))
    version = data[at] >> 4
    if version == 4:
        at, end, protocol = _ipv4(data, at, detail, fields)
    elif version == 6:
        at, end, protocol = _ipv6(data, at, fields)
    else:
        return len(data)
    return _tcp(data, at, end, detail, fields) if protocol == 6 else end


def _ipv4(data: bytes, at: int, detail: bool, fields: list[Field]) -> tuple[int, int, int]:
    """RFC 791 section 3.1. Returns (start of what's inside, end of the packet, its protocol number)."""
    head, tos, length, ident, frag, ttl, protocol, checksum = struct.unpack_from("!BBHHHBBH", data, at)
    source, target = (".".join(map(str, data[i : i + 4])) for i in (at + 12, at + 16))
    if detail:
        fields += [
            Field("IP version, header length", at, at + 1, f"{head >> 4}, {(head & 15) * 4} bytes", "", "ip"),
            Field("service", at + 1, at + 2, f"{tos:#04x}", "priority and congestion", "ip"),
            Field("IP length", at + 2, at + 4, f"{length} bytes", "header and what's inside", "ip"),
            Field("identification", at + 4, at + 6, f"{ident:#06x}", "which packet a fragment belongs to", "ip"),
            Field("flags, fragment", at + 6, at + 8, f"{frag:#06x}", "0x4000: don't fragment", "ip"),
            Field("time to live", at + 8, at + 9, f"{ttl}", "hops left", "ip"),
            Field("protocol", at + 9, at + 10, f"{protocol}", "6 is TCP", "ip"),
            Field("IP checksum", at + 10, at + 12, f"{checksum:#06x}", "over this header", "ip"),
        ]
    else:
        fields.append(
            Field(
                "IP header",
                at,
                at + 12,
                f"packet of {length} bytes, {ttl} hops left",
                "lengths, flags, protocol, checksum",
                "ip",
            )
        )
    fields.append(Field("IP source", at + 12, at + 16, _named(source), "the host it came from", "ip"))
    fields.append(Field("IP target", at + 16, at + 20, _named(target), "the host it is for", "ip"))
    inside = at + (head & 15) * 4
    if inside > at + 20:
        fields.append(Field("IP options", at + 20, inside, f"{inside - at - 20} bytes", "", "ip"))
    return inside, min(len(data), at + length if length else len(data)), protocol


def _ipv6(data: bytes, at: int, fields: list[Field]) -> tuple[int, int, int]:
    """RFC 8200 section 3; extension headers are left to maillab.conversations."""
    _, length, protocol, hops = struct.unpack_from("!IHBB", data, at)
    source, target = (str(IPv6Address(data[i : i + 16])) for i in (at + 8, at + 24))
    fields.append(
        Field(
            "IP header",
            at,
            at + 8,
            f"{length} bytes inside, {hops} hops left",
            "version, length, next header",
            "ip",
        )
    )
    fields.append(Field("IP source", at + 8, at + 24, _named(source), "the host it came from", "ip"))
    fields.append(Field("IP target", at + 24, at + 40, _named(target), "the host it is for", "ip"))
    return at + 40, min(len(data), at + 40 + length), protocol


def _tcp(data: bytes, at: int, end: int, detail: bool, fields: list[Field]) -> int:
    """RFC 9293 section 3.1."""
    source, target, seq, ack, offset, flags, window, checksum, urgent = struct.unpack_from("!HHIIBBHHH", data, at)
    words = " ".join(name for bit, name in enumerate(_FLAGS) if flags >> bit & 1)
    inside = at + (offset >> 4) * 4
    fields += [
        Field("source port", at, at + 2, _service(source), "the program it came from", "tcp"),
        Field("target port", at + 2, at + 4, _service(target), "the program it is for", "tcp"),
        Field("sequence number", at + 4, at + 8, f"{seq}", "place of the first byte in the stream", "tcp"),
        Field("acknowledgement", at + 8, at + 12, f"{ack}", "the next byte expected", "tcp"),
        Field("header length", at + 12, at + 13, f"{inside - at} bytes", "of this TCP header", "tcp"),
        Field("flags", at + 13, at + 14, words, "PSH: give it to the program now", "tcp"),
    ]
    if detail:
        fields += [
            Field("window", at + 14, at + 16, f"{window}", "how much more may be sent", "tcp"),
            Field("TCP checksum", at + 16, at + 18, f"{checksum:#06x}", "over header and payload", "tcp"),
            Field("urgent", at + 18, at + 20, f"{urgent}", "unused", "tcp"),
        ]
    else:
        fields.append(
            Field(
                "window, checksum, urgent",
                at + 14,
                at + 20,
                f"{window}, {checksum:#06x}, {urgent}",
                "",
                "tcp",
            )
        )
    if inside > at + 20:
        fields.append(
            Field("TCP options", at + 20, inside, f"{inside - at - 20} bytes", "timestamps and the like", "tcp")
        )
    fields += payload_fields(data[inside:end], inside, from_server=source in PORTS)
    return end


def _named(address: str) -> str:
    return f"{address} ({NAMES[address]})" if address in NAMES else address


def _service(port: int) -> str:
    return f"{port} ({PORTS[port]})" if port in PORTS else f"{port}"
