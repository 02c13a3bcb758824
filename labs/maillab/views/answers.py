"""What came of a login with a chosen challenge: the ladder and the frame of one, two responses side by side."""

from __future__ import annotations

from html import escape

from maillab.conversations import follow
from maillab.views.challenge import Sent, responses
from maillab.views.changed import Span, changed
from maillab.views.ladder import ladder
from maillab.views.pieces import underlined
from maillab.views.view import View, card, stacked
from maillab.views.wireview import carrying

#: Of a long response the first rows are enough: the ladder has all of it.
MAX_BYTES = 144


def aside(text: str) -> View:
    """A sentence that is no alarm; read out when it appears."""
    return View(f'<div class="mlv bare" role="status"><p class="note">{escape(text)}</p></div>', text, text)


def sent_view(sent: Sent, proof: str) -> View:
    """One login: how it ended, the ladder, and the frame with the response. `proof` is what the picture shows."""
    found = responses(sent.heard)
    end = "The server let her in." if sent.accepted else f"She wasn't let in: “{sent.answer}”."
    if found:
        same = any(proof in response for _, response in found)
        end += " The response on the wire is the picture's." if same else DIFFERENT
    frames = {frame for frame, _ in found}
    views = [aside(end), ladder(follow(sent.heard), highlight=frames)]
    views += [
        carrying(frame, frame.number, max_bytes=MAX_BYTES) for frame in sent.heard.frames if frame.number in frames
    ]
    return stacked(views, "bytes", "ladder")


DIFFERENT = (
    " The response on the wire isn't the picture's: something else went into it. Compare the ladder with the boxes."
)


def twice_view(first: Sent, second: Sent) -> View:
    """The responses of two logins, one above the other, and whether they are the same.

    Raises ValueError where one of them has no response: nothing can be compared then.
    """
    found = [responses(sent.heard) for sent in (first, second)]
    if not all(found):
        why = next((sent.answer for sent in (first, second) if sent.answer), "")
        raise ValueError(f"There are no two responses to compare. {why}".strip())
    one, other = (texts[-1][1] for texts in found)
    rows, text = [], []
    for name, response, before in (("first", one, other), ("second", other, one)):
        spans, at, inside = by_field(response, before), 0, []
        for start, end in spans:
            inside.append(f"{escape(response[at:start])}<mark>{escape(response[start:end])}</mark>")
            at = end
        inside.append(escape(response[at:]))
        rows.append(
            f'<tr><th scope="row">{name}</th><td class="mono">{"".join(inside).replace(",", ",<wbr>")}</td></tr>'
        )
        text += [f"{name}:", *underlined(response, spans)]
    caption = "Two logins, the same challenge"
    verdict = SAME if one == other else FRESH
    html = f'<table><caption>{caption}</caption>{"".join(rows)}</table><p class="note">{verdict}</p>'
    alt = f"{caption}: the responses are {'equal' if one == other else 'different'}."
    return View(card(html, alt, "twice"), "\n".join([caption, *text, verdict]), alt, "workbench")


def by_field(now: str, before: str) -> list[Span]:
    """What changed in a list with commas, field by field: a longer nonce doesn't make the rest look new.

    >>> by_field("n=ab,p=1", "n=abcde,p=2"), by_field("n=abx,p=1", "n=ab,p=1")
    ([(7, 8)], [(4, 5)])
    """
    fields, old = now.split(","), before.split(",")
    if len(fields) != len(old):
        return changed(now, before)
    spans, at = [], 0
    for field, was in zip(fields, old, strict=True):
        spans += [(at + start, at + end) for start, end in changed(field, was)]
        at += len(field) + 1
    return spans


SAME = (
    "Equal, byte for byte: whoever heard the first could have given the second, and doesn't need the password for it."
)
FRESH = "Different: the client put a new nonce of its own into the second, so nobody could have known it before."
