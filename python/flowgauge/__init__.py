"""A flow meter: packets in, labelled bidirectional flow records out.

    from flowgauge import Streamer

    for flow in Streamer("trace.pcap"):
        print(flow)                                    # one line of JSON
        print(flow.ip_src, flow.dst_port, flow.application_name)
"""

from ._native import (
    Anonymizer,
    Batches,
    Column,
    Expression,
    Flow,
    Flows,
    FlowTable,
    LiveFlow,
    PacketInformation,
    Position,
    Report,
    Streamer,
    __version__,
    columns,
    flow,
    merge,
    packet,
    when,
)
from .errors import (
    CaptureDeniedError,
    CaptureError,
    FilterError,
    FlowgaugeError,
    InterfaceError,
    LedgerError,
)
from ._scan import scan

__all__ = [
    "Anonymizer",
    "Batches",
    "CaptureDeniedError",
    "CaptureError",
    "Column",
    "Expression",
    "FilterError",
    "Flow",
    "FlowTable",
    "FlowgaugeError",
    "Flows",
    "InterfaceError",
    "LedgerError",
    "LiveFlow",
    "PacketInformation",
    "Position",
    "Report",
    "Streamer",
    "__version__",
    "columns",
    "flow",
    "merge",
    "packet",
    "scan",
    "when",
]
