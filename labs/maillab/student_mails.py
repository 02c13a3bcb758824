"""The mails that wait in the lab's maildrops: what alice, bob and carol wrote to each other last week.

Texts with gaps, which :class:`maillab.student.Student` fills. They are written out by hand, header by header, so that
what the learner reads from the packets can be found here line by line.
"""

from __future__ import annotations

import base64
import quopri
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from maillab.student import Student

MONDAY = datetime(2026, 11, 16, 8, 0, tzinfo=timezone(timedelta(hours=1)))


class Text(NamedTuple):
    """One mail with gaps. ``day`` counts from Monday = 0; ``encoding`` is the Content-Transfer-Encoding."""

    sender: str
    recipient: str
    day: int
    hour: int
    subject: str
    body: str
    encoding: str = "7bit"
    attachment: str = ""


TEXTS = (
    Text(
        "bob",
        "alice",
        0,
        9,
        "Door code for {room}",
        """\
Hi Alice,

welcome back! While you were away they changed the lock of the lab, because
somebody (not naming anybody, but he owns a red bicycle) let the door stand
open for a whole weekend. The pigeon is fine and sends its regards.

The new code for room {room} is

    {door_code}

then the hash key, then push as if you meant it. Please learn it by heart and
delete this mail. Carol asks us not to write it on the whiteboard again.

The centrifuge is booked for you on Thursday at {hour}:30.

Bob

--\x20
{bob}
Laboratory services, ext. {extension}
""",
    ),
    Text(
        "carol",
        "alice",
        2,
        11,
        "Money for the {project} project",
        """\
Dear Alice,

good news from the faculty: {project} gets {amount} euros for next year. That is
{short} euros less than we asked for, so the second sensor has to wait and the
coffee machine, I'm afraid, does not count as measuring equipment. I did try.

Please put the numbers into the shared folder before Friday. Two files there
begin with a dot, so your file manager hides them:

.budget-{project_file}
.who-pays-what

Don't rename them, the script that makes the report looks for exactly these.

I'm in the office until {hour} o'clock, and after that only on the phone.

Best wishes,
Carol
""",
    ),
    Text(
        "bob",
        "alice",
        2,
        16,
        "Friday evening at the {cafe}",
        """\
Hi Alice,

we meet on Friday at {evening}:15 in front of the main entrance and walk over to
the {cafe} together. I reserved a table for {guests} under the name
"Dr. Pigeon". Long story. The menu is attached: tell me what you'd like by
Thursday, they cook only as many as are ordered.

It's a surprise for Carol's birthday, so not a word to her, and mind the
"reply to all". I paid {deposit} euros in advance; cash or cake is welcome.

Bob
""",
        "base64",
        """\
{cafe} – Karte für Freitag

Zwiebelsuppe mit Gruyère ............ 6,80 €
Käsespätzle mit Röstzwiebeln ....... 12,40 €
Crème brûlée ........................ 5,90 €
Kaffee, so viel Sie möchten ......... 3,20 €

Bitte bis Donnerstag Bescheid geben. Wir freuen uns auf {guests} Gäste!
""",
    ),
    Text(
        "alice",
        "bob",
        0,
        13,
        "The pump in {room} hums again",
        """\
Hi Bob,

the vacuum pump in {room} hums in B flat again. It reached {pressure} mbar and
then gave up; yesterday it still managed a tenth of that. I switched it off
and put a note on it.

The supplier wants {repair} euros for a repair, or a crate of beer if you do
it yourself and they only send the seal. I know what I would choose.

Alice
""",
    ),
    Text(
        "carol",
        "bob",
        1,
        10,
        "Order {invoice}: one signature missing",
        """\
Dear Bob,

accounting sent order {invoice} back. It lacks my signature (my fault) and a
reason for "1 rubber duck, large" (yours). I signed; please send a reason.

They also found three lines in your list that begin with a dot and took them
for typing errors:

.5 l ethanol
.5 l acetone
..and a bucket

Write 0.5 next time, and then the bucket will be paid for, too. It comes to
{order} euros altogether, to be booked on {project}.

Carol
""",
    ),
    Text(
        "alice",
        "bob",
        4,
        15,
        "Spare key, and déjà vu",
        """\
Hi Bob,

the spare key for the cold room is in locker {locker}; the lock opens with
{locker_code}. I know, I know: "no numbers by e-mail". But you're at the café
without your telephone, and the samples aren't getting any fresher.

When you're back, could you look at the thermometer? It says -78 °C
in the morning and +78 °C after lunch. Either someone swapped the
cables (I may be naïve), or we have discovered something.

À bientôt,
Alice
""",
        "quoted-printable",
    ),
    Text(
        "bob",
        "carol",
        0,
        15,
        "Inventory: what we have and what we only think we have",
        """\
Dear Carol,

the inventory is done. We own {chairs} chairs, which is {missing} fewer than on
paper, and one microscope more than we ever bought. I suggest not to ask.

The list is on the shared drive. The cabinet with the solvents is locked now;
the key hangs where you'd never look, behind the calendar of 2019.

Bob
""",
    ),
    Text(
        "alice",
        "carol",
        2,
        17,
        "Draft of the {project} report",
        """\
Dear Carol,

the draft is ready: {pages} pages, four figures and one equation that I'm proud
of. I left two places open for you, both marked with dots at the start of the
line so that you can search for them:

...one sentence on why the second sensor matters
...one sentence on what it costs ({amount} euros, says your mail)

If the reviewers ask: the outlier in figure 3 is the pigeon. It sat on the
antenna for {minutes} minutes and I can prove it.

Best,
Alice
""",
    ),
    Text(
        "bob",
        "carol",
        4,
        9,
        "Your parcel from Málaga",
        """\
Dear Carol,

there's a parcel for you from Señora Núñez in Málaga. It weighs {weight} kg, smells
of oranges and was so important to the messenger that I had to sign twice.

I put it into your office. The alarm is on: {alarm} and the star key within
thirty seconds, or the whole façade lights up like a Christmas tree, as we all
remember from last year's fête.

Bob
""",
        "base64",
    ),
)


