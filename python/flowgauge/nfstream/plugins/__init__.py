"""Plugins that come with nfstream: `SPLT`, `FlowSlicer`, `DHCP` and `MDNS`."""

from .dhcp import DHCP
from .mdns import MDNS
from .slicer import FlowSlicer
from .splt import SPLT

__all__ = ["DHCP", "MDNS", "SPLT", "FlowSlicer"]
