"""Iterates a capture with statistics and reads the same six numbers of every flow, natively or through nfstream's view.

usage: nfstream_view.py FILE native|view|plugin

`plugin` is the view with an `on_update` that looks at three attributes of every packet.
"""

import sys

from flowgauge import Streamer
from flowgauge.nfstream import NFPlugin, NFStreamer


class Big(NFPlugin):
    def on_init(self, packet, flow):
        flow.udps.big = 0

    def on_update(self, packet, flow):
        if packet.raw_size > 666 and packet.direction == 0 and packet.time > 0:
            flow.udps.big += 1


path, way = sys.argv[1:]
total = 0.0
if way == "native":
    for flow in Streamer(
        path, inactive_timeout=120, active_timeout=1800, workers=1, n_dissections=0, statistics=True, fragments=False
    ):
        total += flow.src_port + flow.dst_port + flow.src_to_dst_bytes + flow.dst_to_src_pkts + len(flow.ip_src) + flow.size_mean
else:
    plugins = Big() if way == "plugin" else None
    for flow in NFStreamer(path, n_meters=1, n_dissections=0, statistical_analysis=True, udps=plugins):
        total += (
            flow.src_port + flow.dst_port + flow.src2dst_bytes + flow.dst2src_packets + len(flow.src_ip)
            + flow.bidirectional_mean_ps
        )
print(total)
