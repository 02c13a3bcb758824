"""Base64 taken apart: text in, groups of three bytes and four characters out. No widget, no I/O.

RFC 4648 section 4: 24 bits are three bytes of 8 or four characters of 6; each 6 bits pick one of 64
characters. There is no key anywhere in it: whoever has the characters has the bytes.
"""

from __future__ import annotations

from typing import NamedTuple

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class PeelError(ValueError):
    """What was typed can't be decoded; the message is one sentence with the cure."""


class Group(NamedTuple):
    """Up to three bytes and the four characters they become."""

    start: int  #: place of the first byte in the message
    raw: bytes  #: 1, 2 or 3 bytes
    bits: str  #: 8, 16 or 24 of "0" and "1", then zeros up to a multiple of 6
    values: tuple[int, ...]  #: 2, 3 or 4 numbers 0 … 63
    chars: str  #: always 4: what stands for the values, padded with "="


class Plain(NamedTuple):
    """The three parts of a SASL PLAIN message (RFC 4616 section 2)."""

    authzid: str
    user: str
    password: str

    def message(self) -> bytes:
        """`authzid NUL user NUL password`, in UTF-8.

        >>> Plain("", "alice", "x").message()
        b'\\x00alice\\x00x'
        """
        return b"\0".join(part.encode() for part in self)


def groups(raw: bytes) -> list[Group]:
    """The bytes three by three, as base64 sees them.

    >>> groups(b"Hi")[0]
    Group(start=0, raw=b'Hi', bits='010010000110100100', values=(18, 6, 36), chars='SGk=')
    """
    found = []
    for start in range(0, len(raw), 3):
        three = raw[start : start + 3]
        bits = "".join(f"{byte:08b}" for byte in three)
        bits += "0" * (-len(bits) % 6)
        values = tuple(int(bits[at : at + 6], 2) for at in range(0, len(bits), 6))
        found.append(Group(start, three, bits, values, "".join(ALPHABET[v] for v in values).ljust(4, "=")))
    return found


def encode(raw: bytes) -> str:
    """Bytes to base64 text.

    >>> encode(b"\\0alice\\0secret")
    'AGFsaWNlAHNlY3JldA=='
    """
    return "".join(group.chars for group in groups(raw))


def decode(text: str) -> bytes:
    """Base64 text to bytes; PeelError says in one sentence what is wrong and how to mend it.

    >>> decode("SGk=")
    b'Hi'
    >>> decode("SG*=")
    Traceback (most recent call last):
    maillab.views.peel.PeelError: “*” (character 3) is not one of base64's 64 (A–Z a–z 0–9 + /): take it out.
    """
    text = text.strip()
    body = text.rstrip("=")
    pads = len(text) - len(body)
    for place, char in enumerate(body, 1):
        if char == "=":
            raise PeelError(f"“=” (character {place}) only fills up the end: take it out, or cut the text after it.")
        if char not in ALPHABET:
            name = "A space" if char == " " else f"“{char}”"
            raise PeelError(f"{name} (character {place}) is not one of base64's 64 (A–Z a–z 0–9 + /): take it out.")
    if len(body) % 4 == 1:
        raise PeelError(
            f"{len(body)} characters are one too many or three too few, for base64 comes in fours: "
            "look for a character that was lost or added."
        )
    want = -len(body) % 4
    if pads != want:
        goal = f"end it with {'“' + '=' * want + '”'}" if want else "it needs no “=” at its end"
        raise PeelError(f"{len(body)} characters and {pads} “=” don't make fours: {goal}.")
    bits = "".join(f"{ALPHABET.index(char):06b}" for char in body)
    whole = len(bits) // 8 * 8
    if "1" in bits[whole:]:
        spare = len(bits) - whole
        last = ALPHABET[ALPHABET.index(body[-1]) >> spare << spare]
        raise PeelError(f"The last character, “{body[-1]}”, has bits that belong to no byte: make it “{last}”.")
    return bytes(int(bits[at : at + 8], 2) for at in range(0, whole, 8))


def split_plain(raw: bytes) -> Plain:
    """A PLAIN message's three parts; PeelError where it isn't one.

    >>> split_plain(b"\\0alice\\0x")
    Plain(authzid='', user='alice', password='x')
    """
    parts = raw.split(b"\0")
    if len(parts) != 3:
        raise PeelError(
            f"This decodes, but not to a PLAIN message: that has 2 NUL bytes, one before and one after the "
            f"user name, and this has {len(parts) - 1}."
        )
    return Plain(*(text_of(part) for part in parts))


def text_of(raw: bytes) -> str:
    """Bytes as text; PeelError where they aren't UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise PeelError(
            f"This decodes, but byte {error.start + 1} (0x{raw[error.start]:02x}) isn't UTF-8 text: "
            "it was no name or password, or a character was lost."
        ) from None


def owners(plain: Plain) -> list[str]:
    """For each byte of the message what it belongs to: "authzid", "glue" (a NUL), "user" or "password".

    >>> owners(Plain("", "al", "x"))
    ['glue', 'user', 'user', 'glue', 'password']
    """
    sizes = [len(part.encode()) for part in plain]
    return ["authzid"] * sizes[0] + ["glue"] + ["user"] * sizes[1] + ["glue"] + ["password"] * sizes[2]
