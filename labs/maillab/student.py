"""Everything in the lab that differs from one student to the next: passwords, mails, codes, amounts.

Nothing is drawn at random. Each value is an HMAC-SHA-256 (RFC 2104) of its name, keyed with the student's id, so the
same student meets the same lab again tomorrow, two neighbours can't copy each other's answers, and a teacher
who knows the id can recompute every one of them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from maillab.names import DOMAIN, PARTNER

Choice = TypeVar("Choice")

USERS = ("alice", "bob", "carol")
PARTNERS = ("dave", "erin")
"""Mail users of the next hop, ``mx``, for mail that leaves the house."""

SURNAMES = {
    "alice": ("Lindqvist", "Moreau", "Okafor", "Hartmann", "Petrov", "Nakamura", "Byrne", "Castellano"),
    "bob": ("Fischer", "Adeyemi", "Larsen", "Kowalski", "Brennan", "Rossi", "van Dijk", "Horvat"),
    "carol": ("Ivanova", "Schreiber", "Delgado", "Whitfield", "Haddad", "Novak", "Takeda", "Olsen"),
    "dave": ("Marchetti", "Osei", "Lund", "Weber", "Quinn", "Soto", "Varga", "Ito"),
    "erin": ("Baptiste", "Keller", "Mbeki", "Sorensen", "Doyle", "Ferrari", "Zhou", "Dahl"),
}

_MATERIALS = (
    "amber basalt birch brass bronze canvas cedar chalk clay cobalt copper coral cotton crystal ebony flint "
    "glass granite hazel hemp iron ivory jade juniper lace leather linen maple marble mint moss nickel oak "
    "ochre olive onyx opal paper pearl pepper pewter pine quartz rubber ruby rust saffron sage sand satin "
    "silk silver slate spruce steel straw sugar suede teak tin topaz velvet walnut willow wool"
)
_ANIMALS = (
    "badger beaver bison bittern camel cobra condor coyote crane cricket curlew donkey eagle falcon ferret "
    "finch gecko gibbon goose gopher hamster heron hornet iguana jackal jaguar kestrel koala lemur lizard "
    "llama lobster lynx magpie marmot marten monkey moose newt ocelot osprey otter oyster panda parrot "
    "pelican penguin pigeon puffin python rabbit raven salmon seal spider squid stork swan tapir tiger toad "
    "turtle walrus weasel wombat yak zebra"
)
MATERIALS, ANIMALS = tuple(_MATERIALS.split()), tuple(_ANIMALS.split())

_FAVOURITES = (
    "summer winter monkey dragon guitar orange purple cookie banana coffee tennis soccer hockey pirate castle forest "
    "garden spirit silver golden thunder freedom rainbow diamond chicken holiday kitchen morning october madison "
    "jasmine charlie patrick veronica biscuit pumpkin snowball sunshine princess football starwars liverpool"
)
FAVOURITES = tuple(_FAVOURITES.split())
"""What people take who may choose: all of them are among the first 60,000 that anybody would try."""

LEET = str.maketrans("aeios", "43105")
"""How people make a word look harder, and believe it."""

HABITS = ("{Word}{year}", "{Word}{digits}", "{leet}{digits}", "{Word}!")
"""How people make a word fit the rules for passwords."""


@dataclass(frozen=True)
class Account:
    """One mail user: what she logs in with and where her mail goes. ``repr`` doesn't show the password."""

    name: str
    password: str = field(repr=False)
    full_name: str
    address: str


