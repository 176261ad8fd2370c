"""CSV of every capture, read back by csv, pandas, polars, pyarrow and duckdb: exactly what the flows say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trips import Trip, Trips, names, own, same

from flowgauge import Streamer


def file(trip: Trip) -> Path:
    return trip.by_command("verbatim.csv", "--verbatim")


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text, strict=True))


def kind(type_: str) -> str:
    """What a reader is told of a column: lists are JSON and times whole milliseconds."""
    kinds = {"time": "int", "duration": "int", "float64": "float", "float": "float", "bool": "bool"}
    return kinds.get(type_, "int" if "int" in type_ and not type_.startswith("list") else "text")


def value(type_: str, field: str | None) -> Any:
    """What a field means; an empty one that is a text is what the reader makes of it."""
    if field is None or (field == "" and type_ != "text"):
        return None
    if type_.startswith("list"):
        return json.loads(field)
    # Python's own float is exact, and so is its int.
    meant: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "text": str, "bool": {"true": True, "false": False}.get}
    return meant[kind(type_)](field)


def no_null(cells: list[Any], type_: str) -> list[Any]:
    """For readers who take an empty text and none for the same."""
    return ["" if cell is None else cell for cell in cells] if type_ == "text" else cells


def unmarked(text: str) -> str:
    return text[1:] if text.startswith("'") else text


def test_csv(trip: Trip) -> None:
    head, *lines = rows(file(trip))
    assert head == list(trip.types)
    for place, (name, type_) in enumerate(trip.types.items()):
        found = [value(type_, line[place]) for line in lines]
        same(found, no_null(trip.text(name), type_), name)


def test_csv_for_a_spreadsheet(trip: Trip) -> None:
    safe = rows(trip.by_python("flows.csv", Streamer.to_csv))
    for line, wanted in zip(safe, rows(file(trip)), strict=True):
        for (name, type_), field, cell in zip(trip.types.items(), line, wanted, strict=True):
            assert (unmarked(field) if type_ == "text" else field) == cell, name
            assert type_ != "text" or not field.startswith(("=", "+", "-", "@", "\t", "\r", "\n")), name


@pytest.mark.parametrize("name", own())
def test_python_and_the_command_write_the_same(name: str, trips: Trips) -> None:
    trip = trips[name]
    assert trip.by_command("flows.csv").read_bytes() == trip.by_python("flows.csv", Streamer.to_csv).read_bytes()


def test_pandas_reads_all_at_once(trips: Trips) -> None:
    pandas = pytest.importorskip("pandas")
    all_of = trips.all(names())
    types = all_of[0].types
    # One file of all, since with so many columns most of its time goes into beginning.
    head, *bodies = [file(trip).read_bytes().split(b"\r\n", 1) for trip in all_of]
    whole = b"".join([head[0], b"\r\n", head[1], *(body[1] for body in bodies)])
    kinds = {"int": "Int64", "float": "Float64", "bool": "boolean", "text": str}
    # Exact by default from 3.1 on, which warns of being told so.
    old = tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1)
    precise: Any = {"float_precision": "round_trip"} if old else {}
    numbers = {name: [""] for name, type_ in types.items() if kind(type_) != "text"}
    frame = pandas.read_csv(
        io.BytesIO(whole), dtype={name: kinds[kind(type_)] for name, type_ in types.items()},
        keep_default_na=False, na_values=numbers, **precise,
    )  # fmt: skip
    assert list(frame) == list(types)
    for name, type_ in types.items():
        cells = [None if cell is pandas.NA else cell for cell in frame[name].tolist()]
        found = [value(type_, cell) for cell in cells] if kind(type_) == "text" else cells
        same(found, no_null([cell for trip in all_of for cell in trip.text(name)], type_), name)


def test_polars(trip: Trip) -> None:
    polars = pytest.importorskip("polars")
    kinds = {"int": polars.Int64, "float": polars.Float64, "bool": polars.Boolean, "text": polars.String}
    frame = polars.read_csv(file(trip), schema={name: kinds[kind(type_)] for name, type_ in trip.types.items()})
    assert frame.columns == list(trip.types)
    for name, type_ in trip.types.items():
        cells = frame[name].to_list()
        same([value(type_, cell) for cell in cells] if kind(type_) == "text" else cells, trip.text(name), name)


def test_pyarrow(trip: Trip) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    reader = pytest.importorskip("pyarrow.csv")
    kinds = {"int": pyarrow.int64(), "float": pyarrow.float64(), "bool": pyarrow.bool_(), "text": pyarrow.string()}
    options = reader.ConvertOptions(
        column_types={name: kinds[kind(type_)] for name, type_ in trip.types.items()},
        null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
    )  # fmt: skip
    parse = reader.ParseOptions(newlines_in_values=True)
    table = reader.read_csv(file(trip), reader.ReadOptions(use_threads=False), parse, options)
    assert table.column_names == list(trip.types)
    for name, type_ in trip.types.items():
        cells = table.column(name).to_pylist()
        same([value(type_, cell) for cell in cells] if kind(type_) == "text" else cells, trip.text(name), name)


def test_duckdb_reads_all_at_once(trips: Trips) -> None:
    duckdb = pytest.importorskip("duckdb")
    kinds = {"int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "text": "VARCHAR"}
    all_of = trips.all(names())
    types = all_of[0].types
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(
            "select * from read_csv($paths, columns = $columns, header = true, delim = ',', quote = '\"', escape = '\"', "
            "auto_detect = false, allow_quoted_nulls = false, new_line = '\\r\\n')",
            {"paths": [str(file(trip)) for trip in all_of], "columns": {name: kinds[kind(type_)] for name, type_ in types.items()}},
        ).fetchall()
    for place, (name, type_) in enumerate(types.items()):
        cells = [row[place] for row in found]
        wanted = [cell for trip in all_of for cell in trip.text(name)]
        same([value(type_, cell) for cell in cells] if kind(type_) == "text" else cells, wanted, name)
