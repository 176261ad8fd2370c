"""Print the flows of an interface as they end, until Ctrl-C; then the flows that still lived. Reads a capture, too.

    sudo python live.py eth0
"""

import sys

from flowgauge import Streamer


def main() -> None:
    with iter(Streamer(sys.argv[1], inactive_timeout=10)) as flows:
        try:
            for flow in flows:
                print(flow)
        except KeyboardInterrupt:
            flows.stop()
            for flow in flows:
                print(flow)
        print(flows.report)


if __name__ == "__main__":
    main()
