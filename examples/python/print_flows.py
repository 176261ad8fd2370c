"""Print every flow of a capture as a line of JSON, then what became of every frame.

    python print_flows.py trace.pcap
"""

import sys

from flowgauge import Streamer


def main() -> None:
    streamer = Streamer(sys.argv[1])
    for flow in streamer:
        print(flow)
    print(streamer.report)


if __name__ == "__main__":
    main()
