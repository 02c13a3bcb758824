"""What is said when a capture file breaks off."""

from __future__ import annotations


class CaptureError(Exception):
    """A capture file that can't be read, or not to its end.

    It is raised *after* every readable frame was handed out.
    path: the file; offset: the byte at which reading had to stop; frames: how many were read before it.
    """

    def __init__(self, path: str, offset: int, message: str, frames: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.message = message
        self.frames = frames
        super().__init__(path, offset, message, frames)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
