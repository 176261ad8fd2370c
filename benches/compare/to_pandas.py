"""Flows with statistics and labels as a data frame of pandas: to_pandas.py FILE [nfstream]"""

import sys


def main():
    path, *peer = sys.argv[1:]
    if peer:
        from nfstream import NFStreamer

        frame = NFStreamer(
            path, idle_timeout=120, active_timeout=1800, n_meters=1, statistical_analysis=True
        ).to_pandas()
        packets = frame["bidirectional_packets"].sum()
    else:
        from flowgauge import Streamer

        frame = Streamer(path, inactive_timeout=120, active_timeout=1800, workers=0, statistics=True).to_pandas()
        packets = frame["pkts"].sum()
    print(f"flows={len(frame)} packets={packets} columns={len(frame.columns)}")


if __name__ == "__main__":
    main()
