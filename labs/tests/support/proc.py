"""A look into /proc: who listens, and which processes carry a mark."""

from __future__ import annotations

from pathlib import Path


def listening() -> set[str]:
    """Addresses that somebody listens on outside the sandbox, as ``/proc/net/tcp`` and ``tcp6`` have them."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A"}


def processes(mark: str, where: str) -> list[int]:
    """Processes that carry ``mark`` in their ``cmdline`` or ``environ`` (a zombie has neither)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / where).read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
