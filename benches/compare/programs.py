"""The programs that are compared: how each is called, and what makes its work more, or less, than ours."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import counts

HERE = Path(__file__).resolve().parent
# Rows of our own; others are set against one of them.
COMMAND, COMMAND_NDPI = "flowgauge", "flowgauge, nDPI"
PYTHON, PYTHON_NDPI, PANDAS = "flowgauge in Python", "flowgauge in Python, nDPI", "flowgauge to_pandas"
METERED = ["-j", "0", "-o", "none", "--inactive", "120", "--active", "1800", "--report"]


@dataclass(frozen=True)
class Program:
    name: str
    # The row of ours whose work is nearest.
    against: str
    # FILE and OUT, an empty folder, stand for themselves.
    command: list[str]
    counted: Callable[[str], counts.Counts]
    unequal: str
    # Asked afterwards for what the program does not say itself; nobody times it.
    count_command: list[str] | None = None
    # What to call for the version.
    version: list[str] | None = None


@dataclass(frozen=True)
class Places:
    """Where programs are that are not on the PATH; None for one that is not there."""

    flowgauge: str | None
    # Interpreters that have flowgauge, and nfstream.
    python: str | None
    nfstream: str | None
    floor: Path | None
    # Unpacked packages of Debian, with usr/ in it.
    peers: Path | None

    def peer(self, name):
        """A program of the unpacked packages, or of the PATH."""
        for folder in ("usr/bin", "usr/sbin"):
            if self.peers and (self.peers / folder / name).exists():
                return str(self.peers / folder / name)
        return which(name)


def which(name):
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return next((str(path) for folder in folders if os.access(path := Path(folder) / name, os.X_OK)), None)


def environment(places):
    """What programs are run with: the libraries that were unpacked beside them."""
    own = dict(os.environ)
    if places.peers:
        own["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, sorted(places.peers.glob("usr/lib/*-linux-gnu"))))
    return own


def programs(places):
    """All of them, those first that others are set against; the first word is None of what is not there."""
    ours, reader, tshark = places.flowgauge, places.peer("ndpiReader"), places.peer("tshark")
    softflowd, nfpcapd, argus = places.peer("softflowd"), places.peer("nfpcapd"), places.peer("argus")
    racount = places.peer("racount")
    floor = {name: places.floor and str(places.floor / name) for name in ("l3_flow", "l4_ndpi")}
    five, pandas = str(HERE / "five_fields.py"), str(HERE / "to_pandas.py")
    version = [places.nfstream, "-c", "from importlib.metadata import version; print('nfstream', version('nfstream'))"]
    return [
        Program(
            COMMAND, COMMAND, [ours, "-r", "FILE", "--dissect", "0", *METERED], counts.flowgauge, "",
            version=[ours, "--version"],
        ),
        Program(COMMAND_NDPI, COMMAND_NDPI, [ours, "-r", "FILE", *METERED], counts.flowgauge, ""),
        Program(PYTHON, PYTHON, [places.python, five, "FILE", "0"], counts.words, "with the interpreter's start"),
        Program(PYTHON_NDPI, PYTHON_NDPI, [places.python, five, "FILE", "20"], counts.words, "likewise"),
        Program(
            PANDAS, PANDAS, [places.python, pandas, "FILE"], counts.words,
            "nDPI, statistics, and the start of pandas; counted are rows",
        ),
        Program(
            "floor: l3_flow", COMMAND, [floor["l3_flow"], "rmeter", "FILE", "120", "1800"], counts.words,
            "less: no tunnels, fragments, nanoseconds; an 88-byte record; built for this very machine",
        ),
        Program(
            "floor with nDPI: l4_ndpi", COMMAND_NDPI, [floor["l4_ndpi"], "meter", "FILE", "120", "1800"], counts.words,
            "less, likewise; the file is mapped, which counts as its memory",
        ),
        Program(
            "softflowd", COMMAND,
            [
                softflowd, "-r", "FILE", "-d", "-c", "none", "-6", "-m", "4000000", "-t", "maxlife=1800", "-t", "tcp=120",
                "-t", "udp=120", "-t", "general=120",
            ],
            counts.softflowd, "about equal: its records are made and sent nowhere; a smaller record, no tunnels",
            version=[softflowd, "-h"],
        ),
        Program(
            "nfpcapd", COMMAND, [nfpcapd, "-r", "FILE", "-w", "OUT", "-e", "1800,120"], counts.nfpcapd,
            "more: writes its records to files; other: flows of one direction; places for 524,288 at once",
            version=[places.peer("nfdump"), "-V"],
        ),
        Program(
            "argus", COMMAND, [argus, "-r", "FILE", "-w", "OUT/argus.out", "-S", "1800"], counts.words,
            "more: keeps loss, windows, jitter of each flow, and writes its records to a file; "
            "counted are records, with those of its own state",
            count_command=racount and [racount, "-r", "OUT/argus.out"], version=[argus, "-h"],
        ),
        Program(
            "tshark conversations", COMMAND, [tshark, "-n", "-q", "-r", "FILE", "-z", "conv,tcp", "-z", "conv,udp"],
            counts.tshark, "no flow meter: dissects every packet whole; conversations have no timeouts",
            version=[tshark, "--version"],
        ),
        Program(
            "ndpiReader", COMMAND_NDPI, [reader, "-i", "FILE"], counts.ndpi_reader,
            "other: up to 80 packets of a flow to nDPI, with risks and statistics; prints totals; no active timeout",
            version=[reader, "-h"],
        ),
        Program(
            "nfstream, no nDPI", PYTHON, [places.nfstream, five, "FILE", "0", "nfstream"], counts.words,
            "equal task: a loop in Python over all flows, five fields read; a process for metering",
            version=version,
        ),
        Program(
            "nfstream, nDPI", PYTHON_NDPI, [places.nfstream, five, "FILE", "20", "nfstream"], counts.words,
            "equal task, likewise",
        ),
        Program(
            "nfstream to_pandas", PANDAS, [places.nfstream, pandas, "FILE", "nfstream"], counts.words,
            "equal task: nDPI and statistics; it goes through a CSV file",
        ),
    ]


def counted_by(program):
    """How the counts of a program are read: of what it said, or of what its count command did."""
    return counts.racount if program.count_command else program.counted


def default_places(arguments):
    """What scripts/compare put where."""
    def there(path):
        return Path(path) if path and Path(path).exists() else None

    return Places(
        flowgauge=arguments.flowgauge if there(arguments.flowgauge) else None,
        python=arguments.python or sys.executable,
        nfstream=arguments.nfstream if there(arguments.nfstream) else None,
        floor=there(arguments.floor),
        peers=there(arguments.peers),
    )
