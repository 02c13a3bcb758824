"""What whoever sits on the same cable can do: lessons 09 and 11 are these experiments."""

from __future__ import annotations

import socket

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether
from support.rungs import lab_on

from maillab.network import RungUnavailable
from maillab.network.host import hosts_on
from maillab.network.rungs import open_network

pytestmark = pytest.mark.network
ONLY_SANDBOX = r"Only the sandbox has addresses that can be taken, .* this is the (tap|loopback) rung\."


def greeting(sock: socket.socket) -> bytes:
    with sock:
        return sock.recv(100)


@pytest.fixture(params=["hub", "switch"])
def wired(request, sandbox):
    """Everybody has spoken with everybody, so that their ARP tables are full of the truth."""
    sandbox.network.mode = request.param
    for host in (sandbox.alice, sandbox.mallory):
        assert greeting(host.connect("mail", 110))
    return sandbox


def source(place) -> str:
    with place.mallory.connect("mail", 110) as sock:
        assert sock.recv(100).startswith(b"+OK")
        return sock.getsockname()[0]


def test_a_reassigned_address_alice_left_and_mallory_got_it(wired):
    with wired.alice.unplugged(), wired.mallory.borrow(wired.alice.ip):
        assert source(wired) == wired.alice.ip
    assert source(wired) == wired.mallory.ip
    assert greeting(wired.alice.connect("mail", 110))


def test_an_address_stays_taken_when_a_hub_becomes_a_switch(sandbox):
    with sandbox.mallory.borrow(sandbox.alice.ip):
        sandbox.network.mode = "switch"
        assert source(sandbox) == sandbox.alice.ip


def test_a_borrowed_address_goes_back_after_an_exception(wired):
    with pytest.raises(ZeroDivisionError), wired.mallory.borrow("alice"):
        assert source(wired) == wired.alice.ip
        raise ZeroDivisionError
    assert source(wired) == wired.mallory.ip
    assert greeting(wired.alice.connect("mail", 110))


def test_the_kernel_answers_arp_for_a_borrowed_address(wired):
    def owners() -> set[str]:
        with wired.mail.card() as card:
            card.send(Ether() / ARP(op="who-has", pdst=wired.alice.ip))
            found = set()
            while card.wait(0.2):
                heard = Ether(card.fetch()[1])
                if ARP in heard and heard[ARP].op == 2 and heard[ARP].psrc == wired.alice.ip:
                    found.add(heard[ARP].hwsrc)
            return found

    alice, mallory = wired.alice.mac, wired.mallory.mac
    assert owners() == {alice}
    with wired.mallory.borrow(wired.alice.ip):
        assert owners() == {alice, mallory}
        with wired.alice.unplugged():
            assert owners() == {mallory}
    assert owners() == {alice}


def test_a_pulled_cable_carries_nothing(wired):
    with wired.alice.unplugged(), pytest.raises(OSError, match=r"timed out|No route"):
        wired.alice.connect("mail", 110, timeout=0.5)
    assert greeting(wired.alice.connect("mail", 110))


@pytest.mark.parametrize("address", ["198.51.100.1", "192.0.2.200", "127.0.0.1", "nobody", ""])
def test_only_the_labs_own_addresses_are_taken(sandbox, address):
    with pytest.raises(ConnectionRefusedError, match="not in this lab"):
        sandbox.mallory.borrow(address)


def test_nobody_takes_what_she_has(sandbox):
    with (
        pytest.raises(ValueError, match=r"mallory has the address 192\.0\.2\.66 already"),
        sandbox.mallory.borrow("mallory"),
    ):
        pass
    with sandbox.mallory.borrow("alice"), pytest.raises(ValueError, match="already"), sandbox.mallory.borrow("alice"):
        pass


def test_a_lab_that_ends_inside_the_blocks_is_no_error(sandbox):
    with sandbox.alice.unplugged(), sandbox.mallory.borrow("alice"), sandbox.mallory.intercept(sandbox.mail):
        sandbox.network.ended = True  # what close() sets first; the fixture closes it
        sandbox.network._control.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("which", ["borrow", "unplugged", "intercept"])
def test_the_stop_button_while_a_block_begins(sandbox, monkeypatch, which, when):
    """It may come before the network has done what it was asked for, or after; either way nothing is left of it."""
    block = {
        "borrow": lambda: sandbox.mallory.borrow("alice"),
        "unplugged": lambda: sandbox.mallory.unplugged(),
        "intercept": lambda: sandbox.mallory.intercept(sandbox.mail),
    }[which]
    command = "plug" if which == "unplugged" else "ip"
    real = getattr(sandbox.network, command)

    def stop(*words):
        monkeypatch.setattr(sandbox.network, command, real)
        if when == "after":
            real(*words)
        raise KeyboardInterrupt

    monkeypatch.setattr(sandbox.network, command, stop)
    with pytest.raises(KeyboardInterrupt), block():
        pass
    assert source(sandbox) == sandbox.mallory.ip
    with block():  # it can be had again
        pass
    with sandbox.mallory.listen("pop3") as listener:
        listener.settimeout(0.2)
        assert greeting(sandbox.alice.connect("mail", 110)).startswith(b"+OK tiny")
        with pytest.raises(TimeoutError):
            listener.accept()


def test_what_cant_be_undone_is_said(sandbox):
    with pytest.raises(OSError, match="ip: "), sandbox.mallory.borrow("alice"):
        sandbox.network.ip(sandbox.mallory.info, f"addr del {sandbox.alice.ip}/32 dev eth0")
    assert source(sandbox) == sandbox.mallory.ip


