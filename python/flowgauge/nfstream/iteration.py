"""One iteration of a streamer, which ends with the block that makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .native import NFlow
    from .streamer import NFStreamer

__all__ = ["iteration"]


@contextmanager
def iteration(streamer: NFStreamer) -> Iterator[Iterator[NFlow]]:
    """The flows of `streamer`; at the end of the block its threads are stopped. A class of the user's may iterate its way."""
    flows: Iterator[NFlow] = iter(streamer)
    try:
        yield flows
    finally:
        close = getattr(flows, "close", None)
        if close is not None:
            close()
