"""What a mail program put into a packet, line by line: commands, replies, credentials."""

from __future__ import annotations

import re

from maillab.views.bytes import Field
from maillab.views.marks import command_marks, unbase64
from maillab.views.view import printable

#: Names of the fields that are what a program sent, not what the network added.
PAYLOAD = frozenset({"command", "user", "password", "digest", "reply", "line", "end of line", "base64", "space"})

#: A response that proves the password and doesn't hold it: of CRAM-MD5, DIGEST-MD5, SCRAM.
_PROOF = re.compile(rb".+ [0-9a-f]{32}\Z|.*\bresponse=|c=[^,]+,r=", re.DOTALL)


def payload_fields(payload: bytes, start: int = 0, from_server: bool = False) -> list[Field]:
    """What a POP3 or SMTP program sent, line by line; credentials get fields of their own.

    >>> [f.name for f in payload_fields(b"PASS x\\r\\n")]
    ['command', 'space', 'password', 'end of line']
    """
    fields: list[Field] = []
    for line in payload.splitlines(keepends=True)[:40]:
        body = line.rstrip(b"\r\n")
        fields += [] if from_server else _client_line(body, start)
        if from_server and body:
            fields.append(
                Field(
                    "reply" if not fields else "line",
                    start,
                    start + len(body),
                    printable(body),
                    kind="command" if not fields else "mail",
                )
            )
        if len(body) < len(line):
            fields.append(
                Field(
                    "end of line",
                    start + len(body),
                    start + len(line),
                    r"\r\n",
                    "carriage return, line feed",
                    "glue",
                )
            )
        start += len(line)
    rest = sum(map(len, payload.splitlines(keepends=True)[40:]))
    if rest:
        fields.append(Field("line", start, start + rest, f"{rest} bytes", "more lines", "mail"))
    return fields


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


def _client_line(body: bytes, start: int) -> list[Field]:
    marks = command_marks(body)
    if not marks:
        plain = unbase64(body) if len(body) >= 4 and b" " not in body else None
        proof = bool(plain and _PROOF.match(plain))
        if plain and (b"\0" in plain or body[-1:] == b"=" or proof):
            return [
                Field(
                    "base64",
                    start,
                    start + len(body),
                    printable(body),
                    f"base64 of {_short(printable(plain))}",
                    "digest" if proof else "password",
                )
            ]
        verb = body.split(b" ", 1)[0]
        known = 3 <= len(verb) <= 8 and verb.isalpha()
        return (
            [
                Field(
                    "command" if known else "line",
                    start,
                    start + len(body),
                    printable(body),
                    kind="command" if known else "mail",
                )
            ]
            if body
            else []
        )
    verb_end = body.index(b" ")
    fields = [
        Field("command", start, start + verb_end, printable(body[:verb_end]), "what the client wants", "command"),
        Field("space", start + verb_end, start + verb_end + 1, "a space", "", "glue"),
    ]
    for place, mark in enumerate(marks):
        if place:
            fields.append(Field("space", start + mark.start - 1, start + mark.start, "a space", "", "glue"))
        name = mark.kind if mark.kind in ("user", "password") else "digest"
        fields.append(
            Field(
                name,
                start + mark.start,
                start + mark.end,
                printable(body[mark.start : mark.end]),
                mark.label,
                mark.kind,
            )
        )
    return fields
