"""Flows as Arrow: the PyCapsule interface, and who takes it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captures import A, B, Story, conversations

import flowgauge
from flowgauge import FlowTable, Streamer, packet

pyarrow = pytest.importorskip("pyarrow")

CAPTURE = conversations(50)
EMPTY = Story().pcap()
EVERYTHING: dict[str, Any] = {"statistics": True, "splt": 3, "tcp_analysis": True, "application_fields": True}

ARROW = {
    "time": pyarrow.timestamp("ns", "UTC"),
    "duration": pyarrow.duration("ns"),
    "text": pyarrow.string(),
    "bool": pyarrow.bool_(),
    "float64": pyarrow.float64(),
    "list[text]": pyarrow.list_(pyarrow.string()),
}


def wanted(column: flowgauge.Column) -> Any:
    if column.type in ARROW:
        return ARROW[column.type]
    if column.type.startswith("list["):
        return pyarrow.list_(getattr(pyarrow, column.type[5:-1])())
    return getattr(pyarrow, column.type)()


@pytest.mark.parametrize("capture", [CAPTURE, EMPTY])
@pytest.mark.parametrize("through", [lambda s: s, lambda s: s.collect()])
def test_types_units_and_descriptions_are_those_of_the_columns(capture: bytes, through: Callable[[Streamer], Any]) -> None:
    table = pyarrow.table(through(Streamer(capture, **EVERYTHING)))
    assert table.num_rows == (50 if capture is CAPTURE else 0)
    names = {"application_name", "category_name", "tunnel", "tcp_end_state"}
    for field, column in zip(table.schema, flowgauge.columns(), strict=True):
        assert (field.name, field.nullable) == (column.name, column.nullable)
        assert field.metadata[b"description"].decode() in column.doc
        assert field.metadata.get(b"unit", b"").decode() == column.unit
        if column.name in names:
            assert field.type == pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        elif not pyarrow.types.is_dictionary(field.type):
            assert field.type == wanted(column), column
    assert table.schema == pyarrow.schema(Streamer(capture, **EVERYTHING))


def test_cells_are_those_of_the_flows() -> None:
    streamer = Streamer(CAPTURE, **EVERYTHING)
    flows = {flow.flow_id: flow for flow in streamer}
    rows = streamer.to_arrow().to_pylist()
    assert len(rows) == len(flows) == 50
    for row in rows:
        flow = flows[row["flow_id"]]
        for column in flowgauge.columns():
            value, cell = getattr(flow, column.name), row[column.name]
            if column.type in ("time", "duration") and value is not None:
                assert cell.value == getattr(flow, column.name + "_ns")
            else:
                assert cell == value, column


def addresses(table: Any) -> list[int]:
    """Where the memory of every column begins."""
    buffers = [buffer for column in table.columns for chunk in column.chunks for buffer in chunk.buffers()]
    return [buffer.address for buffer in buffers if buffer is not None]


def test_nothing_is_copied() -> None:
    table = Streamer(CAPTURE, **EVERYTHING).collect()
    one, other = pyarrow.table(table), pyarrow.table(table)
    assert addresses(one) == addresses(other) and len(addresses(one)) > 60
    assert all(column.num_chunks == 1 for column in one.columns)
    arrays = table.to_numpy(["pkts", "src_port", "start_time"])
    for name, array in arrays.items():
        assert array.__array_interface__["data"] == (one.column(name).chunk(0).buffers()[1].address, True)
    part = pyarrow.table(table.select(["bytes", "pkts"]))
    assert part.column("pkts").chunk(0).buffers()[1].address == arrays["pkts"].__array_interface__["data"][0]


def test_memory_outlives_the_table_and_the_streamer() -> None:
    table = pyarrow.table(Streamer(CAPTURE).collect())
    pkts = Streamer(CAPTURE).collect().to_numpy(["pkts"])["pkts"]
    assert table.column("pkts").to_pylist() == pkts.tolist() == [2] * 50


def test_a_capsule_that_nobody_takes_is_released() -> None:
    streamer = Streamer(CAPTURE)
    for _ in range(3):
        assert "arrow_array_stream" in repr(streamer.__arrow_c_stream__(None))
        assert "arrow_schema" in repr(streamer.collect(["pkts"]).__arrow_c_schema__())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fg-")]


def test_a_stream_comes_in_batches_while_metering() -> None:
    reader = pyarrow.RecordBatchReader.from_stream(Streamer(conversations(150_000, packets=1), n_dissections=0))
    rows = [batch.num_rows for batch in reader]
    assert rows == [65_536, 65_536, 150_000 - 2 * 65_536]


def test_a_table_is_named_and_measured() -> None:
    table = Streamer(CAPTURE, user_metrics={"n": packet.size.sum()}).collect(["n", "ip_src", "start_time"])
    assert isinstance(table, FlowTable)
    assert (len(table), table.columns) == (50, ["n", "ip_src", "start_time"])
    assert table.schema == {"n": "int64", "ip_src": "text", "start_time": "time"}
    assert repr(table) == "<flowgauge.FlowTable of 50 flows, 3 columns>"
    assert table.select(["ip_src"]).columns == ["ip_src"]
    for names in (["x"], ["n", "n"]):
        with pytest.raises(ValueError, match="columns must"):
            table.select(names)


def test_expressions_have_their_type_without_a_flow() -> None:
    metrics = {"whole": packet.size.sum(), "part": packet.size.mean(), "list": packet.size.first(2)}
    schema = Streamer(EMPTY, user_metrics=metrics).to_arrow(["whole", "part", "list"]).schema
    assert schema.types == [pyarrow.int64(), pyarrow.float64(), pyarrow.list_(pyarrow.int64())]


def put(values: list[Any]) -> dict[str, Any]:
    def metric(packet: Any, flow: Any) -> None:
        flow.metrics["n"] = values[packet.src_port - 1]

    return {"n": metric}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None], "int64"),
        ([1, 2.5], "float64"),
        ([True, None], "bool"),
        (["a", None], "text"),
        ([b"a", None], "bytes"),
        ([[1], [2.5, None]], "list[float64]"),
        ([None, None], "null"),
    ],
)
def test_a_callable_has_the_type_of_its_values(values: list[Any], kind: str) -> None:
    table = Streamer(conversations(2), user_metrics=put(values)).collect(["n"])
    assert table.schema == {"n": kind}
    assert table.to_arrow().column("n").to_pylist() == values


def test_a_callable_of_mixed_values_is_json_in_arrow_and_itself_in_pandas() -> None:
    table = Streamer(conversations(2), user_metrics=put([b"\1", [1, "x"]])).collect()
    assert table.schema["n"] == "json"
    assert table.to_arrow().column("n").to_pylist() == ['"01"', '[1, "x"]']
    assert list(table.to_numpy(["n"])["n"]) == [b"\1", [1, "x"]]


def test_batches_are_bounded_and_have_one_type() -> None:
    streamer = Streamer(CAPTURE, user_metrics={"n": packet.size.sum()})
    tables = list(streamer.batches(20, ["n", "ip_src"]))
    assert [len(table) for table in tables] == [20, 20, 10]
    assert len({str(table.schema) for table in tables}) == 1
    streamer.report.check()
    for rows, error in ((0, ValueError), ("x", TypeError)):
        with pytest.raises(error):
            streamer.batches(rows)  # type: ignore[arg-type]
    assert list(Streamer(EMPTY).batches()) == []


def test_a_silent_source_does_not_hold_flows_back() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as source, open(writing, "wb", buffering=0) as sink:
        sink.write(conversations(3))
        with Streamer(source, inactive_timeout=0).batches() as batches:
            count = 0
            while count < 5:
                count += len(next(batches))
            sink.close()
            assert count + sum(map(len, batches)) == 6


def test_a_callable_that_changes_its_type_amid_the_batches_is_told_the_way_out() -> None:
    batches = Streamer(conversations(2), user_metrics=put([1, "x"])).batches(1)
    assert len(next(batches)) == 1
    with pytest.raises(ValueError, match='^column "n": was int64 in the first batch and is text now: .* larger batches'):
        next(batches)
    assert list(batches) == []


@pytest.mark.parametrize("values", [[None, 7], [None, "x"], [[], [2.5]], [None, None]])
def test_a_callable_that_yields_nothing_at_first_fails_nothing_that_follows(values: list[Any]) -> None:
    one, other = Streamer(conversations(2), user_metrics=put(values)).batches(1)
    assert one.schema["n"] == other.schema["n"] == "json"
    both = pyarrow.concat_tables([one.to_arrow(), other.to_arrow()]).column("n")
    assert [value and json.loads(value) for value in both.to_pylist()] == values
    assert other.to_numpy(["n"])["n"][0] == values[1]
    # Of a table that is whole there is nothing to fear.
    assert (Streamer(conversations(2), user_metrics=put(values)).collect().schema["n"] == "null") == (values == [None, None])


def test_leaving_batches_stops_the_run() -> None:
    streamer = Streamer(CAPTURE)
    with streamer.batches(1) as batches:
        assert len(next(batches)) == 1
    assert list(batches) == []
    streamer.report.check()


def test_the_schema_of_a_callable_is_known_with_the_first_flows() -> None:
    streamer = Streamer(conversations(2), user_metrics=put([1, 2]))
    with pytest.raises(ValueError, match='^column "n": .* make it an expression'):
        streamer.__arrow_c_schema__()
    assert pyarrow.table(streamer).column("n").to_pylist() == [1, 2]
    assert pyarrow.table(Streamer(EMPTY, user_metrics=put([]))).schema.field("n").type == pyarrow.null()


def test_flows_before_a_damage_come_before_the_error() -> None:
    capture = conversations(50)[:-7]
    batches = Streamer(capture).batches()
    assert len(next(batches)) == 50
    with pytest.raises(flowgauge.CaptureError):
        next(batches)
    reader = pyarrow.RecordBatchReader.from_stream(Streamer(capture))
    assert reader.read_next_batch().num_rows == 50
    with pytest.raises(Exception, match="damaged"):
        reader.read_next_batch()
    with pytest.raises(flowgauge.CaptureError):
        Streamer(capture).collect()


def test_a_callable_that_raises_ends_the_table_with_its_own_exception() -> None:
    def fail(packet: Any, flow: Any) -> None:
        raise KeyError("mine")

    for take in (Streamer.collect, lambda streamer: list(streamer.batches())):
        with pytest.raises(KeyError, match="mine"):
            take(Streamer(CAPTURE, user_metrics={"n": fail}))


def test_columns_that_are_asked_for_are_the_same_as_in_the_whole(data: Path) -> None:
    options = {**EVERYTHING, "user_metrics": {"n": packet.size.sum(), "m": packet.size.max()}, "stable_labels": True}
    whole = Streamer(data / "web.pcap", **options).to_arrow().sort_by("flow_id")
    for name in whole.column_names:
        part = Streamer(data / "web.pcap", **options).to_arrow(list(dict.fromkeys(["flow_id", name]))).sort_by("flow_id")
        assert part.column(name) == whole.column(name), name


def test_what_conditions_look_at_is_metered_all_the_same() -> None:
    story = Story().udp(0, A, B).udp(1, A, B).udp(0, B, A, sport=7, dport=9)
    streamer = Streamer(story.pcap(), statistics=True, keep_flows="(flow.size_min > 0) & (flow.src_to_dst_pkts > 1)")
    assert streamer.to_arrow(["pkts"]).to_pylist() == [{"pkts": 2}]


def test_the_stream_reads_while_metrics_need_the_interpreter() -> None:
    def count(packet: Any, flow: Any) -> None:
        flow.metrics["n"] = (flow.metrics["n"] or 0) + 1

    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(Streamer(CAPTURE, user_metrics={"n": count}))
    assert frame["n"].to_list() == [2] * 50


def test_polars_takes_a_table_and_a_streamer() -> None:
    polars = pytest.importorskip("polars")
    streamer = Streamer(CAPTURE, **EVERYTHING)
    for frame in (polars.DataFrame(streamer), polars.DataFrame(streamer.collect()), streamer.to_polars()):
        assert frame.shape == (50, len(flowgauge.columns()))
        assert frame["start_time"].dtype == polars.Datetime("ns", "UTC")
        assert frame["src_port"].dtype == polars.UInt16
        assert frame["application_name"].dtype == polars.Categorical
    assert Streamer(EMPTY).to_polars().schema["src_port"] == polars.UInt16


def test_duckdb_selects_from_a_streamer_and_a_table() -> None:
    duckdb = pytest.importorskip("duckdb")
    streamer = Streamer(CAPTURE)
    flows = streamer.collect()
    assert len(flows) == 50
    for source in ("streamer", "flows"):
        assert duckdb.sql(f"select sum(pkts), count(*) from {source}").fetchall() == [(100, 50)]
        assert duckdb.sql(f"select dst_port from {source} where src_port = 7").fetchall() == [(1,)]


def test_pandas_of_arrow() -> None:
    pandas = pytest.importorskip("pandas")
    frame = Streamer(CAPTURE).to_pandas(["pkts", "start_time", "application_name"], dtype_backend="pyarrow")
    assert all(isinstance(dtype, pandas.ArrowDtype) for dtype in frame.dtypes)
    assert list(frame.pkts) == [2] * 50
    with pytest.raises(ValueError, match="dtype_backend"):
        Streamer(CAPTURE).to_pandas(dtype_backend="arrow")  # type: ignore[arg-type]
