"""A large capture of POP3 and SMTP sessions, made up from bytes, and the truth about it.

About 60 connections at once, about 32 packets each, of which a little more than half carry data (as in captures of
real servers): handshake, commands and replies, acknowledgements of their own, FINs. Checksums are left to a network
card that doesn't exist. The same seed makes the same file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AT_ONCE = 60
SEGMENT = 1448
SYN, FIN, PSH, ACK = 2, 1, 8, 16
WORDS = ("lunch", "door", "code", "report", "budget", "meeting", "train", "invoice", "holiday", "garden", "paper")

Said = list[tuple[int, bytes]]  # (0 client, 1 server), bytes
Fact = tuple[object, ...]


def facts(finding: Any) -> Fact:
    """What of a finding is compared with the truth."""
    if finding.kind == "mail":
        return (finding.client, "mail", finding.mechanism, finding.sender, finding.subject, finding.size)
    if finding.kind == "tls":
        return (finding.client, "tls", finding.mechanism, finding.sni)
    return (finding.client, finding.mechanism, finding.username, finding.password, finding.accepted)


def b64(data: str | bytes) -> bytes:
    return base64.b64encode(data.encode() if isinstance(data, str) else data)


class Session:
    """One dialogue: .said, and the .facts in it."""

    def __init__(self, rnd: random.Random, client: str) -> None:
        self.rnd, self.client = rnd, client
        self.said: Said = []
        self.facts: list[Fact] = []
        self.user = f"{rnd.choice(('alice', 'bob', 'carol', 'dave'))}{rnd.randrange(10_000)}"
        self.password = f"{rnd.choice(WORDS)}-{rnd.randrange(10_000)}"
        self.good = rnd.random() < 0.85

    def c(self, line: bytes) -> None:
        self.said.append((0, line + b"\r\n"))

    def s(self, line: bytes) -> None:
        self.said.append((1, line + b"\r\n"))

    def learned(self, mechanism: str, password: str | None) -> None:
        self.facts.append((self.client, mechanism, self.user, password, self.good))

    def mail(self) -> tuple[str, str, bytes]:
        """(sender, subject, message)"""
        rnd = self.rnd
        sender = f"{rnd.choice(WORDS)}@example.test"
        subject = f"{rnd.choice(WORDS)} {rnd.randrange(100_000)}"
        lines = [" ".join(rnd.choices(WORDS, k=10)) for _ in range(rnd.choice((3, 8, 20, 45)))]
        head = [f"From: <{sender}>", f"To: {self.user}@example.test", f"Subject: {subject}"]
        head += ["Date: Mon, 2 Nov 2026 09:00:00 +0000", f"Message-ID: <{rnd.randrange(1 << 40)}@example.test>"]
        return sender, subject, "\r\n".join([*head, "", *lines, ""]).encode()

    def tls(self) -> None:
        """A ClientHello with a server name, a ServerHello without much, then records of noise."""
        name = b"mail.example.test"
        sni = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
        hello = b"\x03\x03" + self.rnd.randbytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
        hello += struct.pack(">H", len(sni)) + sni
        answer = (
            b"\x03\x03" + self.rnd.randbytes(32) + b"\0" + b"\x13\x01" + b"\0" + struct.pack(">HHHH", 6, 43, 2, 0x304)
        )
        for side, kind, body in ((0, 1, hello), (1, 2, answer)):
            shake = bytes([kind]) + struct.pack(">I", len(body))[1:] + body
            self.said.append((side, b"\x16\x03\x01" + struct.pack(">H", len(shake)) + shake))
        for _ in range(6):
            noise = self.rnd.randbytes(self.rnd.randrange(40, 1300))
            self.said.append((self.rnd.randrange(2), b"\x17\x03\x03" + struct.pack(">H", len(noise)) + noise))

    # -- POP3 --

    def pop3(self) -> None:
        stamp = f"<{self.rnd.randrange(1 << 30)}.{self.rnd.randrange(1 << 30)}@mail.example.test>"
        self.s(b"+OK POP3 ready " + stamp.encode())
        how = self.rnd.choice(("USER", "USER", "APOP", "PLAIN", "CRAM-MD5", "STLS"))
        verdict = b"+OK logged in" if self.good else b"-ERR no"
        if self.rnd.random() < 0.5:
            self.c(b"CAPA")
            self.s(b"+OK\r\nTOP\r\nUIDL\r\nSTLS\r\nUSER\r\nSASL PLAIN CRAM-MD5\r\n.")
        if how == "STLS":
            self.c(b"STLS")
            self.s(b"+OK begin")
            self.facts.append((self.client, "tls", "STLS", "mail.example.test"))
            return self.tls()
        if how == "USER":
            self.c(b"USER " + self.user.encode())
            self.s(b"+OK")
            self.c(b"PASS " + self.password.encode())
            self.learned("USER", self.password)
        elif how == "APOP":
            digest = hashlib.md5((stamp + self.password).encode()).hexdigest()
            self.c(f"APOP {self.user} {digest}".encode())
            self.learned("APOP", None)
        elif how == "PLAIN":
            self.c(b"AUTH PLAIN " + b64(f"\0{self.user}\0{self.password}"))
            self.learned("PLAIN", self.password)
        else:
            self.c(b"AUTH CRAM-MD5")
            self.s(b"+ " + b64(stamp))
            self.c(b64(f"{self.user} {hmac.new(self.password.encode(), stamp.encode(), 'md5').hexdigest()}"))
            self.learned("CRAM-MD5", None)
        self.s(verdict)
        if self.good:
            count = self.rnd.choice((1, 1, 2))
            self.c(b"STAT")
            self.s(b"+OK %d 4000" % count)
            self.c(b"LIST")
            self.s(b"+OK\r\n" + b"".join(b"%d 2000\r\n" % (i + 1) for i in range(count)) + b".")
            for i in range(count):
                sender, subject, message = self.mail()
                self.c(b"RETR %d" % (i + 1))
                self.s(b"+OK %d octets\r\n" % len(message) + message + b".")
                self.facts.append((self.client, "mail", "RETR", sender, subject, len(message)))
        self.c(b"QUIT")
        self.s(b"+OK bye")

    # -- SMTP --

    def smtp(self) -> None:
        self.s(b"220 mail.example.test ESMTP")
        self.c(b"EHLO client.example.test")
        self.s(b"250-mail.example.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250 HELP")
        how = self.rnd.choice(("PLAIN", "LOGIN", "CRAM-MD5", "", "", "STARTTLS"))
        if how == "STARTTLS":
            self.c(b"STARTTLS")
            self.s(b"220 begin")
            self.facts.append((self.client, "tls", "STARTTLS", "mail.example.test"))
            return self.tls()
        if how == "PLAIN":
            self.c(b"AUTH PLAIN " + b64(f"\0{self.user}\0{self.password}"))
        elif how == "LOGIN":
            self.c(b"AUTH LOGIN")
            self.s(b"334 VXNlcm5hbWU6")
            self.c(b64(self.user))
            self.s(b"334 UGFzc3dvcmQ6")
            self.c(b64(self.password))
        elif how == "CRAM-MD5":
            challenge = f"<{self.rnd.randrange(1 << 40)}@mail.example.test>"
            self.c(b"AUTH CRAM-MD5")
            self.s(b"334 " + b64(challenge))
            self.c(b64(f"{self.user} {hmac.new(self.password.encode(), challenge.encode(), 'md5').hexdigest()}"))
        if how:
            self.s(b"235 ok" if self.good else b"535 no")
            self.learned(how, None if how == "CRAM-MD5" else self.password)
        if self.good or not how:
            sender, subject, message = self.mail()
            self.c(b"MAIL FROM:<" + sender.encode() + b">")
            self.s(b"250 ok")
            for _ in range(self.rnd.choice((1, 1, 2))):
                self.c(b"RCPT TO:<" + self.rnd.choice(WORDS).encode() + b"@example.test>")
                self.s(b"250 ok")
            self.c(b"DATA")
            self.s(b"354 go on")
            self.said.append((0, message + b".\r\n"))
            self.s(b"250 queued")
            self.facts.append((self.client, "mail", "DATA", sender, subject, len(message)))
        self.c(b"QUIT")
        self.s(b"221 bye")


def packets(rnd: random.Random, number: int) -> tuple[list[Fact], Iterator[bytes]]:
    """A connection: the facts in it, and its frames (Ethernet, IPv4, TCP with time stamps)."""
    address = bytes([10, number >> 16 & 255, number >> 8 & 255, number & 255])
    port = rnd.randrange(32768, 61000)
    pop3 = rnd.random() < 0.5
    session = Session(rnd, f"{'.'.join(map(str, address))}:{port}")
    (session.pop3 if pop3 else session.smtp)()
    return session.facts, _frames(rnd, address, port, 110 if pop3 else rnd.choice((25, 587)), session.said)


def _frames(rnd: random.Random, address: bytes, port: int, service: int, said: Said) -> Iterator[bytes]:
    ends = (address, bytes([192, 0, 2, 25]))
    ports = (struct.pack(">HH", port, service), struct.pack(">HH", service, port))
    macs = (b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0", b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0")
    next_ = [rnd.getrandbits(32), rnd.getrandbits(32)]
    acked = [0, 0]  # what each side has acknowledged

    def frame(side: int, flags: int, data: bytes = b"") -> bytes:
        acked[side] = next_[1 - side] if flags & ACK else 0
        options = b"\x02\x04\x05\xb4" + bytes(4) if flags & SYN else b"\1\1\x08\x0a" + bytes(8)
        size = 20 + len(options)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size + len(data), 0, 0x4000, 64, 6, 0)
        tcp = struct.pack(">IIBBHHH", next_[side], acked[side], size << 2, flags, 502, 0, 0)
        next_[side] = next_[side] + len(data) + bool(flags & (SYN | FIN)) & 0xFFFFFFFF
        return macs[side] + ip + ends[side] + ends[1 - side] + ports[side] + tcp + options + data

    yield frame(0, SYN)
    yield frame(1, SYN | ACK)
    yield frame(0, ACK)
    for side, data in said:
        for count, at in enumerate(range(0, len(data), SEGMENT), 1):
            last = at + SEGMENT >= len(data)
            yield frame(side, ACK | PSH * last, data[at : at + SEGMENT])
            if not count % 2 or (last and rnd.random() < 0.5):
                yield frame(1 - side, ACK)
    yield frame(1, FIN | ACK)
    yield frame(0, ACK)
    yield frame(0, FIN | ACK)
    yield frame(1, ACK)


def write_capture(path: Path, count: int, seed: int) -> tuple[int, Counter[Fact]]:
    """Write at least `count` packets; how many, and the facts in them."""
    rnd = random.Random(seed)
    truth: Counter[Fact] = Counter()
    running: list[Iterator[bytes]] = []
    written = number = 0
    time_us = 1_795_000_000_000_000
    with path.open("wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        while written < count or running:
            while written < count and len(running) < AT_ONCE:
                number += 1
                learned, frames = packets(rnd, number)
                truth.update(learned)
                running.append(frames)
            at = rnd.randrange(len(running))
            frame = next(running[at], None)
            if frame is None:
                running[at] = running[-1]
                running.pop()
                continue
            time_us += rnd.randrange(5, 40)
            out.write(struct.pack("<IIII", time_us // 1_000_000, time_us % 1_000_000, len(frame), len(frame)) + frame)
            written += 1
    print(f"{number:,} sessions, {written / number:.1f} packets a session")
    return written, truth
