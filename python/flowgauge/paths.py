"""Paths of files that are written, checked before anything is read for them."""

from __future__ import annotations

import errno
import os
from typing import Any

__all__ = ["target"]


def target(path: Any, source: Any) -> str:
    """The path of a file to write, as a str; `path` is a str, bytes (as `os.fsdecode` has them) or an os.PathLike.

    `source` is that of a streamer, which must outlive what is written.

    Raises:
        TypeError: It is anything else.
        ValueError: It is empty, has a zero byte, or is a capture of the source.
        IsADirectoryError: It is a directory, or ends as one does.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise TypeError(f"path must be a str, bytes or os.PathLike, not {path!r} ({type(path).__name__})") from None
    if not text or "\0" in text:
        raise ValueError(f"path must name a file, not {text!r}")
    if not os.path.basename(text) or os.path.isdir(text):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), text)
    for capture in source if isinstance(source, (list, tuple)) else [source]:
        if isinstance(capture, (str, os.PathLike)) and os.path.isfile(text) and os.path.isfile(capture):
            if os.path.samefile(text, capture):
                raise ValueError(f"path must not be the capture that is read, {text!r}")
    return text
