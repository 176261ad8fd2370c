"""Files of columns, read back by pyarrow, polars, pandas and duckdb: they hold what the flows say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from captures import Story, conversations, hostile

import flowgauge
from flowgauge import Streamer

pyarrow = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")
pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
feather = pytest.importorskip("pyarrow.feather")
ipc = pytest.importorskip("pyarrow.ipc")
parquet = pytest.importorskip("pyarrow.parquet")

EVERYTHING: dict[str, Any] = {"statistics": True, "splt": 3, "tcp_analysis": True, "application_fields": True, "workers": 0}
CAPTURES: dict[str, Any] = {
    "empty": Story().pcap(),
    "hostile": hostile(),
    # More than a row group holds.
    "many": conversations(70_000),
}


@pytest.fixture(params=CAPTURES)
def streamer(request: pytest.FixtureRequest) -> Iterator[Streamer]:
    # Many flows with few columns, since the slow part are the readers.
    options = {"workers": 0} if request.param == "many" else EVERYTHING
    yield Streamer(CAPTURES[request.param], **options)


def wanted(streamer: Streamer) -> Any:
    """What pyarrow has without a file, in one piece, and with one dictionary."""
    return streamer.to_arrow()


def plain(table: Any) -> dict[str, list[Any]]:
    """The cells, times and durations as whole nanoseconds."""
    cells = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        numbers = pyarrow.types.is_timestamp(column.type) or pyarrow.types.is_duration(column.type)
        cells[name] = (column.cast(pyarrow.int64()) if numbers else column).to_pylist()
    return cells


def same(one: Any, other: Any) -> None:
    mine, theirs = plain(one), plain(other)
    assert list(mine) == list(theirs)
    for name, cells in mine.items():
        assert cells == theirs[name], name


def stream(streamer: Streamer, path: Path) -> int:
    """The command's own stream."""
    capture = path.with_suffix(".pcap")
    data = streamer.source
    capture.write_bytes(data if isinstance(data, bytes) else Path(data).read_bytes())
    options = ["--statistics", "--splt", "3", "--tcp-analysis", "--application-fields"] if streamer.statistics else []
    command = [sys.executable, "-m", "flowgauge", "-q", "-j", "0", *options, "-r", str(capture), "-w", str(path)]
    subprocess.run(command, check=True)
    return len(streamer.to_arrow(columns=["flow_id"]))


def opened(path: Path, open_: Callable[[Any], Any]) -> Any:
    with pyarrow.OSFile(str(path)) as file:
        return open_(file).read_all()


def test_parquet_is_read_by_others_as_the_flows_are(streamer: Streamer, tmp_path: Path) -> None:
    path, table = tmp_path / "flows.parquet", wanted(streamer)
    assert streamer.to_parquet(path) == len(table)
    assert os.listdir(tmp_path) == ["flows.parquet"]
    read = parquet.ParquetFile(path).read()
    assert read.schema.equals(table.schema, check_metadata=False)
    for field in table.schema:
        assert read.schema.field(field.name).metadata.items() >= field.metadata.items()
    same(read, table)
    same(polars.read_parquet(path).to_arrow().cast(table.schema), table)
    frame = pandas.read_parquet(path, dtype_backend="pyarrow")
    same(pyarrow.Table.from_pandas(frame, preserve_index=False).select(table.column_names).cast(table.schema), table)
    with duckdb.connect() as connection:
        found = connection.sql(f"select * from read_parquet('{path}')").to_arrow_table()
        # Duckdb keeps microseconds of times with a zone, unless they are asked for as they are.
        exact = [name for name in table.column_names if not pyarrow.types.is_timestamp(table.schema.field(name).type)]
        same(found.select(exact).cast(pyarrow.schema([table.schema.field(name) for name in exact])), table.select(exact))


def test_feather_is_read_by_others_as_the_flows_are(streamer: Streamer, tmp_path: Path) -> None:
    path, table = tmp_path / "flows.feather", wanted(streamer)
    assert streamer.to_feather(path) == len(table)
    assert os.listdir(tmp_path) == ["flows.feather"]
    read = opened(path, ipc.open_file)
    assert read.schema.equals(table.schema, check_metadata=True)
    same(read, table)
    same(feather.read_table(path), table)
    same(polars.read_ipc(path).to_arrow().cast(table.schema), table)
    same(polars.scan_ipc(path).collect().to_arrow().cast(table.schema), table)
    frame = pandas.read_feather(path, dtype_backend="pyarrow")
    same(pyarrow.Table.from_pandas(frame, preserve_index=False).cast(table.schema), table)
    with duckdb.connect() as connection:
        assert connection.execute("select count(*) from read").fetchone() == (len(table),)


