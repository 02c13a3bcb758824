"""Type a password or a mail, see its very bytes, send it, and find the same bytes in the captured frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as widgets

from maillab.views.bytes import Field, byte_view
from maillab.views.frames import frame_bytes, frame_fields, frame_summary
from maillab.views.ladder import ladder
from maillab.views.payload import PAYLOAD
from maillab.views.twin import LABELS, ROW, WIDE, TwinBox, part, say, sentence
from maillab.views.view import View, size, stacked
from maillab.views.wire import Typed, login_fields, login_lines, mail_bytes, mail_fields, notes

#: How many captured frames are drawn byte by byte after sending.
SHOWN = 512  # bytes of a typed mail that are drawn
MAX_FRAMES = 4


class WireView(TwinBox):
    """`WireView(send, user="alice", password="…", mail="Subject: hi\\n\\nhello")`.

    `send(typed)` really does it (typed.user, typed.password, typed.mail: None for a login) and returns the
    captured frames, or a Conversation, or a list of Conversations. Without a mail there is only the login.
    """

    def __init__(
        self,
        send: Callable[[Typed], Any] | None = None,
        user: str = "alice",
        password: str = "",
        mail: str | None = None,
    ) -> None:
        super().__init__("bytes", "ladder")
        self._perform = send
        self.sent: View | None = None
        text = {"continuous_update": True, "style": LABELS, "layout": WIDE}
        self.what = widgets.ToggleButtons(
            options=["a login", "a mail"], description="send", style={**LABELS, "button_width": "7rem"}, layout=ROW
        )
        self.user = widgets.Text(user, description="user", **text)
        self.password = widgets.Text(password, description="password", **text)
        self.mail = widgets.Textarea(mail or "", description="mail", rows=7, **text)
        self.mail.add_class("ml-mono")
        self.button = widgets.Button(
            description="Send it",
            button_style="primary",
            icon="paper-plane",
            layout=widgets.Layout(width="10rem", margin="6px 0 6px 9.3rem"),
        )
        self.button.disabled = send is None
        self.trouble, self.bytes, self.result = part(), part(), part()
        self._has_mail = mail is not None
        for box in (self.user, self.password, self.mail):
            box.observe(self._typed, "value")
        self.what.observe(self._turned, "value")
        self.button.on_click(self._clicked)
        self._turned()

    @property
    def typed(self) -> Typed:
        """What the boxes hold now."""
        return Typed(self.user.value, self.password.value, self.mail.value if self.what.value == "a mail" else None)

    def _turned(self, _change: Any = None) -> None:
        boxes = [self.mail] if self.what.value == "a mail" else [self.user, self.password]
        self.show(
            *([self.what] if self._has_mail else []),
            *boxes,
            self.bytes,
            self.button,
            self.trouble,
            self.result,
        )
        self._typed()

    def _typed(self, _change: Any = None) -> None:
        self.bytes.value = bytes_picture(self.typed).html
        self.trouble.value = say(" ".join(notes(self.typed)))

    def _clicked(self, _button: Any = None) -> None:
        if self._perform is None:
            return
        self.button.disabled, self.button.description = True, "Sending …"
        try:
            picture = sent_picture(self._perform(self.typed), self.typed)
            self.sent, self.result.value = picture, picture.html
            self.trouble.value = say(" ".join(notes(self.typed)))
        except Exception as error:  # one sentence, and no picture of an earlier try under it
            self.sent, self.result.value = None, ""
            self.trouble.value = say(f"That didn't go through. {sentence(error)}")
        finally:
            self.button.disabled, self.button.description = False, "Send it"

    def twin(self) -> View:
        views = [bytes_picture(self.typed), *([self.sent] if self.sent else [])]
        return stacked(views, "bytes", "ladder")


def bytes_picture(typed: Typed) -> View:
    """The bytes that will cross the network, before anything is sent."""
    if typed.mail is None:
        lines = login_lines(typed.user, typed.password)
        data = b"".join(lines)
        return byte_view(data, login_fields(lines), f"What will cross: {size(len(data))} from the client")
    data = mail_bytes(typed.mail)
    fields = [field for field in mail_fields(data) if field.start < SHOWN]
    return byte_view(data, fields, f"What will cross: {size(len(data))} from the server", legend=len(fields) < 40)


def sent_picture(result: Any, typed: Typed) -> View:
    """What was captured: the ladder, then the frames that carry what was typed."""
    if hasattr(result, "turns"):
        talks, frames = [result], []
    else:
        items = list(getattr(result, "frames", result))
        talks = [item for item in items if hasattr(item, "turns")]
        frames = [item for item in items if not hasattr(item, "turns")]
        if frames:
            from maillab.conversations import follow

            talks += follow(frames)
    words = wanted(typed)
    hits = [frame for frame in frames if any(word in frame_bytes(frame)[0] for word in words)]
    views = [ladder(talks, highlight=[word.decode("utf-8", "replace") for word in words])]
    for number, frame in enumerate(hits[:MAX_FRAMES], 1):
        views.append(carrying(frame, getattr(frame, "number", number)))
    return stacked(views, "bytes", "ladder")


def carrying(frame: Any, number: int, max_bytes: int = 800) -> View:
    """One frame with its headers folded into one field, so that the payload stands out."""
    data, _ = frame_bytes(frame)
    fields = frame_fields(frame)
    payload = [field for field in fields if field.name in PAYLOAD]
    start = payload[0].start if payload else len(data)
    head = Field("headers", 0, start, f"{start} bytes", "Ethernet, IP and TCP: where from, where to", "plain")
    line = frame_summary(frame, number)
    caption = f"Frame {number}, as captured: {line.source} → {line.target}"
    return byte_view(
        data,
        [*([head] if start else []), *payload],
        caption,
        highlight=("password", "user", "line", "reply"),
        max_bytes=max_bytes,
    )


def wanted(typed: Typed) -> Iterable[bytes]:
    """What to look for in the capture."""
    if typed.mail is None:
        typed_words = (("USER", typed.user), ("PASS", typed.password))
        return [f"{command} {word}".encode() for command, word in typed_words if word]
    lines = [line for line in typed.mail.splitlines() if len(line) > 3]
    return [line.encode() for line in lines[:1] + lines[-1:]]
