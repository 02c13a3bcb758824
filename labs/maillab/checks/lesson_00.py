"""What lesson 00 asks: Take the eavesdropper's seat."""

from __future__ import annotations

from typing import Any

from scapy.packet import Packet, Raw

from .exercises import Said, Wrong, exercise
from .predictions import prediction

prediction(
    "00.A",
    "Alice, her mail server and Mallory are plugged into the same hub. Alice logs in. What reaches Mallory's card?",
    {
        "Nothing, the packets are addressed to Alice and the server": (
            "They are, but an address is only a label. A hub repeats every frame on every port; a card that is "
            "told to listen to everything ('promiscuous') keeps them all."
        ),
        "That Alice talks to the server, but nothing readable": (
            "It would be so if the connection were encrypted. POP3 on port 110 is plain text until somebody asks "
            "for TLS."
        ),
        "Everything, Alice's password included": "Yes. You saw it: every line, in both directions, password included.",
    },
    "Everything arrived: every line, in both directions, password included. The hub repeats each frame on every port.",
)

prediction(
    "00.B",
    "Now a switch replaces the hub. It learns which host lives on which port. What does Mallory get of the next login?",
    {
        "The same as before": "A switch sends a frame only where it has to go, so her card stayed silent.",
        "Only what Alice says, not what the server answers": (
            "Neither half comes by: the switch knows the port of the server and the port of Alice."
        ),
        "Nothing of it": "Yes, nothing at all. So is a switch a defence? Read on before you rely on it.",
    },
    "Nothing arrived: the switch sent Alice's frames to the server's port only. Is that a defence? Read on.",
)


prediction(
    "00.C",
    "The switch is on. Who, besides Alice herself, can still read her login as it goes by?",
    {
        "Nobody": "Her packets do go somewhere. Whoever sits at the other end, or in between, reads them.",
        "Whoever is plugged into the switch": "You listened there: it gave Mallory and mx nothing.",
        "Whoever sits on the path her packets take": (
            "Yes. In the world that is every router, cable and provider between; who it is in this lab, you found out."
        ),
    },
    "Whoever sits on the path her packets take. In the world that is every router, cable and provider between.",
)


@exercise(
    "00.1",
    "Look at the line that begins with PASS.",
    "POP3 sends the password as it is: everything after 'PASS ' is the password.",
    "It is text in quotes: password = '…'.",
)
def password(answer: Any, lab: Any) -> str:
    alice = lab.student.accounts["alice"]
    expected = "the text after 'PASS ' in what Mallory heard"
    if isinstance(answer, bytes):
        raise Wrong(answer, expected + ", as text", "Write it as text in quotes, without the b.")
    if not isinstance(answer, str):
        raise Wrong(answer, expected + ", as text in quotes")
    if answer == alice.name:
        raise Wrong(answer, expected, "That is her user name: USER came first, PASS second.")
    if answer.upper().startswith("PASS"):
        raise Wrong(answer, expected, "PASS is the command; the password comes after the space.")
    if answer.strip() == alice.password:
        return "That is Alice's password, and you took it from the wire."
    raise Wrong(answer, expected)


@exercise(
    "00.2",
    "One packet in the list carries the line with PASS.",
    "The numbers on the left count from 0000: packets[7] is the one with number 0007.",
    "Only lines that end in Raw carry text: look at the .load of those, one after the other, until you see PASS.",
)
def the_packet(answer: Any, lab: Any) -> str:
    expected = "the packet of the list that carries PASS"
    if isinstance(answer, int):
        raise Wrong(answer, expected, f"Give the packet itself: packets[{answer}].")
    if not isinstance(answer, Packet):
        raise Wrong(answer, expected, "Pick one of the list: packets[…].")
    if Raw not in answer:
        raise Wrong(Said(f"a packet that carries no text ({answer.summary()})"), expected)
    if not answer[Raw].load.startswith(b"PASS "):
        raise Wrong(answer[Raw].load, expected)
    return f"One packet of {len(answer)} bytes, and the mailbox is open to whoever saw it."


@exercise(
    "00.3",
    "Run the cell above with another host in the place of lab.mallory.",
    "Alice's packets have to reach somebody. Who is at the other end?",
    "The hosts are lab.alice, lab.mail, lab.mx and lab.mallory.",
)
def on_the_path(answer: Any, lab: Any) -> str:
    expected = "a host, other than Alice's own, that the login passes"
    name = getattr(answer, "name", answer)
    if name == "alice":
        raise Wrong(Said("lab.alice"), expected, "True, and that's where spyware sits. Who else hears it?")
    if name in ("mx", "mallory"):
        raise Wrong(Said(f"lab.{name}"), expected, f"Listen there and count: the switch sends {name} nothing of this.")
    if name != "mail":
        raise Wrong(answer, expected)
    return "The switch hides the login from bystanders, never from the hosts on its path."
