"""What all services of one host share."""

from __future__ import annotations

from dataclasses import dataclass, field

from maillab.servers.clock import Clock
from maillab.servers.delivery import Delivery
from maillab.servers.log import EventLog
from maillab.servers.pop_logins import PopLogins
from maillab.servers.store import Store
from maillab.servers.switches import Switches
from maillab.servers.tls import Tls


@dataclass
class House:
    """One host: its full name, users and maildrops, weaknesses, its TLS if it has any, and what it remembers."""

    host: str
    store: Store
    switches: Switches
    clock: Clock
    log: EventLog
    delivery: Delivery
    tls: Tls | None = None
    pop_logins: PopLogins = field(init=False)

    def __post_init__(self) -> None:
        self.pop_logins = PopLogins(self.clock)