class Student:
    """The lab as one student meets it.

    Args:
        id: any text that tells one student from another, such as a matriculation number; ``"guest"`` by default.

    >>> student = Student("guest")
    >>> student.password("alice") == Student("guest").password("alice")
    True
    >>> student.password("alice") == Student("somebody else").password("alice")
    False
    >>> student.accounts["alice"].address
    'alice@example.test'
    """

    def __init__(self, id: str = "guest") -> None:
        self.id = str(id)
        if not self.id or len(self.id) > 200 or not self.id.isprintable():
            raise ValueError(
                "A student's id is 1 to 200 printable characters: check MAILLAB_STUDENT or Lab(student=…)."
            )

    def __repr__(self) -> str:
        return f"Student({self.id!r})"

    def secret(self, label: str, n: int = 32) -> bytes:
        """``n`` octets that only this student has under this label.

        HMAC-SHA-256 keyed with the id, over a block counter and the label; the counter is what makes more
        than 32 octets possible (the expand step of HKDF, RFC 5869 section 2.3, without its chaining).

        >>> Student("guest").secret("demo", 4) == Student("guest").secret("demo", 40)[:4]
        True
        """
        key = self.id.encode()
        blocks = (
            hmac.new(key, block.to_bytes(4, "big") + label.encode(), hashlib.sha256).digest()
            for block in range(-(-n // 32))
        )
        return b"".join(blocks)[:n]

    def number(self, label: str, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included, that belongs to this student and label."""
        # 8 octets over a few thousand values: the modulo's bias is far below anything that anybody could notice.
        return low + int.from_bytes(self.secret(label, 8), "big") % (high - low + 1)

    def choice(self, label: str, options: Sequence[Choice]) -> Choice:
        """One of ``options``, picked by this student and label."""
        return options[self.number(label, 0, len(options) - 1)]

    def password(self, user: str) -> str:
        """The password of a mail user, as plain text: easy to recognise in a hex dump.

        Most were handed out by a provider, all after one pattern; Carol chose hers.

        Raises:
            KeyError: there's no such user.
        """
        if user not in USERS + PARTNERS:
            raise KeyError(f"no user {user!r} in this lab: choose from {', '.join(USERS + PARTNERS)}.")
        if user == "carol":
            word = self.choice("carol word", FAVOURITES)
            year, digits = self.number("carol year", 1970, 2012), self.number("carol digits", 10, 99)
            habit = self.choice("carol habit", HABITS)
            return habit.format(Word=word.capitalize(), leet=word.translate(LEET), year=year, digits=digits)
        words = self.choice(f"{user} material", MATERIALS), self.choice(f"{user} animal", ANIMALS)
        return f"{words[0]}-{words[1]}-{self.number(f'{user} digits', 10, 99)}"

    @property
    def accounts(self) -> dict[str, Account]:
        """The lab's mail users, by name."""
        return {user: self._account(user, DOMAIN) for user in USERS}

    @property
    def partners(self) -> dict[str, Account]:
        """The mail users of ``mx``, the next hop, by name."""
        return {user: self._account(user, PARTNER) for user in PARTNERS}

    def _account(self, user: str, domain: str) -> Account:
        full_name = f"{user.capitalize()} {self.choice(f'{user} surname', SURNAMES[user])}"
        return Account(user, self.password(user), full_name, f"{user}@{domain}")

    @property
    def door_code(self) -> str:
        """The code of the laboratory's door, five digits: the secret in alice's first mail."""
        return f"{self.number('door code', 10000, 99999)}"

    @property
    def room(self) -> str:
        """The laboratory's room number, such as ``2.14``."""
        return f"{self.number('floor', 1, 4)}.{self.number('room', 10, 39)}"

    def mails(self, user: str) -> list[bytes]:
        """The three messages in ``user``'s maildrop when the lab starts.

        Each is a whole RFC 5322 message with CRLF line ends, under 4 kB. One holds a line that starts with a dot
        (POP3 has to stuff it, RFC 1939 section 3), one is MIME with text that isn't ASCII.

        >>> [mail.startswith(b"Received: ") for mail in Student().mails("alice")]
        [True, True, True]
        """
        from maillab.student_mails import messages  # the texts are long: loaded by those who read mail

        if user not in USERS:
            raise KeyError(f"no user {user!r} in this lab: choose from {', '.join(USERS)}.")
        return messages(self, user)
