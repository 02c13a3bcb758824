"""A frame: the bytes of one packet as a network card saw them, and when."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from typing import Any, NamedTuple

# Numbers of https://www.tcpdump.org/linktypes.html: what stands at the front of the bytes.
NULL = 0  # loopback of the BSDs and macOS, and Npcap's on Windows
ETHERNET = 1
PPP = 9
PPP_HDLC = 50
RAW = 101  # nothing: the IP header comes first
LOOP = 108  # OpenBSD's loopback
LINUX_SLL = 113  # "cooked": Linux, captured on "any"
IPV4 = 228
IPV6 = 229
LINUX_SLL2 = 276

# How Scapy calls the first layer of a packet, and the number the file formats have for it.
SCAPY_LAYERS = {
    "Ether": ETHERNET,
    "Dot3": ETHERNET,
    "Loopback": NULL,
    "IP": RAW,
    "IPv6": RAW,
    "CookedLinux": LINUX_SLL,
    "CookedLinuxV2": LINUX_SLL2,
}


class Frame(NamedTuple):
    """One packet of a capture.

    number: its place in the capture, from 1 (as Wireshark counts).
    time_ns: nanoseconds since 1970 (an int: a float would lose them).
    linktype: what the bytes begin with, a LINKTYPE number (1 is Ethernet).
    data: the bytes that were kept.
    length: how long the packet was on the wire; more than len(data) when it was cut.

    >>> Frame(1, 1_500_000_000, ETHERNET, b"...", 3).time
    1.5
    """

    number: int
    time_ns: int
    linktype: int
    data: bytes
    length: int

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        return self.time_ns / 1e9


def frame_of_scapy(packet: Any, number: int) -> Frame:
    """Turn a Scapy packet into a Frame.

    >>> from scapy.layers.l2 import Ether
    >>> frame_of_scapy(Ether(type=0x800) / b"hi", 1).linktype
    1
    """
    name = type(packet).__name__
    linktype = SCAPY_LAYERS.get(name)
    if linktype is None:
        conf: Any = sys.modules["scapy.config"].conf  # the packet exists, so Scapy is loaded
        try:
            linktype = int(conf.l2types[type(packet)])
        except KeyError:
            cure = "import scapy.layers.l2 before reading" if name == "Raw" else "sniff whole packets"
            raise TypeError(f"packet {number} begins with Scapy's {name}, which is no link layer: {cure}") from None
    data = bytes(packet)
    # Scapy keeps an exact decimal for sniffed packets, a float for packets built by hand.
    return Frame(number, round(packet.time * 1_000_000_000), linktype, data, packet.wirelen or len(data))


def frames_of(source: Any, secrets: Callable[[int, bytes], None] | None = None) -> Iterator[Frame]:
    """Frames of anything that holds packets.

    source: a path of a pcap or pcapng file; Frames; Scapy packets (a list, a PacketList, an AsyncSniffer
    that has stopped); or a recording that has ``.frames``. A Scapy packet's number is its place in the list.
    secrets: called with the secrets that a pcapng file brings along (see read_frames).
    Raises CaptureError for a file that can't be read (to its end), TypeError for anything else.
    """
    if isinstance(source, (str, PathLike)):
        from .files import read_frames

        yield from read_frames(source, secrets)
        return
    for attribute in ("frames", "results"):
        inside = getattr(source, attribute, None)
        if inside is not None and not callable(inside):
            source = inside
            break
    if not isinstance(source, Iterable):
        raise TypeError(f"{type(source).__name__} holds no packets: give a path, Frames or Scapy packets")
    for number, item in enumerate(source, 1):
        if isinstance(item, Frame):
            yield item
        elif hasattr(item, "haslayer"):
            yield frame_of_scapy(item, number)
        else:
            raise TypeError(f"item {number} is {type(item).__name__}, neither a Frame nor a Scapy packet")
