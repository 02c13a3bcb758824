"""Figures, tables and widgets: what the learner looks at. Each has a twin in text for print and terminals."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from maillab.views.avalanche import avalanche_plot, avalanche_view
from maillab.views.bytes import Field, byte_view, plain_fields
from maillab.views.frames import frame_fields, frame_view
from maillab.views.ladder import ladder
from maillab.views.payload import payload_fields
from maillab.views.recordsizes import sizes_plot, visible_table
from maillab.views.send import sender
from maillab.views.steps import steps_view
from maillab.views.table import findings_table, frames_table, table
from maillab.views.view import View

if TYPE_CHECKING:
    from maillab.views.guesscost import GuessCost, rate_plot
    from maillab.views.hopdesk import HopDesk
    from maillab.views.peeler import Peeler
    from maillab.views.popwindow import PopWindow
    from maillab.views.relaymatrix import RelayMatrix
    from maillab.views.replaydesk import ReplayDesk
    from maillab.views.stripdesk import StripDesk, leaks_table
    from maillab.views.tlsdesk import TlsDesk
    from maillab.views.toggle import HubSwitch
    from maillab.views.tunneldesk import TunnelDesk
    from maillab.views.wireview import WireView
    from maillab.views.workbench import Workbench

__all__ = [
    "ContrastDesk",
    "Field",
    "GuessCost",
    "HopDesk",
    "HubSwitch",
    "Peeler",
    "PopWindow",
    "RelayMatrix",
    "ReplayDesk",
    "StripDesk",
    "TlsDesk",
    "TunnelDesk",
    "View",
    "WireView",
    "Workbench",
    "avalanche_plot",
    "avalanche_view",
    "byte_view",
    "contrast_plot",
    "contrast_table",
    "findings_table",
    "frame_fields",
    "frame_view",
    "frames_table",
    "ladder",
    "leaks_table",
    "payload_fields",
    "plain_fields",
    "rate_plot",
    "sender",
    "sizes_plot",
    "steps_view",
    "table",
    "visible_table",
]

#: Widgets are imported when first asked for: figures and the command line shouldn't pay for ipywidgets.
_WIDGETS = {
    "ContrastDesk": "contrastdesk",
    "GuessCost": "guesscost",
    "HopDesk": "hopdesk",
    "HubSwitch": "toggle",
    "Peeler": "peeler",
    "PopWindow": "popwindow",
    "TlsDesk": "tlsdesk",
    "TunnelDesk": "tunneldesk",
    "RelayMatrix": "relaymatrix",
    "StripDesk": "stripdesk",
    "leaks_table": "stripdesk",
    "ReplayDesk": "replaydesk",
    "WireView": "wireview",
    "Workbench": "workbench",
    "contrast_plot": "contrast",
    "contrast_table": "contrast",
    "rate_plot": "guesscost",
}


def __getattr__(name: str) -> Any:
    if name in _WIDGETS:
        return getattr(import_module(f"maillab.views.{_WIDGETS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
