"""`from flowgauge.streamer import Streamer`, as nfstream's users write it."""

from ._native import Streamer

__all__ = ["Streamer"]
