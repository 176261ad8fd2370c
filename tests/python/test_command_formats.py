"""What the command writes, read back by somebody else's reader: `csv`, `json` and pandas, for captures and hostile texts."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from captures import HOSTILE, hostile

def flowgauge(*arguments: str) -> bytes:
    command = [sys.executable, "-m", "flowgauge", "-q", "-j", "0", *arguments]
    return subprocess.run(command, capture_output=True, check=False).stdout


def objects(out: bytes) -> list[dict[str, Any]]:
    # Not splitlines: that would split at U+2028 too.
    return [json.loads(line) for line in out.decode().split("\n")[:-1]]


def rows(out: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out.decode(), newline="")))


def as_field(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def unmarked(text: str) -> str:
    return text[1:] if text.startswith("'") else text


def test_hostile_texts_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "hostile.pcap"
    path.write_bytes(hostile())
    fields = ["-r", str(path), "-F", "src_port,user_agent"]
    records = objects(flowgauge(*fields))
    # What surrounds a field of HTTP is none of it.
    told = [record["user_agent"] for record in records]
    assert [text for text in HOSTILE if text.strip(" \t") not in told] == []
    exact = rows(flowgauge(*fields, "-o", "csv", "--verbatim"))
    assert [row["user_agent"] for row in exact] == told
    safe = rows(flowgauge(*fields, "-o", "csv"))
    assert [unmarked(row["user_agent"]) for row in safe] == told
    assert not any(row["user_agent"].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in safe)
    frame = pd.read_csv(io.BytesIO(flowgauge(*fields, "-o", "csv", "--verbatim")), keep_default_na=False)
    assert frame["user_agent"].tolist() == told
    assert [int(row["src_port"]) for row in safe] == [record["src_port"] for record in records]


@pytest.mark.parametrize("name", ["web.pcap", "story.pcap", "cut_in_packet.pcap", "mixed.pcapng", "tls.pcap"])
def test_every_column_of_a_capture_of_ours_reads_the_same_in_every_form(name: str, data: Path, tmp_path: Path) -> None:
    same_in_every_form(data / name, tmp_path)


def same_in_every_form(capture: Path, folder: Path) -> None:
    fields = ["-r", str(capture), "-F", "all", "--splt", "3", "--metric", "sizes=packet.size.first(2)"]
    records = objects(flowgauge(*fields))
    table = rows(flowgauge(*fields, "-o", "csv", "--verbatim"))
    assert len(table) == len(records)
    for row, record in zip(table, records, strict=True):
        assert list(row) == list(record)
        assert row == {name: as_field(value) for name, value in record.items()}, capture
    # A damaged capture leaves what was before the damage in the part.
    target = folder / f"{capture.name}.jsonl.gz"
    flowgauge(*fields, "-w", str(target))
    written = target if target.exists() else target.with_name(f"{target.name}.part")
    assert objects(gzip.decompress(written.read_bytes())) == records
