"""Capture: what a network card saw, live or out of a file. Nothing here imports Scapy by itself."""

from .errors import CaptureError
from .files import read_frames
from .frame import Frame, frames_of
from .pcap import write_pcap
from .pcapng import write_pcapng

__all__ = ["CaptureError", "Frame", "frames_of", "read_frames", "write_pcap", "write_pcapng"]
