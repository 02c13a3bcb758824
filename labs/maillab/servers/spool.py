"""Mail on disk: what was answered with 250 has to be there after a crash (RFC 5321 section 6.1)."""

from __future__ import annotations

import os
from pathlib import Path


class Spool:
    """A folder with one file a mail. A file is there whole or not at all.

    Raises:
        OSError: the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.tmp"):  # we were stopped before we said 250
            unfinished.unlink()

    def keep(self, name: str, data: bytes) -> None:
        """Write a file, or another version of it; when this returns, a power cut can't take it away.

        Raises:
            OSError: the disk is full, for instance; then nothing has changed.
        """
        unfinished = self.folder / f"{name}.tmp"
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.folder / name)
        if os.name == "posix":  # Windows can't open a folder, and writes it by itself
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)  # the name is in the folder, not in the file
            finally:
                os.close(folder)

    def read(self, name: str) -> bytes:
        """What is in a file."""
        return (self.folder / name).read_bytes()

    def drop(self, name: str) -> None:
        """Remove a file, if it's there."""
        (self.folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """All files, in the order of their names."""
        return sorted(path.name for path in self.folder.iterdir() if path.suffix != ".tmp")
