#!/usr/bin/env python3
"""Meters captures in a loop inside one process, in many ways, until its standard input ends.

    laps.py CAPTURE ...

A lap is every way to meter once, each on another capture, and on other ones in the next lap: with and without workers,
nDPI, statistics, Python metrics; iterators are left behind, files are damaged, metrics fail. After each lap everything
should be given back, and a line of JSON says what the process holds then: {"rss_kib", "threads", "fds", "flows",
"errors"}. The allocator is asked before to return what it keeps for later, so that what is left is held.
"""

import ctypes
import gc
import io
import json
import os
import select
import sys
import warnings

from flowgauge import FlowgaugeError, Streamer, packet
from flowgauge.nfstream import NFPlugin, NFStreamer


class Failing(Exception):
    """Raised by a metric on purpose."""


def count_big(packet_information, flow):
    if packet_information.size > 666:
        flow.metrics["big"] += 1


def fails(packet_information, flow):
    if packet_information.size > 200:
        raise Failing


class Sizes:
    """A metric with an object for every flow, whose value is a list."""

    def __init__(self):
        self.sizes = []

    def on_packet(self, packet_information, flow):
        if len(self.sizes) < 10:
            self.sizes.append(packet_information.size)

    def on_end(self, flow):
        return self.sizes


class Big(NFPlugin):
    def on_init(self, packet, flow):
        flow.udps.big = 0

    def on_update(self, packet, flow):
        flow.udps.big += packet.raw_size > 666


EXPRESSIONS = {
    "big": (packet.size > 666).sum(),
    "first": packet.size.first(20),
    "p90": packet.gap.quantile(0.9),
    "entropy": packet.payload.entropy(),
}


def whole(path, **options):
    """Takes every flow and holds the ledger to its laws."""
    streamer = Streamer(path, **options)
    flows = 0
    for flow in streamer:
        flows += 1
        if flows % 50 == 0:
            str(flow)
            flow.to_dict()
    streamer.report.check()
    return flows


def abandoned(path, workers):
    """Takes a few flows and lets go of the iterator in the middle of the run."""
    flows = iter(Streamer(path, workers=workers, inactive_timeout=1))
    return sum(1 for _, _ in zip(range(3), flows))


def stopped(path):
    """Ends the run early, and takes what still leaves."""
    flows = iter(Streamer(path, workers=1, n_dissections=0, inactive_timeout=1))
    next(flows, None)
    flows.stop()
    return sum(1 for _ in flows)


def damaged(path, keep):
    """The capture with its end cut off and some bytes turned around."""
    with open(path, "rb") as file:
        data = bytearray(file.read(1 << 22))
    del data[len(data) * keep // 100:]
    for at in range(100, len(data), 9973):
        data[at] ^= 0xFF
    return sum(1 for _ in Streamer(bytes(data), workers=keep % 3))


def damaged_file(path):
    """A length in the headers that cannot be."""
    with open(path, "rb") as file:
        data = bytearray(file.read(1 << 20))
    for at in range(len(data) // 2, len(data) // 2 + 2000):
        data[at:at + 1] = b"\xff"
    return sum(1 for _ in Streamer(io.BytesIO(bytes(data)), workers=2))


def frames(path):
    table = Streamer(path, workers=1, statistics=True).to_arrow()
    frame = Streamer(path, workers=0, statistics=True, splt=5).to_pandas()
    assert len(table) == len(frame)
    return len(frame)


WAYS = [
    lambda path: whole(path, workers=0),
    lambda path: whole(path, workers=2, statistics=True, splt=10),
    lambda path: whole(path, workers=1, n_dissections=0, tcp_analysis=True, tcp_end=True),
    lambda path: whole(path, workers=2, application_fields=True, stable_labels=True),
    lambda path: whole(path, workers=0, capacity=20, tunnel_keys=True),
    lambda path: whole(path, workers=1, n_dissections=0, user_metrics={"big": count_big}),
    lambda path: whole(path, workers=0, n_dissections=0, user_metrics={"sizes": Sizes}),
    lambda path: whole(path, workers=2, user_metrics=EXPRESSIONS, end_flow_when=packet.index >= 99),
    lambda path: whole(path, workers=1, n_dissections=0, user_metrics={"bad": fails}, on_error="skip"),
    lambda path: whole(path, workers=1, n_dissections=0, user_metrics={"bad": fails}),
    lambda path: whole(path, workers=2, bpf_filter="tcp", inactive_timeout=0),
    lambda path: abandoned(path, 0),
    lambda path: abandoned(path, 2),
    stopped,
    lambda path: damaged(path, 50),
    lambda path: damaged(path, 97),
    damaged_file,
    lambda path: whole(path + ".is not there"),
    frames,
    lambda path: sum(len(table) for table in Streamer(path, workers=1).batches(1000)),
    lambda path: sum(1 for _ in NFStreamer(path, n_meters=1, statistical_analysis=True, udps=Big())),
]
# What a way may end with; anything else ends the process, and with it the soak.
EXPECTED = (Failing, FlowgaugeError, OSError)


def held():
    """What this process holds, after it gave back what it can."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    with open("/proc/self/status", encoding="ascii") as status:
        facts = dict(line.split(":", 1) for line in status)
    return {
        "rss_kib": int(facts["VmRSS"].split()[0]),
        "threads": int(facts["Threads"]),
        # Without the one that lists them.
        "fds": len(os.listdir("/proc/self/fd")) - 1,
    }


def goes_on():
    """Whether whoever started this still wants it: nothing is ever written, so what can be read is the end."""
    return not select.select([sys.stdin], [], [], 0)[0]


def main():
    # Damaged captures are told as warnings.
    warnings.simplefilter("ignore")
    captures = sys.argv[1:]
    lap = 0
    while goes_on():
        flows = errors = 0
        for place, way in enumerate(WAYS):
            try:
                # In as many laps as there are captures each of them is metered in each way.
                flows += way(captures[(lap + place * 7) % len(captures)])
            except EXPECTED:
                errors += 1
            if not goes_on():
                return
        lap += 1
        print(json.dumps({**held(), "flows": flows, "errors": errors}), flush=True)


if __name__ == "__main__":
    main()
