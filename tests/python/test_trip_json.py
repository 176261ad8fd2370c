"""Lines of JSON of every capture, read back by json, pandas, polars, pyarrow and duckdb: exactly what the flows say."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from trips import Trip, Trips, names, same

from flowgauge import Streamer

INTS = ("uint8", "uint16", "uint32", "uint64", "int64", "int", "time", "duration")


def file(trip: Trip) -> Path:
    return trip.by_command("flows.jsonl", "-F", "all")


def objects(path: Path) -> list[dict[str, Any]]:
    # Not splitlines: that would split at U+2028 too.
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]


def test_json(trip: Trip) -> None:
    records = objects(file(trip))
    for record in records:
        assert list(record) == list(trip.types)
    for name in trip.types:
        same([record[name] for record in records], trip.text(name), name)


def test_python_writes_the_same(trip: Trip) -> None:
    assert trip.by_python("flows.jsonl", Streamer.to_json).read_bytes() == file(trip).read_bytes()


def test_a_flow_as_text_is_a_part_of_its_line(trip: Trip) -> None:
    for line, record in zip(trip.lines, objects(file(trip)), strict=True):
        for name, cell in json.loads(line).items():
            assert repr(cell) == repr(record[name]), name


def test_pandas_reads_all_at_once(trips: Trips) -> None:
    pandas = pytest.importorskip("pandas")
    all_of = trips.all(names())
    types = all_of[0].types
    # One file of all, since with so many columns most of its time goes into beginning.
    whole = io.BytesIO(b"".join(file(trip).read_bytes() for trip in all_of))
    frame = pandas.read_json(whole, lines=True, dtype=False, precise_float=True)
    assert list(frame) == list(types)
    for name, type_ in types.items():
        cells = [None if cell is None or cell != cell else cell for cell in frame[name].tolist()]
        # A column of numbers with a null becomes one of floats.
        if type_ in INTS and frame[name].dtype == float:
            cells = [None if cell is None else int(cell) for cell in cells if cell is None or cell.is_integer()]
        same(cells, [cell for trip in all_of for cell in trip.text(name)], name)


def test_polars(trip: Trip) -> None:
    polars = pytest.importorskip("polars")
    names: dict[str, Any] = {"float": polars.Float64, "float64": polars.Float64, "bool": polars.Boolean, "text": polars.String}
    names |= dict.fromkeys(INTS, polars.Int64)
    lists = {name: polars.List(names[inner(type_)]) for name, type_ in trip.types.items() if inner(type_)}
    frame = polars.read_ndjson(file(trip), schema={name: names.get(type_) for name, type_ in trip.types.items()} | lists)
    for name in trip.types:
        same(frame[name].to_list(), trip.text(name), name)


def inner(type_: str) -> str:
    """What is in a list of this type; empty for what is none."""
    return type_.removeprefix("list").strip("[] ").removeprefix("of ") if type_.startswith("list") else ""


def test_pyarrow(trip: Trip) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    reader = pytest.importorskip("pyarrow.json")
    names: dict[str, Any] = {"float": pyarrow.float64(), "float64": pyarrow.float64(), "bool": pyarrow.bool_()}
    names |= {"text": pyarrow.string(), **dict.fromkeys(INTS, pyarrow.int64())}
    lists = {name: pyarrow.list_(names[inner(type_)]) for name, type_ in trip.types.items() if inner(type_)}
    schema = pyarrow.schema({name: names.get(type_) for name, type_ in trip.types.items()} | lists)
    if not trip.lines:
        pytest.skip("pyarrow refuses an empty file")
    options = reader.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    table = reader.read_json(file(trip), reader.ReadOptions(use_threads=False), options)
    for name in trip.types:
        same(table.column(name).to_pylist(), trip.text(name), name)


def test_duckdb_reads_all_at_once(trips: Trips) -> None:
    duckdb = pytest.importorskip("duckdb")
    kinds = {"float": "DOUBLE", "float64": "DOUBLE", "bool": "BOOLEAN", "text": "VARCHAR", **dict.fromkeys(INTS, "BIGINT")}
    all_of = trips.all(names())
    types = all_of[0].types
    columns = {name: kinds.get(type_) or f"{kinds[inner(type_)]}[]" for name, type_ in types.items()}
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(
            "select * from read_json($paths, columns = $columns, format = 'newline_delimited')",
            {"paths": [str(file(trip)) for trip in all_of], "columns": columns},
        ).fetchall()
    for place, name in enumerate(types):
        same([row[place] for row in found], [cell for trip in all_of for cell in trip.text(name)], name)
