"""What lesson 13 asks: Follow the mail to the next hop."""

from __future__ import annotations

import re
from email import message_from_bytes
from typing import Any

from .exercises import Said, Wrong, call, exercise
from .kinds import yes_or_no
from .predictions import prediction

prediction(
    "13.A",
    "Alice hands in a mail over port 465, in TLS. Mallory sits between the two mail servers. Can she read it?",
    {
        "No, it was encrypted": "On Alice's leg it was. The second leg is another connection, between other programs.",
        "Yes: her server passes it on in the clear": "Yes. TLS reaches as far as one connection does.",
        "Only the envelope": "Without TLS all of SMTP can be read: envelope, header, text.",
    },
    "Yes: her server passes it on in the clear. TLS reaches as far as one connection does.",
)

prediction(
    "13.B",
    "Now both servers speak STARTTLS if it's offered. Mallory strips the offer between them. Who notices?",
    {
        "Alice: her mail comes back": "It doesn't: her server prefers sending it in the clear to not sending it.",
        "Nobody": "Yes, not at the time. (A trace remains: see part 4.)",
        "Dave's server, which sees no TLS": "Mail without TLS is what it gets all day.",
    },
    "Nobody: a server without STARTTLS is nothing unusual, so the mail goes on in the clear.",
)

prediction(
    "13.C",
    "The sending server insists on TLS with the right certificate, and Mallory strips. What becomes of the mail?",
    {
        "It is sent in the clear": "That would be the other policy. This one insists.",
        "It waits in the queue, and is tried again": "Yes: better late than read. If that lasts, Alice is told.",
        "It is lost": "What was answered with 250 isn't lost. It waits, and in the end comes back.",
    },
    "It waits in the queue, and is tried again: better late than read. If it stays like this, Alice is told.",
)


@exercise(
    "13.2",
    "email.message_from_bytes(mail).get_all('Received') gives the lines, the last hop first. What stands after 'with'?",
    "RFC 3848: ESMTPS and ESMTPSA were in TLS, ESMTP and ESMTPA weren't. So: is there an S behind ESMTP?",
    "[bool(re.search(r'with ESMTPS', line)) for line in reversed(lines)]",
)
def evidence(answer: Any, lab: Any) -> str:
    expected = "a function encrypted_hops(mail): bytes in; True or False for each hop, the first hop first"
    if not callable(answer):
        raise Wrong(answer, expected)
    mails = lab.mails("dave")
    if not mails:
        raise Wrong(Said("no mail in Dave's maildrop"), "one: run parts 1 and 2 first")
    for mail in [*mails, *made_up()]:
        lines = message_from_bytes(mail).get_all("Received", [])
        right = [re.search(r"\swith\s+ESMTPS", line) is not None for line in reversed(lines)]
        said = call(answer, mail)
        if not isinstance(said, list):
            raise Wrong(said, expected)
        if [bool(each) for each in said] != right:
            hint = "Received lines are put on top, so the first hop's is the lowest." if said == right[::-1] else ""
            ways = " → ".join(re.findall(r"\swith\s+(\S+)", "\n".join(reversed(lines))))
            raise Wrong(Said(f"{said} for {ways}"), f"{right}", hint)
    return "Evidence, as far as each server can be believed. Yours is the only one that you know."


def made_up() -> list[bytes]:
    """Mails with other ways behind them."""
    ways = (["SMTP"], ["ESMTPSA", "ESMTP", "ESMTPS"], ["ESMTPA", "SMTP", "ESMTPS", "ESMTPS"])
    comment = {
        True: "(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\t",
        False: "",
    }  # as Postfix does
    made = []
    for way in ways:
        lines = [
            f"Received: from a ([192.0.2.1])\r\n\t{comment['S' in how[5:]]}by b with {how} for <dave@x.test>;\r\n\tdate"
            for how in way
        ]
        made.append("\r\n".join([*reversed(lines), "Subject: with ESMTPS", "", "with ESMTPSA"]).encode() + b"\r\n")
    return made


POLICIES = {"clear": (True, True), "opportunistic": (False, True), "verified": (False, False)}
"""Whether mallory reads the mail when she listens, and when she strips; what the lesson's table shows: no secret."""


@exercise(
    "13.1",
    "The table has a column for what Mallory read. Take the rows in which mx shows the right certificate.",
    "A listener gets what isn't encrypted; one who strips gets what needn't be.",
)
def policies(answer: Any, lab: Any) -> str:
    expected = "for each of the three policies True or False, twice"
    yes_or_no(answer, POLICIES, ("Mallory listens", "Mallory strips"), expected)
    return "Opportunistic TLS ends listening in passing. It takes a duty to end the rest."
