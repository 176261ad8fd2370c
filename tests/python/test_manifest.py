"""The digest of a manifest, computed again by hashlib from what docs/manifest.md says and the command wrote."""

from __future__ import annotations

import csv
import hashlib
import ipaddress
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flowgauge

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = {column.name: column for column in flowgauge.columns()}
# Lists, texts and flags, numbers with a fraction and below 0, nulls, addresses; nothing that is told in milliseconds.
PLAIN = [name for name, column in COLUMNS.items() if column.type not in ("time", "duration")]


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the program of the page defines."""
    text = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert program is not None
    names: dict[str, Any] = {}
    exec(compile(program[1].replace("print(", "str("), "manifest.md", "exec"), names)
    return names


def write(capture: Path, target: Path, *options: str) -> dict[str, Any]:
    """Writes the flows of a capture, and gives the manifest."""
    command = [sys.executable, "-m", "flowgauge", "-q", "-r", str(capture), "-w", str(target), "--splt", "3", *options]
    subprocess.run(command, check=True)
    manifest: dict[str, Any] = json.loads(Path(f"{target}.manifest.json").read_text(encoding="utf-8"))
    return manifest


def of_json(name: str, value: Any) -> Any:
    return ipaddress.ip_address(value) if name in ("ip_src", "ip_dst") else value


def of_field(name: str, field: str) -> Any:
    """What a field of CSV stands for, by the type of its column."""
    kind = COLUMNS[name].type
    if field == "" and COLUMNS[name].nullable:
        return None
    if name in ("ip_src", "ip_dst"):
        return ipaddress.ip_address(field)
    if kind == "bool":
        return {"true": True, "false": False}[field]
    if kind == "text":
        return field
    if kind == "float64":
        return float(field)
    return json.loads(field) if kind.startswith("list") else int(field)


@pytest.mark.parametrize("name", ["web.pcap", "story.pcap", "mixed.pcapng", "tls.pcap", "cooked2.pcap"])
def test_the_digest_of_json_is_that_of_the_page(name: str, data: Path, tmp_path: Path, page: dict[str, Any]) -> None:
    target = tmp_path / "flows.jsonl"
    metric = "--metric", "mean=packet.size.mean()", "--metric", "gaps=packet.size.first(2)"
    manifest = write(data / name, target, "-F", ",".join([*PLAIN, "mean", "gaps"]), *metric)
    records = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    rows = [[of_json(column, record[column]) for column in manifest["columns"]] for record in records]
    assert len(rows) == manifest["records"] > 0
    assert page["digest"](rows) == manifest["digest"]
    assert page["digest"](rows[::-1]) == manifest["digest"]
    assert page["digest"](rows[1:]) != manifest["digest"]


@pytest.mark.parametrize("name", ["web.pcap", "story.pcap", "tls.pcap"])
def test_the_digest_of_csv_is_that_of_the_page(name: str, data: Path, tmp_path: Path, page: dict[str, Any]) -> None:
    target = tmp_path / "flows.csv"
    manifest = write(data / name, target, "-F", ",".join(PLAIN), "--verbatim")
    with target.open(newline="", encoding="utf-8") as file:
        rows = [[of_field(column, row[column]) for column in manifest["columns"]] for row in csv.DictReader(file)]
    assert page["digest"](rows) == manifest["digest"]


def test_times_are_in_the_digest_with_all_their_nanoseconds(data: Path, tmp_path: Path, page: dict[str, Any]) -> None:
    manifest = write(data / "web.pcap", tmp_path / "flows.csv", "-F", "start_time,duration")
    cell: Callable[[Any], bytes] = page["cell"]
    number: Callable[[int], bytes] = page["number"]
    total = 0
    for flow in flowgauge.Streamer(str(data / "web.pcap")):
        nanos = flow.end_time_ns - flow.start_time_ns
        row = b"\x09" + flow.start_time_ns.to_bytes(8, "little", signed=True) + b"\x0a" + number(nanos)
        total += int.from_bytes(hashlib.sha256(row).digest(), "big")
    assert f"{total % 2**256:064x}" == manifest["digest"]
    assert cell(-1) == b"\x03\x00" and number(300) == b"\xac\x02"


def test_the_manifest_has_the_sha256_of_both_files(data: Path, tmp_path: Path) -> None:
    manifest = write(data / "web.pcap", tmp_path / "flows.csv.gz")

    def sha256(path: str) -> str:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()

    for file in [manifest["output"], *manifest["inputs"]]:
        assert sha256(file["path"]) == file["sha256"]
    done = subprocess.run(
        [sys.executable, "-m", "flowgauge", "verify", str(tmp_path / "flows.csv.gz")], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.startswith("equal ") for line in done.stdout.splitlines())
