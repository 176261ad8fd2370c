"""Whatever ends an iteration of nfstream's view, its threads end within a second."""

from __future__ import annotations

import gc
import json
import signal
import threading
import time
from typing import Any

import pytest
from captures import A, B, Story, conversations
from test_threads import Endless, eventually_none, python, threads

from flowgauge.nfstream import NFlow, NFPacket, NFPlugin, NFStreamer, performance


class Count(NFPlugin):
    cleaned = 0

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        flow.udps.n = 1

    def cleanup(self) -> None:
        self.cleaned += 1


@pytest.mark.filterwarnings("ignore:n_meters is")
@pytest.mark.parametrize("meters", [0, 3])
@pytest.mark.parametrize("plugins", [False, True])
def test_leaving_a_run_stops_its_threads(meters: int, plugins: bool) -> None:
    for leave in ("break", "max", "close", "collect"):
        count = Count()
        streamer = NFStreamer(Endless(), n_meters=meters, udps=count if plugins else None)
        if leave == "max":
            streamer.max_nflows = 3
            iterator = iter(streamer)
            assert [flow.id for flow in iterator] == [0, 1, 2]
            assert eventually_none(), leave
        elif leave == "break":
            for _ in streamer:
                assert threads() > 0
                break
        else:
            iterator = iter(streamer)
            next(iterator)
            if leave == "close":
                iterator.close()
            else:
                holder: list[Any] = [iterator]
                holder.append(holder)
                del iterator, holder
                gc.collect()
        assert eventually_none(), leave
        assert count.cleaned == plugins, leave


def test_ctrl_c_stops_a_run() -> None:
    child = python(
        """
        from test_threads import Endless
        from flowgauge.nfstream import NFStreamer
        for flow in NFStreamer(Endless(), idle_timeout=10**9):
            if flow.id == 0:
                print("begun", flush=True)
        """
    )
    assert child.stdout is not None
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=5)
    assert "KeyboardInterrupt" in errors


def test_a_report_is_a_line_of_json() -> None:
    flows = iter(NFStreamer(Story().udp(0, A, B).raw(1, bytes(60)).pcap()))
    list(flows)
    line = json.loads(performance.line(flows.report))
    assert line == {
        "flows_expired": 1,
        "packets_processed": 1,
        "packets_ignored": 1,
        "packets_dropped_filtered_by_kernel": 0,
        "meters_packets_processing_balance": [1],
    }


def test_reports_are_printed_as_long_as_the_iterator_lives(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = iter(NFStreamer(conversations(3)))
    next(flows)
    before = threading.active_count()
    performance.watch(flows, 0.05)  # type: ignore[arg-type]
    time.sleep(0.3)
    assert len(capsys.readouterr().out.splitlines()) >= 2
    del flows
    gc.collect()
    deadline = time.monotonic() + 1
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_files_have_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    streamer = NFStreamer(conversations(3), performance_report=1)
    flows = iter(streamer)
    next(flows)
    assert threading.active_count() == before
    assert len(list(flows)) == 2
    assert capsys.readouterr().out == ""
