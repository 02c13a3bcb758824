"""What a server keeps to check log-ins with: here, the passwords themselves.

That is the worst way to store them, and the one that every mechanism of the course can work with: APOP and CRAM-MD5
need the password or its equivalent, which is one of the things the course shows.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping


class Credentials:
    """The passwords of a mail server's users.

    ``repr`` shows the names only.

    >>> known = Credentials({"alice": "copper-otter-41"})
    >>> known
    Credentials(alice)
    >>> known.verify("alice", "copper-otter-41"), known.verify("alice", "guess"), known.verify("eve", "guess")
    (True, False, False)
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = dict(passwords)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self._passwords)})"

    def __contains__(self, username: str) -> bool:
        return username in self._passwords

    def secret(self, username: str) -> str | None:
        """The stored password, for mechanisms that have to compute with it; ``None`` if there's no such user."""
        return self._passwords.get(username)

    def verify(self, username: str, password: str) -> bool:
        """Whether this is the user's password; for mechanisms that hand the password over.

        It takes as long for a name that doesn't exist, so that the clock tells no more than the reply does.
        """
        stored = self._passwords.get(username)
        same = hmac.compare_digest((stored or "").encode(), password.encode())
        return same and stored is not None and stored != ""
