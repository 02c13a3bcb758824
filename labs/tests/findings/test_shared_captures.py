"""Captures that nobody here made (../shared/captures): what is found against what is true.

Real servers and clients with a manifest: precision and recall 1.0 for every mechanism. Captures of other projects'
test suites: no error, the attempts, mails and upgrades that their index names; EXPLAINED is where it isn't right.
"""

from __future__ import annotations

import json
import os
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from maillab.attacks import trial
from maillab.conversations import follow
from maillab.findings import findings

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "captures"
HASHED = {"APOP", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"}
NAMES = {"USER/PASS": "USER", "PLAIN IR": "PLAIN"}
# Where we differ from the index of public/: file -> what -> (the index, ours). It counts commands that tshark saw.
EXPLAINED: dict[str, dict[str, tuple[int, int]]] = {
    # One MAIL, two mails: a BDAT whose end is lost in a gap, then, without another MAIL, one with DATA.
    "zeek_zeek__testing_btest_Traces_smtp_smtp-bdat-gap.pcap": {"mail sent": (1, 2)},
}


def manifest(folder: str, name: str) -> list[dict[str, Any]]:
    path = SHARED / folder / name
    if path.exists():
        listed: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return listed
    return []


REAL = manifest("real", "manifest.json")
PUBLIC = manifest("public", "index.json")
if not REAL and os.environ.get("MAILLAB_SHARED") == "required":  # set by .ci/run
    raise RuntimeError(f"the captures of the tests are missing: {SHARED}")
needs_captures = pytest.mark.skipif(
    not REAL, reason="not in CI: these captures belong to others and are not part of the course"
)


def ports_of(entry: dict[str, Any]) -> dict[int, str]:
    """Implicit TLS on an odd port tells nothing about mail: there, the port is told."""
    names = {"pop3s": "pop3", "submissions": "smtp"}
    return {entry["port"]: names[entry["service"]]} if entry.get("service") in names else {}


Attempt = tuple[str, str, str | None, str | None, bool | None]  # client, mechanism, user, password or token, verdict


def truth(entry: dict[str, Any]) -> Counter[Attempt]:
    """The attempts that the manifest names."""
    return Counter(
        (
            e["client"],
            NAMES.get(e["mechanism"], e["mechanism"]),
            e.get("user"),
            e.get("secret", e.get("token")),
            e.get("accepted"),
        )
        for e in entry["expected"]
    )


def seen(entry: dict[str, Any]) -> Counter[Attempt]:
    """The attempts that were found."""
    found = findings(SHARED / "real" / entry["file"], ports_of(entry))
    return Counter((f.client, f.mechanism, f.username, f.password, f.accepted) for f in found if f.kind == "credential")


@needs_captures
@pytest.mark.parametrize("entry", REAL, ids=lambda entry: entry["file"])
def test_real(entry: dict[str, Any]) -> None:
    assert seen(entry) == truth(entry)
    found = findings(SHARED / "real" / entry["file"], ports_of(entry))
    # What was seen in the clear.
    if isinstance(entry.get("mails"), int) and "tls" not in entry:
        mails = [f for f in found if f.kind == "mail" and f.mechanism != "TOP"]
        assert len(mails) == entry["mails"]
        assert all(mail.complete and mail.sender and mail.recipients and mail.accepted for mail in mails)
        assert {len(mail.recipients) for mail in mails} == {entry.get("recipients", 1)}
    if entry.get("tls", "ssh") != "ssh":
        assert [f.kind for f in found] == ["tls"]
    for conversation in follow(SHARED / "real" / entry["file"]):
        if conversation.protocol:
            assert conversation.complete and not conversation.gaps


@needs_captures
def test_real_as_a_whole() -> None:
    """Precision and recall per mechanism, printed with -s: 1.0 for all."""
    hits: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    got: Counter[str] = Counter()
    for entry in REAL:
        true, ours = truth(entry), seen(entry)
        for counts, counter in ((wanted, true), (got, ours), (hits, true & ours)):
            for key, count in counter.items():
                counts[key[1]] += count
    for mechanism in sorted(wanted | got):
        precision, recall = (hits[mechanism] / (counts[mechanism] or 1) for counts in (got, wanted))
        print(f"{mechanism:13} {wanted[mechanism]:3} attempts, precision {precision:.2f}, recall {recall:.2f}")
    assert hits == wanted == got
    assert set(wanted) >= {"USER", "PLAIN", "LOGIN", "XOAUTH2", *HASHED} - {"SCRAM-SHA-1"}


@needs_captures
@pytest.mark.parametrize(
    "entry",
    [e for e in REAL if any(x["mechanism"] in HASHED for x in e["expected"])],
    ids=lambda entry: entry["file"],
)
def test_real_can_be_guessed(entry: dict[str, Any]) -> None:
    """Challenge and response are the right ones: the known password fits, and no other."""
    known = {e["client"]: e for e in entry["expected"] if e["mechanism"] in HASHED and not e.get("aborted")}
    found = [f for f in findings(SHARED / "real" / entry["file"]) if f.mechanism in HASHED]
    assert {f.client for f in found if not f.aborted} == set(known)
    for finding in found:
        if finding.aborted:
            with pytest.raises(ValueError, match="broke this login off"):
                trial(finding)
            continue
        told = known[finding.client]
        words = [b"x", b"x" * 65, "pässwörd".encode(), "日本".encode(), told["password"].encode()]
        assert trial(finding).search(words) == words[-1]
        assert trial(finding).search(words[:-1]) is None
        mode = {"APOP": 20, "CRAM-MD5": 10200}.get(finding.mechanism)
        if mode is None:
            assert finding.hashcat is None
        else:
            assert finding.hashcat == {"mode": mode, "line": told[f"hashcat_{mode}"]}


def indexed(entry: dict[str, Any]) -> Counter[str]:
    """What the index counts in a capture of public/."""
    counts: Counter[str] = Counter()
    for name, count in entry["mechanisms"].items():
        mechanism, _, verdict = name.rpartition(" ")
        counts[f"{NAMES.get(mechanism, mechanism)} {verdict}"] += count
    return counts + Counter({"RETR": entry["retr"], "mail sent": entry["mail_from"], "TLS": entry["stls"]})


def found_in(entry: dict[str, Any]) -> Counter[str]:
    """The same from our findings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = findings(SHARED / "public" / entry["file"])
    verdicts = {True: "accepted", False: "not-accepted", None: "not-accepted"}
    counts = Counter(f"{f.mechanism} {verdicts[f.accepted]}" for f in found if f.kind == "credential")
    counts["RETR"] = sum(f.mechanism == "RETR" for f in found)
    counts["mail sent"] = sum(f.kind == "mail" and f.protocol == "smtp" for f in found)
    counts["TLS"] = sum(f.kind == "tls" for f in found)
    return +counts


@needs_captures
@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry["file"])
def test_public(entry: dict[str, Any]) -> None:
    """The attempts, mails and upgrades that the index counts, or a difference that EXPLAINED tells."""
    index, ours = indexed(entry), found_in(entry)
    differences = {what: (index[what], ours[what]) for what in index | ours if index[what] != ours[what]}
    assert differences == EXPLAINED.get(entry["file"], {})


@needs_captures
def test_public_as_a_whole() -> None:
    """Precision and recall against the index, printed with -s; 1.0 for every mechanism."""
    assert {entry["file"] for entry in PUBLIC} >= set(EXPLAINED)
    hits: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    got: Counter[str] = Counter()
    for entry in PUBLIC:
        index, ours = indexed(entry), found_in(entry)
        wanted, got, hits = wanted + index, got + ours, hits + (index & ours)
    for what in sorted(wanted | got):
        precision, recall = (hits[what] / (counts[what] or 1) for counts in (got, wanted))
        print(f"{what:22} {wanted[what]:3} in the index, precision {precision:.2f}, recall {recall:.2f}")
    assert wanted == hits
    assert got - hits == Counter({"mail sent": 1})  # EXPLAINED


@needs_captures
@pytest.mark.parametrize("entry", [e for e in REAL if "keylog" in e], ids=lambda entry: entry["file"])
@pytest.mark.parametrize("embedded", [False, True])
def test_real_with_a_key_log(entry: dict[str, Any], embedded: bool) -> None:
    """TLS of Dovecot, Postfix and curl: with the key log, beside the capture or in it, everything is read."""
    keylog = None if embedded else SHARED / "real" / entry["keylog"]
    found = findings(SHARED / "real" / entry["with_secrets" if embedded else "file"], keylog=keylog)
    upgrade, credential, mail = found
    assert (upgrade.kind, credential.mechanism, mail.kind) == ("tls", "PLAIN", "mail")
    assert (credential.username, credential.password, credential.accepted) == (entry["user"], entry["password"], True)
    assert mail.subject == "lunch" and mail.complete and b"The door code is 4711." in mail.message
    assert {finding.protocol for finding in found} == {"smtp" if entry["service"].startswith("sub") else "pop3"}


@needs_captures
def test_scapy_agrees() -> None:
    """The same findings from frames read by Scapy (frames under 64 KiB: it cuts larger ones)."""
    from scapy.utils import rdpcap

    for name in ("pop3-user-poplib.pcap", "smtp-plain-2step-curl.pcap", "net-split-pop3-user.pcap"):
        path = SHARED / "real" / name
        ours = [f.to_json() for f in findings(path)]
        assert [f.to_json() for f in findings(rdpcap(str(path)))] == ours
