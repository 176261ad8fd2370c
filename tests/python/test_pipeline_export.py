"""Flows of a pipeline into files."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from flowgauge import Streamer
from flowgauge.errors import FlowgaugeError
from flowgauge.pipeline import ExportSink, Flows, HTTPMeta, PacketMeta, PacketStreamer, branch


def rows(text: str) -> list[dict[str, str]]:
    return sorted(csv.DictReader(io.StringIO(text)), key=lambda row: (row["flow_id"], row["segment"]))


@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("halves", [False, True])
def test_it_writes_what_a_streamer_writes(data: Path, tmp_path: Path, statistics: bool, halves: bool) -> None:
    ours, theirs = tmp_path / "pipeline.csv.gz", tmp_path / "streamer.csv"
    flows = Flows(statistics=statistics, halves=halves)
    sink = ExportSink(ours, statistics=statistics)
    (PacketStreamer(data / "http.pcap") | PacketMeta() | flows | HTTPMeta() | sink).pull()
    Streamer(data / "http.pcap", workers=0, statistics=statistics).to_csv(theirs)
    written = rows(gzip.decompress(ours.read_bytes()).decode())
    assert written == rows(theirs.read_text()) and len(written) == sink.counts["flows"] > 0
    assert ("size_mean" in written[0]) == statistics


def test_the_form_is_that_of_the_name(data: Path, tmp_path: Path) -> None:
    columns = ["dst_port", "pkts"]
    ways = {name: ExportSink(tmp_path / f"flows.{name}", columns=columns) for name in ["csv", "jsonl", "parquet", "arrow"]}
    (PacketStreamer(data / "dns.pcap") | Flows() | branch(**ways, ipfix=ExportSink(tmp_path / "flows.ipfix"))).pull()
    table = pyarrow.parquet.read_table(tmp_path / "flows.parquet")
    assert table.column_names == columns and sum(table["pkts"].to_pylist()) == 12
    assert pyarrow.ipc.open_file(tmp_path / "flows.arrow").read_all().to_pylist() == table.to_pylist()
    assert len((tmp_path / "flows.jsonl").read_text().splitlines()) == table.num_rows
    assert (tmp_path / "flows.ipfix").read_bytes()[:2] == b"\0\x0a"


def test_a_file_that_is_not_whole_has_no_name(data: Path, tmp_path: Path) -> None:
    def fails(item: Any) -> Any:
        raise RuntimeError("no more")

    path = tmp_path / "flows.csv"
    with pytest.raises(RuntimeError, match="no more"):
        (PacketStreamer(data / "dns.pcap") | Flows() | fails | ExportSink(path)).pull()
    with pytest.raises(RuntimeError, match="no more"):
        (PacketStreamer(data / "dns.pcap") | Flows() | fails | branch(file=ExportSink(path))).pull()
    with pytest.raises(FlowgaugeError, match="put Flows before it"):
        (PacketStreamer(data / "dns.pcap") | PacketMeta() | ExportSink(path)).pull()
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_says_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="path must end as that of a file of flows"):
        ExportSink(tmp_path / "flows.txt")
    with pytest.raises(ValueError, match="columns must be among"):
        ExportSink(tmp_path / "flows.csv", columns=["nothing"])
    with pytest.raises(ValueError, match="needs the option statistics=True"):
        ExportSink(tmp_path / "flows.csv", columns=["size_mean"])
    with pytest.raises(ValueError, match="compressed inside"):
        ExportSink(tmp_path / "flows.parquet.gz")
    with pytest.raises(ValueError, match="IANA has no element"):
        ExportSink(tmp_path / "flows.ipfix", columns=["ip_bytes"])
