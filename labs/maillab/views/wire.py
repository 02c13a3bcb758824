"""The bytes of a POP3 login and of a mail on the wire, computed from what was typed. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from maillab.views.bytes import Field
from maillab.views.payload import payload_fields
from maillab.views.view import printable


class Typed(NamedTuple):
    """What the learner typed. `mail` is None while only a login is wanted."""

    user: str
    password: str
    mail: str | None = None


def login_lines(user: str, password: str) -> list[bytes]:
    """The two command lines, as poplib sends them (RFC 1939 section 7), in UTF-8.

    >>> login_lines("alice", "x")
    [b'USER alice\\r\\n', b'PASS x\\r\\n']
    """
    return [f"USER {user}\r\n".encode(), f"PASS {password}\r\n".encode()]


def login_fields(lines: list[bytes]) -> list[Field]:
    """The fields of `b"".join(lines)`."""
    fields: list[Field] = []
    at = 0
    for line in lines:
        fields += payload_fields(line, at)
        at += len(line)
    return fields


def mail_bytes(text: str) -> bytes:
    """A mail as the server sends it after RETR: lines end in CRLF, a line that begins with a dot gets
    a second one, and a dot by itself ends it (RFC 1939 section 3).

    >>> mail_bytes("hello\\n.hidden")
    b'hello\\r\\n..hidden\\r\\n.\\r\\n'
    """
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    return "".join(("." if line.startswith(".") else "") + line + "\r\n" for line in lines).encode() + b".\r\n"


def mail_fields(data: bytes) -> list[Field]:
    """The fields of `mail_bytes`: headers, the empty line, the body's lines, added dots, the end."""
    fields: list[Field] = []
    at, in_head = 0, True
    lines = data.split(b"\r\n")[:-1]
    if not any(b":" in line for line in lines[:1]):
        in_head = False
    for place, line in enumerate(lines):
        start, end = at, at + len(line)
        if place == len(lines) - 1:
            fields.append(Field("final dot", start, end + 2, r".\r\n", "the mail ends here", "command"))
            break
        if line.startswith(b"."):
            fields.append(
                Field("added dot", start, start + 1, ".", "so that the line isn't taken for the end", "password")
            )
            start += 1
        if end > start:
            kind, name, note = ("user", "header", "") if in_head else ("mail", "body", "")
            fields.append(Field(name, start, end, printable(data[start:end]), note, kind))
        else:
            in_head = False
        fields.append(
            Field(
                "end of line",
                end,
                end + 2,
                r"\r\n",
                "an empty line ends the headers" if not line else "",
                "glue",
            )
        )
        at = end + 2
    return fields


def notes(typed: Typed) -> list[str]:
    """What is worth saying about the input, one sentence each."""
    said = []
    if typed.mail is None:
        if not typed.user:
            said.append("Without a user name the server refuses USER: type one.")
        if not typed.password:
            said.append("Without a password there is nothing to read: type one.")
        if " " in typed.user:
            said.append("A POP3 user name can't contain a space, for a space ends it: most servers refuse this one.")
        if not (typed.user + typed.password).isascii():
            said.append("A letter outside ASCII takes two to four bytes (UTF-8); RFC 1939 knows only ASCII.")
    elif any(len(line.encode()) > 998 for line in typed.mail.split("\n")):
        said.append("A line of a mail must not be longer than 998 bytes (RFC 5322 section 2.1.1): break it.")
    return said
