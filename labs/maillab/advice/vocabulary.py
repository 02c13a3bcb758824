"""What a row of a proposal can say, by short names: findings, risks, measures, standards, and what fits to what.

The texts are for the owner. They name no user and no frame: those are for the learner to find.
"""

from __future__ import annotations

FINDINGS: dict[str, str] = {
    "password readable": "A password crosses the network in the clear",
    "login guessable": "A login hides the password, but gives away enough to try guesses at home",
    "TLS stripped": "The offer of TLS was removed on the way, and the mail program went on without",
    "mail readable": "A mail crosses the network in the clear between a user and the server",
    "relayed for nobody": "The server passed on a mail for somebody who hadn't logged in",
    "relayed by address": "The server passed on a mail because somebody else had logged in from that address",
    "next hop in the clear": "The server passes mail on to another server in the clear",
}
"""What was found."""

RISKS: dict[str, str] = {
    "listener logs in": "Whoever listens can log in as this person from now on",
    "listener guesses": "Whoever listens can guess the password without asking the server, and then log in",
    "listener reads mail": "Whoever listens reads the mail",
    "stripper logs in": "Whoever stands in between gets a password that should have been encrypted",
    "anybody sends": "Anybody can send mail through this server, in the name of anybody here",
    "neighbour sends": "Whoever shares an address with a user can send through this server",
}
"""Who can do what."""

MEASURES: dict[str, str] = {
    "implicit TLS": "TLS from the first byte for all mail programs (POP3S on 995, submissions on 465); no login "
    "without TLS any more",
    "TLS or nothing": "Mail programs that insist on TLS and on the right certificate, and give up otherwise",
    "strong passwords": "New passwords, long and random, that stand on no list",
    "SMTP AUTH": "Who sends logs in over SMTP, on the submission ports; POP before SMTP is switched off",
    "relay after login": "The server passes mail on only for who has logged in; a sender's address counts for nothing",
    "TLS to the next hop": "The server insists on TLS with the right certificate towards servers that publish it",
    "challenge-response": "APOP or CRAM-MD5 for everybody",
    "TLS if offered": "STLS and STARTTLS are offered, and mail programs use them if they are offered",
    "a switch": "A switch instead of the hub, so that frames reach only whom they are for",
    "block the sender": "The sender's address goes on a block list",
    "shorter window": "POP before SMTP for two minutes instead of ten",
}
"""What to change. Some of them don't help."""

STANDARDS: dict[str, str] = {
    "NIST SP 800-63B": "Digital identity guidelines: which passwords to take (2017, 2025)",
    "RFC 1939": "POP3, with APOP (1996)",
    "RFC 2195": "CRAM-MD5 (1997)",
    "RFC 2505": "Anti-spam recommendations for SMTP servers (1999)",
    "RFC 2595": "TLS with IMAP, POP3: STLS (1999)",
    "RFC 3207": "SMTP over TLS: STARTTLS (2002)",
    "RFC 4616": "PLAIN (2006)",
    "RFC 4954": "SMTP AUTH (2007)",
    "RFC 5321": "SMTP (2008)",
    "RFC 6331": "DIGEST-MD5 becomes Historic (2011)",
    "RFC 6409": "Message submission (2011)",
    "RFC 7672": "DANE for SMTP between servers (2015)",
    "RFC 7817": "Checking a mail server's certificate (2016)",
    "RFC 8314": "Cleartext considered obsolete: TLS for submission and access (2018)",
    "RFC 8461": "MTA-STS: TLS between mail servers as a duty (2018)",
}
"""Where it's written."""

RISK_OF: dict[str, str] = {
    "password readable": "listener logs in",
    "login guessable": "listener guesses",
    "TLS stripped": "stripper logs in",
    "mail readable": "listener reads mail",
    "relayed for nobody": "anybody sends",
    "relayed by address": "neighbour sends",
    "next hop in the clear": "listener reads mail",
}
"""Finding → the risk that follows from it."""

CURES: dict[str, tuple[str, ...]] = {
    "password readable": ("implicit TLS",),
    "login guessable": ("implicit TLS", "strong passwords"),
    "TLS stripped": ("implicit TLS", "TLS or nothing"),
    "mail readable": ("implicit TLS",),
    "relayed for nobody": ("relay after login",),
    "relayed by address": ("SMTP AUTH",),
    "next hop in the clear": ("TLS to the next hop",),
}
"""Finding → measures that end it."""

WHY_NOT: dict[str, str] = {
    "implicit TLS": "That protects what users and the server say to each other. This is about something else.",
    "TLS or nothing": "A program that insists is half of it: as long as the server takes logins without TLS, the "
    "next program will do it wrong again.",
    "strong passwords": "A new password crosses the network in the same way as the old one.",
    "SMTP AUTH": "A login over SMTP is offered already. What must the server refuse to those who don't use it? "
    "Or is this not about sending at all?",
    "relay after login": "Who has logged in? With POP before SMTP the server believes that it knows. Or is this not "
    "about sending at all?",
    "TLS to the next hop": "That is the way to the next server. This happened elsewhere.",
    "challenge-response": "It hides the password and not the mail, and what it shows can be guessed from (lesson 07).",
    "TLS if offered": "An offer can be taken out on the way (lesson 11).",
    "a switch": "Whoever wants to gets onto the path in spite of a switch (lessons 00 and 09).",
    "block the sender": "A sender's address is a claim: the next mail has another one (lesson 02).",
    "shorter window": "Two minutes are enough, and mail programs open the window again and again (lesson 09).",
}
"""What to say where a measure doesn't fit."""

APPLIES: dict[str, tuple[str, ...]] = {
    "password readable": ("RFC 8314", "RFC 2595"),
    "login guessable": ("RFC 8314",),
    "TLS stripped": ("RFC 8314", "RFC 2595", "RFC 7817"),
    "mail readable": ("RFC 8314",),
    "relayed for nobody": ("RFC 5321", "RFC 2505", "RFC 6409", "RFC 4954"),
    "relayed by address": ("RFC 6409", "RFC 4954"),
    "next hop in the clear": ("RFC 8461", "RFC 7672"),
}
"""Finding → standards that say what should be done about it."""

APPLIES_TO_MECHANISM: dict[str, tuple[str, ...]] = {
    "PLAIN": ("RFC 4616", "RFC 4954"),
    "LOGIN": ("RFC 4954",),
    "DIGEST-MD5": ("RFC 6331",),
}
"""The same, for a mechanism with which somebody logged in: RFC 4616 section 4 and RFC 4954 section 4 ask for TLS, RFC
6331 section 1 for something else."""

STANDARD_HINT: dict[str, str] = {
    "NIST SP 800-63B": "It is about passwords. Does your measure change one?",
    "RFC 3207": "It says how STARTTLS begins in SMTP, not that anybody has to use it.",
    "RFC 1939": "It says how the old way works. Which one says what to do instead?",
    "RFC 2195": "It says how the old way works. Which one says what to do instead?",
    "RFC 2595": "It brought an offer of TLS to POP3 and IMAP. Which one asks for more than an offer, or is this about "
    "something else?",
    "RFC 8314": "It is about mail programs and their server: not about who may send, nor about the next hop.",
}
"""What to say where a standard doesn't fit; for the others a general word."""
