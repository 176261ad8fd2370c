"""The option `progress`: what a terminal shows of a run, that others show nothing, and that it ends with the run."""

from __future__ import annotations

import builtins
import fcntl
import gc
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from captures import A, B, Story, conversations

import flowgauge
from flowgauge import Streamer, _progress

SETUP = "import sys; sys.modules['tqdm'] = None\n"
FLOWS = 3000


class Screen(io.StringIO):
    """A terminal on which everything stays."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Standard error as a terminal, without tqdm."""
    screen = Screen()
    show_on(screen, monkeypatch)
    return screen


def show_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest puts a stream of its own in the place of standard error, test by test.
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=stream, modules=sys.modules))
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("progress") / "x.pcap"
    path.write_bytes(conversations(FLOWS))
    return path


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "flowgauge-progress"]


@pytest.fixture(autouse=True)
def nobody_watches_in_the_end() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 5
    while watchers() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not watchers()


def on_a_terminal(program: str, path: Path) -> tuple[int, str]:
    """How a program ends whose standard error is a terminal, and what that shows."""
    master, slave = pty.openpty()
    # One that is wide enough.
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    environment = {**os.environ, "COLUMNS": "160", "LINES": "24"}
    child = subprocess.Popen([sys.executable, "-c", program, str(path)], stderr=slave, stdout=slave, env=environment)
    os.close(slave)
    shown = b""
    try:
        while True:
            shown += os.read(master, 65536)
    except OSError:
        # Nobody has the other end any more.
        pass
    finally:
        os.close(master)
    return child.wait(60), shown.decode()


@pytest.mark.parametrize(
    "use",
    [
        "sum(1 for _ in streamer)",
        "len(streamer.to_pandas(['pkts']))",
        "streamer.to_arrow().num_rows",
        "streamer.to_parquet(sys.argv[1] + '.parquet')",
        "streamer.to_csv(sys.argv[1] + '.csv')",
        "sum(len(table) for table in streamer.batches(100))",
        "len(streamer.collect())",
        "__import__('pyarrow').table(streamer).num_rows",
    ],
)
def test_a_terminal_shows_every_way_of_running(use: str, path: Path) -> None:
    program = f"{SETUP}from flowgauge import Streamer\nstreamer = Streamer(sys.argv[1], progress=True)\nprint({use})"
    code, shown = on_a_terminal(program, path)
    size = f"{path.stat().st_size / 1024:.1f} KiB"
    assert code == 0 and shown.splitlines()[-1] == str(FLOWS), shown
    last = shown.split("\r")[-3].rstrip()
    assert re.fullmatch(rf"{size} of {size} \(100%\), [0-9,]+ packets/s, 3,000 flows", last), shown
    assert "Traceback" not in shown and "Exception" not in shown


def test_a_terminal_shows_the_bar_of_tqdm_where_it_is(path: Path) -> None:
    pytest.importorskip("tqdm")
    program = "import sys, flowgauge\nprint(len(list(flowgauge.Streamer(sys.argv[1], progress=True))))"
    code, shown = on_a_terminal(program, path)
    last = shown.split("\r")[-3]
    assert code == 0 and shown.splitlines()[-1] == str(FLOWS), shown
    assert last.startswith("100%|") and "3,000 flows" in last and "packets/s" in last, shown


def test_what_is_no_terminal_is_shown_nothing(path: Path) -> None:
    for setup in (SETUP, "import sys\n", "import sys; sys.stderr.close()\n", "import sys; sys.stderr = None\n"):
        program = f"{setup}import flowgauge\nprint(len(list(flowgauge.Streamer(sys.argv[1], progress=True))))"
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{FLOWS}\n", ""), setup


def test_it_is_off_unless_asked_for(screen: Screen, path: Path) -> None:
    assert not Streamer(path).progress and Streamer(path, progress=True).progress
    assert len(list(Streamer(path))) == FLOWS
    assert screen.getvalue() == "" and not watchers()
    with pytest.raises(TypeError, match="progress must be True or False, not 1"):
        Streamer(path, progress=1)  # type: ignore[arg-type]


class Endless:
    """A file whose packets do not end."""

    def __init__(self) -> None:
        self.at = 0
        self.pieces = [conversations(500)]

    def read(self, size: int) -> bytes:
        if not self.pieces:
            time.sleep(0.01)
            story = Story().udp(self.at, A, B, sport=1 + self.at % 60000)
            self.pieces.append(story.pcap()[24:])
            self.at += 1
        piece = self.pieces.pop()
        if len(piece) > size:
            self.pieces.append(piece[size:])
        return piece[:size]


def test_a_run_without_an_end_has_no_total(screen: Screen) -> None:
    flows = iter(Streamer(Endless(), inactive_timeout=0, progress=True))
    next(flows)
    time.sleep(0.5)
    assert len(watchers()) == 1
    flows.close()
    assert not screen.getvalue().count(" of ") and re.search(r"KiB, [0-9,]+ packets/s, [0-9,]+ flows, 0:0\d", screen.getvalue())
    assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == 1


