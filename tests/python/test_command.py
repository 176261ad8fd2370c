"""The command, as `python -m flowgauge` and as the script that the package installs."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import sysconfig
import termios
import time
from pathlib import Path

import pytest
from captures import A, B, Story

import flowgauge

CAPTURE = Story().udp(0, A, B).udp(1, A, B, sport=2).pcap()
SCRIPT = Path(sysconfig.get_path("scripts")) / "flowgauge"
WAYS = [[sys.executable, "-m", "flowgauge"], [str(SCRIPT)]]


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "two.pcap"
    path.write_bytes(CAPTURE)
    return str(path)


@pytest.mark.parametrize("way", WAYS, ids=["module", "script"])
def test_flows_are_lines_of_json(way: list[str], capture: str) -> None:
    done = subprocess.run([*way, "-r", capture, "--report"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(flow) for flow in flowgauge.Streamer(capture)]
    assert json.loads(done.stderr.splitlines()[-1])["packets"] == 2


def test_the_exit_status_tells_how_it_went(capture: str) -> None:
    def status(*arguments: str) -> int:
        return subprocess.run([*WAYS[0], *arguments], capture_output=True).returncode

    assert [status("-r", capture), status("-r", "no.such.pcap"), status("--nonsense")] == [0, 1, 2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_control_c_writes_the_flows_so_far(number: signal.Signals, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    child = subprocess.Popen([*WAYS[0], "-r", str(fifo)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with open(fifo, "wb") as writer:
        writer.write(CAPTURE)
        writer.flush()
        time.sleep(1)
        child.send_signal(number)
        out, err = child.communicate(timeout=10)
    assert (child.returncode, len(out.splitlines()), err) == (130, 2, "2 packets read, 2 flows\n")


def on_terminal(command: list[str], columns: int) -> tuple[int, str]:
    """Run a command on a terminal of so many columns; give its status and all that was shown."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # Nobody has the other end any more.
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return child.wait(timeout=10), shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("way", WAYS, ids=["module", "script"])
def test_on_a_terminal_flows_are_a_table(way: list[str], capture: str) -> None:
    status, shown = on_terminal([*way, "-r", capture, "-j", "0"], 120)
    head, *rows, summary = shown.splitlines()
    assert (status, head.split()[:2], len(rows), summary) == (0, ["start_time", "duration"], 2, "2 packets read, 2 flows")
    assert all(f"{A}:" in row and f"{B}:" in row for row in rows)
    assert all(len(line) <= 80 for line in on_terminal([*way, "-r", capture], 80)[1].splitlines())


@pytest.mark.parametrize("way", WAYS, ids=["module", "script"])
def test_a_file_is_written_as_its_name_says(way: list[str], capture: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    subprocess.run([*way, "-q", "-r", capture, "-w", str(path)], check=True)
    flowgauge.Streamer(capture).to_csv(tmp_path / "same.csv")
    assert path.read_bytes() == (tmp_path / "same.csv").read_bytes()


def test_whoever_reads_a_pipe_may_have_enough(tmp_path: Path) -> None:
    story = Story()
    for port in range(1, 20_000):
        story.udp(port / 1000, A, B, sport=port)
    path = tmp_path / "many.pcap"
    path.write_bytes(story.pcap())
    child = subprocess.Popen([*WAYS[0], "-r", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert (child.stderr.read(), child.wait(timeout=10)) == (b"", 0)
    child.stderr.close()


def test_a_full_disk_is_an_error_and_leaves_no_file(capture: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*WAYS[0], "-r", capture], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("flowgauge: cannot write standard output: No space left on device")
