"""Every capture of the corpus gives what nfstream 6.6.0 gave, in every variant of options there is a reference for.

The reference, and the two programs that dump and compare, lie beside the project and run as they are.
"""

from __future__ import annotations

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
A_FEW = ["ajp.pcap", "6in4tunnel.pcap", "443-curl.pcap"]

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the results of nfstream 6.6.0 are not on this machine")


def variants() -> list[str]:
    return sorted(path.name for path in REFERENCE.iterdir()) if REFERENCE.is_dir() else []


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], check=False, capture_output=True, text=True)


def dump(out: Path, variant: str, *program: str, captures: Path = SHARED / "corpus") -> str:
    """Dumps all flows of all captures; what it printed."""
    options = ("--impl", "flowgauge.nfstream:NFStreamer", "--pcaps", str(captures), "--out", str(out))
    ran = run(*program, str(FOLDER / "dump.py"), *options, "--variants", variant)
    return ran.stdout + ran.stderr


def compare(reference: Path, got: Path, variant: str) -> tuple[int, str]:
    options = ("--ref", str(reference), "--got", str(got), "--variants", variant)
    ran = run(str(FOLDER / "compare.py"), *options, "--allow", str(FOLDER / "known.json"))
    return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def dumped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Where the dumps of all variants are, two made at a time, and what was printed on the way."""
    out = tmp_path_factory.mktemp("conformance")
    with ThreadPoolExecutor(2) as pool:
        printed = pool.map(lambda variant: dump(out, variant, "-c", IMPORT_AND_RUN), variants())
        return out, dict(zip(variants(), printed, strict=True))


@pytest.mark.parametrize("variant", variants())
def test_every_capture_gives_what_nfstream_gives(dumped: tuple[Path, dict[str, str]], variant: str) -> None:
    out, printed = dumped
    status, differences = compare(REFERENCE, out, variant)
    assert status == 0, f"{differences}\n{printed[variant]}"


def test_both_programs_run_as_they_are_and_notice_a_difference(tmp_path: Path) -> None:
    captures, reference = tmp_path / "captures", tmp_path / "reference" / "short"
    captures.mkdir()
    reference.mkdir(parents=True)
    for name in A_FEW:
        (captures / name).symlink_to(SHARED / "corpus" / name)
        (reference / f"{name}.csv.gz").symlink_to(REFERENCE / "short" / f"{name}.csv.gz")
    printed = dump(tmp_path / "got", "short", captures=captures)
    status, differences = compare(tmp_path / "reference", tmp_path / "got", "short")
    assert status == 0, f"{differences}\n{printed}"

    changed = tmp_path / "got" / "short" / "443-curl.pcap.csv"
    changed.write_text(changed.read_text(encoding="utf-8").replace("443", "444"), encoding="utf-8")
    status, differences = compare(tmp_path / "reference", tmp_path / "got", "short")
    assert status == 1 and "443-curl.pcap" in differences
