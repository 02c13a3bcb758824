"""Reading TLS with a key log: records in, what was said inside out. Nothing is broken here, the key is known.

Each direction has its own key and counts its own records. When the key changes, the handshake tells:

    TLS 1.2   ChangeCipherSpec -> the key block's                                            RFC 5246 section 7.1
    TLS 1.3   ServerHello -> handshake secret; Finished -> traffic secret; KeyUpdate -> next RFC 8446 section 7
"""

from __future__ import annotations

from typing import Literal

from .ciphers import BadRecord, RecordCipher, cipher_13, ciphers_12
from .handshake import (
    CLIENT_HELLO,
    EARLY_DATA,
    FINISHED,
    KEY_UPDATE,
    SERVER_HELLO,
    ClientHello,
    Messages,
    ServerHello,
    client_hello,
    server_hello,
    version_name,
)
from .keylog import KeyLog
from .prf import next_secret
from .records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, Side
from .suites import suite

NAMES: dict[Side, Literal["client", "server"]] = {"C": "client", "S": "server"}
# What a connection of TLS 1.3 takes, in the words of the key log.
SECRETS_13 = (
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
)
EARLY = "what the client said before the handshake (0-RTT, which mail programs don't use) isn't read here"
PATIENCE = 64  # records that may fail to open where some must, and sequence numbers that are tried after a loss


class Direction:
    """One direction: its key, its count, and the handshake messages that came through it."""

    def __init__(self) -> None:
        self.cipher: RecordCipher | None = None
        self.sequence = 0
        self.secret = b""
        self.label = ""  # of the secret, in the key log
        self.messages = Messages()
        self.ahead = 0  # after a loss: so many records may be missing
        self.patience = 0  # so many records may fail to open, before one does
        self.failed = 0  # so many did
        self.why = ""  # the loss that explains it
        self.blind = False  # nothing more can be read

    def use(self, cipher: RecordCipher, label: str, secret: bytes = b"") -> None:
        """From here on this key; its count begins at 0."""
        self.cipher, self.label, self.secret, self.sequence = cipher, label, secret, 0

    def open(self, record: bytes) -> tuple[int, bytes] | None:
        """(True type, what was said); None when it doesn't open."""
        assert self.cipher is not None
        for skipped in range(self.ahead + 1):
            try:
                opened = self.cipher.open(self.sequence + skipped, record)
            except BadRecord:
                continue
            self.sequence += skipped + 1
            self.ahead = self.patience = self.failed = 0
            return opened
        self.failed += 1
        return None


