"""What the user's own code may do to a run: end iterators, fail half way, be asked by several threads."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from captures import A, B, Story

from flowgauge import Streamer
from flowgauge.nfstream import NFPlugin, NFStreamer

TEN = Story()
for port in range(10):
    TEN.udp(port, A, B, sport=1000 + port).udp(port + 0.1, A, B, sport=1000 + port)
CAPTURE = TEN.pcap()


def ends_an_iterator(*_: object) -> Any:
    return next(iter([]))


@pytest.mark.parametrize("hook", ["on_init", "on_update", "on_expire", "cleanup"])
def test_stop_iteration_in_a_plugin_does_not_end_the_loop(hook: str) -> None:
    plugin = type("Ends", (NFPlugin,), {hook: ends_an_iterator})()
    with pytest.raises(RuntimeError, match="StopIteration") as raised:
        list(NFStreamer(CAPTURE, udps=plugin, n_dissections=0))
    assert isinstance(raised.value.__cause__, StopIteration)


def test_stop_iteration_in_a_metric_does_not_end_the_loop() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(Streamer(CAPTURE, user_metrics={"m": ends_an_iterator}))


def test_stop_iteration_in_a_source_does_not_end_the_loop() -> None:
    class Source(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return bytes(ends_an_iterator())

    with pytest.raises(RuntimeError, match="StopIteration"):
        list(Streamer(Source()))


def test_only_flows_that_every_plugin_completed_are_handed_out() -> None:
    class Fails(NFPlugin):
        def on_init(self, packet: Any, flow: Any) -> None:
            if packet.src_port == 1003:
                raise KeyError("the real cause")
            flow.udps.seen = True

    seen = []
    streamer = NFStreamer(CAPTURE, udps=Fails(), n_dissections=0)
    with pytest.raises(KeyError, match="the real cause"):
        for flow in streamer:
            assert flow.udps.seen
            seen.append(flow.src_port)
    assert set(seen) <= {1000, 1001, 1002}


def test_threads_that_share_an_iterator_share_one_run() -> None:
    class Counts(NFPlugin):
        calls = 0

        def on_init(self, packet: Any, flow: Any) -> None:
            Counts.calls += 1
            flow.udps.seen = True

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(20):
            Counts.calls = 0
            flows = iter(NFStreamer(CAPTURE, udps=Counts(), n_dissections=0))
            found: list[Any] = []
            start = threading.Barrier(6)

            def take(flows: Any = flows, found: list[Any] = found, start: threading.Barrier = start) -> None:
                start.wait()
                found.extend(flows)

            threads = [threading.Thread(target=take) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert Counts.calls == len(found) == 10
            assert all(flow.udps.seen for flow in found)
    finally:
        sys.setswitchinterval(interval)


ASKS = "it would wait for itself forever"


@pytest.mark.parametrize("hook", ["on_init", "on_update", "on_expire"])
@pytest.mark.parametrize("meters", [1, 2])
def test_a_plugin_that_asks_its_own_iterator_is_told(hook: str, meters: int) -> None:
    # It is there before the first packet.
    begun = threading.Event()

    def ask(*_: object) -> None:
        assert begun.wait(60)
        next(flows)

    plugin = type("Asks", (NFPlugin,), {hook: ask})()
    flows = iter(NFStreamer(CAPTURE, udps=plugin, n_dissections=0, n_meters=meters))
    begun.set()
    with pytest.raises(RuntimeError, match=ASKS):
        list(flows)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_metric_that_asks_its_own_iterator_is_told(workers: int) -> None:
    # It is there before the first packet.
    begun = threading.Event()

    def ask(packet: object, flow: object) -> None:
        assert begun.wait(60)
        next(flows)

    flows = iter(Streamer(CAPTURE, user_metrics={"m": ask}, workers=workers))
    begun.set()
    with pytest.raises(RuntimeError, match=ASKS):
        list(flows)


def test_a_source_that_asks_its_own_iterator_is_told() -> None:
    class Source(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert begun.wait(60)
            next(flows)
            return super().read(size)

    for streamer in Streamer(Source(CAPTURE)), NFStreamer(Source(CAPTURE)):
        # It is there before the first byte.
        begun = threading.Event()
        flows: Iterator[Any] = iter(streamer)
        begun.set()
        with pytest.raises(RuntimeError, match=ASKS):
            list(flows)


def test_a_plugin_may_iterate_another_streamer() -> None:
    class Looks(NFPlugin):
        def on_init(self, packet: Any, flow: Any) -> None:
            flow.udps.others = len(list(NFStreamer(CAPTURE, udps=NFPlugin(), n_dissections=0)))

    found = list(NFStreamer(CAPTURE, udps=Looks(), n_dissections=0))
    assert [flow.udps.others for flow in found] == [10] * 10
