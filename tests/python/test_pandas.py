"""Data frames: every column with its type, also without a single flow."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from captures import EPOCH, A, B, Story, conversations, ethernet

import flowgauge
from flowgauge import Streamer

pandas = pytest.importorskip("pandas")

CAPTURE = Story().udp(0, A, B).raw(0.5, ethernet(A, B, 17, bytes(8), vlan=9)).udp(1.25, B, A, sport=2000, dport=1000).pcap()
EMPTY = Story().pcap()


def text() -> Any:
    return pandas.Series([], dtype="str" if int(pandas.__version__.split(".")[0]) >= 3 else object).dtype


def wanted(column: flowgauge.Column) -> Any:
    if column.type == "text":
        return text()
    if column.type == "time":
        return "datetime64[ns, UTC]"
    if column.type == "duration":
        return "timedelta64[ns]"
    if column.type.startswith("list"):
        return object
    nullable = {"bool": "boolean", "int64": "Int64", "float64": "Float64"}
    return nullable.get(column.type, column.type.replace("uint", "UInt")) if column.nullable else column.type


@pytest.mark.parametrize("capture", [CAPTURE, EMPTY])
def test_every_column_has_its_type(capture: bytes) -> None:
    frame = Streamer(capture, statistics=True, splt=2, tcp_analysis=True, application_fields=True).to_pandas()
    assert list(frame.columns) == [column.name for column in flowgauge.columns()]
    for column in flowgauge.columns():
        assert frame[column.name].dtype == wanted(column), column
    assert len(frame) == (2 if capture is CAPTURE else 0)


def test_cells_are_those_of_the_flows() -> None:
    streamer = Streamer(CAPTURE, statistics=True, splt=2, tcp_analysis=True, application_fields=True)
    flows = list(streamer)
    frame = streamer.to_pandas()
    for row, flow in zip(frame.to_dict("records"), flows, strict=True):
        for column in flowgauge.columns():
            value, cell = getattr(flow, column.name), row[column.name]
            if value is None:
                assert pandas.isna(cell), column
            elif column.type in ("time", "duration"):
                assert cell.value == getattr(flow, column.name + "_ns"), column
            else:
                assert cell == value, column


def test_times_keep_their_nanoseconds() -> None:
    frame = Streamer(Story().udp(0, A, B).udp(0.000000001, A, B).pcap()).to_pandas()
    assert frame.start_time[0] == pandas.Timestamp(EPOCH, unit="s", tz="UTC")
    assert frame.duration[0] == pandas.Timedelta(1, "ns")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "Int64"),
        ([1, 2.5], "float64"),
        ([None, 2.5], "Float64"),
        ([True, False], "bool"),
        ([True, None], "boolean"),
        ([True, 1], object),
        ([b"x", [1]], object),
        ([None, None], object),
    ],
)
def test_a_metric_gets_the_type_that_fits_its_values(values: list[Any], dtype: Any) -> None:
    def put(packet: Any, flow: Any) -> None:
        flow.metrics["n"] = values[packet.src_port - 1]

    frame = Streamer(conversations(2), user_metrics={"n": put}).to_pandas()
    assert frame["n"].dtype == dtype
    assert [None if value is pandas.NA else value for value in frame["n"]] == values


def test_a_metric_of_text_is_text() -> None:
    frame = Streamer(conversations(2), user_metrics={"n": lambda packet, flow: flow.metrics.update(n="x")}).to_pandas()
    assert frame["n"].dtype == text()


def test_columns_can_be_chosen() -> None:
    frame = Streamer(CAPTURE, user_metrics={"n": lambda packet, flow: None}).to_pandas(["n", "pkts", "ip_src"])
    assert list(frame.columns) == ["n", "pkts", "ip_src"]
    assert list(frame.pkts) == [1, 2]


@pytest.mark.parametrize(
    ("columns", "error"), [(["nonsense"], ValueError), (["pkts", "pkts"], ValueError), ("pkts", TypeError), ([3], TypeError)]
)
def test_other_columns_are_refused(columns: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Streamer(CAPTURE).to_pandas(columns)


def test_a_frame_can_be_changed() -> None:
    frame = Streamer(CAPTURE).to_pandas()
    frame.loc[0, "pkts"] = 7
    frame.loc[0, "vlan_id"] = 7
    assert (frame.pkts[0], frame.vlan_id[0]) == (7, 7)


def test_the_report_is_that_of_the_frame() -> None:
    streamer = Streamer(CAPTURE)
    streamer.to_pandas()
    assert streamer.report.packets == 3
    streamer.report.check()


def test_without_pandas_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install"):
        Streamer(CAPTURE).to_pandas()


def test_importing_flowgauge_does_not_import_pandas() -> None:
    import subprocess

    program = "import sys, flowgauge, flowgauge.streamer; print('pandas' in sys.modules, 'numpy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False False\n"


@pytest.mark.parametrize("column", [column for column in flowgauge.columns() if column.option], ids=lambda column: column.name)
def test_a_column_that_is_off_says_which_option_turns_it_on(column: flowgauge.Column) -> None:
    setting = {"splt": "splt=N"}.get(column.option, f"{column.option}=True")
    with pytest.raises(ValueError, match=f"^the column '{column.name}' needs the option {setting}$".replace("'", '"')):
        Streamer(CAPTURE).to_pandas(columns=["pkts", column.name])
    on = Streamer(CAPTURE, **{column.option: 1 if column.option == "splt" else True})
    assert list(on.to_pandas(columns=[column.name]).columns) == [column.name]
