"""TLS sessions for tests: two real endpoints (OpenSSL, through Python's ssl) whose bytes become frames.

`converse` is run in a process of its own where a cipher suite of TLS 1.3 is asked for: Python can't choose one, but
OpenSSL's configuration file can. So this file, run as a script, needs the standard library only.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

Said = list[tuple[int, bytes]]
SNI = "mail.example.test"


def context(server: bool, spec: dict[str, Any]) -> ssl.SSLContext:
    """One side's settings, as spec wants them (see Session)."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = made.maximum_version = getattr(ssl.TLSVersion, spec["version"])
    if spec["version"] == "TLSv1_2" and spec["suite"]:
        made.set_ciphers(spec["suite"])
    made.load_verify_locations(spec["ca"])
    if server:
        made.load_cert_chain(spec["server_pem"])
        if spec["curve"]:
            made.set_ecdh_curve(spec["curve"])
        if spec["client_pem"]:
            made.verify_mode = ssl.CERT_REQUIRED
    else:
        if spec["client_pem"]:
            made.load_cert_chain(spec["client_pem"])
        if not spec["trusted"]:
            made = ssl.create_default_context()  # its authorities haven't heard of ours
        made.keylog_filename = spec["keylog"]
    return made


class Pair:
    """A client and a server joined by memory; .flights is what crossed the wire, (side, bytes)."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        self.bios = [(ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())]
        self.ends = [
            client.wrap_bio(*self.bios[0], server_side=False, server_hostname=SNI, session=session),
            server.wrap_bio(*self.bios[1], server_side=True),
        ]
        self.flights: Said = []

    def pump(self) -> None:
        for side in (0, 1):
            data = self.bios[side][1].read()
            if data:
                self.flights.append((side, data))
                self.bios[1 - side][0].write(data)

    def handshake(self) -> None:
        waiting = [0, 1]
        while waiting:
            for side in list(waiting):
                try:
                    self.ends[side].do_handshake()
                    waiting.remove(side)
                except ssl.SSLWantReadError:
                    pass
                finally:
                    self.pump()

    def say(self, side: int, data: bytes) -> None:
        self.ends[side].write(data)
        self.pump()
        got = b""
        while len(got) < len(data):
            got += self.ends[1 - side].read(1 << 20)
        assert got == data

    def close(self) -> None:
        for side in (0, 1):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.ends[side].unwrap()
            self.pump()


def converse(spec: dict[str, Any]) -> list[Said]:
    """The flights of each of spec["connections"], later ones resuming the first one's session."""
    client, server = context(False, spec), context(True, spec)
    session = None
    out = []
    for said in spec["connections"]:
        pair = Pair(client, server, session)
        try:
            pair.handshake()
        except ssl.SSLError:
            pair.pump()
        else:
            for side, data in said:
                pair.say(side, data)
            session = pair.ends[0].session
            assert pair.ends[0].session_reused == (len(out) > 0)
            pair.close()
        out.append(pair.flights)
    return out


class Session:
    """Runs TLS and keeps what crossed the wire.

    version: "TLSv1_2", "TLSv1_3". suite: OpenSSL's name (TLS 1.2), IANA's (TLS 1.3). curve: the only one the server
    has. client_pem: the client shows a certificate. trusted=False: the client doesn't know the server's authority.
    """

    def __init__(self, pems: dict[str, str], *connections: Said, version: str = "TLSv1_3", **options: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            keylog = Path(folder) / "keys"
            spec = {"suite": "", "curve": "", "client_pem": "", "trusted": True, "version": version, **pems, **options}
            spec |= {"keylog": str(keylog), "connections": connections}
            if version == "TLSv1_3" and spec["suite"]:
                self.flights = self._elsewhere(spec, Path(folder) / "openssl.cnf")
            else:
                self.flights = converse(spec)
            self.keylog = keylog.read_bytes() if keylog.exists() else b""

    def _elsewhere(self, spec: dict[str, Any], config: Path) -> list[Said]:
        config.write_text(
            "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCiphersuites = " + spec["suite"] + "\n"
        )
        spec["connections"] = encode(spec["connections"])
        done = subprocess.run(
            [sys.executable, __file__],
            input=json.dumps(spec),
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"OPENSSL_CONF": str(config)},
        )
        assert done.returncode == 0, done.stderr
        return decode(json.loads(done.stdout))


def encode(connections: Any) -> list[list[tuple[int, str]]]:
    return [[(side, base64.b64encode(data).decode()) for side, data in said] for said in connections]


def decode(connections: Any) -> list[Said]:
    return [[(side, base64.b64decode(data)) for side, data in said] for said in connections]


def main() -> None:
    spec = json.load(sys.stdin)
    spec["connections"] = decode(spec["connections"])
    json.dump(encode(converse(spec)), sys.stdout)


if __name__ == "__main__":
    main()
