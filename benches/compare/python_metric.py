"""Iterates a capture with, or without, a Python metric that looks at every packet: python_metric.py FILE with|without"""

import sys

from flowgauge import Streamer


def count_big(packet_information, flow):
    if packet_information.size > 666:
        flow.metrics["big"] += 1
    return flow


metrics = {"big": count_big} if sys.argv[2] == "with" else None
print(sum(1 for _ in Streamer(sys.argv[1], workers=0, n_dissections=0, user_metrics=metrics)))
