"""LOGIN: name and password, one after the other.

No RFC describes it; the one text is an expired draft (draft-murchison-sasl-login-00), written after the programs that
used it. It hides as much as PLAIN, which is nothing, and needs two round trips for it.
"""

from __future__ import annotations

from maillab.sasl.credentials import Credentials
from maillab.sasl.exchange import SOMEWHERE, Challenge, Failure, SaslError, Setting, Success

NAME_PROMPT, PASSWORD_PROMPT = b"Username:", b"Password:"
"""What servers ask. The draft says ``User Name`` and ``Password`` with a NUL after them; Postfix, Exim and Dovecot send
these, and some clients and many eavesdropping tools know no others."""


class LoginServer:
    """The server's side.

    >>> server = LoginServer(Credentials({"alice": "sesame"}))
    >>> server.step(None)
    Challenge(data=b'Username:')
    >>> server.step(b"alice")
    Challenge(data=b'Password:')
    >>> server.step(b"sesame")
    Success(username='alice', authzid='')
    """

    def __init__(self, credentials: Credentials, setting: Setting = SOMEWHERE) -> None:
        self._credentials = credentials
        self._username: bytes | None = None

    def step(self, response: bytes | None) -> Challenge | Success | Failure:
        """Ask for the name, then for the password, then decide."""
        if response is None:
            return Challenge(NAME_PROMPT)
        if self._username is None:
            self._username = response
            return Challenge(PASSWORD_PROMPT)
        try:
            username, password = self._username.decode(), response.decode()
        except UnicodeDecodeError:
            return Failure("name or password isn't UTF-8")
        if not self._credentials.verify(username, password):
            return Failure("wrong name or password")
        return Success(username)


class LoginClient:
    """The client's side. It answers by position, not by what the prompt says: prompts differ between servers.

    >>> client = LoginClient("alice", "sesame")
    >>> client.step(b"Username:"), client.step(b"Password:")
    (b'alice', b'sesame')
    """

    def __init__(self, username: str, password: str, setting: Setting = SOMEWHERE) -> None:
        self._answers = [username.encode(), password.encode()]

    def initial(self) -> None:
        """Nothing: the server begins."""
        return None

    def step(self, challenge: bytes) -> bytes:
        """The name, then the password.

        Raises:
            SaslError: the server asks a third time.
        """
        if not self._answers:
            raise SaslError("a LOGIN server asks for a name and a password, but this one asked for something more.")
        return self._answers.pop(0)

    def finish(self) -> None:
        """Nothing to check: whoever got the password can say yes, and in LOGIN everybody gets it."""
