"""The report of a live capture: a line of JSON on standard output, every few seconds."""

from __future__ import annotations

import json
import threading
import weakref
from typing import Any

from .native import NFFlows

__all__ = ["line", "watch"]


def watch(flows: NFFlows, seconds: int) -> None:
    """Print a line every so many seconds, until the run is over or nobody holds its iterator any more."""
    over = threading.Event()
    weakref.finalize(flows, over.set)
    thread = threading.Thread(
        target=print_lines, args=(weakref.ref(flows), over, seconds), name="flowgauge-report", daemon=True
    )
    thread.start()


def print_lines(reference: weakref.ref[NFFlows], over: threading.Event, seconds: int) -> None:
    while not over.wait(min(seconds, threading.TIMEOUT_MAX)):
        flows = reference()
        if flows is None:
            return
        begun, over_now, report = flows.begun, flows.over, flows.report
        # Whoever drops the iterator meanwhile must not have to wait for this thread.
        del flows
        if begun:
            print(line(report), flush=True)
        if over_now:
            return


def line(report: Any) -> str:
    """What became of everything that was read, as nfstream tells it."""
    return json.dumps(
        {
            "flows_expired": sum(report.records.values()),
            "packets_processed": report.packets,
            "packets_ignored": sum(report.skipped.values()),
            "packets_dropped_filtered_by_kernel": sum(report.dropped.values()) + report.filtered,
            "meters_packets_processing_balance": [report.packets],
        }
    )
