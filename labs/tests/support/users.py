"""Run something as an ordinary user, since that is what a learner is: MAILLAB_TEST_USER names one ("learner")."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from maillab.places import COURSE, NOTEBOOKS

ROOT = sys.platform != "win32" and os.geteuid() == 0
OTHER = os.environ.get("MAILLAB_TEST_USER", "learner")


def run_as(user: str, command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as `user` with an empty home, in a folder that isn't the course's."""
    environment = {**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith(("XDG_", "JUPYTER"))}
    identity: dict[str, object] = {}
    if user not in ("root", "me"):
        import pwd

        entry = pwd.getpwnam(user)
        os.chown(home, entry.pw_uid, entry.pw_gid)
        environment |= {"USER": user, "LOGNAME": user}
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=380, **identity)


@cache
def missing_user(user: str) -> str | None:
    """Why `user` can't run the course here, else None."""
    if user in ("root", "me"):
        return None
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return f"there is no user {user}"
    test = [sys.executable, "-c", f"import os, maillab; os.listdir({str(NOTEBOOKS)!r})"]
    try:
        out = subprocess.run(
            test, user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], cwd="/", capture_output=True, text=True
        )
    except PermissionError:
        return f"user {user} can't read {sys.executable}"
    return None if out.returncode == 0 else f"user {user} can't use {COURSE}: {out.stderr.strip().splitlines()[-1:]}"
