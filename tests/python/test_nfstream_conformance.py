"""Every capture of the corpus gives what nfstream 6.6.0 gave, in every variant of options there is a reference for.

The reference, and the two programs that dump and compare, lie beside the project and run as they are.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("flowgauge.nfstream")

SHARED = Path(__file__).resolve().parents[3] / "shared"
FOLDER = SHARED / "conformance"
REFERENCE = FOLDER / "reference"
# `dump.py` forks a child for each capture, which then finds the module imported.
IMPORT_AND_RUN = "import runpy, sys, flowgauge.nfstream; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
# Besides those of `known.json`. nfstream loses every IPv4 packet whose total length is 0, as a network card leaves it that
# is to do the cutting (TSO); its length is that of the frame. There are 438 of them, and without them nothing differs.
OFFLOADED = "anydesk-2.pcap"
OFFLOADED_FRAMES = 438
A_FEW = ["ajp.pcap", "6in4tunnel.pcap", "443-curl.pcap"]

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the results of nfstream 6.6.0 are not on this machine")


def variants() -> list[str]:
    return sorted(path.name for path in REFERENCE.iterdir()) if REFERENCE.is_dir() else []


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], check=False, capture_output=True, text=True)


def dump(out: Path, variants: str, *program: str, captures: Path = SHARED / "corpus") -> str:
    """Dumps all flows of all captures; what it printed."""
    options = ("--impl", "flowgauge.nfstream:NFStreamer", "--pcaps", str(captures), "--out", str(out))
    ran = run(*program, str(FOLDER / "dump.py"), *options, "--variants", variants)
    return ran.stdout + ran.stderr


def compare(reference: Path, got: Path, variants: str, known: Path = FOLDER / "known.json") -> tuple[int, str]:
    options = ("--ref", str(reference), "--got", str(got), "--variants", variants, "--allow", str(known))
    ran = run(str(FOLDER / "compare.py"), *options)
    return ran.returncode, ran.stdout + ran.stderr


def reference_of(names: list[str], folder: Path) -> Path:
    """The reference of a few captures alone."""
    for variant in variants():
        (folder / variant).mkdir(parents=True)
        for name in names:
            (folder / variant / f"{name}.csv.gz").symlink_to(REFERENCE / variant / f"{name}.csv.gz")
    return folder


def without_offloaded(capture: bytes) -> tuple[bytes, int]:
    """A little-endian pcapng without the Ethernet frames whose IPv4 total length is 0, and how many those were."""
    kept, at, lost = bytearray(), 0, 0
    while at < len(capture):
        kind, length = struct.unpack_from("<II", capture, at)
        frame = capture[at + 28 : at + length]
        if kind == 6 and frame[12:15] == b"\x08\x00\x45" and frame[16:18] == bytes(2):
            lost += 1
        else:
            kept += capture[at : at + length]
        at += length
    return bytes(kept), lost


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Where the dumps of all variants are, two made at a time, and what was printed on the way."""
    out = tmp_path_factory.mktemp("conformance")
    with ThreadPoolExecutor(2) as pool:
        printed = pool.map(lambda variant: dump(out, variant, "-c", IMPORT_AND_RUN), variants())
        return out, dict(zip(variants(), printed, strict=True))


@pytest.mark.parametrize("variant", variants())
def test_every_capture_gives_what_nfstream_gives(
    dumped: tuple[Path, dict[str, str]], tmp_path: Path, variant: str
) -> None:
    out, printed = dumped
    known = json.loads((FOLDER / "known.json").read_text(encoding="utf-8"))
    more = tmp_path / "known.json"
    more.write_text(json.dumps({OFFLOADED: "IPv4 packets without a total length", **known}), encoding="utf-8")
    status, differences = compare(REFERENCE, out, variant, more)
    assert status == 0, f"{differences}\n{printed[variant]}"


def test_without_the_packets_that_nfstream_loses_nothing_differs(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    capture, lost = without_offloaded((SHARED / "corpus" / OFFLOADED).read_bytes())
    assert lost == OFFLOADED_FRAMES
    (captures / OFFLOADED).write_bytes(capture)
    reference = reference_of([OFFLOADED], tmp_path / "reference")
    printed = dump(tmp_path / "got", ",".join(variants()), "-c", IMPORT_AND_RUN, captures=captures)
    status, differences = compare(reference, tmp_path / "got", ",".join(variants()))
    assert status == 0, f"{differences}\n{printed}"


def test_both_programs_run_as_they_are_and_notice_a_difference(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    for name in A_FEW:
        (captures / name).symlink_to(SHARED / "corpus" / name)
    reference = reference_of(A_FEW, tmp_path / "reference")
    printed = dump(tmp_path / "got", "short", captures=captures)
    status, differences = compare(reference, tmp_path / "got", "short")
    assert status == 0, f"{differences}\n{printed}"

    changed = tmp_path / "got" / "short" / "443-curl.pcap.csv"
    changed.write_text(changed.read_text(encoding="utf-8").replace("443", "444"), encoding="utf-8")
    status, differences = compare(reference, tmp_path / "got", "short")
    assert status == 1 and "443-curl.pcap" in differences
