"""nfstream's names for the flows of flowgauge: change the import, and the rest stays.

    from flowgauge.nfstream import NFStreamer

    for flow in NFStreamer("trace.pcap", statistical_analysis=True):
        print(flow.src_ip, flow.application_name, flow.bidirectional_mean_ps)
"""

from .native import NFColumn, NFFlows, NFlow, NFPacket, nfstream_columns
from .plugin import NFPlugin
from .streamer import NFStreamer

__all__ = ["NFColumn", "NFFlows", "NFPacket", "NFPlugin", "NFStreamer", "NFlow", "columns"]

columns = nfstream_columns
