"""The base64 peeler: authzid, user and password ⇄ the bytes ⇄ the base64 text, every bit of it in sight."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from maillab.views import peel
from maillab.views.bytes import Field, byte_view, plain_fields
from maillab.views.peel import Group, PeelError, Plain
from maillab.views.twin import LABELS, ROW, WIDE, TwinBox, part, say
from maillab.views.view import View, card, printable, size, stacked

#: What each colour stands for, in words.
WORDS = {"authzid": "authzid", "glue": "NUL", "user": "user", "password": "password"}
MAX_GROUPS = 24


class Peeler(TwinBox):
    """`Peeler(user="alice", password="…")`: type on either side, the other side follows.

    mode "PLAIN": one message, `authzid NUL user NUL password`; "LOGIN": user and password, each by itself.
    What can't be decoded is explained and left as it was typed.
    """

    def __init__(self, user: str = "alice", password: str = "", authzid: str = "", mode: str = "PLAIN") -> None:
        super().__init__("bytes", "peeler")
        self.mode = widgets.ToggleButtons(
            options=["PLAIN", "LOGIN"],
            value=mode,
            description="mechanism",
            style={**LABELS, "button_width": "6rem"},
            layout=ROW,
        )
        self.authzid = self._text("authzid", authzid, "act as (mostly left empty)")
        self.user = self._text("user", user)
        self.password = self._text("password", password)
        self.coded = self._text("base64", "")
        self.coded_user = self._text("user, base64", "")
        self.coded_password = self._text("password, base64", "")
        self.trouble, self.bytes, self.bits = part(), part(), part()
        self._busy = False
        for box in (self.authzid, self.user, self.password):
            box.observe(self._typed, "value")
        for box in (self.coded, self.coded_user, self.coded_password):
            box.observe(self._pasted, "value")
        self.mode.observe(self._turned, "value")
        self._turned()

    @staticmethod
    def _text(label: str, value: str, hint: str = "") -> widgets.Text:
        return widgets.Text(
            value, description=label, placeholder=hint, continuous_update=True, style=LABELS, layout=WIDE
        )

    @property
    def plain(self) -> Plain:
        """What the three boxes hold."""
        return Plain(self.authzid.value, self.user.value, self.password.value)

    def _turned(self, _change: Any = None) -> None:
        inputs = [self.user, self.password]
        if self.mode.value == "PLAIN":
            inputs = [self.authzid, *inputs, self.coded]
        else:
            inputs = [self.user, self.coded_user, self.password, self.coded_password]
        self.show(self.mode, *inputs, self.trouble, self.bytes, self.bits)
        self._typed()

    def _typed(self, _change: Any = None) -> None:
        """From left to right: the parts were typed, the base64 follows."""
        if self._busy:
            return
        if "\0" in "".join(self.plain):
            self.trouble.value = say(
                "A NUL can't be part of a name or password, for PLAIN uses it as the separator: take it out."
            )
            return
        self._busy = True
        try:
            if self.mode.value == "PLAIN":  # only what is on the page: each value is a message to it
                self.coded.value = peel.encode(self.plain.message())
            else:
                self.coded_user.value = peel.encode(self.plain.user.encode())
                self.coded_password.value = peel.encode(self.plain.password.encode())
        finally:
            self._busy = False
        self.trouble.value = ""
        self._draw()

    def _pasted(self, change: Any) -> None:
        """From right to left: base64 was typed or pasted, the parts follow if it decodes."""
        if self._busy:
            return
        self._busy = True
        try:
            raw = peel.decode(change["new"])
            if change["owner"] is self.coded:
                self.authzid.value, self.user.value, self.password.value = peel.split_plain(raw)
            else:
                box = self.user if change["owner"] is self.coded_user else self.password
                box.value = peel.text_of(raw)
        except PeelError as error:
            self.trouble.value = say(f"{error} The picture still shows the last message that could be decoded.")
            return
        finally:
            self._busy = False
        self.trouble.value = ""
        self._draw()

    def _draw(self) -> None:
        view = bytes_picture(self.plain, self.mode.value)
        self.bytes.value = view.html
        self.bits.value = bits_picture(self.plain, self.mode.value).html

    def twin(self) -> View:
        one, two = bytes_picture(self.plain, self.mode.value), bits_picture(self.plain, self.mode.value)
        return View(one.html + two.html, f"{one.text}\n\n{two.text}", f"{one.alt} {two.alt}", "bytes", "peeler")


def _messages(plain: Plain, mode: str) -> list[tuple[str, bytes, list[str]]]:
    """[(title, bytes, owner of each byte)]: one message for PLAIN, two for LOGIN."""
    if mode == "PLAIN":
        return [("The message", plain.message(), peel.owners(plain))]
    return [
        (f"The {name}", value.encode(), [name] * len(value.encode()))
        for name, value in (("user", plain.user), ("password", plain.password))
    ]


def bytes_picture(plain: Plain, mode: str = "PLAIN") -> View:
    """The raw bytes of each message, its NULs in sight, with what each part is."""
    views = []
    for title, raw, owner in _messages(plain, mode):
        if mode == "PLAIN":
            fields = plain_fields(raw)
        else:
            fields = (
                [Field(owner[0], 0, len(raw), printable(raw), "sent by itself, nothing around it", owner[0])]
                if raw
                else []
            )
        views.append(byte_view(raw, fields, f"{title}: {size(len(raw))}", max_bytes=128))
    return stacked(views, "bytes")


def bits_picture(plain: Plain, mode: str = "PLAIN") -> View:
    """Three bytes, 24 bits, four characters: the same bits, cut in another place."""
    html, text = [], []
    for title, raw, owner in _messages(plain, mode):
        found = peel.groups(raw)
        coded = "".join(group.chars for group in found)
        sizes = f"{size(len(raw))} of 8 bits → {size(len(coded), 'character')} of 6 bits"
        html.append(f'<p class="cap">{title} in base64<small>{sizes}</small></p>')
        html.append(f'<div class="b64">{escape(coded) or "nothing"}</div><div class="pg">')
        html += [_group(group, owner) for group in found[:MAX_GROUPS]]
        html.append("</div>")
        if len(found) > MAX_GROUPS:
            more = size(len(found) - MAX_GROUPS, "more group")
            html.append(f'<p class="note">… {more} of three bytes, not drawn</p>')
        text += [f"{title} in base64: {coded}", *(_group_text(group) for group in found[:MAX_GROUPS])]
    present = dict.fromkeys(kind for _, _, owner in _messages(plain, mode) for kind in owner)
    key = "".join(f'<span class="k-{kind}">{WORDS[kind]}</span>' for kind in present)
    foot = (
        '<p class="note">No key: the same table of 64 characters for everybody. '
        "Whoever reads it backwards has the password.</p>"
    )
    alt = "Base64 bit by bit: " + "; ".join(text[:1]) + "."
    body = f'<div class="keyline">{key}</div>{"".join(html)}{foot}'
    return View(card(body, alt), "\n".join(text), alt, "bytes", "peeler")


def _group(group: Group, owner: list[str]) -> str:
    cells = []
    for place in range(3):
        if place < len(group.raw):
            byte, kind = group.raw[place], owner[group.start + place]
            char = "NUL" if byte == 0 else chr(byte) if 32 < byte < 127 else "space" if byte == 32 else "·"
            cells.append(f'<span class="by k-{kind}">{escape(char)}<small>{byte:02x}</small></span>')
        else:
            cells.append('<span class="by dim">–</span>')
    for place, bit in enumerate(group.bits.ljust(24)):
        inside = place < 8 * len(group.raw)
        css = f"k-{owner[group.start + place // 8]}" if inside else "pad"
        cut = " cut" if place and place % 6 == 0 else ""
        cells.append(f'<span class="bit {css}{cut}">{bit.strip()}</span>')
    cells += [f'<span class="val">{value}</span>' for value in group.values]
    cells += ['<span class="val"></span>'] * (4 - len(group.values))
    cells += [f'<span class="ch">{char}</span>' for char in group.chars]
    return f'<div class="pgroup">{"".join(cells)}</div>'


def _group_text(group: Group) -> str:
    """`00 61 6c → 000000 000110 000101 101100 → 0 6 5 44 → AGFs`"""
    sixes = " ".join(group.bits[at : at + 6] for at in range(0, len(group.bits), 6))
    return f"  {group.raw.hex(' '):8} = {sixes:27} = {' '.join(map(str, group.values)):11} = {group.chars}"
