"""The one store behind all services of a host: who its users are, and where their mail lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from maillab.sasl import Credentials
from maillab.servers.maildrop import Maildrop
from maillab.servers.spool import Spool


class Store:
    """Users, passwords and maildrops of one mail domain; the mails are kept in ``folder``, if there's one.

    >>> store = Store("example.test", {"alice": "copper-otter-41"})
    >>> store.local_user("alice@EXAMPLE.test"), store.local_user("alice@elsewhere.test")
    ('alice', None)
    """

    def __init__(
        self,
        domain: str,
        passwords: Mapping[str, str],
        mails: Mapping[str, Sequence[bytes]] | None = None,
        believe: Callable[[], bool] = lambda: False,
        folder: Path | None = None,
    ) -> None:
        self.domain = domain
        self.credentials = Credentials(passwords, believe)
        self.maildrops = {
            user: Maildrop((mails or {}).get(user, ()), Spool(folder / user) if folder else None) for user in passwords
        }

    def reset(self) -> None:
        """All maildrops back to the start."""
        for maildrop in self.maildrops.values():
            maildrop.reset()

    def is_local(self, address: str) -> bool:
        """Whether the address is in this host's own domain; ``postmaster`` is, without any."""
        name, _, domain = address.lower().rpartition("@")
        return domain == self.domain.lower() if name else domain == "postmaster"

    def local_user(self, address: str) -> str | None:
        """The user whose address this is, or ``None``. The first user is also the postmaster.

        RFC 5321 section 4.5.1: every server takes mail for ``postmaster``, with its domain or without.
        """
        name = address.rpartition("@")[0].lower() or address.lower()
        if name == "postmaster" and self.is_local(address):
            return next(iter(self.maildrops), None)
        return name if self.is_local(address) and name in self.maildrops else None
