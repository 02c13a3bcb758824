"""maillab: what an eavesdropper gets from mail.

In a lesson::

    from maillab import Lab, check

    lab = Lab("01", allow="plaintext_login")

The names below are loaded when first asked for: the lab's mail servers import this package too, and have to be
up in a fraction of a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import tls
    from .checks import check, compare, hint, predict, solution
    from .conversations import follow
    from .lab import Lab

__all__ = ["Lab", "check", "compare", "follow", "hint", "predict", "solution", "tls"]

_WHERE = {"Lab": "lab", "follow": "conversations"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'maillab' has no attribute {name!r}")
    if name == "tls":
        return import_module("maillab.tls")
    return getattr(import_module(f"maillab.{_WHERE.get(name, 'checks')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
