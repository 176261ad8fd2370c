#!/usr/bin/env python3
"""What one count of a packet costs, written in three ways, and how many times cheaper the expression is.

    benches/compare/expression.py FILE [-n RUNS] [--pin CPU]

Flows are metered without nDPI: without a metric, with the expression `(packet.size > 666).sum()`, with a Python callable
that counts the same, and by nfstream without and with a plugin that does. Each is a process of its own, in turns; the cost
is the CPU time more than the run without, by the packet, as the median over the turns. Without nfstream (`pip install
nfstream`) that part is skipped, and told so.
"""

import argparse
import importlib.util
import statistics
import sys

from run import cpu_seconds

PLAIN, EXPRESSION, CALLABLE, NFSTREAM, PLUGIN = "plain", "expression", "callable", "nfstream", "plugin"
# How often flowgauge reads the file in one process, since so little is to be measured.
REPEATS = 4


def meter(path, way):
    """Packets in the flows of the file."""
    from flowgauge import Streamer, packet

    def count_big(packet_information, flow):
        if packet_information.size > 666:
            flow.metrics["big"] += 1
        return flow

    metrics = {PLAIN: None, EXPRESSION: {"big": (packet.size > 666).sum()}, CALLABLE: {"big": count_big}}[way]
    flows = Streamer(path, workers=0, n_dissections=0, user_metrics=metrics)
    return sum(flow.src_to_dst_pkts + flow.dst_to_src_pkts for flow in flows)


def meter_by_nfstream(path, way):
    from nfstream import NFPlugin, NFStreamer

    class Big(NFPlugin):
        def on_init(self, packet, flow):
            flow.udps.big = int(packet.raw_size > 666)

        def on_update(self, packet, flow):
            if packet.raw_size > 666:
                flow.udps.big += 1

    plugins = Big() if way == PLUGIN else None
    return sum(flow.bidirectional_packets for flow in NFStreamer(path, n_meters=1, n_dissections=0, udps=plugins))


def once(path, way):
    if way in (NFSTREAM, PLUGIN):
        print(meter_by_nfstream(path, way))
    else:
        print(sum(meter(path, way) for _ in range(REPEATS)))


def compare(path, runs, pin):
    ways = [PLAIN, EXPRESSION, CALLABLE]
    if importlib.util.find_spec("nfstream"):
        ways += [NFSTREAM, PLUGIN]
    else:
        print("skipped: nfstream is not installed", file=sys.stderr)
    packets = meter(path, PLAIN)
    commands = {way: f"{sys.executable} {__file__} {path} --way {way}" for way in ways}
    for command in commands.values():
        cpu_seconds(command, pin)
    turns = [{way: cpu_seconds(command, pin)[0] for way, command in commands.items()} for _ in range(runs)]

    def cost(way, without, repeats):
        differences = [turn[way] - turn[without] for turn in turns]
        return statistics.median(differences) / (packets * repeats) * 1e9

    costs = {way: cost(way, PLAIN, REPEATS) for way in (EXPRESSION, CALLABLE)}
    if PLUGIN in ways:
        costs[PLUGIN] = cost(PLUGIN, NFSTREAM, 1)
    for way, nanoseconds in costs.items():
        # Where noise hides the expression's cost there is nothing to divide by.
        known = way != EXPRESSION and costs[EXPRESSION] > 0
        times = f"  {nanoseconds / costs[EXPRESSION]:.0f} times the expression" if known else ""
        print(f"{way:<10}  {nanoseconds:8.1f} ns a packet more than the run without{times}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("-n", type=int, default=7, help="turns that count (default 7)")
    parser.add_argument("--pin", type=int, help="run on this processor only")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        once(arguments.file, arguments.way)
    else:
        compare(arguments.file, arguments.n, arguments.pin)


if __name__ == "__main__":
    main()
