"""Packets a second: maillab.findings.search beside `tshark -z credentials` and a plain Scapy reader, on the same file.

Run it as ``python tests/bench/findings.py [--packets 300000] [--seed 1] [--scapy 20000] [--keep FILE]``.
It's no test: what it prints depends on the machine and on what else runs. The capture is made by bench/sessions.py,
which also tells what is in it; what was found is compared with that, after the clock has stopped.

Each program runs in a process of its own, start-up included; time and memory are those of the process (os.wait4).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sessions import facts, write_capture

OURS = """
import sys
from maillab.findings import search
print(sum(1 for _ in search(sys.argv[1], keep_mails=False)), "findings")
"""
SCAPY = """
import sys
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.sessions import TCPSession
from scapy.utils import PcapReader
session, lines = TCPSession(), 0
with PcapReader(sys.argv[1]) as reader:
    for count, packet in enumerate(reader, 1):
        packet = session.process(packet)
        if packet is not None and TCP in packet:
            lines += bytes(packet[TCP].payload).startswith((b"USER ", b"PASS ", b"AUTH ", b"APOP "))
        if count >= int(sys.argv[2]):
            break
print(lines, "lines")
"""


@dataclass
class Run:
    """One process: seconds of wall clock and of CPU, MiB at its peak, what it printed."""

    wall: float
    cpu: float
    peak: float
    said: str


def run(argv: list[str]) -> Run:
    """Run a program to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{argv[0]} ended with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)


def shown(name: str, packets: int, it: Run) -> str:
    return f"{name:24}{packets / it.wall:14,.0f}{it.wall:10.2f}{it.cpu:10.2f}{it.peak:12.0f}"


def compare(path: Path, truth: Counter[tuple[object, ...]]) -> str:
    """Precision and recall, over credentials, mails and TLS upgrades."""
    from maillab.findings import search

    found = Counter(facts(finding) for finding in search(path, keep_mails=False))
    hits = (found & truth).total()
    for what in list((truth - found).items())[:3]:
        print("missed", what)
    for what in list((found - truth).items())[:3]:
        print("too much", what)
    return f"precision {hits / (found.total() or 1):.4f}, recall {hits / truth.total():.4f} of {truth.total():,} facts"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scapy", type=int, default=20_000, help="packets for Scapy, scaled; 0: leave it out")
    parser.add_argument("--keep", help="write the capture here, and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(options.keep or f"{folder}/sessions.pcap")
        packets, truth = write_capture(path, options.packets, options.seed)
        print(f"{packets:,} packets, {path.stat().st_size:,} bytes, {truth.total():,} facts in them")
        print(f"{'':24}{'packets/s':>14}{'wall s':>10}{'CPU s':>10}{'peak MiB':>12}")
        ratios = []
        for _ in range(options.rounds):
            ours = run([sys.executable, "-c", OURS, str(path)])
            print(shown("maillab.findings.search", packets, ours), ours.said.strip())
            theirs = run(["tshark", "-r", str(path), "-q", "-z", "credentials", "-o", "smtp.decryption:TRUE"])
            print(shown("tshark -z credentials", packets, theirs), theirs.said.count("\n"), "lines")
            ratios.append(theirs.wall / ours.wall)
            print(f"ratio {ratios[-1]:.2f} (CPU {theirs.cpu / ours.cpu:.2f})")
        if options.scapy:
            few = min(options.scapy, packets)
            scapy = run([sys.executable, "-c", SCAPY, str(path), str(few)])
            print(shown("Scapy's TCPSession", few, scapy), f"on {few:,} packets")
            print(f"ratio {scapy.wall * packets / few / ours.wall:.1f} (scaled to the whole file)")
        print(compare(path, truth))
        print(json.dumps({"packets": packets, "ratios": [round(r, 2) for r in ratios]}))


if __name__ == "__main__":
    main()
