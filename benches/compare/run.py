#!/usr/bin/env python3
"""CPU time of two commands on the same file, in turns, and their ratio pair by pair.

    benches/compare/run.py [-n RUNS] [--pin CPU] 'COMMAND A' 'COMMAND B'

Each command is run once before it counts, then A B A B ...; quoted are the medians of user + system seconds and of the
ratios A / B. Ratios within one run are what to compare: the machine's speed drifts.
"""

import argparse
import os
import shlex
import signal
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Finished:
    """What a program took, together with those that it started and waited for, and what it said."""

    seconds: float  # user and system
    peak_kib: int  # of the largest of its processes
    status: int | None  # None when it had to be stopped
    output: str


def run(command, pin=None, timeout=None, environment=None):
    """Runs a list of words to its end, on the processor `pin`, for at most `timeout` seconds."""
    def settle():
        if pin is not None:
            os.sched_setaffinity(0, {pin})

    deadline = None if timeout is None else time.monotonic() + timeout
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, preexec_fn=settle,
            start_new_session=True, env=environment,
        )
        stopped = False
        try:
            while not (ended := os.wait4(process.pid, 0 if deadline is None else os.WNOHANG))[0]:
                if time.monotonic() > deadline and not stopped:
                    os.killpg(process.pid, signal.SIGKILL)
                    stopped = True
                time.sleep(0.01)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read().decode(errors="replace")
    seconds = usage.ru_utime + usage.ru_stime
    return Finished(seconds, usage.ru_maxrss, None if stopped else process.returncode, output)


def cpu_seconds(command, pin):
    """User and system seconds of one finished run, and its peak memory in KiB."""
    finished = run(shlex.split(command), pin)
    if finished.status:
        raise SystemExit(f"{command!r} ended with {finished.status}\n{finished.output}")
    return finished.seconds, finished.peak_kib


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, help="counted runs of each command (default 5)")
    parser.add_argument("--pin", type=int, help="run on this processor only")
    parser.add_argument("commands", nargs=2, metavar="COMMAND")
    arguments = parser.parse_args()
    for command in arguments.commands:
        cpu_seconds(command, arguments.pin)
    pairs = [[cpu_seconds(command, arguments.pin) for command in arguments.commands] for _ in range(arguments.n)]
    for name, index in (("A", 0), ("B", 1)):
        times = [pair[index][0] for pair in pairs]
        memory = max(pair[index][1] for pair in pairs)
        print(f"{name}  cpu s: min {min(times):.3f}  median {statistics.median(times):.3f}  max {max(times):.3f}"
              f"  peak {memory} KiB  {arguments.commands[index]}")
    ratios = [pair[0][0] / pair[1][0] for pair in pairs]
    print(f"A/B  min {min(ratios):.3f}  median {statistics.median(ratios):.3f}  max {max(ratios):.3f}  ({arguments.n} pairs)")


if __name__ == "__main__":
    main()
