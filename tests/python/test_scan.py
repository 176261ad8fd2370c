"""Captures as a lazy frame of Polars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from captures import Story, conversations

import flowgauge
from flowgauge import Streamer, packet, scan

polars = pytest.importorskip("polars")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, count in enumerate([3, 0, 5]):
        (tmp_path / f"{index}.pcap").write_bytes(conversations(count) if count else Story().pcap())
    return tmp_path


def test_a_query_gives_what_the_frame_gives(folder: Path) -> None:
    path = folder / "2.pcap"
    frame = Streamer(path).to_polars()
    query = scan(path).filter(polars.col("src_port") > 2).select("src_port", "pkts").sort("src_port")
    assert query.collect().equals(frame.filter(polars.col("src_port") > 2).select("src_port", "pkts").sort("src_port"))
    assert scan(path).collect().schema == frame.schema == scan(path).collect_schema()


def test_the_source_is_a_path_a_pattern_or_a_list(folder: Path) -> None:
    sources: list[tuple[Any, int]] = [
        (folder / "0.pcap", 3),
        (str(folder / "*.pcap"), 8),
        ([folder / "2.pcap", str(folder / "[01].pcap")], 8),
    ]
    for source, count in sources:
        assert scan(source).select(polars.len()).collect().item() == count
        assert scan(source).select("pkts").collect().height == count
    grouped = scan(folder / "*.pcap").group_by("src_port").agg(polars.col("pkts").sum()).sort("src_port").collect()
    assert grouped["pkts"].to_list() == [4, 4, 4, 2, 2]
    names = scan(folder / "*.pcap").group_by("application_name").agg(polars.len()).collect()
    assert names["len"].sum() == 8


def test_only_what_the_query_needs_is_metered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    batches = Streamer.batches

    class Spy:
        def __init__(self, *args: Any, **options: Any) -> None:
            self.streamer = Streamer(*args, **options)

        def __arrow_c_schema__(self) -> Any:
            return self.streamer.__arrow_c_schema__()

        def batches(self, rows: int, columns: Any) -> Any:
            asked.append((rows, columns))
            return batches(self.streamer, rows, columns)

    monkeypatch.setitem(scan.__globals__, "Streamer", Spy)
    scan(folder / "2.pcap", statistics=True).filter(polars.col("size_max") > 1).select("pkts").collect()
    assert [sorted(columns) for _, columns in asked] == [["pkts", "size_max"]]
    asked.clear()
    assert scan(folder / "*.pcap").select("pkts").head(4).collect().height == 4
    assert [rows for rows, _ in asked] == [4, 1, 1]


def test_options_and_expressions_are_those_of_a_streamer(folder: Path) -> None:
    frame = scan(folder / "0.pcap", user_metrics={"total": packet.size.sum()}).select("total").collect()
    assert frame.schema == {"total": polars.Int64}
    with pytest.raises(ValueError, match="make it an expression"):
        scan(folder / "0.pcap", user_metrics={"n": lambda packet, flow: None})
    with pytest.raises(TypeError):
        scan(folder / "0.pcap", nonsense=1)


def test_what_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no capture file fits"):
        scan(folder / "*.cap")
    with pytest.raises(ValueError, match="source must be"):
        scan([])
    with pytest.raises(Exception, match="no such capture file"):
        scan(folder / "missing.pcap").collect()
