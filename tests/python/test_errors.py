"""Errors: each its own class, with a message that names the thing, after what came before it."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captures import A, B, Story

import flowgauge
from flowgauge import Streamer

NOBODY = 65534
TWO = Story().udp(0, A, B).udp(1, A, B, sport=3).pcap()


def test_neither_a_file_nor_an_interface() -> None:
    with pytest.raises(FileNotFoundError) as raised:
        list(Streamer("no/such/thing.pcap"))
    assert raised.value.errno == errno.ENOENT
    assert raised.value.filename == "no/such/thing.pcap"
    assert "no such capture file and no such interface" in str(raised.value)


def test_a_missing_file_of_a_list(tmp_path: Path) -> None:
    (tmp_path / "there.pcap").write_bytes(TWO)
    with pytest.raises(FileNotFoundError, match="gone.pcap"):
        list(Streamer([tmp_path / "there.pcap", tmp_path / "gone.pcap"]))


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as raised:
        list(Streamer(tmp_path))
    assert raised.value.filename == str(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(TWO)
    path.chmod(0)
    assert as_nobody(lambda: list(Streamer(path))).startswith("PermissionError [Errno 13]")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\3\4 not a capture at all", TWO[:10], b"\x1f\x8b\x08\0broken gzip"]
)
def test_not_a_capture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    for source in (path, content):
        with pytest.raises(flowgauge.CaptureError) as raised:
            list(Streamer(source))
        if source is path:
            assert "x.pcap" in str(raised.value)


def test_a_cut_capture_gives_what_was_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(TWO[:-3])
    flows = []
    streamer = Streamer(path)
    with pytest.raises(flowgauge.CaptureError, match=r"cut.pcap.*after frame 1"):
        for flow in streamer:
            flows.append(flow)
    assert [flow.src_port for flow in flows] == [1000]
    streamer.report.check()
    assert (streamer.report.frames_read, streamer.report.complete) == (1, True)


@pytest.mark.parametrize("method", ["to_pandas", "iterate"])
def test_the_error_comes_whichever_way_flows_are_taken(method: str) -> None:
    streamer = Streamer(TWO[:-3])
    with pytest.raises(flowgauge.CaptureError):
        streamer.to_pandas() if method == "to_pandas" else list(streamer)


@pytest.mark.parametrize("error", [OSError("disk on fire"), ValueError("closed"), KeyError("x")])
def test_an_exception_of_the_file_object_comes_back(error: Exception) -> None:
    class Broken:
        def __init__(self) -> None:
            self.parts = [TWO[:80]]

        def read(self, size: int) -> bytes:
            if not self.parts:
                raise error
            return self.parts.pop()

    with pytest.raises(type(error)) as raised:
        list(Streamer(Broken()))
    assert raised.value is error


@pytest.mark.parametrize(("given", "word"), [("text", "binary"), (3, "int"), (b"x" * 10**7, "bytes")])
def test_a_file_object_that_reads_nonsense(given: Any, word: str) -> None:
    class Odd:
        def read(self, size: int) -> Any:
            return given

    with pytest.raises((TypeError, ValueError), match=word):
        list(Streamer(Odd()))


def test_a_closed_file_is_a_value_error() -> None:
    file = io.BytesIO(TWO)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        list(Streamer(file))


def test_a_bad_filter() -> None:
    with pytest.raises(flowgauge.FilterError, match="tcp and and") as raised:
        list(Streamer(TWO, bpf_filter="tcp and and"))
    assert isinstance(raised.value, ValueError)


def test_an_interface_that_may_not_be_captured_on() -> None:
    error = as_nobody(lambda: list(Streamer("lo")))
    assert error.startswith("CaptureDeniedError")
    assert "setcap" in error


def test_the_classes_form_a_family() -> None:
    for name in ("CaptureError", "FilterError", "InterfaceError", "CaptureDeniedError", "LedgerError"):
        assert issubclass(getattr(flowgauge, name), flowgauge.FlowgaugeError)
    assert issubclass(flowgauge.CaptureDeniedError, PermissionError)


def as_nobody(attempt: Callable[[], object]) -> str:
    """What `attempt` raises in a process that may nothing: the name of its class and its text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        text = "nothing"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            attempt()
        except Exception as error:
            text = f"{type(error).__name__} {error}"
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as answer:
        return answer.read()
