"""A network on each rung that this machine can carry, with a tiny server on ``mail``, port 110."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from maillab.network import Host, Network, RungUnavailable
from maillab.network.host import hosts_on
from maillab.network.rungs import open_network

TINY = Path(__file__).parents[1] / "support" / "tiny_server.py"


@dataclass
class Place:
    network: Network
    alice: Host
    mail: Host
    mallory: Host

    def login(self) -> None:
        box = self.alice.pop3()
        box.user("alice")
        box.pass_("correct horse")
        box.quit()


def make(rung: str) -> Iterator[Place]:
    try:
        network, _ = open_network(rung)
    except RungUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    hosts = hosts_on(network)
    address, well_known = network.bind_to(hosts["mail"].info)
    server = hosts["mail"].spawn([sys.executable, str(TINY), address, "110" if well_known else "0"])
    assert server.stdin and server.stdout and server.stderr
    try:
        network.publish(hosts["mail"].info, "pop3", int(server.stdout.readline()))
        yield Place(network, hosts["alice"], hosts["mail"], hosts["mallory"])
    finally:
        server.stdin.close()
        server.wait(5)
        server.stdout.close()
        server.stderr.close()
        network.close()


@pytest.fixture(params=["sandbox", "loopback", "tap"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from make(request.param)


@pytest.fixture
def sandbox() -> Iterator[Place]:
    yield from make("sandbox")


@pytest.fixture
def tap() -> Iterator[Place]:
    yield from make("tap")
