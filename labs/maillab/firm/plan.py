"""What happens at the firm's mail server, step by step: a plan in words, from the student's id, without any I/O.

First those who only send; then those who fetch, in an order that differs from student to student. Two rules keep the
story the same on every rung, also where all hosts share one address: whoever sends without right comes before anybody
has fetched; and the neighbour sends right after the login that she profits from.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..names import PARTNER
from ..student import Student
from .people import people, shuffled

WEAKNESSES = ("plaintext_login", "apop", "cram_md5", "digest_md5", "pop_before_smtp", "sender_check")
"""What the firm's server does wrong, as switches of the lab."""
CHALLENGES = ("APOP", "CRAM-MD5", "DIGEST-MD5")
TRAVELLERS = ("reader", "guessed", "digest")
"""One of these sits in the café, behind the same router as the neighbour."""


@dataclass(frozen=True)
class Step:
    """One thing that somebody does.

    kind: ``send`` (log in and send), ``fetch`` (log in over POP3 and read everything), ``slip`` (a wrong password),
    ``abort`` (break an exchange off), ``stranger`` (send without a login), ``ask`` (ask whether one may).
    host: whose computer. how: the mechanism, or the way to TLS. mail: which text.
    """

    kind: str
    part: str
    host: str
    how: str = ""
    to: tuple[str, ...] = ()
    mail: str = ""
    sender: str = ""


def plan(student: Student) -> list[Step]:
    """The morning.

    >>> [step.kind for step in plan(Student("guest"))].count("fetch")
    5
    """
    firm = people(student)
    address = {part: person.address for part, person in firm.items()}
    weak, strong, _ = shuffled(student, "mechanisms", CHALLENGES)
    away = traveller(student)
    at_desk = [part for part in firm if part != away]
    desks = dict(zip(at_desk, shuffled(student, "desks", [f"desk-{n}" for n in range(1, 7)]), strict=True))
    desks[away] = "alice"
    partner = student.choice("firm partner", ("dave", "erin")) + "@" + PARTNER
    early = [
        Step("stranger", "", "elsewhere", to=(partner,), mail="invoice", sender=address["private"]),
        Step("ask", "", "mallory", to=(partner,), sender="news@offers.test"),
        *slips(student, desks),
        Step("send", "sender", desks["sender"], student.choice("firm plain", ("PLAIN", "LOGIN")),
             (address["reader"], address["stripped"]), "offer"),
        Step("send", "scram", desks["scram"], "SCRAM-SHA-256", (address["guessed"], address["digest"]), "salary"),
        Step("send", "private", desks["private"], "TLS", (address["sender"], partner), "contract"),
        Step("send", "private", desks["private"], "TLS", (address["private"],), "note"),
    ]  # fmt: skip
    fetches = {
        "reader": Step("fetch", "reader", desks["reader"], "USER"),
        "guessed": Step("fetch", "guessed", desks["guessed"], weak),
        "digest": Step("fetch", "digest", desks["digest"], strong),
        "stripped": Step("fetch", "stripped", desks["stripped"], "stripped"),
        "private": Step("fetch", "private", desks["private"], student.choice("firm tls", ("POP3S", "STLS"))),
    }
    late = []
    for part in shuffled(student, "order", list(fetches)):
        late.append(fetches[part])
        if part == away:
            late.append(Step("stranger", "", "mallory", to=(partner,), mail="bargain", sender="news@offers.test"))
    late.insert(student.number("firm abort", 0, 1), Step("abort", "scram", desks["scram"], "CRAM-MD5"))
    return [*in_order(student, early), *late]


def in_order(student: Student, early: list[Step]) -> list[Step]:
    """Shuffled, except that a slip comes right after the login of the same person: the last one isn't always right."""
    slips = {step.part: step for step in early if step.kind == "slip"}
    found: list[Step] = []
    for step in shuffled(student, "early", [step for step in early if step.kind != "slip"]):
        found.append(step)
        if step.part in slips:
            found.append(slips.pop(step.part))
    return found


def slips(student: Student, desks: dict[str, str]) -> list[Step]:
    """Somebody mistypes once, at a second login."""
    return [Step("slip", "sender", desks["sender"], "PLAIN")]


def traveller(student: Student) -> str:
    """Which part sits in the café."""
    return student.choice("firm traveller", TRAVELLERS)


def next_hop(student: Student) -> str:
    """What the firm's server does about TLS on the way on: ``clear`` or ``opportunistic``."""
    return student.choice("firm next hop", ("clear", "opportunistic"))
