"""What the widget and figures of lesson 10 show of TLS, against the lab's own mails and certificates."""

from __future__ import annotations

import poplib
from collections.abc import Iterator
from html import unescape

import pytest

from maillab import Lab, follow
from maillab.conversations import Conversation
from maillab.tls import Visible, visible
from maillab.views import TlsDesk, ladder, sizes_plot, visible_table
from maillab.views.tlsdesk import BELIEVES, PADDING, VERIFIES, fetch, log_in, padded

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("10", rung="tap", student="guest", tls=True) as running:
        yield running


def heard(lab: Lab, keylog=None, **options) -> list[Conversation]:
    with lab.capture() as cap:
        mailbox: poplib.POP3 = log_in(lab, lab.context(keylog=keylog, **options))
        mailbox.retr(1)
        mailbox.quit()
    return follow(cap, keylog=keylog)


class TestDesk:
    @pytest.mark.parametrize("version", ["1.2", "1.3"])
    @pytest.mark.parametrize(
        ("certificate", "why"),
        [("expired", "has expired"), ("wrong-name", "Hostname mismatch"), ("self-signed", "self-signed certificate")],
    )
    def test_a_program_that_checks_refuses_and_one_that_does_not_fetches(self, lab, version, certificate, why) -> None:
        got, _ = fetch(lab, version, certificate, VERIFIES, "as they are")
        assert got.startswith("nothing: ") and why in got
        got, saw = fetch(lab, version, certificate, BELIEVES, "as they are")
        assert got == "3 mails" and saw.startswith("mail.example.test")
        assert ("a certificate for" in saw) == (version == "1.2")

    @pytest.mark.parametrize("padding", PADDING)
    def test_what_is_seen_of_the_mails(self, lab: Lab, padding: str) -> None:
        before = lab.mails("alice")
        got, saw = fetch(lab, "1.3", "right", VERIFIES, padding)
        seen = [int(size.replace(",", "")) for size in saw.split(": ")[1].removesuffix(" bytes").split(", ")]
        real = [len(padded(mail, PADDING[padding])) if PADDING[padding] else len(mail) for mail in before]
        assert got == "3 mails" and len(seen) == 3
        assert all(0 < size - mail < 30 for size, mail in zip(seen, real, strict=True))
        assert lab.mails("alice") == before  # and everything is put back

    def test_the_button(self, lab: Lab) -> None:
        desk = TlsDesk(lab)
        assert "Nothing tried yet." in desk.results.value
        desk.toggles["certificate"].value = "expired"
        desk.press.click()
        desk.toggles["client"].value = BELIEVES
        desk.press.click()
        assert [row[4] for row in desk.tries] == ["nothing: certificate has expired", "3 mails"]
        assert "believes anybody" in desk._repr_mimebundle_()["text/plain"]
        assert fetch(lab, "1.3", "right", VERIFIES, "as they are")[0] == "3 mails"

    def test_trouble_is_one_sentence(self) -> None:
        with Lab(rung="tap", student="guest") as without:
            desk = TlsDesk(without)
            desk.press.click()
        assert "That couldn't be tried. This lab has no TLS" in unescape(desk.trouble.value)


@pytest.mark.parametrize("block", [64, 1024, 4096])
def test_padding_is_exact_and_its_lines_are_short(block: int) -> None:
    for length in range(2 * block if block < 1024 else 300):
        filled = padded(b"y" * length, block)
        assert len(filled) % block == 0 and filled.endswith(b"y" * length)
        assert all(len(line) <= 76 for line in filled[: len(filled) - length].split(b"\r\n"))


class TestViews:
    def test_visible(self, lab: Lab) -> None:
        (new,), (old,) = heard(lab), heard(lab, version="1.2")
        assert "encrypted" in visible_table(new).text and "TLS 1.3 to mail.example.test" in visible_table(new).text
        assert "for mail.example.test, issued by" in visible_table(old).text
        assert visible_table(visible(old)).text == visible_table(old).text

    @pytest.mark.parametrize("version", ["1.2", "1.3"])
    def test_the_table_counts_what_the_plot_shows(self, lab: Lab, version: str) -> None:
        """Two numbers, since the handshake's own records aren't in the plot."""
        (talk,) = heard(lab, version=version)
        seen, plot = visible(talk), sizes_plot(talk)
        assert f"Bar chart of {len(seen.sizes)} encrypted" in plot.alt and len(seen.sizes) < len(seen.records)
        which = "are encrypted" if version == "1.3" else "hold application data"
        assert f"{len(seen.records)}, of which {len(seen.sizes)} {which}: " in visible_table(talk).text

    def test_sizes(self, lab: Lab) -> None:
        (talk,) = heard(lab, version="1.2")
        plot = sizes_plot(talk)
        largest = max(size.length for size in visible(talk).sizes)
        assert f"{largest:,}" in plot.alt and "at most" not in plot.alt and f">{largest:,}<" in plot.html
        with pytest.raises(ValueError, match="encrypted"):
            sizes_plot(Visible())

    def test_a_ladder_says_what_a_key_log_has_opened(self, lab: Lab, tmp_path) -> None:
        (closed,) = heard(lab)
        (opened,) = heard(lab, keylog=tmp_path / "keys")
        shut, read = ladder(closed).text, ladder(opened).text
        assert "PASS" not in shut and "in the clear" not in shut and "ClientHello" in shut
        assert "ClientHello, " in shut and shut.count("encrypted") > 8
        assert "password, decrypted with the key log" in read and "mail, decrypted with the key log" in read
        assert "in the clear" not in read and "application data, 3" not in read
