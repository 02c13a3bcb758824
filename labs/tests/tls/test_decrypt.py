"""What a key log opens, compared with what the endpoints said and with what tshark reads, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest
from support.tls_sessions import Said, Session
from support.wire import Talk, interleave, renumber

from maillab.capture import Frame, write_pcapng
from maillab.conversations import Conversation, follow
from maillab.conversations.recognise import PORTS
from maillab.findings import findings
from maillab.tls import visible

from .dialogues import MAIL, POP3, WAYS, said_by, talk_of

SUITES = {
    "TLSv1_2": {
        "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    },
    "TLSv1_3": {
        name: name for name in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    },
}
CASES = [(version, suite) for version, suites in SUITES.items() for suite in suites]


def tshark_says(frames: list[Frame], keylog: bytes, folder: Path, embedded: bool = False) -> tuple[bytes, bytes]:
    """(Client's, server's) bytes inside TLS, as `tshark -z follow,tls,raw` has them."""
    tshark = shutil.which("tshark")
    if not tshark:
        assert not os.environ.get("CI"), "CI installs tshark"
        pytest.skip("tshark isn't installed here (apt install tshark)")
    path, keys = folder / "x.pcapng", folder / "keys"
    write_pcapng(path, frames, secrets=keylog if embedded else None)
    keys.write_bytes(b"" if embedded else keylog)
    command = [tshark, "-r", str(path), "-o", f"tls.keylog_file:{keys}", "-q", "-z", "follow,tls,raw,0"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    client_first = "Node 0: 192.0.2.10" in out
    said = [b"", b""]
    for line in out.splitlines():
        text = line.strip()
        if text and all(digit in "0123456789abcdef" for digit in text):
            said[line.startswith("\t")] += bytes.fromhex(text)
    return (said[0], said[1]) if client_first else (said[1], said[0])


def inside(conversation: Conversation) -> tuple[bytes, bytes]:
    return conversation.bytes_from("client", inside=True), conversation.bytes_from("server", inside=True)


def opened(frames: list[Frame], keylog: bytes) -> Conversation:
    """The one conversation, read without a complaint."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (conversation,) = follow(frames, keylog=keylog)
    assert not conversation.sealed
    return conversation


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version,suite", CASES)
def test_all_ways(pems: dict[str, str], tmp_path: Path, version: str, suite: str, way: str) -> None:
    """TLS 1.2 and 1.3, each cipher, each way to begin: the plaintext is what the endpoints said and tshark reads."""
    before, said, port = WAYS[way]
    session = Session(pems, said, version=version, suite=suite)
    frames = talk_of(session.flights[0], before, port).frames
    conversation = opened(frames, session.keylog)
    assert conversation.protocol == PORTS[port] and conversation.complete
    assert inside(conversation) == (said_by(0, said), said_by(1, said))
    assert inside(conversation) == tshark_says(frames, session.keylog, tmp_path)
    assert visible(conversation).suite == SUITES[version][suite]
    # what crossed the wire is still what crossed the wire
    wire = [*before, *session.flights[0]]
    assert conversation.bytes_from("client") == said_by(0, wire)
    assert conversation.bytes_from("server") == said_by(1, wire)
    # the transcript is that of the dialogue, from the greeting on
    for _, line in said:
        assert line.split(b"\r\n")[0].decode() in conversation.transcript()

    upgrade, credential, mail = findings(frames, keylog=session.keylog)
    assert (upgrade.kind, upgrade.mechanism) == ("tls", way.split()[-1] if before else "TLS")
    assert (upgrade.sni, upgrade.suite, upgrade.decrypted) == ("mail.example.test", SUITES[version][suite], False)
    assert (credential.username, credential.password, credential.accepted) == ("alice", "w0nderland", True)
    assert (mail.subject, mail.complete, mail.accepted) == ("lunch", True, True)
    assert mail.message == MAIL[:-3]
    assert credential.decrypted and mail.decrypted and "key log" in repr(mail)


