"""Plugins that come with nfstream: `SPLT`, `FlowSlicer`, `DHCP`, `MDNS` and `JA4`."""

from .dhcp import DHCP
from .ja4 import JA4
from .mdns import MDNS
from .slicer import FlowSlicer
from .splt import SPLT

__all__ = ["DHCP", "JA4", "MDNS", "SPLT", "FlowSlicer"]
