"""`maillab findings CAPTURE… [--json] [--keylog FILE] [--port N=pop3|smtp|imap]`"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..capture.errors import CaptureError
from ..conversations.recognise import PROTOCOLS
from ..conversations.turns import printable
from ..tls.keylog import KeyLog, KeyLogError
from .finding import Finding
from .search import Losses, search

LONG = 4 << 20  # bytes of a file that take long enough for a progress bar
VERDICT = {True: "accepted", False: "refused", None: "-"}


def _port(text: str) -> tuple[int, str]:
    number, _, protocol = text.partition("=")
    if not number.isdigit() or not 0 < int(number) < 65536 or protocol not in PROTOCOLS:
        raise argparse.ArgumentTypeError(f"{text!r} isn't like 11110=pop3 or 2525=smtp")
    return int(number), protocol


def row(finding: Finding) -> list[str]:
    """The cells of one line for people."""
    if finding.kind == "mail":
        to = ", ".join(finding.recipients)
        said = f"{finding.sender or '(nobody)'} -> {to or '(nobody)'}: {finding.subject or '(no subject)'}"
        said += f" ({finding.size:,} bytes{'' if finding.complete else ', incomplete'})"
        said += finding.right and f", {finding.right}"
    elif finding.kind == "tls":
        said = "the rest is encrypted" if finding.accepted else "TLS was asked for"
        details = ", ".join(filter(None, [finding.sni, finding.version, finding.suite]))
        said += f" ({details})" if details else ""
    else:
        user = "user not revealed" if finding.username is None else f"user {finding.username}"
        password = "password not revealed" if finding.password is None else f"password {finding.password}"
        said = f"{user}, {password}" + (" (aborted)" if finding.aborted else "")
    how = f"{finding.protocol} {finding.mechanism}"
    said += ", read with the key log" if finding.decrypted else ""
    cells = [str(finding.frame), finding.kind, how, finding.client, finding.server, VERDICT[finding.accepted], said]
    return [printable(cell.encode("utf-8", "surrogatepass")).replace("\n", " ").replace("\t", " ") for cell in cells]


def table(found: list[list[str]]) -> str:
    """Rows as a table in columns."""
    rows = [["frame", "what", "how", "client", "server", "verdict", "learned"], *found]
    widths = [max(len(cells[i]) for cells in rows) for i in range(6)] + [0]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0: read to the end, also when nothing was found. 1: a file broke off (what was readable is shown)."""
    parser = argparse.ArgumentParser(
        prog="maillab findings", description="What an eavesdropper learns from captures (pcap, pcapng, gzip)."
    )
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    parser.add_argument("--json", action="store_true", help="one JSON object a finding and line")
    parser.add_argument(
        "--port", action="append", default=[], type=_port, metavar="N=pop3|smtp|imap", help="what is spoken on port N"
    )
    parser.add_argument("--keylog", metavar="FILE", help="a TLS key log, to read what was said inside TLS, too")
    options = parser.parse_args(argv)
    status = 0
    try:
        keylog = KeyLog.of(options.keylog)
    except KeyLogError as error:
        print(f"maillab findings: {error}", file=sys.stderr)
        return 1
    if keylog.bad_lines:
        print(f"maillab findings: {options.keylog}: {keylog!r}", file=sys.stderr)
    try:
        for path in options.captures:
            status |= _show(path, dict(options.port), keylog, options.json, len(options.captures) > 1)
        sys.stdout.flush()
    except BrokenPipeError:  # `maillab findings … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


@contextmanager
def _progress(path: str) -> Iterator[Callable[[int], None] | None]:
    """A bar with the rate, on a terminal, for a file that takes a while."""
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    if size < LONG or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=size, unit="B", unit_scale=True, desc=Path(path).name, leave=False, file=sys.stderr) as bar:
        yield lambda read: bar.update(read - bar.n) and None


def _show(path: str, ports: dict[int, str], keylog: KeyLog, as_json: bool, several: bool) -> int:
    found: list[tuple[int, Any]] = []  # first frame, what is shown: of a large capture only that is kept
    broken: CaptureError | None = None
    losses = Losses()
    try:
        with _progress(path) as progress:
            for finding in search(path, ports, keylog, keep_mails=False, losses=losses, progress=progress):
                finding.capture = path
                found.append((finding.frame, json.dumps(finding.to_json()) if as_json else row(finding)))
    except CaptureError as error:
        broken = error
    found.sort(key=itemgetter(0))
    if as_json:
        for _, line in found:
            print(line)
    else:
        if several:
            print(f"{path}:")
        print(table([cells for _, cells in found]) if found else "nothing was learned from this capture")
    sys.stdout.flush()
    # A broken file is an error; one that merely holds less than was said is not.
    said = str(broken) if broken else losses.sentence() and f"{path}: {losses.sentence()}"
    for sentence in [said, *(f"{path}: {why}" for why in losses.sealed)]:
        if sentence:
            print(f"maillab findings: {sentence}".replace("\n", " "), file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
