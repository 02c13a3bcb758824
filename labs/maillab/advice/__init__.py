"""Advice to a mail server's owner: what a capture shows, a proposal with evidence, its judgement, the report.

vocabulary -> reading (of a capture) -> proposal (kept on disk) -> judge; report -> html, pdf; form (the widget)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .proposal import Proposal, Row
from .reading import Reading
from .vocabulary import APPLIES, CURES, FINDINGS, MEASURES, RISK_OF, RISKS, STANDARDS

if TYPE_CHECKING:
    from .connections import overview
    from .form import ProposalForm

__all__ = [
    "APPLIES", "CURES", "FINDINGS", "MEASURES", "RISKS", "RISK_OF", "STANDARDS", "Proposal", "ProposalForm",
    "Reading", "Row", "overview",
]  # fmt: skip


def __getattr__(name: str) -> Any:  # widgets and figures: loaded when first asked for
    if name == "ProposalForm":
        return import_module("maillab.advice.form").ProposalForm
    if name == "overview":
        return import_module("maillab.advice.connections").overview
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
