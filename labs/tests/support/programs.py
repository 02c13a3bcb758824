"""Mail programs that others wrote, run as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def run(*argv: str, stdin: bytes = b"", home: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a mail program, or skip where there's none; nobody's own configuration is read."""
    program = shutil.which(argv[0])
    if program is None:
        where = "" if sys.platform == "linux" else "not in CI: "
        pytest.skip(f"{where}{argv[0]} isn't installed")
    environment = os.environ | ({"HOME": str(home), "FETCHMAILHOME": str(home), "MPOPRC": ""} if home else {})
    return subprocess.run([program, *argv[1:]], input=stdin, capture_output=True, timeout=30, env=environment)
