"""A flow meter: packets in, labelled bidirectional flow records out.

    from flowgauge import Streamer

    for flow in Streamer("trace.pcap"):
        print(flow)                                    # one line of JSON
        print(flow.ip_src, flow.dst_port, flow.application_name)
"""

from ._native import (
    Anonymizer,
    Column,
    Expression,
    Flow,
    Flows,
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

__all__ = [
    "Anonymizer",
    "CaptureDeniedError",
    "CaptureError",
    "Column",
    "Expression",
    "FilterError",
    "Flow",
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
    "when",
]
