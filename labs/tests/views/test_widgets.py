"""Models and widgets without a browser: what is typed → what is shown."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillab.views import HubSwitch, Peeler, WireView, byte_view, peel
from maillab.views.seats import as_try, receivers
from maillab.views.wire import Typed, login_fields, login_lines, mail_bytes, mail_fields

WIDGET = "application/vnd.jupyter.widget-view+json"


class TestPeel:
    @given(st.binary(max_size=100))
    def test_as_the_base64_module(self, raw: bytes) -> None:
        assert peel.encode(raw) == base64.b64encode(raw).decode()
        assert peel.decode(peel.encode(raw)) == raw
        assert b"".join(group.raw for group in peel.groups(raw)) == raw

    @given(st.text(alphabet=peel.ALPHABET + "=* ", max_size=12))
    def test_never_decodes_what_is_not_base64(self, text: str) -> None:
        try:
            raw = peel.decode(text)
        except peel.PeelError:
            return
        assert base64.b64encode(raw).decode() == text.strip()

    @pytest.mark.parametrize(
        "text, cure",
        [
            ("AGF*", "“*” (character 4)"),
            ("AG Fs", "A space (character 3)"),
            ("AGFsa", "one too many or three too few"),
            ("AGFsaQ", "end it with “==”"),
            ("AGFs==", "it needs no “=”"),
            ("A=Fs", "only fills up the end"),
            ("AGFsaR==", "make it “Q”"),
        ],
    )
    def test_what_is_wrong_in_one_sentence(self, text: str, cure: str) -> None:
        with pytest.raises(peel.PeelError) as caught:
            peel.decode(text)
        assert cure in str(caught.value)
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)

    @pytest.mark.parametrize("raw", [b"alice", b"a\0b\0c\0d", b"\0\xff\0x"])
    def test_decoded_but_not_plain(self, raw: bytes) -> None:
        with pytest.raises(peel.PeelError, match="This decodes, but"):
            peel.split_plain(raw)


class TestPeeler:
    def test_forward(self) -> None:
        widget = Peeler("alice", "secret")
        assert widget.coded.value == "AGFsaWNlAHNlY3JldA=="
        widget.password.value = "ümläut"
        assert base64.b64decode(widget.coded.value).decode() == "\0alice\0ümläut"
        assert widget.coded.value in widget.bits.value

    def test_backward(self) -> None:
        widget = Peeler()
        widget.coded.value = base64.b64encode(b"root\0bob\0pw").decode()
        assert widget.plain == ("root", "bob", "pw")

    def test_what_was_typed_stays(self) -> None:
        widget = Peeler("alice", "secret")
        widget.coded.value = "AGFs!"
        assert widget.coded.value == "AGFs!" and widget.plain == ("", "alice", "secret")
        assert "“!”" in widget.trouble.value
        widget.coded.value = "AGFsaWNlAHg="
        assert widget.trouble.value == "" and widget.password.value == "x"

    def test_login_mode(self) -> None:
        widget = Peeler("alice", "secret", mode="LOGIN")
        widget.coded_password.value = base64.b64encode(b"other").decode()
        assert widget.password.value == "other"
        assert widget.coded not in widget.children

    def test_nothing_sent_for_what_did_not_change(self) -> None:
        widget, seen = Peeler("alice", "secret"), []
        widget.bytes.observe(seen.append, "value")
        widget.password.value = "secret"
        widget.coded.value = "AGFsaWNlAHNlY3JldA"
        assert seen == []


class FakeLab:
    def __init__(self) -> None:
        self.mode = "hub"


class TestHubSwitch:
    def test_who_gets_a_frame(self) -> None:
        assert "mallory" in receivers("hub") and receivers("switch") == ("mail",)

    @pytest.mark.parametrize(
        "answer", [(3, "x"), ([1, 2, 3], "x"), {"frames": 3, "password": "x"}, SimpleNamespace(frames=3, password="x")]
    )
    def test_forms_of_an_answer(self, answer: Any) -> None:
        assert as_try("hub", answer) == ("hub", 3, "x")

    def test_tries_accumulate(self) -> None:
        lab = FakeLab()
        widget = HubSwitch(lab, lambda: (9, "pw") if lab.mode == "hub" else (1, None))
        widget.button.click()
        widget.mode.value = "switch"
        widget.button.click()
        assert lab.mode == "switch"
        assert widget.tries == [("hub", 9, "pw"), ("switch", 1, None)]
        assert "not seen" in widget.results.value

    def test_an_error_is_one_sentence(self) -> None:
        def probe() -> None:
            raise OSError("the lab has\nended")

        widget = HubSwitch(FakeLab(), probe)
        widget.button.click()
        assert "OSError: the lab has ended" in widget.trouble.value
        assert not widget.button.disabled

    def test_a_network_that_refuses(self) -> None:
        class Stubborn:
            mode = property(
                lambda self: "hub", lambda self, mode: (_ for _ in ()).throw(RuntimeError("No switch here."))
            )

        widget = HubSwitch(Stubborn(), None)
        widget.mode.value = "switch"
        assert widget.mode.value == "hub" and "No switch here." in widget.trouble.value


class TestWire:
    @given(st.text(max_size=20), st.text(max_size=20))
    def test_fields_fit_whatever_is_typed(self, user: str, password: str) -> None:
        user, password = (text.encode("utf-8", "ignore").decode() for text in (user, password))
        lines = login_lines(user, password)
        byte_view(b"".join(lines), login_fields(lines))

    @given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r"), max_size=80))
    def test_mail_on_the_wire(self, text: str) -> None:
        data = mail_bytes(text)
        assert data.endswith(b"\r\n.\r\n")
        assert b"\r\n.\r\n" not in data[:-2]
        byte_view(data, mail_fields(data))

    def test_bytes_follow(self) -> None:
        widget = WireView(user="alice", password="x")
        widget.password.value = "hunter2"
        assert "hunter2" in widget.bytes.value and widget.button.disabled

    def test_send_gets_what_was_typed(self) -> None:
        got: list[Typed] = []
        widget = WireView(lambda typed: got.append(typed) or [], "alice", "x", mail="hello")
        widget.button.click()
        widget.what.value = "a mail"
        widget.button.click()
        assert got == [("alice", "x", None), ("alice", "x", "hello")]

    def test_an_error_is_one_sentence(self) -> None:
        def send(typed: Typed) -> None:
            raise ConnectionError(b"-ERR no")

        widget = WireView(send, "alice", "x")
        widget.button.click()
        assert "ConnectionError: -ERR no" in widget.trouble.value


@pytest.mark.parametrize(
    "widget", [lambda: Peeler("a", "b"), lambda: HubSwitch(FakeLab()), lambda: WireView(None, "a", "b")]
)
def test_static_twin(widget: Any) -> None:
    bundle = widget()._repr_mimebundle_()
    assert WIDGET in bundle
    assert bundle["text/html"].startswith("<style>") and "aria-label" in bundle["text/html"]
    assert len(bundle["text/plain"]) > 40 and "<" not in bundle["text/plain"]