@pytest.mark.parametrize("version", SUITES)
def test_frames(pems: dict[str, str], version: str) -> None:
    """A finding names the frames of the records that it was read from, and no others."""
    session = Session(pems, WAYS["POP3S"][1], version=version)
    talk = talk_of(session.flights[0])
    said: dict[int, bytes] = {}
    for frame, side in zip(talk.frames, talk.sides, strict=True):
        said[frame.number] = frame.data[54:] if side == 0 else b""
    _, credential, mail = findings(talk.frames, keylog=session.keylog)
    user, password = (turn for turn in follow(talk.frames, keylog=session.keylog)[0].turns if turn.verb in LOGIN)
    assert credential.frame == user.frame and set(user.frames + password.frames) <= set(credential.frames)
    assert len(said[user.frame]) - len(b"USER alice\r\n") in (5 + 24, 5 + 17)  # header, and what encryption adds
    assert len(mail.frames) > len(MAIL) // 1400


LOGIN = ("USER", "PASS")


@pytest.mark.parametrize("version", SUITES)
@pytest.mark.parametrize("size", [1, 3, 300, 60_000])
def test_any_segments(pems: dict[str, str], version: str, size: int) -> None:
    """Records cut over segments, and several in one."""
    before, said, port = WAYS["STLS"]
    said = [(side, data.replace(MAIL, b"Subject: a\r\n\r\nb\r\n.\r\n")) for side, data in said]
    session = Session(pems, said, version=version)
    conversation = opened(talk_of(session.flights[0], before, port, size).frames, session.keylog)
    assert inside(conversation) == (said_by(0, said), said_by(1, said))


def test_hello_retry_request(pems: dict[str, str], tmp_path: Path) -> None:
    """The server knows only a curve for which the client sent no key: a second ClientHello, and then as usual."""
    before, said, port = WAYS["STARTTLS"]
    session = Session(pems, said, curve="secp384r1")
    frames = talk_of(session.flights[0], before, port).frames
    conversation = opened(frames, session.keylog)
    assert inside(conversation) == (said_by(0, said), said_by(1, said)) == tshark_says(frames, session.keylog, tmp_path)
    assert visible(conversation).retried and "HelloRetryRequest" in str(visible(conversation))


@pytest.mark.parametrize("version", SUITES)
def test_resumption(pems: dict[str, str], tmp_path: Path, version: str) -> None:
    """A second connection resumes the session of the first; a capture of the second alone is enough."""
    said = WAYS["POP3S"][1]
    session = Session(pems, said, said, version=version)
    first, second = (talk_of(flights, client=40001 + i) for i, flights in enumerate(session.flights))
    conversations = follow(interleave(first, second), keylog=session.keylog)
    assert [inside(conversation) for conversation in conversations] == [(said_by(0, said), said_by(1, said))] * 2
    assert [visible(conversation).resumed for conversation in conversations] == [False, True]
    assert visible(conversations[1]).certificate is None and "resumed" in str(visible(conversations[1]))
    alone = opened(second.frames, session.keylog)
    assert inside(alone) == inside(conversations[0]) == tshark_says(second.frames, session.keylog, tmp_path)


@pytest.mark.parametrize("version", SUITES)
def test_client_certificate(client_pem: dict[str, str], tmp_path: Path, version: str) -> None:
    """More messages in the client's handshake change nothing."""
    before, said, port = WAYS["STLS"]
    session = Session(client_pem, said, version=version)
    frames = talk_of(session.flights[0], before, port).frames
    conversation = opened(frames, session.keylog)
    assert inside(conversation) == (said_by(0, said), said_by(1, said)) == tshark_says(frames, session.keylog, tmp_path)


def test_pcapng_brings_its_key_log(pems: dict[str, str], tmp_path: Path) -> None:
    """Written into the file, the key log is found by tshark and by us, without being named."""
    said = WAYS["POP3S"][1]
    session = Session(pems, said)
    frames = talk_of(session.flights[0]).frames
    assert tshark_says(frames, session.keylog, tmp_path, embedded=True) == (said_by(0, said), said_by(1, said))
    found = findings(tmp_path / "x.pcapng")
    assert [finding.kind for finding in found] == ["tls", "credential", "mail"]
    assert inside(follow(tmp_path / "x.pcapng")[0]) == (said_by(0, said), said_by(1, said))


