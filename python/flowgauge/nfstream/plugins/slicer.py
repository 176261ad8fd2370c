"""Flows of so many packets and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plugin import NFPlugin

if TYPE_CHECKING:
    from ..native import NFlow, NFPacket

__all__ = ["FlowSlicer"]


class FlowSlicer(NFPlugin):
    """Ends every flow at its packet number `limit`; the next packet opens a new one."""

    limit: int

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit)

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        self.on_update(packet, flow)

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        if flow.bidirectional_packets >= self.limit:
            flow.expiration_id = -1
