"""What a server keeps, and what it lets others find out."""

from __future__ import annotations

import pytest

from maillab.sasl import Credentials
from maillab.sasl.credentials import digest_key

KNOWN = Credentials({"alice": "copper-otter-41", "empty": "", "bell": "\u0007"})


def test_rows_that_the_learner_sees() -> None:
    rows = {mechanism: value for mechanism, what, value in KNOWN.kept("alice")}
    assert "copper-otter-41" in rows.values()
    assert rows["DIGEST-MD5"] == digest_key("alice", "example.test", "copper-otter-41").hex()
    assert rows["SCRAM-SHA-256"] == str(KNOWN.verifier("alice"))
    assert "copper" not in rows["DIGEST-MD5"] + rows["SCRAM-SHA-256"]
    with pytest.raises(KeyError):
        KNOWN.kept("nobody")


@pytest.mark.parametrize("user", ["alice", "bell", "empty"])
def test_every_user_has_rows(user: str) -> None:
    """Also those whose password SCRAM can't take."""
    assert KNOWN.kept(user)


def test_salts_are_stable_and_differ() -> None:
    """The same tomorrow; another for another name or password."""

    def salt(user: str, password: str) -> bytes:
        found = Credentials({user: password}).verifier(user)
        assert found is not None
        return found.salt

    salts = [salt("alice", "x"), salt("alice", "x"), salt("bob", "x"), salt("alice", "y")]
    assert salts[0] == salts[1] and len(set(salts)) == 3


def test_no_form_for_nobody() -> None:
    for user in ("nobody", "empty"):
        assert KNOWN.secret(user) is None
        assert KNOWN.digest_key(user, "example.test") is None
        assert KNOWN.verifier(user) is None
        assert not KNOWN.verify(user, "")


def test_belief_is_asked_each_time() -> None:
    believing = []
    impostor = Credentials({"alice": "x"}, believe=lambda: bool(believing))
    assert not impostor.verify("alice", "y") and not impostor.matches(b"1", b"2")
    believing.append(True)
    assert impostor.verify("alice", "y") and impostor.matches(b"1", b"2")
    assert not impostor.verify("nobody", "y")


def test_repr_hides_passwords() -> None:
    assert "copper" not in repr(KNOWN)


def test_a_password_of_which_saslprep_leaves_nothing_is_none() -> None:
    """U+00AD is mapped to nothing (RFC 4013 section 2.1), and an empty password lets nobody in."""
    known = Credentials({"eve": "\u00ad"})
    assert known.verifier("eve") is None
    assert known.kept("eve")[-1][2].startswith("nothing")
