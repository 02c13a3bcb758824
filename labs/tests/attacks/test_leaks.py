"""The table of who leaks, measured: what each client did is what its policy says, on every program that is here."""

from __future__ import annotations

import select
import socket

import pytest
from support.rungs import lab_on

from maillab.attacks import leaks
from maillab.attacks.leaks import SITUATIONS
from maillab.attacks.mailers import CHECKED, CLIENTS, FIRST, IF, IF_CHECKED, MUST, NEVER
from maillab.checks.lesson_11 import POLICIES

pytestmark = pytest.mark.network

CLEAR, SAFE, FOOLED, GAVE_UP = (
    ("logged in in the clear", "on the wire"),
    ("logged in over TLS", ""),
    ("logged in over TLS", "in her TLS"),
    ("gave up", ""),
)

TABLE = {  # untouched, stripped, impostor
    NEVER: (CLEAR, CLEAR, CLEAR),
    IF: (SAFE, CLEAR, FOOLED),
    IF_CHECKED: (SAFE, CLEAR, GAVE_UP),
    MUST: (SAFE, GAVE_UP, FOOLED),
    CHECKED: (SAFE, GAVE_UP, GAVE_UP),
    FIRST: (SAFE, SAFE, GAVE_UP),
}


@pytest.mark.parametrize("rung", ["sandbox", "tap"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_policy_decides(rung, situation) -> None:
    with lab_on(rung, tls=True) as lab:
        before = lab.server.ask("weakness")["on"]
        found = leaks(lab, [situation])
        assert lab.server.ask("weakness")["on"] == before == []
    assert [(leak.client, leak.how) for leak in found] == [(client.name, client.how) for client in CLIENTS]
    missing = {leak.client for leak in found if leak.did == "not installed"}
    expected = {policy: row[list(SITUATIONS).index(situation)] for policy, row in TABLE.items()}
    wrong = [leak for leak in found if leak.client not in missing and (leak.did, leak.read) != expected[leak.policy]]
    assert not wrong
    if missing:
        pytest.skip(f"not installed, or without TLS: {', '.join(sorted(missing))}")


def test_every_policy_is_there() -> None:
    assert {client.policy for client in CLIENTS} == set(TABLE)


def test_the_exercise_asks_for_the_tables_policies_in_its_words() -> None:
    for policy, leak in POLICIES.items():
        _, stripped, impostor = TABLE[policy]
        assert leak == (bool(stripped[1]), bool(impostor[1])), policy


def test_a_few_on_loopback() -> None:
    with lab_on("loopback", tls=True) as lab:
        chosen = [client for client in CLIENTS if client.name == "poplib"]
        found = leaks(lab, ["stripped"], chosen)
        assert [(leak.did, leak.read) for leak in found] == [TABLE[client.policy][1] for client in chosen]


@pytest.mark.parametrize("name", sorted({client.name for client in CLIENTS}))
def test_no_proxy_leads_out_of_the_lab(monkeypatch, name) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for variable in ("ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with lab_on("tap", tls=True) as lab:
            (row,) = leaks(lab, ["untouched"], [client for client in CLIENTS if client.name == name][:1])
        assert select.select([proxy], [], [], 0)[0] == [], "it was asked"
    if row.did == "not installed":
        pytest.skip(f"not installed, or without TLS: {name}")
    assert row.did.startswith("logged in")


def test_what_isnt_installed_is_listed(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    with lab_on("tap", tls=True) as lab:
        (row,) = leaks(lab, ["stripped"], [client for client in CLIENTS if client.name == "mpop"][:1])
        assert (row.client, row.did, row.read) == ("mpop", "not installed", "")


def test_without_tls_there_is_nothing_to_strip() -> None:
    with lab_on("tap") as lab, pytest.raises(RuntimeError, match="This lab has no TLS"):
        leaks(lab)
