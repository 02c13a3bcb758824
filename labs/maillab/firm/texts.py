"""The mails that are sent in the unknown firm's morning; amounts and dates are the student's own."""

from __future__ import annotations

from ..student import Student

TEXTS = {
    "offer": (
        "Offer {ref}",
        "Hello both,\r\n\r\nour offer {ref} stands at EUR {amount}. Please don't tell the client yet that we'd go\r\n"
        "down to EUR {less}.\r\n",
    ),
    "salary": (
        "Salaries from January",
        "As agreed, and between the three of us: EUR {amount} a month from January on.\r\n",
    ),
    "contract": (
        "Contract {ref}",
        "Attached is what we agreed on the telephone. The account number has changed, see page {page}.\r\n",
    ),
    "note": ("Note to self", "The alarm's code is {code}.\r\n"),
    "invoice": (
        "Invoice {ref}, new account",
        "Please pay the open EUR {amount} to our new account from now on. It is urgent.\r\n",
    ),
    "bargain": ("Watches, {page} percent off", "Only today. Write to news@offers.test.\r\n"),
}
"""By their name in the plan: subject and text."""


def message(student: Student, mail: str, sender: str, to: tuple[str, ...]) -> str:
    """A whole RFC 5322 message.

    >>> message(Student("guest"), "note", "a@example.test", ("a@example.test",)).split("\\r\\n")[2]
    'Subject: Note to self'
    """
    amount = student.number(f"firm {mail} amount", 21, 89) * 100
    words = {
        "ref": f"{student.number(f'firm {mail} ref', 1000, 9999)}",
        "amount": f"{amount:,}",
        "less": f"{amount * 4 // 5:,}",
        "page": student.number(f"firm {mail} page", 11, 69),
        "code": student.number("firm code", 100000, 999999),
    }
    subject, text = (part.format(**words) for part in TEXTS[mail])
    return f"From: {sender}\r\nTo: {', '.join(to)}\r\nSubject: {subject}\r\n\r\n{text}"
