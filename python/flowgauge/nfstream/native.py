"""The compiled part of `flowgauge.nfstream`."""

from .._native import NFColumn, NFFlows, NFlow, NFPacket, nfstream_columns

__all__ = ["NFColumn", "NFFlows", "NFPacket", "NFlow", "nfstream_columns"]
