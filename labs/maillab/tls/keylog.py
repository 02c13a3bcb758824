"""The key log: what a program writes down so that its own TLS can be read afterwards.

    CLIENT_RANDOM <client random, 64 hex digits> <master secret, 96>                     TLS 1.2
    SERVER_TRAFFIC_SECRET_0 <client random> <secret, 64 or 96>                           TLS 1.3, and four more

Python's ``SSLContext.keylog_filename``, curl, Firefox and OpenSSL write it. Source: RFC 9850 (the format that began as
NSS's). Whoever has it reads everything; it is for one's own connections only.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

# Label -> lengths of its secret in bytes (a master secret, or a hash of TLS 1.3's suites).
LABELS = {
    "CLIENT_RANDOM": (48,),
    "CLIENT_EARLY_TRAFFIC_SECRET": (32, 48),
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET": (32, 48),
    "SERVER_HANDSHAKE_TRAFFIC_SECRET": (32, 48),
    "CLIENT_TRAFFIC_SECRET_0": (32, 48),
    "SERVER_TRAFFIC_SECRET_0": (32, 48),
    "EARLY_EXPORTER_SECRET": (32, 48),
    "EXPORTER_SECRET": (32, 48),
}
# What a pcapng's Decryption Secrets Block calls a TLS key log (draft-ietf-opsawg-pcapng section 4.7).
PCAPNG_TYPE = 0x544C534B
MAX_NAMED = 20  # malformed lines that are described; the rest is only counted
_LINE = re.compile(rb"([A-Z0-9_]+) ([0-9a-fA-F]+) ([0-9a-fA-F]+)")


class KeyLogError(Exception):
    """A key log that can't be read at all; one sentence."""


class KeyLog:
    r"""Secrets, by client random.

    malformed: sentences about lines that make no sense, the first 20; bad_lines: how many there were.

    >>> log = KeyLog()
    >>> log.read(b"# a comment\nCLIENT_RANDOM " + b"00" * 32 + b" " + b"11" * 48 + b"\nnonsense\n")
    >>> log
    <key log: secrets of 1 connection, 1 malformed line (line 3: no label and two hexadecimal numbers)>
    >>> len(log.secret(bytes(32), "CLIENT_RANDOM"))
    48
    """

    def __init__(self) -> None:
        self.malformed: list[str] = []
        self.bad_lines = 0
        self._secrets: dict[bytes, dict[str, bytes]] = {}
        self._text = bytearray()
        self._given = False

    @classmethod
    def of(cls, source: KeyLog | str | os.PathLike[str] | bytes | None) -> KeyLog:
        """A key log out of a file (its path), of its bytes, or an empty one out of None.

        Raises KeyLogError: the file can't be read, or no line of it is a secret.
        """
        if isinstance(source, KeyLog):
            return source
        log = cls()
        if source is None:
            return log
        name = "the key log"
        if isinstance(source, (str, os.PathLike)):
            name = os.fspath(source)
            try:
                source = Path(name).read_bytes()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise KeyLogError(f"{name}: the key log can't be read ({reason})") from None
        log.read(source)
        if log.bad_lines and not log:
            raise KeyLogError(f"{name} is no key log: {log.malformed[0]}; of {log.bad_lines} line(s) none is a secret")
        return log

    def read(self, text: bytes) -> None:
        """Take lines; malformed ones are counted and described. Labels that aren't TLS's are skipped (RFC 9850)."""
        self._given = True
        self._text += text if text.endswith(b"\n") else text + b"\n"
        for number, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if not line or line.startswith(b"#"):
                continue
            wrong = self._line(line)
            if wrong:
                self.bad_lines += 1
                if len(self.malformed) < MAX_NAMED:
                    self.malformed.append(f"line {number}: {wrong}")

    def _line(self, line: bytes) -> str:
        """Keep the secret in a line; what is wrong with it, empty: nothing."""
        parts = _LINE.fullmatch(line)
        if not parts:
            return "no label and two hexadecimal numbers"
        label = parts[1].decode()
        sizes = LABELS.get(label)
        if sizes is None:
            return ""
        if len(parts[2]) != 64:
            return f"the client random has {len(parts[2])} hexadecimal digits, not 64"
        if len(parts[3]) not in [2 * size for size in sizes]:
            wanted = " or ".join(str(2 * size) for size in sizes)
            return f"the secret of {label} has {len(parts[3])} hexadecimal digits, not {wanted}"
        self._secrets.setdefault(bytes.fromhex(parts[2].decode()), {})[label] = bytes.fromhex(parts[3].decode())
        return ""

    def from_capture(self, kind: int, data: bytes) -> None:
        """Take what a pcapng file brought along, if it is a TLS key log."""
        if kind == PCAPNG_TYPE:
            self.read(data)

    def secret(self, client_random: bytes, label: str) -> bytes | None:
        """The secret with this label of the connection with this client random."""
        return self._secrets.get(client_random, {}).get(label)

    def knows(self, client_random: bytes) -> bool:
        """Is there any secret of this connection?"""
        return client_random in self._secrets

    @property
    def given(self) -> bool:
        """Something was handed in as a key log, be it useless."""
        return self._given

    def __len__(self) -> int:
        """Of how many connections it has secrets."""
        return len(self._secrets)

    def __bytes__(self) -> bytes:
        """All that was read, as it goes into a pcapng file."""
        return bytes(self._text)

    def __repr__(self) -> str:
        many = "" if len(self) == 1 else "s"
        said = f"secrets of {len(self)} connection{many}"
        if self.bad_lines:
            said += f", {self.bad_lines} malformed line{'' if self.bad_lines == 1 else 's'} ({self.malformed[0]})"
        return f"<key log: {said}>"
