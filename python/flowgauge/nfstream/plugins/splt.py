"""The sequence of the first packets of a flow, by a plugin: `splt_analysis` of the streamer is faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plugin import NFPlugin

if TYPE_CHECKING:
    from ..native import NFlow, NFPacket

__all__ = ["SPLT"]


class SPLT(NFPlugin):
    """Directions, sizes and gaps of the first packets.

    `flow.udps.splt_direction`, `splt_ps` and `splt_piat_ms` are lists of length `sequence_length`, with -1 where there was
    no packet. What a size is, `accounting_mode` says as it does for the streamer.
    """

    sequence_length: int
    accounting_mode: int

    def __init__(self, sequence_length: int, accounting_mode: int = 0) -> None:
        super().__init__(sequence_length=sequence_length, accounting_mode=accounting_mode)

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        flow.udps.splt_direction = [-1] * self.sequence_length
        flow.udps.splt_ps = [-1] * self.sequence_length
        flow.udps.splt_piat_ms = [-1] * self.sequence_length
        self.on_update(packet, flow)

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        place = flow.bidirectional_packets - 1
        if place < self.sequence_length:
            flow.udps.splt_direction[place] = packet.direction
            flow.udps.splt_ps[place] = self.size(packet)
            flow.udps.splt_piat_ms[place] = packet.delta_time

    def size(self, packet: NFPacket) -> int:
        if self.accounting_mode == 0:
            return packet.raw_size
        if self.accounting_mode == 1:
            return packet.ip_size
        return packet.transport_size if self.accounting_mode == 2 else packet.payload_size
