"""What a student's id decides: passwords, names, mails."""

from __future__ import annotations

import email
import email.policy
import re

import pytest

from maillab.student import ANIMALS, MATERIALS, USERS, Student

IDS = ("guest", "s1234567", "Zoë Müller", "x" * 200)


def texts(mail: bytes) -> list[str]:
    """Every text in a mail, decoded."""
    message = email.message_from_bytes(mail, policy=email.policy.default)
    return [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]


def test_the_derivation_is_hmac_sha256_and_stays() -> None:
    """Computed once with `openssl dgst -sha256 -hmac guest`; a change here changes every student's lab."""
    import hashlib
    import hmac

    expected = hmac.new(b"guest", b"\0\0\0\0label", hashlib.sha256).digest()
    assert Student().secret("label") == expected
    assert Student().secret("label", 5) == expected[:5]
    assert Student().secret("label", 70)[:32] == expected and len(Student().secret("label", 70)) == 70


@pytest.mark.parametrize("id", IDS)
def test_same_id_same_lab(id: str) -> None:
    one, two = Student(id), Student(id)
    assert one.accounts == two.accounts
    assert [one.mails(user) for user in USERS] == [two.mails(user) for user in USERS]


def test_passwords_differ_and_are_easy_to_recognise() -> None:
    handed_out = {Student(str(id)).password(user) for id in range(100) for user in ("alice", "bob")}
    assert len(handed_out) > 195
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[1-9][0-9]", password) for password in handed_out)
    chosen = {Student(str(id)).password("carol") for id in range(100)}
    assert len(chosen) > 80
    assert all(re.fullmatch(r"[A-Z][a-z]+([0-9]{2}|[0-9]{4}|!)|[a-z0-9]+[0-9]{2}", password) for password in chosen)


def test_word_lists_have_no_doubles() -> None:
    assert len(set(MATERIALS)) == len(MATERIALS) >= 64
    assert len(set(ANIMALS)) == len(ANIMALS) >= 64


def test_repr_hides_the_password() -> None:
    student = Student()
    for account in student.accounts.values():
        assert account.password not in repr(account)
    assert student.password("alice") not in repr(student)


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("user", USERS)
def test_mails_are_messages(id: str, user: str) -> None:
    mails = Student(id).mails(user)
    assert len(mails) == 3
    for mail in mails:
        assert len(mail) < 4000 and mail.endswith(b"\r\n")
        assert b"\n" not in mail.replace(b"\r\n", b"") and b"\r" not in mail.replace(b"\r\n", b"")
        assert all(len(line) <= 78 for line in mail.split(b"\r\n"))
        message = email.message_from_bytes(mail, policy=email.policy.default)
        assert not message.defects
        assert message["To"].addresses[0].addr_spec == f"{user}@example.test"
        assert message["Date"].datetime.strftime("%a") == message["Date"][:3]
        assert message["Message-ID"] and message["Subject"]
        assert "{" not in "".join(texts(mail)) + message["Subject"]
    everything = b"".join(mails)
    assert re.search(rb"^\.", everything, re.MULTILINE), "no line to dot-stuff"
    decoded = "".join(text for mail in mails for text in texts(mail))
    assert not decoded.isascii() and everything.isascii()


def test_the_door_code_is_in_alices_first_mail_and_differs() -> None:
    student = Student()
    assert student.door_code.encode() in student.mails("alice")[0]
    assert student.room in email.message_from_bytes(student.mails("alice")[0])["Subject"]
    assert len({Student(str(id)).door_code for id in range(50)}) > 45


def test_unknown_user() -> None:
    with pytest.raises(KeyError, match="choose from alice, bob, carol"):
        Student().password("eve")
    assert Student().partners["dave"].address == "dave@partner.example.test"
    with pytest.raises(KeyError, match="choose from alice, bob, carol"):
        Student().mails("eve")


@pytest.mark.parametrize("id", ["", "two\nlines", "x" * 201, "\udcff"])
def test_an_id_that_nobody_could_read_out_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        Student(id)
