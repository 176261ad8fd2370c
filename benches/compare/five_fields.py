"""Iterates a capture and reads five fields of every flow: five_fields.py FILE DISSECTIONS [nfstream]"""

import sys


def main():
    path, dissections, *peer = sys.argv[1:]
    flows = packets = total = 0
    if peer:
        from nfstream import NFStreamer

        for flow in NFStreamer(path, idle_timeout=120, active_timeout=1800, n_meters=1, n_dissections=int(dissections)):
            flows += 1
            packets += flow.bidirectional_packets
            total += flow.src_port + flow.dst_port + flow.src2dst_bytes + flow.dst2src_packets + len(flow.src_ip)
    else:
        from flowgauge import Streamer

        streamer = Streamer(path, inactive_timeout=120, active_timeout=1800, workers=0, n_dissections=int(dissections))
        for flow in streamer:
            flows += 1
            total += flow.src_port + flow.dst_port + flow.src_to_dst_bytes + flow.dst_to_src_pkts + len(flow.ip_src)
        packets = streamer.report.packets
    print(f"flows={flows} packets={packets} total={total}")


if __name__ == "__main__":
    main()
