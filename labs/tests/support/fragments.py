"""Connections whose packets were cut up into fragments."""

from __future__ import annotations

import random
import struct

from maillab.capture.frame import ETHERNET, Frame
from maillab.conversations.packets import ip_at

from .wire import Talk, link, renumber

MAIL = b"+OK 3000 octets\r\n" + b"Subject: lunch\r\n\r\n" + b"line of a mail\r\n" * 80 + b".\r\n"
ENDS = [(("192.0.2.10", 40001), ("192.0.2.25", 110)), (("2001:db8::10", 40001), ("2001:db8::25", 110))]


def pieces(packet: bytes, size: int, number: int = 7) -> list[bytes]:
    """An IP packet cut into fragments of `size` bytes, a multiple of 8."""
    v4 = packet[0] >> 4 == 4
    head, payload = (packet[:20], packet[20:]) if v4 else (packet[:40], packet[40:])
    out = []
    for at in range(0, len(payload), size):
        part, more = payload[at : at + size], at + size < len(payload)
        if v4:
            where = struct.pack(">HHH", 20 + len(part), number, more << 13 | at >> 3)
            out.append(head[:2] + where + head[8:] + part)
        else:
            extension = bytes([head[6], 0]) + struct.pack(">HI", at | more, number)
            out.append(head[:4] + struct.pack(">H", 8 + len(part)) + b"\x2c" + head[7:] + extension + part)
    return out


def cut_up(talk: Talk, size: int, rnd: random.Random | None = None) -> list[Frame]:
    """Every frame with data in fragments; shuffled within a packet when there is a rnd."""
    out = []
    for frame in talk.frames:
        packet = frame.data[ip_at(talk.linktype, frame.data) :]
        parts = pieces(packet, size, frame.number) if len(packet) > size + 60 else [packet]
        if rnd:
            rnd.shuffle(parts)
        for part in parts:
            data = link(talk.linktype, part)
            out.append(frame._replace(data=data, length=len(data)))
    return renumber(out)


def dialogue(ends=ENDS[0], linktype: int = ETHERNET) -> Talk:  # type: ignore[no-untyped-def]
    talk = Talk(*ends, linktype=linktype)
    return talk.play([(1, b"+OK ready\r\n"), (0, b"RETR 1\r\n"), (1, MAIL), (0, b"QUIT\r\n"), (1, b"+OK\r\n")])
