"""What lesson 02 asks: Send through someone else's server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from email import message_from_bytes, message_from_string
from email.utils import parseaddr
from typing import Any

from .exercises import Said, Wrong, call, exercise
from .predictions import prediction

prediction(
    "02.A",
    "Mallory, who has no account, asks Alice's mail server to take a mail for Bob and one for Dave. What happens?",
    {
        "Both are refused: she has no account": (
            "Then nobody from elsewhere could write to Bob. Mail for its own users a server takes from anybody."
        ),
        "Bob's is taken, Dave's is refused": "Yes: Bob's mail has arrived here. Dave's would have to be passed on.",
        "Both are taken: passing on mail is a server's business": (
            "It was, until about 1995. A server that still does it for anybody is called an open relay."
        ),
    },
    "Bob's is taken, for it has arrived here. Dave's would have to be passed on, and is refused.",
)

prediction(
    "02.B",
    "The server relays for senders of its own domain only. Can Mallory still send a mail to Dave through it?",
    {
        "No, she has no address there": "She doesn't need one. She has to write one.",
        "Yes, she writes alice@example.test after MAIL FROM": "Yes. It is a claim, and nobody checks it.",
        "Only if she learns Alice's password": "Nobody asks for a password on port 25.",
    },
    "Yes: she writes alice@example.test after MAIL FROM. It is a claim, and nobody checks it.",
)

prediction(
    "02.C",
    "On port 587, what does the server say to MAIL FROM before Alice has logged in?",
    {
        "250, and asks for the login at RCPT": "No: port 587 has to ask at MAIL already (RFC 6409, §4.3).",
        "530, log in first": "Yes (RFC 4954, §6): what is claimed doesn't matter here, only what is proved.",
        "550, relaying denied": "That is the answer to strangers on port 25. Here everybody may try to log in.",
    },
    "530, log in first (RFC 4954, §6): what is claimed doesn't matter here, only what is proved.",
)


@exercise(
    "02.1",
    "server.ehlo(), then docmd('MAIL', 'FROM:<…>') and docmd('RCPT', 'TO:<…>'), both addresses from elsewhere.",
    "docmd returns (code, text). An open relay answers RCPT with 250.",
    "code, text = server.docmd('RCPT', 'TO:<somebody@partner.example.test>'); server.quit(); return code == 250",
)
def relay_test(answer: Any, lab: Any) -> str:
    expected = "a function is_open_relay(lab) that says True or False"
    if not callable(answer):
        raise Wrong(answer, expected)
    taken = mails_taken(lab)
    with lab.put_back():
        for switches, is_open in (((), False), (("open_relay",), True), (("sender_check",), False)):
            lab.allow(*switches)
            said = call(answer, lab)
            if said not in (True, False):
                raise Wrong(said, expected, "Compare the code of the reply to RCPT with 250.")
            if bool(said) is not is_open:
                rule = switches[0] if switches else "own recipients only"
                raise Wrong(Said(f"{said} for a server with the rule {rule}"), f"{is_open}", CAUSES[rule])
    if mails_taken(lab) > taken:
        raise Wrong(Said("a test that sends a mail"), "one that leaves before DATA", "Say QUIT after RCPT.")
    return "Closed, open, and closed to strangers: told apart without a single mail."


CAUSES = {
    "own recipients only": "Is the recipient one of another domain, such as partner.example.test?",
    "open_relay": "This server answers 250 to RCPT after a MAIL. Print (code, text): code is a number.",
    "sender_check": "The sender has to be foreign, too: an address of the server's own domain tells nothing.",
}
"""What is probably wrong with a test that errs about a server with this rule."""


def mails_taken(lab: Any) -> int:
    """How many mails the server has taken so far, by its log."""
    return sum("took mail" in event["text"] for event in lab.log()) if lab.network.serves else 0


@exercise(
    "02.2",
    "As in part 2, with sendmail: its first argument is the envelope's sender, and the header stands in the text.",
    "server.sendmail('alice@example.test', 'dave@partner.example.test', forged)",
    "forged = 'From: alice@example.test\\r\\nSubject: Hi\\r\\n\\r\\nYours, Alice\\r\\n'",
)
def forgery(answer: Any, lab: Any) -> str:
    expected = "the text of the mail that you sent to Dave, with From: alice@example.test in its header"
    if isinstance(answer, bytes):
        answer = answer.decode("utf-8", "replace")
    if not isinstance(answer, str):
        raise Wrong(answer, expected)
    author = address(message_from_string(answer)["From"])
    if author != "alice@example.test":
        raise Wrong(Said(f"a mail from {author}"), expected, "The header's lines come first, then an empty line.")
    if not lab.live:
        return "A mail from Alice, as far as its header goes. (On a recording nobody can look whether it was sent.)"
    complaint = Wrong(Said("no such mail in Dave's maildrop"), "one that arrived", "Is the rule sender_check on?")
    for mails in looks(lab):
        for mail in mails:
            if body(mail.decode("utf-8", "replace")) == body(answer):
                arrived = message_from_bytes(mail)
                if address(arrived["Return-Path"]) != "alice@example.test":
                    seen = Said(f"Return-Path {arrived['Return-Path']}")
                    complaint = Wrong(seen, "alice@example.test in the envelope, too")
                elif lab.alice.ip in seen_by_the_server(mail) and lab.alice.ip != lab.mallory.ip:
                    complaint = Wrong(
                        Said("a mail from Alice's computer"), "one from Mallory's: lab.mallory.smtp('smtp')"
                    )
                else:
                    return "Dave has a mail from Alice, in envelope and header, that she has never seen."
    raise complaint


def looks(lab: Any) -> Iterator[list[bytes]]:
    """Dave's mails, looked at again and again for three seconds, since one may still be on its way; live only."""
    for _ in range(30 if lab.live else 1):
        yield lab.mails("dave")
        time.sleep(0.1)


def address(field: Any) -> str:
    """The bare address in a header field, in small letters."""
    return parseaddr(str(field))[1].lower()


def body(mail: str) -> str:
    """What comes after the header, with line ends of one kind."""
    return mail.replace("\r\n", "\n").partition("\n\n")[2].strip()


def seen_by_the_server(mail: bytes) -> list[str]:
    """The address of the client in the line that the mail server itself wrote, the topmost that names it."""
    for line in message_from_bytes(mail).get_all("Received", []):
        if "by mail.example.test" in line:
            return re.findall(r"\(\[([^]]+)\]\)", line)[-1:]
    return []


@exercise(
    "02.3",
    "The top line is by Dave's server. Whom does it name? The next line is that server's.",
    "After 'from' stands what the client called itself; in the brackets, what the server saw.",
)
def origin(answer: Any, lab: Any) -> str:
    expected = "the address of the computer that handed the mail to the first server"
    if not isinstance(answer, str):
        raise Wrong(answer, expected)
    mails = next(filter(None, looks(lab)), [])
    if not mails:
        raise Wrong(Said("no mail in Dave's maildrop"), "the one from part 2", "Run part 2 first.")
    if "@" in answer:
        raise Wrong(answer, expected, "A network address, four numbers. Mail addresses are claims.")
    if answer.strip().strip("[]()") not in seen_by_the_server(mails[0]):
        hint = "That is the server's own. Who gave the mail to it?" if answer.strip() == lab.mail.ip else ""
        raise Wrong(answer, expected, hint)
    return "The address that the mail server itself saw. All that was written before it came is a claim."