@pytest.mark.parametrize("way", ["stop", "close", "with", "del", "break"])
def test_it_ends_with_the_run_however_that_ends(way: str, screen: Screen) -> None:
    streamer = Streamer(Endless(), inactive_timeout=0, progress=True)
    if way == "break":
        for _ in streamer:
            break
    else:
        flows = iter(streamer)
        next(flows)
        assert len(watchers()) == 1
        if way == "with":
            with flows:
                pass
        elif way != "del":
            getattr(flows, way)()
        del flows
    assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == 1


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_the_bar_is_closed_also_when_the_report_cannot_be_had(seconds: float) -> None:
    class Bar:
        closed = 0

        def update(self, read: int, total: int | None, text: str, seconds: float) -> None:
            raise AssertionError("there is nothing to show")

        def close(self) -> None:
            self.closed += 1

    def look() -> flowgauge.Report:
        raise ValueError("no report")

    bar = Bar()
    shown = _progress.Progress(look, bar)
    # By then the thread that shows it has found out itself.
    time.sleep(seconds)
    shown.close()
    shown.close()
    assert bar.closed == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_child_of_a_fork_leaves_it_to_the_parent(screen: Screen) -> None:
    flows = iter(Streamer(Endless(), inactive_timeout=0, progress=True))
    next(flows)
    (shown,) = (one for one in gc.get_objects() if isinstance(one, _progress.Progress))
    held, forked = threading.Event(), threading.Event()

    def hold() -> None:
        # As the thread does that shows it, but for as long as it takes.
        with shown._lock:
            held.set()
            forked.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        flows.stop()
        del flows
        os._exit(0)
    forked.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(watchers()) == 1
    flows.close()
    assert screen.getvalue().endswith("\n")


def test_it_ends_with_an_error(screen: Screen, path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(path.read_bytes()[:-7])
    for run in (list, Streamer.collect, Streamer.to_pandas, lambda streamer: streamer.to_csv(tmp_path / "x.csv")):
        screen.truncate(0)
        screen.seek(0)
        try:
            run(Streamer(cut, progress=True))
        except flowgauge.CaptureError:
            # Amid the handling, with the traceback still there.
            assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == 1
        else:
            raise AssertionError("the capture is damaged")

    def fail(_: object, __: object) -> None:
        raise builtins.ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Streamer(path, user_metrics={"x": fail}, progress=True))


def test_it_ends_with_ctrl_c() -> None:
    program = SETUP + (
        "import io, os, signal, threading, time\n"
        "from flowgauge import Streamer\n"
        "class Silent(io.RawIOBase):\n"
        "    def read(self, size):\n"
        "        return None\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    list(Streamer(Silent(), progress=True))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', *[t.name for t in threading.enumerate() if 'progress' in t.name and t.join(2)])\n"
    )
    code, shown = on_a_terminal(program, Path("x"))
    assert code == 0 and shown.replace("\r\n", "\n").endswith(" flows, 0:01\ninterrupted\n"), shown
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_cannot_be_shown_does_no_harm(monkeypatch: pytest.MonkeyPatch, path: Path, screen: Screen) -> None:
    class Broken(Screen):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    show_on(Broken(), monkeypatch)
    assert len(list(Streamer(path, progress=True))) == FLOWS
    flows = iter(Streamer(Endless(), inactive_timeout=0, progress=True))
    time.sleep(0.5)
    assert not watchers() and next(flows)
    flows.close()


def test_a_notebook_without_tqdm_is_shown_nothing(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    class Shell:
        config: ClassVar[dict[str, Any]] = {"IPKernelApp": {}}

    module: Any = type(sys)("IPython")
    module.get_ipython = Shell
    monkeypatch.setitem(sys.modules, "IPython", module)
    written = Screen()
    show_on(written, monkeypatch)
    assert _progress._in_notebook()
    assert len(list(Streamer(path, progress=True))) == FLOWS
    assert written.getvalue() == ""
    module.get_ipython = lambda: None
    assert not _progress._in_notebook()


def test_words_are_for_people() -> None:
    assert _progress._words(1 << 20, 4 << 20, "7 packets/s", 10) == "1.0 MiB of 4.0 MiB (25%), 7 packets/s, 0:30 left"
    assert _progress._words(0, 100, "x", 1) == "0 B of 100 B (0%), x"
    assert _progress._words(5, None, "x", 3700) == "5 B, x, 1:01:40"
    assert _progress._words(3 << 50, 0, "x", 0) == "3072.0 TiB, x, 0:00"


def test_a_line_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    screen = Screen()
    line = _progress._Line(screen)
    line.update(1 << 20, 4 << 20, "many packets", 10)
    line.update(1, None, "x", 1)
    line.close()
    wide, narrow = screen.getvalue().split("\r")[1:]
    assert wide == "1.0 MiB of 4.0 MiB " and narrow == "1 B, x, 0:01".ljust(19) + "\n"
