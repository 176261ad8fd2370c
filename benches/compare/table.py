#!/usr/bin/env python3
"""Runs flowgauge and its peers in turns on the same captures, and prints one table (Markdown).

    benches/compare/table.py [-n ROUNDS] [--pin CPU] [--timeout S] [--only WORD,...] CAPTURE ...

scripts/compare installs the peers and calls this. Each capture is read once before, so that it lies in the page cache;
then all programs run one after the other, ROUNDS times (A B C A B C ...), each pinned to one processor; after Ctrl-C the
table is of what was measured until then. Quoted are
medians of user + system time, the median of the ratios to ours within a round, and the largest peak of memory.
"""

import argparse
import datetime
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from counts import Counts
from programs import counted_by, default_places, environment, programs
from run import run

ROOT = Path(__file__).resolve().parents[2]
HEADING = "program | set against | {captures} | is the work equal?"


@dataclass
class Result:
    """What a program showed on a capture."""

    seconds: list[float] = field(default_factory=list)
    peak_kib: int = 0
    counts: Counts = Counts(None, None)
    error: str | None = None


def measure(chosen, options, own):
    """For every capture a result for every program, by its name."""
    measured = {capture: {program.name: Result() for program in chosen} for capture in options.captures}
    for capture in measured:
        warm(capture)
    turns = [(turn + 1, *row) for turn in range(options.rounds) for row in measured.items()]
    try:
        for turn, capture, results in turns:
            for program in chosen:
                result = results[program.name]
                if result.error:
                    continue
                say(f"round {turn} of {options.rounds}, {capture.name}: {program.name}")
                with tempfile.TemporaryDirectory(dir=options.scratch) as out:
                    once(program, capture, out, options, own, result)
    except KeyboardInterrupt:
        say("interrupted: the table is of what was measured until now")
    return measured


def once(program, capture, out, options, own, result):
    """One run, added to a result."""
    places = {"FILE": str(capture), "OUT": out}

    def filled(command):
        return [re.sub(r"^(FILE|OUT)\b", lambda word: places[word[0]], part) for part in command]

    try:
        finished = run(filled(program.command), options.pin, options.timeout, own)
    except OSError as error:
        result.error = str(error)
        return
    if finished.status is None:
        result.error = f"stopped after {options.timeout:g} s"
        return
    if finished.status:
        lines = finished.output.strip().splitlines() or ["it said nothing"]
        result.error = f"ended with {finished.status}: {lines[-1][:100]}"
        return
    result.seconds.append(finished.seconds)
    result.peak_kib = max(result.peak_kib, finished.peak_kib)
    if len(result.seconds) > 1:
        return
    said = finished.output
    if program.count_command:
        said = run(filled(program.count_command), None, options.timeout, own).output
    try:
        result.counts = counted_by(program)(said)
    except (StopIteration, ValueError, KeyError):
        say(f"{program.name}: what it printed has no counts that are known here")


def warm(path):
    with open(path, "rb", buffering=0) as file:
        block = bytearray(1 << 20)
        while file.readinto(block):
            pass


def cell(program, results, packets):
    """`212 ns, 1.75 x, 25 MiB, 40,807 flows`; packets are told where others were counted."""
    result, ours = results[program.name], results.get(program.against, Result())
    if result.error:
        return result.error.replace("|", "\\|")
    if not result.seconds:
        return "not run"
    parts = [f"{statistics.median(result.seconds) / max(packets, 1) * 1e9:,.0f} ns"]
    if ours.seconds and not ours.error:
        ratios = [theirs / own for theirs, own in zip(result.seconds, ours.seconds)]
        parts.append(f"{statistics.median(ratios):.2f} x")
    parts.append(f"{result.peak_kib / 1024:,.0f} MiB")
    if result.counts.flows is not None:
        parts.append(f"{result.counts.flows:,} flows")
    if result.counts.packets is None:
        parts.append("does not say packets")
    elif result.counts.packets != packets:
        parts.append(f"**{result.counts.packets:,} packets**")
    return ", ".join(parts)


def table(chosen, measured):
    """Lines of Markdown."""
    packets = {capture: packets_of(results) for capture, results in measured.items()}
    heads = [f"{capture.name}: {packets[capture]:,} packets" for capture in measured]
    heading = HEADING.format(captures=" | ".join(heads))
    yield f"| {heading} |"
    yield "|" + " --- |" * (heading.count("|") + 1)
    for program in chosen:
        cells = [cell(program, results, packets[capture]) for capture, results in measured.items()]
        against = "itself" if program.against == program.name else program.against
        yield f"| {' | '.join([program.name, against, *cells, program.unequal or 'ours'])} |"


def packets_of(results):
    """What the first of ours counted."""
    counted = (result.counts.packets for result in results.values())
    return next((packets for packets in counted if packets), 0)


def machine():
    """Processor, number of cores, kernel, and how busy it was."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    busy = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}; load average at the end {busy:.1f}"


def versions(chosen, own):
    """What programs say of their version: the first number with a dot."""
    for program in chosen:
        if program.version and program.version[0]:
            said = subprocess.run(program.version, capture_output=True, text=True, env=own, stdin=subprocess.DEVNULL)
            found = re.search(r"\d+\.\d[\w.]*", said.stdout + said.stderr)
            yield f"{program.name.split(',')[0]} {found[0].rstrip('.') if found else '(unknown version)'}"


def shortened(word):
    """A path below the root of the project as seen from there; of the system's programs the name."""
    path = Path(word)
    if path.is_relative_to(ROOT):
        return str(path.relative_to(ROOT))
    return path.name if path.is_relative_to("/usr") else word


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+", type=Path, metavar="CAPTURE")
    parser.add_argument("-n", "--rounds", type=int, default=5, help="runs of each program (default 5)")
    parser.add_argument("--pin", type=int, default=max(os.sched_getaffinity(0)), help="the processor (default: the last)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a program may take (default 300)")
    parser.add_argument("--only", metavar="WORD,...", help="only programs with one of these words in their names")
    parser.add_argument("--flowgauge", help="our command")
    parser.add_argument("--python", help="an interpreter that has flowgauge and pandas")
    parser.add_argument("--nfstream", help="an interpreter that has nfstream")
    parser.add_argument("--floor", help="a folder with the floor programs")
    parser.add_argument("--peers", help="a folder where packages of Debian are unpacked")
    parser.add_argument("--scratch", help="a folder for what programs write (default: that of the system)")
    options = parser.parse_args()
    if options.rounds < 1 or options.timeout <= 0:
        parser.error("at least one round, and some time, are needed")
    return options


def main():
    options = parse()
    places = default_places(options)
    own = environment(places)
    chosen = []
    for program in programs(places):
        wanted = not options.only or any(word in program.name for word in options.only.split(","))
        if wanted and program.command[0] is None:
            say(f"skipped: {program.name} is not there")
        elif wanted:
            chosen.append(program)
    measured = measure(chosen, options, own)
    for line in table(chosen, measured):
        print(line)
    rounds = max(len(result.seconds) for results in measured.values() for result in results.values())
    print(f"\n{datetime.date.today()}; {machine()}; processor {options.pin}, medians of {rounds} rounds; CPU time "
          "(user + system) a packet, ratio to the row it is set against, peak memory of the largest process.")
    print("\nVersions: " + "; ".join(versions(chosen, own)) + ".\n\nCommands:\n\n```sh")
    for program in chosen:
        print(f"{shlex.join(map(shortened, program.command))}  # {program.name}")
    print("```")


if __name__ == "__main__":
    main()
