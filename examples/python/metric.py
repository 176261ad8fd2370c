"""Count the large packets of every flow, with a metric of one's own.

    python metric.py trace.pcap
"""

import sys

from flowgauge import LiveFlow, PacketInformation, Streamer


def count_big(packet_information: PacketInformation, flow: LiveFlow) -> None:
    if packet_information.size > 666:
        flow.metrics["big"] += 1


def main() -> None:
    for flow in Streamer(sys.argv[1], user_metrics={"big": count_big}):
        print(flow.ip_src, flow.ip_dst, flow.application_name, flow.metrics["big"])


if __name__ == "__main__":
    main()
