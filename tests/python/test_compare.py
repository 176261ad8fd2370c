"""What scripts/compare reads from programs, and what it makes of it; the programs themselves are not needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benches" / "compare"))

import counts  # noqa: E402
import programs  # noqa: E402
import run  # noqa: E402
import table  # noqa: E402

# What each program printed for tests/data/web.pcap: 52 packets, 6 flows.
FLOWGAUGE = """\
{"frames_read": 52, "packets": 52, "living": 0, "records": {"flush": 4, "inactive": 2}, "warnings": []}
52 packets read, 6 flows
"""
FLOOR = "mode=rmeter packets=52 ip=52 wire=11498 flows=6 peak_concurrent=6 chk=52 x=0 cpu=0.0004 ns_per_pkt=8269.23\n"
SOFTFLOWD = """\
softflowd v1.1.0 starting data collection
Shutting down after pcap EOF
Shutting down on user request
Number of active flows: 0
Packets processed: 52
Fragments: 0
Ignored packets: 0 (0 non-IP, 0 too short)
Flows expired: 6 (0 forced)
Flows exported: 10 (10 records) in 1 packets (0 failures)

Expired flow statistics:  minimum       average       maximum
  Flow packets:                 2             9            17
"""
NFPCAPD = """\
Startup nfpcapd.
Processed: 40, skipped: 0, short caplen: 0, unknown: 0
Ident: 'none' Flows: 8, Packets: 40, Bytes: 8000
Processed: 52, skipped: 0, short caplen: 0, unknown: 0
Ident: 'none' Flows: 4, Packets: 12, Bytes: 2770
Terminating flow processng
Total: Processed: 52, skipped: 0, short caplen: 0, unknown: 0
"""
RACOUNT = """\
racount   records     total_pkts     src_pkts       dst_pkts       total_bytes        src_bytes          dst_bytes
    sum   7           52             30             22             11498              3425               8073
"""
NDPI_READER = """\
Traffic statistics:
\tEthernet bytes:        12746         (includes ethernet CRC/IFC/trailer)
\tIP packets:            50            of 52 packets total
\tIP bytes:              11498         (avg pkt size 221 bytes)
\tUnique flows:          6
\tTCP Packets:           46
"""
TSHARK = """\
================================================================================
UDP Conversations
Filter:<No Filter>
                                                           |       <-      | |       ->      | |     Total     |    Relative    |   Duration   |
                                                           | Frames  Bytes | | Frames  Bytes | | Frames  Bytes |      Start     |              |
