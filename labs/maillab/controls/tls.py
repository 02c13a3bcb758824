"""TLS in the lab: whom clients trust, which certificate servers show, and what is done about the next hop."""

from __future__ import annotations

import ssl
from pathlib import Path

from ..clients.tls import context as client_context
from ..servers.handle import ServerHandle
from .started import Started


class Tls(Started):
    """For a lab that was started with ``tls=True``."""

    def context(
        self, verify: bool = True, version: str | None = None, keylog: str | Path | None = None
    ) -> ssl.SSLContext:
        """What a client needs for TLS: it trusts the CA of this lab, and nobody else.

        Args:
            verify: ``False`` for a client that believes anybody.
            version: ``"1.2"`` or ``"1.3"`` only.
            keylog: a file to write the connections' secrets to, with which they can be decrypted.

        Raises:
            RuntimeError: this lab was started without TLS.

        Example::

            mailbox = lab.alice.pop3s(lab.context())
            mailbox = lab.alice.pop3()
            mailbox.stls(lab.context(keylog="keys.log"))
        """
        return client_context(self.certificates / "ca.pem", verify, version, keylog)

    @property
    def certificates(self) -> Path:
        """The folder with this lab's certificates: ``ca.pem`` for programs that are to trust it, and others (see
        ``maillab.servers.certificates``).

        Raises:
            RuntimeError: this lab was started without TLS.
        """
        return self._needs_tls()

    def _needs_tls(self) -> Path:
        if not self.network.serves:
            raise RuntimeError("On the replay rung there's no TLS: a recorded handshake can't be had again.")
        if self._certificates is None:
            raise RuntimeError("This lab has no TLS: start it with Lab(…, tls=True).")
        return self._certificates

    def certificate(self, kind: str, host: str = "mail") -> None:
        """Which certificate a server shows from the next connection on.

        Args:
            kind: ``right``, ``expired``, ``wrong-name`` or ``self-signed``.
            host: ``mail``, or ``mx`` where that runs.

        Raises:
            ServerError: no such certificate.
            RuntimeError: this lab was started without TLS.
        """
        self._tls_of(host).ask("tls", certificate=kind)

    def tls_versions(self, *versions: str, cipher: str = "") -> None:
        """Which versions of TLS the mail server takes from the next connection on: ``"1.2"``, ``"1.3"`` or both.

        Args:
            cipher: with 1.2 alone, the only cipher suite, by OpenSSL's name.

        Raises:
            ServerError: no such version or suite.
            RuntimeError: this lab was started without TLS.

        Example::

            lab.tls_versions("1.2", cipher="ECDHE-ECDSA-AES128-GCM-SHA256")
            lab.tls_versions("1.2", "1.3")
        """
        self._tls_of("mail").ask("tls", versions=versions, cipher=cipher)

    def _tls_of(self, host: str) -> ServerHandle:
        self._needs_tls()
        if host == "mx" and "mx" in self._others:
            return self._others["mx"]
        if host != "mail":
            raise ValueError(f"No server with TLS is called {host!r}: it's mail, or mx in a lab with mx=True.")
        return self.server

    def next_hop(self, policy: str) -> None:
        """What the mail server does about TLS on the way to mx, from the next attempt on.

        Args:
            policy: ``clear``, ``opportunistic`` or ``verified`` (``maillab.servers.next_hop.POLICIES``).

        Raises:
            ServerError: no such policy; or no next hop, in a lab without ``mx=True``.

        On the replay rung nothing happens.
        """
        if self._server is not None:
            self._server.ask("next_hop", tls=policy)