@pytest.mark.parametrize("way,protocol", [("POP3S", "pop3"), ("submissions", "smtp"), ("IMAPS", "imap")])
@pytest.mark.parametrize("port", [4711, 995, 465])
def test_protocol_by_the_greeting_inside(pems: dict[str, str], way: str, protocol: str, port: int) -> None:
    """On any port, even another protocol's."""
    session = Session(pems, WAYS[way][1])
    frames = talk_of(session.flights[0], port=port).frames
    assert opened(frames, session.keylog).protocol == protocol
    found = findings(frames, keylog=session.keylog)
    assert [finding.kind for finding in found] == ["tls", "credential", "mail"]
    assert {finding.protocol for finding in found[1:]} == {protocol}


def test_without_a_key_log_nothing_is_read(pems: dict[str, str]) -> None:
    session = Session(pems, WAYS["POP3S"][1])
    frames = talk_of(session.flights[0]).frames
    (found,) = findings(frames)
    assert (found.kind, found.version, found.sni) == ("tls", "TLS 1.3", "mail.example.test")
    assert {turn.kind for turn in follow(frames)[0].turns} == {"tls"}


# -- keys that don't fit --

LABELS = {
    "TLSv1_2": ["CLIENT_RANDOM"],
    "TLSv1_3": [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ],
}


def sealed(frames: list[Frame], keylog: bytes) -> tuple[Conversation, str]:
    with pytest.warns(UserWarning) as caught:
        (conversation,) = follow(frames, keylog=keylog)
    (warning,) = caught
    assert conversation.sealed == str(warning.message) and "\n" not in conversation.sealed
    assert conversation.sealed.startswith("192.0.2.10:40001 -> 192.0.2.25:995: ") and "TLS not" in repr(conversation)
    with pytest.warns(UserWarning):
        findings(frames, keylog=keylog)
    return conversation, conversation.sealed


@pytest.mark.parametrize("version", SUITES)
def test_key_log_of_another_connection(pems: dict[str, str], version: str) -> None:
    """Which secrets are missing, for which client random."""
    session, other = (Session(pems, WAYS["POP3S"][1], version=version) for _ in range(2))
    conversation, sentence = sealed(talk_of(session.flights[0]).frames, other.keylog)
    random = visible(conversation).client_random
    assert random and random.hex() in sentence and random.hex().encode() in session.keylog
    assert all(label in sentence for label in LABELS[version])
    assert inside(conversation) == (b"", b"")


@pytest.mark.parametrize("version,label", [(version, label) for version, labels in LABELS.items() for label in labels])
def test_one_secret_is_wrong(pems: dict[str, str], version: str, label: str) -> None:
    """A flipped bit: the record doesn't open, and the sentence says with which secret."""
    session = Session(pems, WAYS["POP3S"][1], version=version)
    lines = session.keylog.splitlines()
    changed = [
        line[:-1] + (b"0" if line[-1:] != b"0" else b"1") if line.startswith(label.encode()) else line for line in lines
    ]
    conversation, sentence = sealed(talk_of(session.flights[0]).frames, b"\n".join(changed))
    assert label in sentence and "doesn't open frame" in sentence
    other = "server" if label.startswith("CLIENT") else "client"
    if version == "TLSv1_3":  # the other direction is read all the same
        assert conversation.bytes_from(other, inside=True) == said_by(int(other == "server"), WAYS["POP3S"][1])


def test_one_secret_is_missing(pems: dict[str, str]) -> None:
    session = Session(pems, WAYS["POP3S"][1])
    rest = b"\n".join(line for line in session.keylog.splitlines() if not line.startswith(b"SERVER_TRAFFIC_SECRET_0"))
    conversation, sentence = sealed(talk_of(session.flights[0]).frames, rest)
    assert "lacks SERVER_TRAFFIC_SECRET_0 for client random" in sentence
    assert conversation.bytes_from("client", inside=True) == said_by(0, POP3)


def test_traffic_secrets_alone_are_enough(pems: dict[str, str]) -> None:
    """Without the handshake's secrets the handshake goes by unread, and the rest is read."""
    said = WAYS["POP3S"][1]
    session = Session(pems, said)
    rest = b"\n".join(line for line in session.keylog.splitlines() if b"_TRAFFIC_SECRET_0 " in line)
    assert inside(opened(talk_of(session.flights[0]).frames, rest)) == (said_by(0, said), said_by(1, said))


