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
    HubError,
    InterfaceError,
    LedgerError,
)
from ._scan import scan
from .processor import Processor

# Not that of typing, whose import takes as long as all the rest of `import flowgauge`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .subscriber import Message, Subscriber, subscribe

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
    "HubError",
    "InterfaceError",
    "LedgerError",
    "LiveFlow",
    "Message",
    "PacketInformation",
    "Position",
    "Processor",
    "Report",
    "Streamer",
    "Subscriber",
    "__version__",
    "columns",
    "flow",
    "merge",
    "packet",
    "scan",
    "subscribe",
    "when",
]


def __getattr__(name: str) -> object:
    # Only here, since asyncio takes longer than all the rest of `import flowgauge`.
    if name in ("Message", "Subscriber", "subscribe"):
        from . import subscriber

        return getattr(subscriber, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
