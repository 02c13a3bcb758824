"""Findings: what an eavesdropper learned from a capture, without a key and without guessing."""

from .finding import Finding
from .search import findings, search

__all__ = ["Finding", "findings", "search"]
