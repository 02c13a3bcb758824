"""The `maillab` command: hands on the words, imports late, ends quietly."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from maillab import cli


def test_the_words_go_to_the_module_of_the_command(monkeypatch):
    heard = []
    monkeypatch.setattr(
        cli, "import_module", lambda name: SimpleNamespace(main=lambda words: heard.append((name, words)) or 7)
    )
    assert cli.main(["findings", "a.pcap", "--json", "--port", "2110=pop3"]) == 7
    assert heard == [("maillab.findings.command", ["a.pcap", "--json", "--port", "2110=pop3"])]


def test_help_of_a_command_is_the_commands_own(monkeypatch):
    monkeypatch.setattr(
        cli, "import_module", lambda name: SimpleNamespace(main=lambda words: 0 if words == ["--help"] else 1)
    )
    assert cli.main(["run", "--help"]) == 0


def test_an_interrupt_is_one_word_and_130(monkeypatch, capsys):
    def interrupted(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "import_module", lambda name: SimpleNamespace(main=interrupted))
    assert cli.main(["run"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize("words", [[], ["nonsense"]])
def test_what_is_no_command_is_said_with_exit_code_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 2
    assert "maillab: error" in capsys.readouterr().err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_exists(name):
    assert callable(cli.import_module(cli.COMMANDS[name].module).main)


def test_help_loads_none_of_the_big_packages():
    code = (
        "import sys; from maillab.cli import parser; parser().format_help();"
        "print([name for name in ('scapy', 'matplotlib', 'jupyterlab', 'nbclient', 'IPython') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