def test_cbc_is_refused_by_name(pems: dict[str, str]) -> None:
    session = Session(pems, WAYS["POP3S"][1], version="TLSv1_2", suite="ECDHE-ECDSA-AES128-SHA")
    _, sentence = sealed(talk_of(session.flights[0]).frames, session.keylog)
    assert "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA encrypts with CBC" in sentence


def test_began_before_the_capture(pems: dict[str, str]) -> None:
    session = Session(pems, WAYS["POP3S"][1])
    flights = session.flights[0]
    _, sentence = sealed(talk_of(flights[3:]).frames, session.keylog)
    assert "handshake is missing" in sentence


# -- bytes that are lost --


def lossy(talk: Talk, side: int, after: int, count: int = 1) -> list[Frame]:
    """The frames without `count` data frames of a side, the `after`th and on."""
    data = [frame for frame, who in zip(talk.frames, talk.sides, strict=True) if who == side and len(frame.data) > 54]
    return renumber(frame for frame in talk.frames if frame not in data[after : after + count])


@pytest.mark.parametrize("version", SUITES)
@pytest.mark.parametrize("count", [1, 4])
def test_lost_in_a_mail(pems: dict[str, str], version: str, count: int) -> None:
    """Frames of a mail are missing: that is said, and what comes after it is read again."""
    said = [(1, b"+OK ready\r\n"), *POP3[:5], *[(1, b"+OK\r\n")], *[(1, line + b"\r\n") for line in [b"x" * 900] * 9]]
    said += [(1, b".\r\n"), (0, b"QUIT\r\n"), (1, b"+OK bye\r\n")]
    session = Session(pems, said, version=version)
    talk = talk_of(session.flights[0])
    handshake = sum(1 for side, _ in session.flights[0][:6] if side == 1)
    frames = lossy(talk, 1, handshake + 9, count)
    conversation = opened(frames, session.keylog)
    assert conversation.gaps and not conversation.complete
    got, whole = conversation.bytes_from("server", inside=True), said_by(1, said)
    assert 0 < len(whole) - len(got) <= 902 * count and got.startswith(b"+OK ready") and got.endswith(b"+OK bye\r\n")
    assert conversation.bytes_from("client", inside=True) == said_by(0, said)


def test_lost_in_a_record(pems: dict[str, str]) -> None:
    """A frame out of the middle of a mail's record: the next record that begins with a frame is read again."""
    said = WAYS["POP3S"][1]
    session = Session(pems, said)
    frames = lossy(talk_of(session.flights[0]), 1, 20)
    assert opened(frames, session.keylog).bytes_from("server", inside=True).endswith(b"+OK bye\r\n")
    _, credential, mail = findings(frames, keylog=session.keylog)
    assert credential.accepted and mail.subject == "lunch" and not mail.complete


def test_lost_for_good(pems: dict[str, str]) -> None:
    """After a loss no record opens any more (here: because they were changed): that is said."""
    session = Session(pems, WAYS["POP3S"][1])
    frames = lossy(talk_of(session.flights[0]), 1, 20)
    last = [frame.number for frame in frames if frame.data[34:36] == b"\x03\xe3" and len(frame.data) > 54][-2:]
    frames = [f._replace(data=f.data[:-1] + b"?") if f.number in last else f for f in frames]
    conversation, sentence = sealed(frames, session.keylog)
    assert "bytes of the server are missing before frame" in sentence
    assert conversation.bytes_from("client", inside=True) == said_by(0, POP3)


def test_handshake_lost(pems: dict[str, str]) -> None:
    session = Session(pems, WAYS["POP3S"][1])
    _, sentence = sealed(lossy(talk_of(session.flights[0]), 0, 0), session.keylog)
    assert "missing" in sentence


def test_plaintext_injected_before_tls_is_told_apart(pems: dict[str, str]) -> None:
    """What was pipelined in the clear behind STARTTLS is no part of what was said inside."""
    before: Said = [(1, b"220 ESMTP\r\n"), (0, b"STARTTLS\r\nRSET\r\n"), (1, b"220 go\r\n")]
    session = Session(pems, WAYS["STARTTLS"][1])
    conversation = opened(talk_of(session.flights[0], before, 587).frames, session.keylog)
    assert [turn.decrypted for turn in conversation.turns if turn.verb in ("RSET", "AUTH")] == [False, True]
