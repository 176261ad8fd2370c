"""Tables of flows as numpy arrays and data frames, with and without Arrow's own library."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from captures import A, B, Story, conversations, ethernet

import flowgauge
from flowgauge import Streamer, packet

numpy = pytest.importorskip("numpy")

CAPTURE = Story().udp(0, A, B).raw(0.5, ethernet(A, B, 17, bytes(8), vlan=9)).udp(1.25, B, A, sport=2000, dport=1000).pcap()
EVERYTHING: dict[str, Any] = {"statistics": True, "splt": 2, "tcp_analysis": True, "application_fields": True}


def test_arrays_hold_what_the_flows_say() -> None:
    streamer = Streamer(CAPTURE, **EVERYTHING)
    flows = list(streamer)
    for arrays in (streamer.to_numpy(), streamer.collect().to_numpy()):
        assert list(arrays) == [column.name for column in flowgauge.columns()]
        for column in flowgauge.columns():
            for flow, cell in zip(flows, arrays[column.name], strict=True):
                value = getattr(flow, column.name)
                if value is None:
                    absent = cell is None or cell is numpy.ma.masked or numpy.isnat(cell) if column.type != "float64" else False
                    assert absent or numpy.isnan(cell), column
                elif column.type in ("time", "duration"):
                    assert cell.astype("int64") == getattr(flow, column.name + "_ns"), column
                else:
                    assert cell == value, column


def test_arrays_have_a_type_without_a_flow() -> None:
    arrays = Streamer(Story().pcap(), **EVERYTHING).to_numpy()
    dtypes = {column.name: arrays[column.name].dtype for column in flowgauge.columns()}
    for column in flowgauge.columns():
        wanted = {"time": "M8[ns]", "duration": "m8[ns]", "text": object}.get(column.type, column.type)
        assert dtypes[column.name] == (object if column.type.startswith("list") else wanted), column
        masked = column.nullable and dtypes[column.name].kind in "bui"
        assert isinstance(arrays[column.name], numpy.ma.MaskedArray) == masked, column


def test_memory_of_a_table_cannot_be_changed_and_that_of_arrays_of_ones_own_can() -> None:
    streamer = Streamer(CAPTURE)
    table = streamer.collect()
    with pytest.raises(ValueError, match="read-only"):
        table.to_numpy(["pkts"])["pkts"][0] = 7
    own = streamer.to_numpy(["pkts"])["pkts"]
    own[0] = 7
    assert own.tolist() == [7, 2] and table.to_numpy(["pkts"])["pkts"].tolist() == [1, 2]


def test_a_frame_of_a_table_can_be_changed_and_the_table_stays() -> None:
    pytest.importorskip("pandas")
    table = Streamer(CAPTURE).collect()
    frame = table.to_pandas(["pkts", "vlan_id", "start_time", "ip_src"])
    before = frame.copy()
    frame.loc[0, "pkts"] = 7
    frame.loc[0, "vlan_id"] = 7
    frame.loc[0, "ip_src"] = "x"
    frame.loc[0, "start_time"] = frame.start_time[1]
    assert table.to_pandas(["pkts", "vlan_id", "start_time", "ip_src"]).equals(before)


def test_a_frame_is_the_same_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    streamer = Streamer(CAPTURE, user_metrics={"n": packet.size.sum(), "l": packet.size.first(2)}, **EVERYTHING)
    frame = streamer.to_pandas()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    other = streamer.to_pandas()
    assert list(frame.columns) == list(other.columns)
    for name in frame:
        for one, two in zip(frame[name], other[name], strict=True):
            # Of a list, isna says a list.
            absent = pandas.isna(one) is True
            assert absent == (pandas.isna(two) is True) and (absent or one == two), name
    with pytest.raises(ImportError, match=r"pip install 'flowgauge\[arrow\]'"):
        streamer.to_arrow()
    with pytest.raises(ImportError, match=r"pip install 'flowgauge\[arrow\]'"):
        streamer.to_pandas(dtype_backend="pyarrow")


@pytest.mark.parametrize(("method", "module"), [("to_polars", "polars"), ("to_numpy", "numpy")])
def test_what_is_missing_is_told_before_metering(method: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    streamer = Streamer(CAPTURE)
    with pytest.raises(ImportError, match="pip install"):
        getattr(streamer, method)()
    assert streamer.report.packets == 0


def test_other_threads_run_while_flows_are_collected() -> None:
    capture = conversations(20_000)
    ticks, stop = [0], threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks[0] += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        before = ticks[0]
        table = Streamer(capture).collect()
        assert len(table) == 20_000
        assert ticks[0] - before > 100
    finally:
        stop.set()
        thread.join()
