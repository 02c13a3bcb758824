"""POP3 as a table: everything that moves a session from one state to another.

The engine in :mod:`maillab.servers.pop3` looks every command up here, and a notebook can draw the diagram from it. The
states are those of RFC 1939 section 3; AUTHORIZATION is shown in three parts, because after USER only PASS makes
sense, and in the middle of an AUTH exchange a line is an answer, not a command.

>>> [row.command for row in transitions() if row.then is State.TRANSACTION and row.state is not State.TRANSACTION]
['APOP', 'AUTH', 'PASS', 'AUTH', '(response)']
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a session is. The value is what a diagram prints."""

    AUTHORIZATION = "AUTHORIZATION"
    NAMED = "AUTHORIZATION, name given"
    EXCHANGE = "AUTHORIZATION, in an exchange"
    HANDSHAKE = "TLS handshake"
    TRANSACTION = "TRANSACTION"
    UPDATE = "UPDATE"
    CLOSED = "closed"


class Row(NamedTuple):
    """One arrow of the diagram.

    ``arguments`` is a syntax that the engine enforces: words in brackets may be left out, ``message`` and ``lines``
    are numbers, ``string`` is the whole rest of the line with its blanks. ``reply`` is how the server's answer begins.
    ``when`` names the switch without which the command is refused ("" for none). ``rfc`` is where the rule stands.
    """

    state: State
    command: str
    arguments: str
    reply: str
    then: State
    when: str
    rfc: str


RESPONSE, CANCEL, SECURED, UPDATED = "(response)", "*", "(TLS is up)", "(deletes the marked)"
"""What isn't a command word: a line in an exchange, its cancellation, and what happens by itself."""

_A, _N, _E, _T, _H = State.AUTHORIZATION, State.NAMED, State.EXCHANGE, State.TRANSACTION, State.HANDSHAKE
_AUTH = "mechanism [initial-response]"

TABLE: tuple[Row, ...] = (
    # AUTHORIZATION: who are you?
    Row(_A, "CAPA", "", "+OK", _A, "", "RFC 2449 section 5"),
    Row(_A, "USER", "name", "+OK", _N, "plaintext_login", "RFC 1939 section 7"),
    Row(_A, "APOP", "name digest", "+OK", _T, "apop", "RFC 1939 section 7"),
    Row(_A, "AUTH", _AUTH, "+", _E, "", "RFC 5034 section 4"),
    Row(_A, "AUTH", _AUTH, "+OK", _T, "", "RFC 5034 section 4"),
    Row(_A, "STLS", "", "+OK", _H, "", "RFC 2595 section 4"),
    Row(_A, "QUIT", "", "+OK", State.CLOSED, "", "RFC 1939 section 4"),
    # "PASS … immediately after a successful USER": it works in this state only, and a failure starts over
    Row(_N, "PASS", "string", "+OK", _T, "plaintext_login", "RFC 1939 section 7"),
    Row(_N, "PASS", "string", "-ERR", _A, "plaintext_login", "RFC 1939 section 7"),
    Row(_N, "USER", "name", "+OK", _N, "plaintext_login", "RFC 1939 section 7"),
    Row(_N, "CAPA", "", "+OK", _A, "", "RFC 2449 section 5"),
    Row(_N, "AUTH", _AUTH, "+", _E, "", "RFC 5034 section 4"),
    Row(_N, "AUTH", _AUTH, "+OK", _T, "", "RFC 5034 section 4"),
    Row(_N, "AUTH", _AUTH, "-ERR", _A, "", "RFC 5034 section 4"),
    Row(_N, "STLS", "", "+OK", _H, "", "RFC 2595 section 4"),
    Row(_N, "QUIT", "", "+OK", State.CLOSED, "", "RFC 1939 section 4"),
    # what the client says next is a TLS handshake, and then everything begins anew
    Row(_H, SECURED, "", "", _A, "", "RFC 2595 section 4"),
    # in an exchange every line is base64 until it ends, one way or the other
    Row(_E, RESPONSE, "string", "+", _E, "", "RFC 5034 section 4"),
    Row(_E, RESPONSE, "string", "+OK", _T, "", "RFC 5034 section 4"),
    Row(_E, RESPONSE, "string", "-ERR", _A, "", "RFC 5034 section 4"),
    Row(_E, CANCEL, "", "-ERR", _A, "", "RFC 5034 section 4"),
    # TRANSACTION: read and mark; nothing is deleted yet
    Row(_T, "STAT", "", "+OK", _T, "", "RFC 1939 section 5"),
    Row(_T, "LIST", "[message]", "+OK", _T, "", "RFC 1939 section 5"),
    Row(_T, "RETR", "message", "+OK", _T, "", "RFC 1939 section 5"),
    Row(_T, "DELE", "message", "+OK", _T, "", "RFC 1939 section 5"),
    Row(_T, "NOOP", "", "+OK", _T, "", "RFC 1939 section 5"),
    Row(_T, "RSET", "", "+OK", _T, "", "RFC 1939 section 5"),
    Row(_T, "TOP", "message lines", "+OK", _T, "", "RFC 1939 section 7"),
    Row(_T, "UIDL", "[message]", "+OK", _T, "", "RFC 1939 section 7"),
    Row(_T, "CAPA", "", "+OK", _T, "", "RFC 2449 section 5"),
    Row(_T, "QUIT", "", "+OK", State.UPDATE, "", "RFC 1939 section 6"),
    # UPDATE: what was marked goes; a session that just breaks off never comes here
    Row(State.UPDATE, UPDATED, "", "", State.CLOSED, "", "RFC 1939 section 6"),
)


def transitions() -> tuple[Row, ...]:
    """All rows, for a diagram or for reading. What isn't in a row gets ``-ERR`` and changes nothing."""
    return TABLE


def rows_for(state: State, command: str) -> list[Row]:
    """The arrows from ``state`` with ``command``: none if it isn't possible there, several if the reply decides."""
    return [row for row in TABLE if row.state is state and row.command == command]


COMMANDS = tuple(dict.fromkeys(row.command for row in TABLE if row.command.isalpha()))
"""Every command word, in the order of the table."""
