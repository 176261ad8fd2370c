"""Pipelines over packets and flows: sources, links and sinks, joined by `link` or `|`, pulled by their sink.

    from flowgauge.pipeline import PacketMeta, PacketStreamer, PacketSummary, ReverseDNS, Tagger, TransportMeta

    (PacketStreamer("trace.pcap") | PacketMeta() | TransportMeta() | ReverseDNS() | Tagger() | PacketSummary()).pull()

Any iterable is a source and any callable a link: item in; item, None or an iterable of items out. Parts that are native run
without Python between them, hundreds of packets at a time.
"""

from .._native import Item, PacketLayer, TlsRecord
from ._links import DNSMeta, Flows, HTTPMeta, PacketMeta, PacketTags, ReverseDNS, Tagger, TLSMeta, TransportMeta
from ._parts import Link, Sink, Source
from ._sinks import Branch, CsvSink, DNSSummary, ExportSink, JsonSink, PacketPrinter, PacketSummary, branch
from ._sources import PacketStreamer

__all__ = [
    "Branch",
    "CsvSink",
    "DNSMeta",
    "DNSSummary",
    "ExportSink",
    "Flows",
    "HTTPMeta",
    "Item",
    "JsonSink",
    "Link",
    "PacketLayer",
    "PacketMeta",
    "PacketPrinter",
    "PacketStreamer",
    "PacketSummary",
    "PacketTags",
    "ReverseDNS",
    "Sink",
    "Source",
    "TLSMeta",
    "Tagger",
    "TlsRecord",
    "TransportMeta",
    "branch",
]
