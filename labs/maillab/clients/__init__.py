"""Clients: what Python's own poplib and smtplib don't say, said over their connections."""

from .auth import auth
from .tls import context

__all__ = ["auth", "context"]