@pytest.mark.parametrize("name", ["empty", "hostile", "many"])
def test_a_stream_is_read_by_others_as_the_flows_are(name: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.arrows"
    streamer = Streamer(CAPTURES[name], workers=0)
    stream(streamer, path)
    table = wanted(streamer)
    read = opened(path, ipc.open_stream)
    assert read.schema.equals(table.schema, check_metadata=True)
    same(read, table)
    same(polars.read_ipc_stream(path).to_arrow().cast(table.schema), table)


class Seven:
    def on_packet(self, packet: flowgauge.PacketInformation, flow: flowgauge.LiveFlow) -> None:
        pass

    def on_end(self, flow: flowgauge.LiveFlow) -> int:
        return 7


class Odd:
    """An int as long as a row group may be, then text."""

    def on_packet(self, packet: flowgauge.PacketInformation, flow: flowgauge.LiveFlow) -> None:
        pass

    def on_end(self, flow: flowgauge.LiveFlow) -> int | str:
        return flow.flow_id if flow.flow_id < 65_540 else "text"


WRITERS = {"parquet": Streamer.to_parquet, "feather": Streamer.to_feather}
READERS: dict[str, Callable[[Path], Any]] = {"parquet": parquet.read_table, "feather": feather.read_table}


@pytest.mark.parametrize("form", WRITERS)
def test_columns_are_those_asked_for(form: str, tmp_path: Path) -> None:
    path = tmp_path / "flows"
    streamer = Streamer(conversations(5), user_metrics={"n": Seven})
    assert WRITERS[form](streamer, os.fsencode(path), columns=["n", "dst_port", "ip_src"]) == 5
    read = READERS[form](path)
    assert read.column_names == ["n", "dst_port", "ip_src"]
    assert read.column("n").to_pylist() == [7] * 5
    with pytest.raises(ValueError, match="nonsense"):
        WRITERS[form](streamer, path, columns=["nonsense"])
    with pytest.raises(TypeError, match="columns must be a list of names"):
        WRITERS[form](streamer, path, columns="ip_src")
    assert READERS[form](path).num_rows == 5


@pytest.mark.parametrize("form", WRITERS)
def test_what_cannot_be_written_is_pythons_own_error(form: str, tmp_path: Path) -> None:
    write, streamer = WRITERS[form], Streamer(conversations(5))
    with pytest.raises(FileNotFoundError):
        write(streamer, tmp_path / "nowhere" / "flows")
    with pytest.raises(IsADirectoryError):
        write(streamer, tmp_path)
    with pytest.raises(ValueError):
        write(streamer, "")
    with pytest.raises(OSError, match="/dev/full") as raised:
        write(streamer, "/dev/full")
    assert raised.value.errno == 28
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("write", [*WRITERS.values(), Streamer.to_csv])
def test_the_capture_itself_is_not_written_over(write: Callable[[Streamer, Path], int], tmp_path: Path) -> None:
    capture, link = tmp_path / "a.pcap", tmp_path / "link"
    capture.write_bytes(conversations(5))
    link.symlink_to(capture)
    for source in (capture, [str(capture)]):
        for path in (capture, link):
            with pytest.raises(ValueError, match="must not be the capture"):
                write(Streamer(source), path)
    assert capture.read_bytes() == conversations(5)


@pytest.mark.parametrize("form", WRITERS)
def test_a_metric_that_changes_its_type_leaves_no_file(form: str, tmp_path: Path) -> None:
    odd = {"odd": Odd}
    assert WRITERS[form](Streamer(conversations(3), user_metrics=odd), tmp_path / "good") == 3
    streamer = Streamer(conversations(65_600, packets=1), user_metrics=odd, workers=0, n_dissections=0)
    with pytest.raises(ValueError, match='"?odd"?.* was int64 in the first batch and is text now'):
        WRITERS[form](streamer, tmp_path / "bad", columns=["odd"])
    assert os.listdir(tmp_path) == ["good"]


@pytest.mark.parametrize("form", WRITERS)
def test_a_damaged_capture_leaves_what_was_before_the_damage(form: str, tmp_path: Path) -> None:
    target = tmp_path / "flows"
    with pytest.raises(flowgauge.CaptureError):
        WRITERS[form](Streamer(conversations(5)[:-5]), target)
    assert os.listdir(tmp_path) == ["flows.part"]
    assert READERS[form](tmp_path / "flows.part").num_rows == 5
