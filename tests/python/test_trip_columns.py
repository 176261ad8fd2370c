"""Parquet, Feather and Arrow's stream of every capture, read back by pyarrow, polars, pandas and duckdb: what the flows say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trips import Trip, Trips, names, own, same

from flowgauge import Streamer

duckdb = pytest.importorskip("duckdb")
pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
ipc = pytest.importorskip("pyarrow.ipc")
parquet = pytest.importorskip("pyarrow.parquet")


def parquet_file(trip: Trip) -> Path:
    return trip.by_command("flows.parquet")


def feather_file(trip: Trip) -> Path:
    return trip.by_python("flows.feather", Streamer.to_feather)


def stream_file(trip: Trip) -> Path:
    return trip.by_command("flows.arrows")


def of_arrow(table: Any, trip: Trip) -> None:
    assert table.column_names == list(trip.types)
    for name, column in zip(table.column_names, table.columns, strict=True):
        numbers = pyarrow.types.is_timestamp(column.type) or pyarrow.types.is_duration(column.type)
        same((column.cast(pyarrow.int64()) if numbers else column).to_pylist(), trip.cells[name], name)


def of_polars(frame: Any, trip: Trip) -> None:
    assert frame.columns == list(trip.types)
    for name in trip.types:
        column = frame[name]
        same((column.cast(polars.Int64) if column.dtype.is_temporal() else column).to_list(), trip.cells[name], name)


def of_pandas(frame: Any, trip: Trip) -> None:
    """A frame of pandas over Arrow."""
    assert list(frame) == list(trip.types)
    of_arrow(pyarrow.table({name: frame[name].array.__arrow_array__() for name in frame}), trip)


def read_file(path: Path) -> Any:
    with ipc.open_file(path) as reader:
        return reader.read_all()


def read_stream(path: Path) -> Any:
    with ipc.open_stream(path) as reader:
        return reader.read_all()


@pytest.mark.parametrize("name", own())
def test_python_and_the_command_write_the_same(name: str, trips: Trips) -> None:
    trip = trips[name]
    assert trip.by_python("flows.parquet", Streamer.to_parquet).read_bytes() == parquet_file(trip).read_bytes()
    assert trip.by_command("flows.arrow").read_bytes() == feather_file(trip).read_bytes()


def test_parquet_by_pyarrow(trip: Trip) -> None:
    read = parquet.ParquetFile(parquet_file(trip)).read()
    of_arrow(read, trip)
    wanted = read_file(feather_file(trip)).schema
    assert read.schema.equals(wanted, check_metadata=False)
    for field in wanted:
        assert (read.schema.field(field.name).metadata or {}).items() >= (field.metadata or {}).items()


def test_parquet_by_polars(trip: Trip) -> None:
    of_polars(polars.read_parquet(parquet_file(trip)), trip)


def test_parquet_by_pandas(trip: Trip) -> None:
    of_pandas(pandas.read_parquet(parquet_file(trip), dtype_backend="pyarrow"), trip)


def test_duckdb_reads_all_parquet_at_once(trips: Trips) -> None:
    all_of = trips.all(names())
    with duckdb.connect(config={"threads": 1}) as connection:
        files = [str(parquet_file(trip)) for trip in all_of]
        read = connection.sql(f"select * from read_parquet({files})").to_arrow_table()
    assert read.column_names == list(all_of[0].types)
    for name, column in zip(read.column_names, read.columns, strict=True):
        wanted = [cell for trip in all_of for cell in trip.cells[name]]
        if pyarrow.types.is_timestamp(column.type):
            # Before version 2 it keeps microseconds of times with a zone.
            unit = {"ns": 1, "us": 1000}[column.type.unit]
            wanted = [cell if cell is None else cell // unit for cell in wanted]
            column = column.cast(pyarrow.int64())
        same(column.to_pylist(), wanted, name)


def test_feather_by_pyarrow(trip: Trip) -> None:
    of_arrow(feather.read_table(feather_file(trip)), trip)


def test_feather_by_polars(trip: Trip) -> None:
    of_polars(polars.read_ipc(feather_file(trip)), trip)


def test_feather_by_pandas(trip: Trip) -> None:
    of_pandas(pandas.read_feather(feather_file(trip), dtype_backend="pyarrow"), trip)


def test_a_stream_by_pyarrow(trip: Trip) -> None:
    read = read_stream(stream_file(trip))
    of_arrow(read, trip)
    assert read.schema.equals(read_file(feather_file(trip)).schema, check_metadata=True)


def test_a_stream_by_polars(trip: Trip) -> None:
    of_polars(polars.read_ipc_stream(stream_file(trip)), trip)


def test_duckdb_selects_from_streams(trips: Trips) -> None:
    columns = ["flow_id", "user_agent", "splt_gap", "size_stddev"]
    with duckdb.connect(config={"threads": 1}) as connection:
        for trip in trips.all(own()):
            flows = read_stream(stream_file(trip))
            assert len(flows) == len(trip.lines)
            found = connection.execute(f"select {', '.join(columns)} from flows").fetchall()
            for place, name in enumerate(columns):
                same([row[place] for row in found], trip.cells[name], name)
