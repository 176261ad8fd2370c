"""mypy knows the types of nfstream's view."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
from flowgauge.nfstream import NFlow, NFPacket, NFPlugin, NFStreamer
from flowgauge.nfstream.plugins import DHCP, JA4, MDNS, SPLT, FlowSlicer

class Mine(NFPlugin):
    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        flow.udps.size = packet.raw_size
        flow.expiration_id = -1

streamer = NFStreamer(source="x.pcap", udps=[Mine(limit=3), FlowSlicer(limit=2), SPLT(7, 0), DHCP(), MDNS(), JA4()], n_meters=1)
streamer.idle_timeout = 3
for flow in streamer:
    port: int = flow.dst_port
    mean: float = flow.bidirectional_mean_ps
    sizes: list[int] = flow.splt_ps
    row = dict(zip(flow.keys(), flow.values()))
timeout: int = streamer.idle_timeout
written: int = streamer.to_csv("flows.csv", columns_to_anonymize=("src_ip",))
"""

WRONG = """
from flowgauge.nfstream import NFStreamer
NFStreamer("x", n_meters="1")
streamer = NFStreamer("x")
streamer.idle_timeout = 1.5
for flow in streamer:
    flow.nonsense
    flow.dst_port = 3
"""


def mypy(program: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-m", "mypy", str(program)], capture_output=True, text=True, cwd=ROOT)
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_mypy_accepts_a_program_and_refuses_wrong_ones(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(PROGRAM)
    wrong.write_text(WRONG)
    assert mypy(right) == []
    assert [int(line.split(":")[1]) for line in mypy(wrong)] == [3, 5, 7, 8]
