"""The `maillab` command: finds the sub-command's module and hands it the words that follow.

Each module is imported only when its command is called, so `maillab findings` doesn't wait for JupyterLab.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import NamedTuple, cast


class Command(NamedTuple):
    """A sub-command: the module whose `main(words) -> exit code` does it, and a line of help."""

    module: str
    help: str


COMMANDS = {
    "open": Command("maillab.launch", "open the lessons in JupyterLab"),
    "doctor": Command("maillab.doctor", "check this computer, one line a check, with the cure"),
    "findings": Command("maillab.findings.command", "what an eavesdropper learns from a capture"),
    "record": Command("maillab.record", "make the course's captures anew from the lab"),
    "run": Command("maillab.runner", "execute notebooks without a browser, one line each"),
}


def parser() -> argparse.ArgumentParser:
    """The parser of the first word; what follows it belongs to the sub-command."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items())
    out = argparse.ArgumentParser(
        prog="maillab",
        description="What an eavesdropper gets from mail: a lab on your own computer.",
        epilog=f"commands:\n{listing}\n\n`maillab COMMAND --help` says more about one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    out.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    out.add_argument("words", nargs=argparse.REMAINDER, metavar="…", help="the command's own options")
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command; returns its exit code (0 fine, 1 not, 2 not understood, 130 interrupted)."""
    options = parser().parse_args(sys.argv[1:] if argv is None else argv)
    # What reads notebooks brings jsonschema, which makes a grammar of international URIs while it's imported: 1.3 s,
    # for something that no notebook has. It goes without where this package is missing.
    sys.modules.setdefault("rfc3987_syntax", cast(ModuleType, None))
    module = import_module(COMMANDS[options.command].module)
    run = cast(Callable[[list[str]], int], module.main)
    try:
        return run(options.words)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # `maillab findings … | head`: the reader has seen enough. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
