"""LOGIN, the command of IMAP (RFC 9051 section 6.2.3): name and password as atoms, quoted strings or literals."""

from __future__ import annotations

import re

from ..attempt import Attempt, Learned, words

_LITERAL = re.compile(rb"\{(\d{1,10})\+?\}\r?\n")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S)
_ATOM = re.compile(rb"[^ \r\n]+")


def read(attempt: Attempt) -> Learned:
    """User and password, as far as they were sent."""
    # A line ends before each literal, and what follows it came as a response.
    found = strings(attempt.command.argument + b"\r\n" + b"".join(attempt.responses))
    name, password = (*map(words, found[:2]), None, None)[:2]
    return Learned(name, password)


def strings(text: bytes) -> list[bytes]:
    r"""The arguments of a command, unquoted. What is broken off is left out.

    >>> strings(b'alice "b\\"c" {3}\r\nx y z')
    [b'alice', b'b"c', b'x y', b'z']
    """
    out: list[bytes] = []
    at = 0
    while at < len(text):
        if literal := _LITERAL.match(text, at):
            end = literal.end() + int(literal[1])
            if end > len(text):
                break
            out.append(text[literal.end() : end])
        elif quoted := _QUOTED.match(text, at):
            out.append(re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.S))
            end = quoted.end()
        elif text[at : at + 1] == b'"':
            break  # its end is missing
        elif atom := _ATOM.match(text, at):
            out.append(atom[0])
            end = atom.end()
        else:  # a blank, a line's end
            end = at + 1
        at = end
    return out
