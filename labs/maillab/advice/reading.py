"""A capture as an adviser reads it: which frame is evidence of what. Nothing is known here but the packets."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from ..capture.frame import Frame, frames_of
from ..conversations import Conversation, Turn, follow
from ..findings import Finding, findings
from ..views.marks import Mark, credential_marks

CHALLENGED = ("APOP", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
GUESSED_FROM = ("challenge", "digest", "cnonce")
"""Kinds of marks: what goes into a guess."""
OFFER = {"CAPA": b"STLS", "EHLO": b"STARTTLS"}
MASK = "•" * 8
_NAME = re.compile(rb"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


class Reading:
    """One capture, read once.

    Args:
        capture: a path or anything else that holds packets.

    Example::

        Reading("firm.pcapng").evidence["TLS stripped"]     # numbers of the frames that show it
    """

    def __init__(self, capture: Path | str | list[Frame]) -> None:
        self.frames = {frame.number: frame for frame in frames_of(capture)}
        whole = list(self.frames.values())
        self.talks: list[Conversation] = follow(whole)
        self.found: list[Finding] = findings(whole)
        self.said: dict[int, list[tuple[Conversation, int]]] = defaultdict(list)  # frame → (talk, place of the turn)
        self.marks: dict[int, dict[int, list[Mark]]] = {}
        for talk in self.talks:
            self.marks[id(talk)] = credential_marks(cast(Any, talk.turns))
            for place, turn in enumerate(talk.turns):
                for number in {turn.frame, *turn.frames}:
                    self.said[number].append((talk, place))

    @cached_property
    def evidence(self) -> dict[str, dict[int, str]]:
        """Finding (its short name) → number of a frame that shows it → who or what it is about (a user, a subject)."""
        shown: dict[str, dict[int, str]] = defaultdict(dict)
        for found in self.found:
            if found.kind == "credential" and found.accepted:
                who = found.username or ""
                if found.mechanism in CHALLENGED:
                    shown["login guessable"].update(dict.fromkeys(self._marked(found, GUESSED_FROM), who))
                elif found.password is not None:
                    shown["password readable"].update(dict.fromkeys(self._marked(found, ("password",)), who))
            elif found.kind == "mail":
                mail = dict.fromkeys(self._transfer(found, ("mail",)), found.subject or "")
                if self._between_servers(found.client):
                    shown["next hop in the clear"].update(mail)
                elif found.protocol != "smtp" or found.authorised == "login":  # else it is no user's
                    shown["mail readable"].update(mail)
                if found.relayed and found.authorised in ("nobody", "address"):
                    right = "relayed for nobody" if found.authorised == "nobody" else "relayed by address"
                    if found.popped:  # the login that opened the door is evidence, too
                        login = next(f for f in self.found if f.frame == found.popped["frame"])
                        shown[right].update(dict.fromkeys(login.frames, found.subject or ""))
                    shown[right].update(dict.fromkeys(self._transfer(found), found.subject or ""))
        for talk, turn in self._stripped():
            shown["TLS stripped"].update(dict.fromkeys(turn.frames, talk.client))
        return dict(shown)

    def _marked(self, found: Finding, kinds: tuple[str, ...]) -> list[int]:
        """The frames of a credential in which something of these kinds stands: the password, or a response, say."""
        return [
            number
            for number in found.frames
            for talk, place in self.said[number]
            if talk.client == found.client and any(mark.kind in kinds for mark in self.marks[id(talk)].get(place, ()))
        ]

    def _transfer(self, found: Finding, kinds: tuple[str, ...] = ("mail", "command", "reply")) -> list[int]:
        """The frames of a mail, or of the commands that went before it and their replies, too."""
        numbers: list[int] = []
        for talk in self.talks:
            if talk.client == found.client:
                began: list[Turn] = []
                for turn in talk.turns:
                    verb = turn.command.verb if turn.command else turn.verb
                    if turn.kind in kinds and (turn.kind == "mail" or verb in ("MAIL", "RCPT", "DATA", "BDAT")):
                        began.append(turn)
                    if turn.kind == "mail":
                        if set(turn.frames) & set(found.frames):
                            numbers += [number for turn in began for number in turn.frames]
                        began = []
        return numbers

    def _named(self, talk: Conversation) -> bytes:
        """What the server calls itself in its greeting."""
        name = _NAME.search(talk.turns[0].data) if talk.turns and talk.turns[0].kind == "greeting" else None
        return name[0] if name else b""

    def _between_servers(self, client: str) -> bool:
        """Does this client introduce itself by the name of a server of this capture?"""
        servers = {self._named(talk) for talk in self.talks} - {b""}
        return any(
            turn.verb == "EHLO" and turn.argument.strip() in servers
            for talk in self.talks
            if talk.client == client
            for turn in talk.turns
            if turn.who == "C"
        )

    def _stripped(self) -> list[tuple[Conversation, Turn]]:
        """Lists of abilities without TLS, of a server that has TLS in its list elsewhere in this capture."""
        lists: dict[tuple[bytes, str], list[tuple[Conversation, Turn, bool]]] = defaultdict(list)
        for talk in self.talks:
            for turn in talk.turns:
                verb = turn.command.verb if turn.kind == "reply" and turn.command else ""
                if verb in OFFER:
                    words = [line.replace(b"-", b" ").split()[-1:] for line in turn.data.upper().split(b"\r\n")]
                    lists[self._named(talk), verb].append((talk, turn, [OFFER[verb]] in words))
        return [
            (talk, turn)
            for same in lists.values()
            if any(offered for _, _, offered in same)
            for talk, turn, offered in same
            if not offered
        ]

    def lines(self, number: int, around: int = 0) -> list[tuple[int, str, str]]:
        """What is said in a frame, and ``around`` it in the same conversation: (frame, who, text), passwords masked.

        Of a mail only the subject is told.
        """
        said = self.said.get(number, [])
        if not said:
            return []
        talk = said[0][0]
        places = [place for other, place in said if other is talk]
        first, last = max(min(places) - around, 0), min(max(places) + around + 1, len(talk.turns))
        told: list[tuple[int, str, str]] = []
        for at in range(first, last):
            turn = talk.turns[at]
            frame = number if at in places else turn.frame
            told.append((frame, "client" if turn.who == "C" else "server", self._masked(talk, at)))
        return told

    def _masked(self, talk: Conversation, place: int) -> str:
        turn = talk.turns[place]
        if turn.kind == "mail":
            lines = turn.message.split(b"\r\n")
            subject = next((line for line in lines if line.lower().startswith(b"subject:")), b"(no subject)")
            return f"{_words(subject)} … ({len(turn.message):,} bytes of mail, readable)"
        if turn.kind == "tls":
            return turn.text
        line, _, rest = turn.data.rstrip(b"\r\n").partition(b"\r\n")
        shown, at = "", 0
        for mark in self.marks[id(talk)].get(place, []):
            hide = mark.secret or mark.kind == "digest"  # a digest in a report could be guessed from
            shown += _words(line[at : mark.start]) + (MASK if hide else _words(line[mark.start : mark.end]))
            at = mark.end
        shown += _words(line[at:])
        if rest:
            shown += " | " + " | ".join(_words(more) for more in rest.split(b"\r\n")[:12])
        return shown[:400]

    def what(self, number: int) -> str:
        """What a frame holds, in one line."""
        if number not in self.frames:
            return f"there is no frame {number}: this capture has the frames 1 to {max(self.frames, default=0)}"
        told = self.lines(number)
        if not told:
            return "nobody says anything in it (a TCP segment without content, or ARP)"
        return f"the {told[0][1]} says: {' / '.join(text for _, _, text in told)}"

    @property
    def passwords(self) -> set[str]:
        """All that could be read, also those that were refused."""
        return {found.password for found in self.found if found.password}


def _words(data: bytes) -> str:
    return "".join(c if c.isprintable() else "·" for c in data.decode("utf-8", "replace"))
