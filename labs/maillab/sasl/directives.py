r"""The lists of ``name=value`` in which DIGEST-MD5 talks (RFC 2831 sections 2.1 and 7.1; HTTP's Digest has the same).

>>> parse(b'realm="a",realm="b, c", qop="auth",charset=utf-8')
{'realm': ['a', 'b, c'], 'qop': ['auth'], 'charset': ['utf-8']}
"""

from __future__ import annotations

import re

from maillab.sasl.exchange import SaslError

# Real servers quote what needn't be and put a blank behind the comma, or don't: both are read. A backslash makes
# the next character an ordinary one (RFC 2831 section 7.2).
_DIRECTIVE = re.compile(rb'\s*([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)', re.DOTALL)
_NOTHING = re.compile(rb"\s*(?:,|$)")  # lists may have empty elements


def parse(message: bytes) -> dict[str, list[str]]:
    """All directives, by name in small letters, each with all its values in the order in which they came.

    Raises:
        SaslError: that isn't such a list.
    """
    found: list[tuple[str, bytes]] = []
    at = 0
    while at < len(message):
        if nothing := _NOTHING.match(message, at):
            at = nothing.end()
            continue
        directive = _DIRECTIVE.match(message, at)
        if directive is None:
            raise SaslError("that isn't a list of name=value pairs with commas between them.")
        name, quoted, bare = directive.groups()
        found.append(
            (name.decode().lower(), re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) if bare is None else bare)
        )
        at = directive.end()
    # RFC 2831 section 2.1.2: text is in UTF-8 if charset says so, and in ISO 8859-1 if it says nothing.
    utf8 = any(name == "charset" and value.lower() == b"utf-8" for name, value in found)
    fields: dict[str, list[str]] = {}
    for name, value in found:
        try:
            fields.setdefault(name, []).append(value.decode("utf-8" if utf8 else "iso-8859-1"))
        except UnicodeDecodeError:
            raise SaslError(f"the {name} isn't UTF-8, although charset=utf-8 says so.") from None
    return fields


def single(fields: dict[str, list[str]], name: str, default: str | None = None) -> str:
    """The one value of a directive.

    Raises:
        SaslError: it's there more than once, or it isn't there and has no default.
    """
    values = fields.get(name, [] if default is None else [default])
    if len(values) != 1:
        # RFC 2831 section 2.1.1: where a directive may be there only once and isn't, the exchange ends
        raise SaslError(f"{name} has to be there once, not {len(values)} times.")
    return values[0]


def escaped(text: bytes) -> bytes:
    r"""Octets as they stand between quotation marks.

    >>> escaped(b'a "b"')
    b'a \\"b\\"'
    """
    return re.sub(rb'(["\\])', rb"\\\1", text)
