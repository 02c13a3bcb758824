r"""PLAIN (RFC 4616): name and password in one message, separated by NUL octets.

    message = [authzid] NUL authcid NUL passwd          (RFC 4616 section 2)

*authcid* is who logs in, *authzid* whom she wants to act as (nearly always left empty). Nothing is hidden: base64, in
which POP3 and SMTP carry the message, is an encoding.
"""

from __future__ import annotations

from maillab.sasl.credentials import Credentials
from maillab.sasl.exchange import SOMEWHERE, Challenge, Failure, SaslError, Setting, Success


class PlainServer:
    r"""The server's side.

    >>> server = PlainServer(Credentials({"alice": "sesame"}))
    >>> server.step(None)
    Challenge(data=b'')
    >>> server.step(b"\0alice\0sesame")
    Success(username='alice', authzid='')
    """

    def __init__(self, credentials: Credentials, setting: Setting = SOMEWHERE) -> None:
        self._credentials = credentials

    def step(self, response: bytes | None) -> Challenge | Success | Failure:
        """One message from the client decides; ``None`` asks her for it with an empty challenge."""
        if response is None:
            return Challenge(b"")
        try:
            fields = response.decode().split("\0")  # RFC 4616 section 2: UTF-8
        except UnicodeDecodeError:
            return Failure("the message isn't UTF-8")
        if len(fields) != 3:
            return Failure(f"{len(fields)} fields instead of 3")
        authzid, username, password = fields
        # The check of the password comes first, so that a stranger learns nothing from the other rule.
        if not self._credentials.verify(username, password):
            return Failure("wrong name or password")
        if authzid not in ("", username):
            return Failure("may not act as somebody else")
        return Success(username, authzid)


class PlainClient:
    r"""The client's side.

    >>> PlainClient("alice", "sesame").initial()
    b'\x00alice\x00sesame'
    >>> PlainClient("tim", "tanstaaf", authzid="ursel").initial()
    b'ursel\x00tim\x00tanstaaf'
    """

    def __init__(self, username: str, password: str, authzid: str = "", setting: Setting = SOMEWHERE) -> None:
        self._fields = (authzid, username, password)
        if any("\0" in field for field in self._fields):
            raise SaslError("a name or password with a NUL octet can't be sent with PLAIN: NUL separates them.")

    def initial(self) -> bytes:
        """The whole message: PLAIN's client speaks first."""
        return "\0".join(self._fields).encode()

    def step(self, challenge: bytes) -> bytes:
        """The same message, for a server that asked for it with an empty challenge.

        Raises:
            SaslError: the challenge isn't empty.
        """
        if challenge:
            raise SaslError("a PLAIN server has nothing to say, but this one sent a challenge.")
        return self.initial()

    def finish(self) -> None:
        """Nothing to check: whoever got the password can say yes, and in PLAIN everybody gets it."""
