"""What somebody can do who sits on the same network: take an address, pull a cable, stand on the path.

Each is a block that undoes itself (unless the lab has ended in it), and little more than the ``ip`` commands that an
administrator would type.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..names import Name

if TYPE_CHECKING:
    from .host import Network

TABLE = 100
"""Number of the routing table in which interception stands; 253 to 255 are the system's own."""


@contextlib.contextmanager
def undone(network: Network, *undo: Callable[[], None]) -> Iterator[None]:
    """A block after which all of ``undo`` is called, unless the lab has ended in it.

    What is to be undone is done inside it: the learner's stop button may come in the middle. Then nobody knows how much
    there is to undo, and what can't be is no error.
    """
    tolerated: tuple[type[Exception], ...] = ()
    try:
        yield
    except BaseException:
        tolerated = (Exception,)
        raise
    finally:
        for step in undo if not network.ended else ():
            with contextlib.suppress(*tolerated):
                step()


@contextlib.contextmanager
def borrow(network: Network, host: Name, owner: Name) -> Iterator[None]:
    """``host`` has ``owner``'s address, too."""
    taken = network.borrowed(host)
    if owner.ip in (host.ip, *taken):
        raise ValueError(f"{host.name} has the address {owner.ip} already.")

    def give_back() -> None:
        network.ip(host, f"addr del {owner.ip}/32 dev eth0")

    taken.append(owner.ip)
    try:
        with undone(network, give_back, lambda: network.announce(owner, owner.ip)):
            network.ip(host, f"addr add {owner.ip}/32 dev eth0")
            # Who has spoken with the owner has her card's address in its ARP table, and would go on sending there.
            network.announce(host, owner.ip)
            yield
    finally:
        taken.remove(owner.ip)


@contextlib.contextmanager
def unplugged(network: Network, host: Name) -> Iterator[None]:
    """``host``'s cable ends nowhere."""

    def announce() -> None:
        network.announce(host, host.ip)  # the switch has forgotten where it is

    with undone(network, lambda: network.plug(host, True), announce):
        network.plug(host, False)
        yield


@contextlib.contextmanager
def before(network: Network, host: Name, target: Name) -> Iterator[None]:
    """``host`` stands before ``target``, and nobody else can until the block ends."""
    if target.name in network.intercepted:
        raise OSError(f"{network.intercepted[target.name].name} stands before {target.name} already.")
    network.intercepted[target.name] = host
    try:
        yield
    finally:
        del network.intercepted[target.name]


@contextlib.contextmanager
def intercept(network: Network, host: Name, target: Name) -> Iterator[None]:
    """What comes to ``host``'s card for ``target`` is delivered to ``host`` itself.

    A routing rule sees to it: for TCP that comes in (``iif``), ``target``'s address counts as one of ``host``'s own.
    For TCP only, or the kernel would answer ARP requests for that address, too. What ``host`` sends itself doesn't come
    in, so its own connections to ``target`` go there.
    """
    route = f"local {target.ip}/32 dev lo table {TABLE}"
    rule = f"pref 5 iif eth0 to {target.ip} ipproto tcp lookup {TABLE}"
    with (
        before(network, host, target),
        undone(network, lambda: network.ip(host, f"rule del {rule}"), lambda: network.ip(host, f"route del {route}")),
    ):
        network.ip(host, f"route add {route}", f"rule add {rule}")
        yield
