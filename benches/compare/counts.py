"""How many packets and flows a program says it counted, read from what it printed."""

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """What a program said; None is what it does not say."""

    packets: int | None
    flows: int | None


def flowgauge(output):
    """The ledger of `flowgauge --report`, a line of JSON."""
    ledger = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    return Counts(ledger["packets"], sum(ledger["records"].values()))


def words(output):
    """`packets=N` and `flows=N`, somewhere: the floors and our Python programs."""
    return Counts(number(r"\bpackets=(\d+)", output), number(r"\bflows=(\d+)", output))


def softflowd(output):
    return Counts(number(r"^Packets processed: (\d+)", output), number(r"^Flows expired: (\d+)", output))


def nfpcapd(output):
    """Its flows have one direction."""
    return Counts(number(r"^Total: Processed: (\d+)", output), total(r"^Ident: .* Flows: (\d+),", output))


def racount(output):
    found = re.search(r"^\s*sum\s+(\d+)\s+(\d+)", output, re.MULTILINE)
    return Counts(int(found[2]), int(found[1])) if found else Counts(None, None)


def ndpi_reader(output):
    return Counts(number(r"of (\d+) packets total", output), number(r"^\s*Unique flows:\s+(\d+)", output))


def tshark(output):
    """A line for each conversation, with the frames of both directions behind those of each."""
    frames = [
        int(found[1])
        for line in output.splitlines()
        if " <-> " in line and (found := re.search(r"(\d+) \d+ \w+\s+[\d.]+\s+[\d.]+\s*$", line))
    ]
    return Counts(sum(frames), len(frames))


def number(pattern, output):
    found = re.search(pattern, output, re.MULTILINE)
    return int(found[1]) if found else None


def total(pattern, output):
    """The sum over all lines that match, since a program may say it for each part of a capture."""
    found = re.findall(pattern, output, re.MULTILINE)
    return sum(map(int, found)) if found else None
