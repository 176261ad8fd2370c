#!/usr/bin/env python3
"""Lets flowgauge run for long, in one Python process and in one command, and sees that nothing grows.

    benches/soak/watch.py --minutes M --flowgauge COMMAND [--samples FILE] CAPTURE ...

The Python process meters the captures in a loop (laps.py) and tells after each lap what it holds; the command reads them
as one capture without an end (endless.py), writes lines of JSON, and is looked at every second. The first fifth of the
time is for warming up and does not count; what is left has two halves. The run fails if in the second half, of either

- the median of the memory is above that of the first by more than 2 % and 1 MiB,
- its peak is above that of the first by more than 5 % and 4 MiB,
- there are more threads, or more file descriptors, than ever in the first,

or if a process ends by itself, or ends with an error.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARMING_UP = 0.2
MEBI = 1024


@dataclass(frozen=True)
class Sample:
    """What a process held, `at` seconds after the beginning."""

    at: float
    rss_kib: int
    threads: int
    fds: int


def judge(samples, seconds):
    """Rows of (what, in the first half, in the second, whether that is fine), of a run of so many seconds."""
    middle = seconds * (1 + WARMING_UP) / 2
    first = [sample for sample in samples if seconds * WARMING_UP <= sample.at < middle]
    second = [sample for sample in samples if sample.at >= middle]
    if len(first) < 3 or len(second) < 3:
        return [("samples", len(first), len(second), False)]

    def row(what, which, measure, allowed):
        before, after = (measure(getattr(sample, which) for sample in half) for half in (first, second))
        return what, before, after, after <= allowed(before)

    return [
        ("samples", len(first), len(second), True),
        row("memory, median, KiB", "rss_kib", statistics.median, lambda kib: kib * 1.02 + MEBI),
        row("memory, peak, KiB", "rss_kib", max, lambda kib: kib * 1.05 + 4 * MEBI),
        row("threads, most", "threads", max, lambda count: count),
        row("file descriptors, most", "fds", max, lambda count: count),
    ]


def look(pid, at):
    """What a process holds; None once it ended."""
    try:
        facts = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        fds = len(os.listdir(f"/proc/{pid}/fd"))
        return Sample(at, int(facts["VmRSS"].split()[0]), int(facts["Threads"]), fds)
    except (OSError, KeyError):
        return None


class Python:
    """The process that meters lap after lap."""

    name = "one Python process"

    def __init__(self, captures, began):
        self.samples, self.flows, self.errors = [], 0, 0
        # Threads that come and go leave glibc with arenas that are each a little full: from 130 to 200 MB in 29 laps, where
        # with one arena the same laps stay at 142. What is held is to be seen, not how it is spread.
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "laps.py"), *captures], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        )
        self.reader = threading.Thread(target=self.read, args=(began,))
        self.reader.start()

    def read(self, began):
        for line in self.process.stdout:
            lap = json.loads(line)
            self.flows += lap.pop("flows")
            self.errors += lap.pop("errors")
            self.samples.append(Sample(at=time.monotonic() - began, **lap))

    def end(self):
        self.process.stdin.close()
        status = self.process.wait()
        self.reader.join()
        return status

    def told(self):
        return f"{len(self.samples)} laps, {self.flows:,} flows, {self.errors:,} errors that were to come"


class Command:
    """The command, with two workers and all there is to find out about a flow."""

    name = "one command"

    def __init__(self, command, captures):
        self.samples = []
        self.feeder = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "endless.py"), *captures], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        options = ["-j", "2", "--statistics", "--splt", "10", "--application-fields", "--tcp-analysis", "-o", "json"]
        self.process = subprocess.Popen(
            [command, "-r", "-", *options], stdin=self.feeder.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self.feeder.stdout.close()

    def end(self):
        self.feeder.terminate()
        self.feeder.wait()
        self.said = self.process.communicate()[1].decode(errors="replace").strip()
        return self.process.returncode

    def told(self):
        return self.said.splitlines()[-1] if self.said else "it said nothing"


def soak(options):
    """Whether all is fine."""
    began, seconds = time.monotonic(), options.minutes * 60
    captures = [str(path) for path in options.captures]
    python, command = Python(captures, began), Command(options.flowgauge, captures)
    runs = [python, command]
    lost = None
    while (at := time.monotonic() - began) < seconds and not lost:
        time.sleep(1)
        if sample := look(command.process.pid, at):
            command.samples.append(sample)
        lost = next((run for run in runs if run.process.poll() is not None), None)
    print(f"| process | what | first half | second half | |\n|{' --- |' * 5}")
    fine = lost is None
    for run in runs:
        status = run.end()
        fine &= status == 0
        for what, before, after, good in judge(run.samples, seconds):
            fine &= good
            print(f"| {run.name} | {what} | {before:,.0f} | {after:,.0f} | {'flat' if good else 'GROWS'} |")
        print(f"| {run.name} | ended with {status} | | | {run.told()} |")
    if options.samples:
        lines = [json.dumps({"process": run.name, **asdict(sample)}) for run in runs for sample in run.samples]
        options.samples.write_text("".join(f"{line}\n" for line in lines))
    if lost:
        print(f"\n{lost.name} ended by itself after {at:,.0f} s")
    return fine


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+", type=Path, metavar="CAPTURE")
    parser.add_argument("--minutes", type=float, default=60, help="how long (default 60)")
    parser.add_argument("--flowgauge", required=True, help="the command")
    parser.add_argument("--samples", type=Path, help="a file for all samples, a line of JSON each")
    options = parser.parse_args()
    fine = soak(options)
    print(f"\n{options.minutes:g} minutes, {len(options.captures)} captures: {'nothing grows' if fine else 'FAILED'}")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
