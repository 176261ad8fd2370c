"""Iterates a capture and reads five fields of every flow: five_fields.py FILE DISSECTIONS"""

import sys

from flowgauge import Streamer

flows = Streamer(sys.argv[1], inactive_timeout=120, active_timeout=1800, workers=0, n_dissections=int(sys.argv[2]))
total = 0
for flow in flows:
    total += flow.src_port + flow.dst_port + flow.src_to_dst_bytes + flow.dst_to_src_pkts + len(flow.ip_src)
print(total)