def test_nobody_stands_before_somebody_twice(place):
    with place.mallory.intercept(place.mail):
        for host in (place.mallory, place.alice):
            with pytest.raises(OSError, match="mallory stands before mail already"), host.intercept(place.mail):
                pass
        if place.network.rung != "sandbox":  # where the first block still holds; there it takes a spoof to see it
            with pytest.raises(ConnectionRefusedError):
                place.alice.connect("mail", 110)
    assert greeting(place.alice.connect("mail", 110)).startswith(b"+OK tiny")


@pytest.mark.parametrize("rung", ["tap", "loopback"])
def test_elsewhere_each_says_what_is_missing(rung):
    try:
        network, _ = open_network(rung)
    except RungUnavailable as error:
        pytest.skip(str(error))
    hosts = hosts_on(network)
    mallory, alice = hosts["mallory"], hosts["alice"]
    for block in (mallory.borrow("alice"), alice.unplugged()):
        with pytest.raises(RungUnavailable, match=ONLY_SANDBOX), block:
            pass
    with mallory.card() as card, pytest.raises(NotImplementedError, match="Only the sandbox has a wire"):
        card.send(Ether())
    network.close()


@pytest.mark.parametrize("rung", ["tap", "loopback"])
def test_elsewhere_interception_leads_the_others_connections_to_mallory(rung):
    with lab_on(rung) as lab:
        with lab.mallory.intercept(lab.mail), lab.mallory.listen("pop3") as listener:
            listener.settimeout(5)
            with lab.alice.connect("mail", "pop3") as alice:
                sock, _ = listener.accept()
                with sock:
                    sock.sendall(b"+OK it's me\r\n")
                    assert alice.recv(100) == b"+OK it's me\r\n"
            mailbox = lab.mallory.pop3()
            assert mailbox.getwelcome().startswith(b"+OK mail.example.test")
            mailbox.quit()
        mailbox = lab.alice.pop3()
        assert mailbox.getwelcome().startswith(b"+OK mail.example.test")
        mailbox.quit()


def test_listening_works_on_every_rung(place):
    with place.mallory.listen("pop3") as listener:
        listener.settimeout(5)
        with pytest.raises(OSError, match="Nobody else can listen on mallory, port 110"):
            place.mallory.listen(110)
        with place.alice.connect("mallory", 110) as sock:
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"hello\n")
                assert sock.recv(100) == b"hello\n"
    with pytest.raises(ConnectionRefusedError, match="Nobody listens on mallory"):
        place.alice.connect("mallory", 110)
    place.mallory.listen(110).close()
    with pytest.raises(OSError, match="Nobody else can listen on mail, port 110"):
        place.mail.listen(110)
    with pytest.raises(ValueError, match="is no port"):
        place.mail.listen("imap")


def test_interception_leaves_arp_and_mallorys_own_connections_alone(wired):
    with wired.mallory.intercept(wired.mail), wired.mallory.listen("pop3") as listener:
        listener.settimeout(0.2)
        assert source(wired) == wired.mallory.ip
        with wired.alice.card() as card:
            card.send(Ether() / ARP(op="who-has", pdst=wired.mail.ip))
            answers = [Ether(card.fetch()[1]) for _ in range(8) if card.wait(0.2)]
        assert {p[ARP].hwsrc for p in answers if ARP in p and p[ARP].op == 2} == {wired.mail.mac}
        assert greeting(wired.alice.connect("mail", 110)).startswith(b"+OK tiny")
        with pytest.raises(TimeoutError):
            listener.accept()


class TestSending:
    def test_addresses_left_open_are_the_hosts_own_and_the_labs(self, sandbox):
        """Scapy would fill in those of this computer, and ask its real network for the others."""
        with sandbox.mallory.card() as card, sandbox.mail.card() as mails:
            card.send(Ether() / IP(dst=sandbox.mail.ip) / TCP(dport=9, flags="S"))
            card.send(Ether() / ARP(pdst="192.0.2.77"))
            heard = []
            while mails.wait(0.2):
                heard.append(Ether(mails.fetch()[1]))
        syn = next(p for p in heard if TCP in p and p[TCP].flags == "S")
        assert (syn.src, syn.dst, syn[IP].src) == (sandbox.mallory.mac, sandbox.mail.mac, sandbox.mallory.ip)
        asked = next(p for p in heard if ARP in p and p[ARP].pdst == "192.0.2.77")
        assert (asked.dst, asked[ARP].hwsrc, asked[ARP].psrc) == (
            "ff:ff:ff:ff:ff:ff", sandbox.mallory.mac, sandbox.mallory.ip,
        )  # fmt: skip

    def test_what_goes_nowhere_is_said(self, sandbox):
        with sandbox.mallory.card() as card:
            with pytest.raises(ValueError, match="put Ether"):
                card.send(IP(dst=sandbox.mail.ip) / TCP())
            for packet in (Ether(), Ether() / IP(dst="198.51.100.1") / TCP()):
                with pytest.raises(ValueError, match="whose card"):
                    card.send(packet)
        with pytest.raises(ConnectionError, match="This card is closed"):
            card.send(Ether(dst=sandbox.mail.mac))

    def test_a_packet_stays_as_it_was(self, sandbox):
        packet = Ether() / IP(dst=sandbox.mail.ip) / TCP()
        with sandbox.mallory.card() as card:
            card.send(packet)
        assert packet.fields == {} and "src" not in packet[IP].fields


def test_replay_has_nobody_to_lie_to(tmp_path):
    from scapy.utils import PcapNgWriter

    from maillab.network.replay import Replay

    with PcapNgWriter(str(tmp_path / "empty.pcapng")) as writer:
        writer.write(Ether() / b"nothing")
    hosts = hosts_on(Replay(tmp_path / "empty.pcapng"))
    with pytest.raises(RungUnavailable, match="nobody can listen on the replay rung"):
        hosts["mallory"].listen(110)