class Decrypter:
    """One TLS connection. Give record() all records of both sides in order; it returns what each says inside.

    .problem: one sentence about why (some of) it can't be read, empty: all could be.
    """

    def __init__(self, keys: KeyLog) -> None:
        self.problem = ""
        self._keys = keys
        self._sides: dict[Side, Direction] = {"C": Direction(), "S": Direction()}
        self._client: ClientHello | None = None
        self._server: ServerHello | None = None
        self._pending: dict[str, RecordCipher] | None = None  # TLS 1.2: from the next ChangeCipherSpec on

    def record(self, side: Side, record: bytes, frame: int = 0) -> bytes:
        """The application data in a record, empty for all other kinds. Never raises, whatever the bytes are.

        frame: where it was seen, for .problem.
        """
        me = self._sides[side]
        if me.blind or len(record) < HEADER or len(record) != HEADER + (record[3] << 8 | record[4]):
            return b""
        kind, said = record[0], record[HEADER:]
        if kind == CHANGE_CIPHER_SPEC:
            self._change(me, side)
            return b""
        if me.cipher is None:
            if kind == APPLICATION_DATA:
                if side == "C" and self._early_data and not self._server:
                    self._say(f"frame {frame}: {EARLY}")
                else:
                    self._fail(me, f"frame {frame}: the handshake is missing from the capture, no secret can be chosen")
                return b""
        elif me.cipher.tls13 and kind != APPLICATION_DATA:
            return b""  # an alert from before there was a key
        else:
            opened = me.open(record)
            if opened is None:
                if me.failed > me.patience:
                    self._wrong(me, side, frame)
                elif self._early_data and side == "C" and me.label in SECRETS_13[:1]:
                    self._say(f"frame {frame}: {EARLY}")
                return b""
            kind, said = opened
            if kind == APPLICATION_DATA:
                return said
        if kind == HANDSHAKE:
            for message, body in me.messages.put(said):
                self._message(me, side, message, body)
        return b""

    def lost(self, side: Side, missing: int, frame: int) -> None:
        """Bytes of this side are missing: some sequence numbers won't be seen."""
        me = self._sides[side]
        me.messages = Messages()
        if me.cipher:
            me.ahead = min(PATIENCE, me.ahead + missing // HEADER + 1)
            me.patience = PATIENCE
            me.why = f"{missing:,} bytes of the {NAMES[side]} are missing before frame {frame}"

    def close(self) -> None:
        """No more records: a direction that waited in vain for one that opens says so."""
        for side, me in self._sides.items():
            if me.failed and not me.blind:
                self._wrong(me, side, 0)

    # -- why not --

    @property
    def _whose(self) -> str:
        return f"client random {self._client.random.hex()}" if self._client else "a client random that wasn't seen"

    @property
    def _early_data(self) -> bool:
        return self._client is not None and EARLY_DATA in self._client.extensions

    def _say(self, sentence: str) -> None:
        self.problem = self.problem or sentence

    def _fail(self, me: Direction, sentence: str) -> None:
        me.blind = True
        self._say(sentence)

    def _wrong(self, me: Direction, side: Side, frame: int) -> None:
        if me.why:
            self._fail(me, f"{me.why}, and nothing that it said after that could be opened")
            return
        where = f"frame {frame}" if frame else "its records"
        cause = "it is another connection's, or bytes were changed"
        self._fail(me, f"the key log's {me.label} for {self._whose} doesn't open {where} of the {NAMES[side]}: {cause}")

    def _missing(self, labels: list[str]) -> str:
        assert self._client is not None
        if self._keys.knows(self._client.random):
            return f"the key log lacks {' and '.join(labels)} for {self._whose}"
        return f"the key log has no secret for {self._whose} (it takes {' and '.join(labels)})"

    # -- the handshake --

    def _message(self, me: Direction, side: Side, kind: int, body: bytes) -> None:
        tls13 = self._server is not None and self._server.tls13
        if kind == CLIENT_HELLO and side == "C" and not tls13:
            self._client = client_hello(body)
        elif kind == SERVER_HELLO and side == "S" and not tls13:
            hello = server_hello(body)
            if not hello.retry:
                self._server = hello
                self._hellos(hello)
        elif kind == FINISHED and tls13 and me.label.endswith("HANDSHAKE_TRAFFIC_SECRET"):
            self._traffic(me, side)
        elif kind == KEY_UPDATE and tls13 and me.label.endswith("TRAFFIC_SECRET_0"):
            chosen = suite(self._server.suite) if self._server else suite(0)
            secret = next_secret(chosen.hash, me.secret)
            me.use(cipher_13(chosen, secret), me.label, secret)

    def _hellos(self, server: ServerHello) -> None:
        """Both hellos were said: choose the secrets."""
        self._pending = None
        problem = self._refusal(server)
        if not problem and server.tls13:
            self._handshake_13()
            return
        if not problem and self._client:
            master = self._keys.secret(self._client.random, "CLIENT_RANDOM")
            if master:
                self._pending = ciphers_12(suite(server.suite), master, self._client.random, server.random)
                return
            problem = self._missing(["CLIENT_RANDOM"])
        for me in self._sides.values():
            self._fail(me, problem)

    def _refusal(self, server: ServerHello) -> str:
        """Why this connection isn't read here, whatever the key log says; empty: it is."""
        chosen = suite(server.suite)
        if self._client is None:
            return "the ClientHello is missing from the capture, so no secret can be chosen"
        if server.version not in (0x0303, 0x0304):
            return f"{version_name(server.version)} isn't read here, only TLS 1.2 and 1.3 are ({self._whose})"
        if "_CBC_" in chosen.name:
            return f"{chosen.name} encrypts with CBC, which isn't read here: choose a suite with GCM or ChaCha20"
        if not chosen.aead or chosen.tls13 != server.tls13 or server.compression:
            return f"{chosen.name} isn't read here, only AES-GCM and ChaCha20-Poly1305 are ({self._whose})"
        return ""

    def _handshake_13(self) -> None:
        assert self._client is not None and self._server is not None
        random = self._client.random
        missing = [label for label in SECRETS_13 if not self._keys.secret(random, label)]
        for side, me in self._sides.items():
            label = f"{NAMES[side].upper()}_HANDSHAKE_TRAFFIC_SECRET"
            secret = self._keys.secret(random, label)
            if secret:
                me.use(cipher_13(suite(self._server.suite), secret), label, secret)
                if side == "C" and self._early_data:
                    me.patience = PATIENCE  # early data, which another key opens, may come first
            elif self._keys.secret(random, f"{NAMES[side].upper()}_TRAFFIC_SECRET_0"):
                self._traffic(me, side)
                me.patience = PATIENCE  # the handshake goes by unread
            else:
                self._fail(me, self._missing(missing))

    def _traffic(self, me: Direction, side: Side) -> None:
        """The handshake of this side is over (TLS 1.3)."""
        assert self._client is not None and self._server is not None
        label = f"{NAMES[side].upper()}_TRAFFIC_SECRET_0"
        secret = self._keys.secret(self._client.random, label)
        if secret:
            me.use(cipher_13(suite(self._server.suite), secret), label, secret)
        else:
            self._fail(me, self._missing([label]))

    def _change(self, me: Direction, side: Side) -> None:
        """A ChangeCipherSpec; in TLS 1.3 it means nothing (RFC 8446 section 5)."""
        if self._server is None or self._server.tls13:
            return
        if self._pending:
            me.use(self._pending[side], "CLIENT_RANDOM")
