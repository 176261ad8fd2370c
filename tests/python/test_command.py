"""The command, as `python -m flowgauge` and as the script that the package installs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
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


def test_control_c_writes_the_flows_so_far(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    child = subprocess.Popen([*WAYS[0], "-r", str(fifo)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with open(fifo, "wb") as writer:
        writer.write(CAPTURE)
        writer.flush()
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
    assert (child.returncode, len(out.splitlines()), err) == (130, 2, "2 packets read, 2 flows\n")