def gaps(student: Student) -> dict[str, str]:
    """What fills the gaps in the texts for this student."""
    number, choice = student.number, student.choice
    project = choice("project", ("HERON", "GLACIER", "LANTERN", "TUNDRA", "ORCHARD", "MERIDIAN"))
    names = {user: account.full_name for user, account in student.accounts.items()}
    return names | {
        "room": student.room,
        "door_code": student.door_code,
        "extension": str(number("extension", 2100, 2999)),
        "project": project,
        "project_file": project.lower(),
        "amount": f"{number('amount', 12, 48)},{number('amount, the rest', 100, 999)}",
        "short": f"{number('short', 11, 89) * 100:,}",
        "hour": str(number("hour", 14, 18)),
        "evening": str(number("evening", 18, 20)),
        "cafe": choice("cafe", ("Blue Teapot", "Old Printing House", "Third Platform", "Lazy Pelican")),
        "guests": str(number("guests", 6, 14)),
        "deposit": str(number("deposit", 4, 12) * 10),
        "pressure": str(number("pressure", 20, 90)),
        "repair": str(number("repair", 310, 890)),
        "order": f"{number('order', 87, 246)}.{number('order, cents', 10, 99)}",
        "invoice": f"{number('invoice', 1000, 9999)}/26",
        "locker": str(number("locker", 12, 98)),
        "locker_code": f"{number('locker code', 0, 9999):04}",
        "chairs": str(number("chairs", 31, 79)),
        "missing": str(number("missing", 2, 9)),
        "pages": str(number("pages", 17, 46)),
        "minutes": str(number("minutes", 7, 55)),
        "weight": f"{number('weight', 2, 7)}.{number('grams', 1, 9)}",
        "alarm": f"{number('alarm', 1000, 9999)}",
    }


def messages(student: Student, user: str) -> list[bytes]:
    """The mails that wait for ``user``, each a whole message with CRLF line ends."""
    filling = gaps(student)
    mine = [text for text in TEXTS if text.recipient == user]
    return [_message(student, text, filling) for text in mine]


def _message(student: Student, text: Text, filling: dict[str, str]) -> bytes:
    label = f"{text.sender} to {text.recipient} on day {text.day}"
    sent = MONDAY + timedelta(days=text.day, hours=text.hour - 8, minutes=student.number(label, 3, 56))
    sender, recipient = student.accounts[text.sender], student.accounts[text.recipient]
    subject = text.subject.format(**filling)
    if not subject.isascii():  # RFC 2047 section 4.1: a header is ASCII, other letters travel as an encoded word
        subject = f"=?utf-8?B?{base64.b64encode(subject.encode()).decode()}?="
    header = [
        f"Received: from {sender.name}.example.test by mail.example.test with ESMTPSA;",
        f"\t{format_datetime(sent)}",
        f"Date: {format_datetime(sent)}",
        f"From: {sender.full_name} <{sender.address}>",
        f"To: {recipient.full_name} <{recipient.address}>",
        f"Subject: {subject}",
        f"Message-ID: <{student.secret(label, 8).hex()}@{sender.name}.example.test>",
    ]
    body = text.body.format(**filling)
    if text.attachment:
        lines = header + _with_attachment(student, label, body, text.attachment.format(**filling))
    else:
        lines = [*header, "MIME-Version: 1.0", *_part(body, text.encoding)]
    return "".join(line + "\r\n" for line in lines).encode("ascii")


def _part(body: str, encoding: str) -> list[str]:
    """The header and body of one MIME entity (RFC 2045)."""
    if encoding == "base64":
        # RFC 2045 section 6.8: the lines of a text end in CRLF before they are encoded, too
        coded = base64.encodebytes(body.replace("\n", "\r\n").encode()).decode()
    elif encoding == "quoted-printable":
        coded = quopri.encodestring(body.encode()).decode()
    else:
        coded = body
    charset = "us-ascii" if encoding == "7bit" else "utf-8"
    return [
        f"Content-Type: text/plain; charset={charset}",
        f"Content-Transfer-Encoding: {encoding}",
        "",
        *coded.removesuffix("\n").split("\n"),
    ]


def _with_attachment(student: Student, label: str, body: str, attachment: str) -> list[str]:
    """A multipart body (RFC 2046 section 5.1): the text, then a file that came along."""
    boundary = f"={student.secret(label + ' boundary', 6).hex()}="
    file = _part(attachment, "base64")
    return [
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        *_part(body, "7bit"),
        f"--{boundary}",
        'Content-Disposition: attachment; filename="menu.txt"',
        *file,
        f"--{boundary}--",
    ]
