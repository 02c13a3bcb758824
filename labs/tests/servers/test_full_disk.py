"""When our own disk fails: nobody gets a mail twice, and what was answered 250 isn't forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support import aio

from maillab.servers import relay as relay_module
from maillab.servers.delivery import Delivery
from maillab.servers.log import EventLog
from maillab.servers.next_hop import NextHop
from maillab.servers.relay import Relay
from maillab.servers.spool import Spool
from maillab.servers.store import Store


def fails(*_: object) -> None:
    raise OSError("no space left on device")


def test_one_maildrop_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others have the mail, so a 451, after which it would come again, is not the answer; the sender is told."""
    store = Store("example.test", {"alice": "a", "bob": "b", "carol": "c"})
    monkeypatch.setattr(store.maildrops["bob"], "deliver", fails)
    delivery = Delivery(store, EventLog(), "mail.example.test")
    both = ["alice@example.test", "bob@example.test"]
    reply, _ = delivery.take("carol@example.test", both, lambda to: b"Received: x\r\n", b"Subject: x\r\n\r\nhi\r\n")
    assert reply.startswith("250") and len(store.maildrops["alice"].messages) == 1
    (bounce,) = store.maildrops["carol"].messages
    assert b"bob@example.test" in bounce.content and b"451 4.3.0" in bounce.content
    reply, _ = delivery.take("carol@example.test", both[1:], lambda to: b"Received: x\r\n", b"Subject: x\r\n\r\nhi\r\n")
    assert reply.startswith("451 4.3.0")


@pytest.mark.parametrize("refusal", ["451 4.2.1 later", "550 5.1.1 no such user"])
def test_the_queue_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: str) -> None:
    """Dave has it, Erin was refused, and neither the entry nor a bounce can be kept: Dave gets it once all the same."""
    handed: list[tuple[str, ...]] = []

    def hand_over(hop, host, entry, content):
        handed.append(entry.recipients)
        return None, {to: "250 2.0.0 OK" if to.startswith("dave") else refusal for to in entry.recipients}

    monkeypatch.setattr(relay_module, "hand_over", hand_over)

    async def run() -> None:
        relay = Relay(Spool(tmp_path), NextHop(("192.0.2.53", 25)), "mail", EventLog(), fails, schedule=(0.1, 0.1))
        relay.accept("alice@example.test", ["dave@p.example.test", "erin@p.example.test"], b"Subject: x\r\n\r\nhi\r\n")
        monkeypatch.setattr(relay._spool, "keep", fails)
        running = asyncio.create_task(relay.run())
        await asyncio.sleep(2.5)
        running.cancel()

    aio.run(run())
    assert sum("dave@p.example.test" in recipients for recipients in handed) == 1
    assert len(handed) > 1  # and Erin's is tried again
