"""Threads: whatever ends a run, every thread of it ends within a second, and nobody waits for ever."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from captures import A, B, Story, conversations

import flowgauge
from flowgauge import Streamer

HERE = Path(__file__).parent


def threads() -> int:
    """The threads of this process that are ours."""
    count = 0
    for task in os.listdir("/proc/self/task"):
        # It may end while it is looked at.
        with contextlib.suppress(OSError):
            count += Path(f"/proc/self/task/{task}/comm").read_text().startswith("fg-")
    return count


def eventually_none(within: float = 1.5) -> bool:
    deadline = time.monotonic() + within
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    return threads() == 0


def python(program: str, **kwargs: Any) -> subprocess.Popen[str]:
    code = textwrap.dedent(program)
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **kwargs
    )


class Endless:
    """A capture without an end, in which flows end all the time."""

    def __init__(self) -> None:
        self.now = 0

    def read(self, size: int) -> bytes:
        self.now += 100
        part = Story().udp(self.now, A, B).pcap()
        return part if self.now == 100 else part[24:]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    yield
    gc.collect()
    assert eventually_none()


def test_the_end_of_the_capture_ends_every_thread() -> None:
    assert len(list(Streamer(conversations(100), workers=3))) == 100
    assert eventually_none()


@pytest.mark.parametrize("metrics", [None, {"n": lambda packet, flow: None}])
def test_break_ends_every_thread(metrics: Any) -> None:
    began = time.monotonic()
    for _ in Streamer(Endless(), user_metrics=metrics):
        break
    assert eventually_none(1)
    assert time.monotonic() - began < 2


def test_a_slow_metric_does_not_hold_up_break() -> None:
    capture = conversations(5000, packets=1)
    began = time.monotonic()
    for _ in Streamer(capture, inactive_timeout=0, user_metrics={"n": lambda packet, flow: time.sleep(0.001)}):
        break
    assert eventually_none(1)
    assert time.monotonic() - began < 8


def test_an_iterator_that_is_forgotten_is_collected() -> None:
    flows: Any = iter(Streamer(Endless()))
    next(flows)
    cycle: list[Any] = [flows]
    cycle.append(cycle)
    del flows, cycle
    gc.collect()
    assert eventually_none(1)


def test_an_iterator_that_is_never_asked_ends_too() -> None:
    iter(Streamer(Endless()))
    assert eventually_none(1)


def test_an_exception_in_the_loop_ends_every_thread() -> None:
    with pytest.raises(ZeroDivisionError):
        for _ in Streamer(Endless()):
            raise ZeroDivisionError
    gc.collect()
    assert eventually_none(1)


def test_an_exception_in_a_metric_ends_every_thread() -> None:
    def fail(packet: Any, flow: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(Streamer(Endless(), user_metrics={"n": fail}))
    assert eventually_none(1)


def test_threads_share_an_iterator() -> None:
    flows = iter(Streamer(conversations(20_000), workers=2, n_dissections=0))
    taken: list[list[int]] = [[] for _ in range(4)]

    def take(mine: list[int]) -> None:
        mine.extend(flow.flow_id for flow in flows)

    takers = [threading.Thread(target=take, args=(mine,)) for mine in taken]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join(30)
    assert sorted(sum(taken, [])) == list(range(1, 40_000, 2))


def test_another_thread_runs_while_one_waits() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source:
        flows = iter(Streamer(source))
        got: list[Any] = []
        waiter = threading.Thread(target=lambda: got.extend(flows))
        waiter.start()
        began = time.monotonic()
        while time.monotonic() - began < 0.3:
            assert flows.report.packets == 0
        os.write(write, Story().udp(0, A, B).pcap())
        os.close(write)
        waiter.join(5)
    assert [flow.pkts for flow in got] == [1]


def test_another_thread_closes_while_one_waits() -> None:
    flows = iter(Streamer(Endless(), inactive_timeout=None, active_timeout=None))
    waiter = threading.Thread(target=lambda: list(flows))
    waiter.start()
    time.sleep(0.1)
    flows.close()
    waiter.join(5)
    assert not waiter.is_alive()


def test_control_c_ends_the_loop_within_a_second(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    child = python(f"""
        import flowgauge, sys
        try:
            for flow in flowgauge.Streamer({str(fifo)!r}):
                pass
        except KeyboardInterrupt:
            print("interrupted")
            sys.exit(3)
    """)
    with open(fifo, "wb") as writer:
        writer.write(Story().udp(0, A, B).pcap())
        writer.flush()
        time.sleep(0.5)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
    assert time.monotonic() - began < 2
    assert (child.returncode, out, err) == (3, "interrupted\n", "")


@pytest.mark.parametrize("body", ["flows = iter(streamer); next(flows)", "next(iter(streamer))", "iter(streamer)"])
@pytest.mark.parametrize("metrics", ["None", "{'n': lambda packet, flow: None}"])
def test_the_interpreter_ends_amid_a_run(body: str, metrics: str) -> None:
    child = python(f"""
        from test_threads import Endless
        from flowgauge import Streamer
        streamer = Streamer(Endless(), user_metrics={metrics})
        {body}
    """)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (0, "")


def test_a_metric_that_does_not_return_is_named() -> None:
    entered, release = threading.Event(), threading.Event()

    def stuck(packet: Any, flow: Any) -> None:
        entered.set()
        release.wait()

    flows = iter(Streamer(Endless(), user_metrics={"stuck": stuck}))
    assert entered.wait(10)
    flows.stop()
    began = time.monotonic()
    try:
        with pytest.raises(flowgauge.FlowgaugeError, match="stuck"):
            list(flows)
        assert time.monotonic() - began < 5
        assert list(flows) == []
    finally:
        release.set()


def test_after_a_fork_a_running_streamer_raises_and_the_parent_goes_on() -> None:
    child = python("""
        import os, sys, warnings
        warnings.simplefilter("ignore")
        from captures import conversations
        import flowgauge
        streamer = flowgauge.Streamer(conversations(3000), inactive_timeout=0, user_metrics={"n": lambda p, f: None})
        flows = iter(streamer)
        next(flows)
        pid = os.fork()
        if pid == 0:
            for attempt in (lambda: next(flows), lambda: streamer.report, lambda: flows.report):
                try:
                    attempt()
                    os._exit(1)
                except flowgauge.FlowgaugeError as error:
                    assert "fork" in str(error)
            flows.close()
            del flows
            if len(list(streamer)) != 6000:
                os._exit(2)
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0, "the child failed"
        print(1 + sum(1 for flow in flows))
    """)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (0, "6000\n", "")


def test_a_run_that_is_over_can_be_looked_at_after_a_fork() -> None:
    streamer = Streamer(conversations(3))
    flows = iter(streamer)
    assert len(list(flows)) == 3
    pid = os.fork()
    if pid == 0:
        ok = next(flows, None) is None and streamer.report.complete
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_nothing_of_the_process_is_touched() -> None:
    before = (os.getcwd(), dict(os.environ), os.sched_getaffinity(0), signal.getsignal(signal.SIGINT))
    list(Streamer(conversations(10)))
    assert (os.getcwd(), dict(os.environ), os.sched_getaffinity(0), signal.getsignal(signal.SIGINT)) == before
