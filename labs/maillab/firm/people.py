"""Who works at the unknown firm: names, computers and passwords, all of them from the student's id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..names import DOMAIN, Name
from ..student import ANIMALS, FAVOURITES, MATERIALS, Choice, Student

_NAMES = (
    "agnes anton beate cyril dagmar edgar fiona gustav hedda ismail jasper katja leander mirjam nadim ottilie "
    "pavel quirin ronja stellan tamara ulrika viktor wilma xenia yannis zelda"
)
_SURNAMES = (
    "Abel Brandt Corvin Dragan Eklund Fontaine Gallo Hirsch Imhof Jansen Karlsson Lombardi Maier Nowak Oduya Perrin "
    "Quist Rahimi Sandoval Thorne Urban Voss Wieland Yilmaz Zeller"
)
NAMES, SURNAMES = tuple(_NAMES.split()), tuple(_SURNAMES.split())
"""Nobody of lessons 00 to 14 is among them."""
TRADES = (
    "an architects' office",
    "a bakery",
    "a bookbinder's workshop",
    "a carpenters' workshop",
    "a print shop",
    "a surveyor's office",
)

PARTS = ("reader", "sender", "guessed", "digest", "scram", "stripped", "private")
"""The parts in the morning's play: who is to be what. See plan.py."""

DESKS = {
    desk.name: desk
    for desk in (
        *(
            Name(f"desk-{n}", f"192.0.2.{30 + n}", f"02:00:00:00:00:{30 + n}", "somebody's computer")
            for n in range(1, 7)
        ),
        Name("copier", "192.0.2.44", "02:00:00:00:00:44", "the copier in the corridor"),
        Name("elsewhere", "192.0.2.90", "02:00:00:00:00:90", "somewhere outside"),
    )
}
"""Hosts beside those that every lab has. Who has the address of ``gate`` sits in the café on the ground floor."""

LETTERS = "abcdefghkmnpqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ23456789"  # none that look alike
_RARER = ("patrick", "veronica", "october", "morning", "castle", "kitchen")
LISTED = tuple(word for word in FAVOURITES if word not in _RARER)
"""Words among the first 2,000 of the word list."""


@dataclass(frozen=True)
class Person:
    """One of the firm's mail users. ``repr`` shows neither the password nor the part."""

    name: str
    full_name: str
    password: str = field(repr=False)
    part: str = field(repr=False)

    @property
    def address(self) -> str:
        return f"{self.name}@{DOMAIN}"


def shuffled(student: Student, label: str, options: Sequence[Choice]) -> list[Choice]:
    """``options`` in an order that belongs to this student and label.

    >>> sorted(shuffled(Student("guest"), "demo", [1, 2, 3]))
    [1, 2, 3]
    """
    return sorted(options, key=lambda option: student.secret(f"firm {label} {options.index(option)}", 8))


def people(student: Student) -> dict[str, Person]:
    """The firm's people, by the part that each plays.

    >>> firm = people(Student("guest"))
    >>> len({person.name for person in firm.values()}), firm["reader"] == people(Student("guest"))["reader"]
    (7, True)
    """
    names, surnames = shuffled(student, "names", NAMES), shuffled(student, "surnames", SURNAMES)
    return {
        part: Person(name, f"{name.capitalize()} {surname}", password(student, part), part)
        for part, name, surname in zip(PARTS, names, surnames, strict=False)
    }


def password(student: Student, part: str) -> str:
    """What somebody who plays this part logs in with.

    "guessed" has one that a word list finds; those who prove theirs by a digest otherwise have one that none does.
    """
    if part == "guessed":
        return f"{student.choice('firm word', LISTED).capitalize()}{student.number('firm digits', 10, 99)}"
    if part in ("digest", "scram"):
        return "".join(LETTERS[octet % len(LETTERS)] for octet in student.secret(f"firm letters {part}", 16))
    words = [student.choice(f"firm {part} {kind}", kinds) for kind, kinds in (("a", ANIMALS), ("m", MATERIALS))]
    return f"{words[0].capitalize()}.{words[1]}.{student.number(f'firm {part} number', 100, 999)}"


def trade(student: Student) -> str:
    """What the firm does, as in "the mail server of …"."""
    return student.choice("firm trade", TRADES)
