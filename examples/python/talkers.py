"""Who sent the most bytes, with pandas.

    python talkers.py trace.pcap
"""

import sys

from flowgauge import Streamer


def main() -> None:
    flows = Streamer(sys.argv[1]).to_pandas(["ip_src", "src_to_dst_bytes"])
    print(flows.groupby("ip_src").src_to_dst_bytes.sum().nlargest(10).to_string())


if __name__ == "__main__":
    main()
