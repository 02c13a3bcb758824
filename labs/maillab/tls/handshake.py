"""The handshake, as far as it isn't encrypted: ClientHello, ServerHello, Certificate.

    type (1) | length (3) | body …            one message; messages and records don't keep to each other's borders

Source: RFC 8446 section 4, RFC 5246 section 7.4; SNI RFC 6066 section 3, ALPN RFC 7301.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .suites import is_grease

CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, FINISHED, KEY_UPDATE = 1, 2, 11, 20, 24
SNI, ALPN, EARLY_DATA, SUPPORTED_VERSIONS, PRE_SHARED_KEY = 0, 16, 42, 43, 41
# A ServerHello with this "random" asks for another ClientHello (RFC 8446 section 4.1.3).
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
MAX_MESSAGE = 1 << 18  # longer ones aren't put together; a certificate chain has some thousand bytes

VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}


class Truncated(Exception):
    """The bytes end before the field does."""


class Fields:
    """Takes fields from the front of a message.

    >>> Fields(bytes([2, 10, 11, 12])).vector(1)
    b'\\n\\x0b'
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """So many bytes."""
        end = self._at + count
        if end > len(self._data):
            raise Truncated
        data, self._at = self._data[self._at : end], end
        return data

    def number(self, count: int) -> int:
        """A number of so many bytes."""
        return int.from_bytes(self.take(count), "big")

    def vector(self, count: int) -> bytes:
        """Bytes, their length in front of them, itself `count` bytes long."""
        return self.take(self.number(count))


@dataclass(slots=True)
class ClientHello:
    """What a client offers. random: 32 bytes, under which a key log has the secrets of this connection.

    suites: numbers, in the client's order. extensions: type -> its bytes. Truncated ones hold what is there.
    """

    version: int = 0
    random: bytes = b""
    session_id: bytes = b""
    suites: list[int] = field(default_factory=list)
    extensions: dict[int, bytes] = field(default_factory=dict)

    @property
    def sni(self) -> str | None:
        """The server's name, as the client calls it (RFC 6066 section 3)."""
        try:
            entries = Fields(Fields(self.extensions.get(SNI, b"")).vector(2))
            while entries:
                kind, name = entries.number(1), entries.vector(2)
                if kind == 0:
                    return name.decode("ascii", "backslashreplace")
        except Truncated:
            pass
        return None

    @property
    def alpn(self) -> list[str]:
        """The protocols it wants to speak inside (RFC 7301); mail programs rarely say."""
        return alpn_of(self.extensions)

    @property
    def offered(self) -> list[str]:
        """The versions it offers, its favourite first; before TLS 1.3 it named only the newest."""
        numbers = [self.version] if self.version else []
        if SUPPORTED_VERSIONS in self.extensions:
            try:
                inside = Fields(Fields(self.extensions[SUPPORTED_VERSIONS]).vector(1))
                numbers = []
                while inside:
                    numbers.append(inside.number(2))
            except Truncated:
                pass
        return [version_name(number) for number in numbers if not is_grease(number)]


@dataclass(slots=True)
class ServerHello:
    """What the server chose. version: the one that is spoken. retry: it asks for another ClientHello first."""

    version: int = 0
    random: bytes = b""
    session_id: bytes = b""
    suite: int = 0
    compression: int = 0
    extensions: dict[int, bytes] = field(default_factory=dict)

    @property
    def retry(self) -> bool:
        return self.random == RETRY

    @property
    def tls13(self) -> bool:
        return self.version == 0x0304

    @property
    def alpn(self) -> list[str]:
        """The protocol it chose; in TLS 1.3 that is encrypted."""
        return alpn_of(self.extensions)


def version_name(number: int) -> str:
    """
    >>> version_name(0x0304), version_name(0x7f1c)
    ('TLS 1.3', '0x7f1c')
    """
    return VERSIONS.get(number, f"0x{number:04x}")


def alpn_of(extensions: dict[int, bytes]) -> list[str]:
    """Names in an ALPN extension."""
    names = []
    try:
        inside = Fields(Fields(extensions.get(ALPN, b"")).vector(2))
        while inside:
            names.append(inside.vector(1).decode("utf-8", "backslashreplace"))
    except Truncated:
        pass
    return names


def client_hello(body: bytes) -> ClientHello:
    """Read a ClientHello (RFC 8446 section 4.1.2), as far as it goes."""
    hello = ClientHello()
    fields = Fields(body)
    try:
        hello.version, hello.random, hello.session_id = fields.number(2), fields.take(32), fields.vector(1)
        suites = fields.vector(2)
        hello.suites = [suites[at] << 8 | suites[at + 1] for at in range(0, len(suites) - 1, 2)]
        fields.vector(1)  # compression: nobody offers any
        _extensions(fields, hello.extensions)
    except Truncated:
        pass
    return hello


def server_hello(body: bytes) -> ServerHello:
    """Read a ServerHello (RFC 8446 section 4.1.3), as far as it goes."""
    hello = ServerHello()
    fields = Fields(body)
    try:
        hello.version, hello.random, hello.session_id = fields.number(2), fields.take(32), fields.vector(1)
        hello.suite, hello.compression = fields.number(2), fields.number(1)
        _extensions(fields, hello.extensions)
    except Truncated:
        pass
    chosen = hello.extensions.get(SUPPORTED_VERSIONS, b"")
    if len(chosen) == 2:
        hello.version = int.from_bytes(chosen, "big")
    return hello


def certificate_list(body: bytes) -> list[bytes]:
    """The certificates of a Certificate message of TLS 1.2 (RFC 5246 section 7.4.2), DER, the server's own first."""
    chain = []
    try:
        entries = Fields(Fields(body).vector(3))
        while entries:
            chain.append(entries.vector(3))
    except Truncated:
        pass
    return chain


def _extensions(fields: Fields, into: dict[int, bytes]) -> None:
    if fields:
        inside = Fields(fields.vector(2))
        while inside:
            kind = inside.number(2)
            into[kind] = inside.vector(2)


class Messages:
    """Puts handshake messages together from records: several may share one, and one may need several.

    >>> messages = Messages()
    >>> messages.put(bytes([1, 0, 0, 2, 7])), messages.put(bytes([8, 14, 0, 0, 0]))
    ([], [(1, b'\\x07\\x08'), (14, b'')])
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lost = False  # a length made no sense: there is no telling where the next message begins

    def put(self, fragment: bytes) -> list[tuple[int, bytes]]:
        """Take a handshake record's fragment; the (type, body) of each message that is complete now."""
        if self._lost:
            return []
        self._buffer += fragment
        done = []
        at, size = 0, len(self._buffer)
        while size - at >= 4:
            end = at + 4 + int.from_bytes(self._buffer[at + 1 : at + 4], "big")
            if end - at > MAX_MESSAGE:
                self._lost, at = True, size
                break
            if end > size:
                break
            done.append((self._buffer[at], bytes(self._buffer[at + 4 : end])))
            at = end
        del self._buffer[:at]
        return done
