"""Warnings that point at the user's own line."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

__all__ = ["warn"]


def warn(text: str) -> None:
    """Warn of something in the name of the line that called this package, however many of ours lie between."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and is_ours(frame):
        frame = frame.f_back
        level += 1
    warnings.warn(text, stacklevel=level)


def is_ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")
    return isinstance(name, str) and name.partition(".")[0] == PACKAGE


PACKAGE = __name__.partition(".")[0]