192.0.2.10:54690           <-> 198.51.100.53:53                 1 91 bytes        1 75 bytes        2 166 bytes     0.000000000         0.0002
================================================================================
TCP Conversations
Filter:<No Filter>
2001:db8::10:48601         <-> 2001:db8:80::80:443              7 3333 bytes      10 1566 bytes      17 4899 bytes     0.102592000         0.0445
192.0.2.10:42819           <-> 198.51.100.80:443                7 27 kB      1000 10 kB      1007 38 kB     0.248098000       120.0469
================================================================================
"""


@pytest.mark.parametrize(
    ("read", "output", "expected"),
    [
        (counts.flowgauge, FLOWGAUGE, (52, 6)),
        (counts.words, FLOOR, (52, 6)),
        (counts.words, "flows=6 packets=52 total=1\n", (52, 6)),
        (counts.softflowd, SOFTFLOWD, (52, 6)),
        (counts.nfpcapd, NFPCAPD, (52, 12)),
        (counts.racount, RACOUNT, (52, 7)),
        (counts.ndpi_reader, NDPI_READER, (52, 6)),
        (counts.tshark, TSHARK, (1026, 3)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_counts_are_read_from_what_a_program_prints(read: Any, output: str, expected: tuple[int, int]) -> None:
    assert read(output) == counts.Counts(*expected)


@pytest.mark.parametrize("read", [counts.words, counts.softflowd, counts.nfpcapd, counts.racount, counts.ndpi_reader])
def test_what_is_not_said_is_unknown(read: Any) -> None:
    assert read("something else\n") == counts.Counts(None, None)


def program(name: str, against: str) -> programs.Program:
    return programs.Program(name, against, ["true"], counts.words, "less")


OURS, THEIRS = program("ours", "ours"), program("theirs", "ours")


def result(seconds: list[float], packets: int | None, **more: Any) -> table.Result:
    return table.Result(seconds, 2048, counts.Counts(packets, 3), **more)


def test_a_cell_has_the_median_time_and_the_median_ratio_of_rounds() -> None:
    results = {"ours": result([1.0, 2.0, 4.0], 1000), "theirs": result([3.0, 4.0, 4.0], 1000)}
    assert table.cell(THEIRS, results, 1000) == "4,000,000 ns, 2.00 x, 2 MiB, 3 flows"


def test_a_cell_tells_packets_that_differ_and_packets_that_are_not_told() -> None:
    results = {"ours": result([1.0], 1000), "theirs": result([1.0], 990)}
    assert table.cell(THEIRS, results, 1000).endswith("3 flows, **990 packets**")
    results["theirs"] = result([1.0], None)
    assert table.cell(THEIRS, results, 1000).endswith("3 flows, does not say packets")


def test_a_program_that_failed_says_so_in_its_cell() -> None:
    results = {"ours": result([1.0], 1000), "theirs": table.Result(error="ended with 1: a|b")}
    assert table.cell(THEIRS, results, 1000) == "ended with 1: a\\|b"
    lines = list(table.table([OURS, THEIRS], {Path("a.pcap"): results}))
    assert lines[0] == "| program | set against | a.pcap: 1,000 packets | is the work equal? |"
    assert lines[-1] == "| theirs | ours | ended with 1: a\\|b | less |"
    assert {line.replace("\\|", "").count("|") for line in lines} == {5}


def test_errors_and_endless_runs_are_told() -> None:
    class Options:
        pin = None
        timeout = 0.3

    said = table.Result()
    talker = programs.Program("talker", "talker", ["sh", "-c", "echo one; echo two >&2; exit 3"], counts.words, "")
    table.once(talker, Path("x"), "out", Options, None, said)
    assert said.error == "ended with 3: two" and not said.seconds

    sleeper = programs.Program("sleeper", "sleeper", ["sh", "-c", "sleep 60 & sleep 60"], counts.words, "")
    endless = table.Result()
    table.once(sleeper, Path("x"), "out", Options, None, endless)
    assert endless.error == "stopped after 0.3 s"

    absent = programs.Program("absent", "absent", ["/nowhere/at-all", "FILE"], counts.words, "")
    missing = table.Result()
    table.once(absent, Path("x"), "out", Options, None, missing)
    assert missing.error and "/nowhere/at-all" in missing.error


def test_a_capture_and_a_folder_are_filled_in_as_they_are() -> None:
    class Options:
        pin = None
        timeout = 60

    echo = programs.Program("echo", "echo", ["sh", "-c", 'echo "packets=1 flows=$#"', "FILE", "OUT/x"], counts.words, "")
    said = table.Result()
    table.once(echo, Path("a capture FILE.pcap"), "out", Options, None, said)
    assert said.error is None and said.counts == counts.Counts(1, 1) and said.peak_kib > 0


def test_time_is_that_of_processes_it_waited_for_too() -> None:
    busy = [sys.executable, "-c", "sum(range(3_000_000))"]
    finished = run.run([sys.executable, "-c", f"import subprocess; subprocess.run({busy!r})"])
    alone = run.run([sys.executable, "-c", ""])
    assert finished.status == alone.status == 0
    assert finished.seconds > alone.seconds


def test_every_program_is_set_against_one_of_ours() -> None:
    nowhere = programs.Places(None, None, None, None, None)
    rows = programs.programs(nowhere)
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert {row.against for row in rows} == {name for name in names if name.startswith("flowgauge")}
    assert all(row.unequal for row in rows if not row.name.startswith("flowgauge"))
