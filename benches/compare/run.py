#!/usr/bin/env python3
"""CPU time of two commands on the same file, in turns, and their ratio pair by pair.

    benches/compare/run.py [-n RUNS] [--pin CPU] 'COMMAND A' 'COMMAND B'

Each command is run once before it counts, then A B A B ...; quoted are the medians of user + system seconds and of the
ratios A / B. Ratios within one run are what to compare: the machine's speed drifts.
"""

import argparse
import os
import shlex
import statistics
import subprocess


def cpu_seconds(command, pin):
    """User and system seconds of one finished run, and its peak memory in KiB."""
    def settle():
        if pin is not None:
            os.sched_setaffinity(0, {pin})

    process = subprocess.Popen(shlex.split(command), stdout=subprocess.DEVNULL, preexec_fn=settle)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command!r} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


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
