"""The stubs say what the module is: stubtest, mypy on a program, and every column with its sentence."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import flowgauge

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "python" / "flowgauge" / "_native.pyi"

PROGRAM = """
from collections.abc import Iterator
from functools import partial
from flowgauge import Expression, Flow, LiveFlow, PacketInformation, Report, packet, when
from flowgauge.streamer import Streamer

def metric(packet_information: PacketInformation, flow: LiveFlow) -> LiveFlow:
    flow.metrics["n"] += packet_information.payload_size or 0
    flow.export_reason = 16
    return flow

streamer = Streamer(source="x.pcap", capacity=128000, active_timeout=120, inactive_timeout=0.5, user_metrics={"n": metric})
flows: Iterator[Flow] = iter(streamer)
for flow in streamer:
    port: int = flow.dst_port
    name: str | None = flow.application_name
    start: int = flow.start_time_ns
    print(flow.to_dict()["ip_src"], flow.metrics["n"])
report: Report = streamer.report
skipped: dict[str, int] = report.skipped
written: int = streamer.to_csv("flows.csv")

big: Expression = (packet.size > 666).sum() + 1 - when(packet.tcp_syn & ~packet.tcp_ack).then(1).otherwise(2).min()
Streamer("x", user_metrics={"n": metric, "big": big}, end_flow_when=packet.index >= 99, keep_flows="flow.pkts > 3")

class State:
    def on_packet(self, packet_information: PacketInformation, flow: LiveFlow) -> None: ...
    def on_end(self, flow: LiveFlow) -> int:
        return flow.pkts

objects = Streamer("x", user_metrics={"state": State, "other": partial(State), "big": big, "n": metric}, on_error="skip")
errors: dict[str, int] = objects.report.metric_errors
same: bool = big.equals(Expression.from_json(big.to_json()))
names: tuple[str, str, int] = (big.type, big.stage, big.state_bytes)
"""

WRONG = """
from flowgauge import Streamer, packet
Streamer("x", inactive=3)
Streamer(3)
for flow in Streamer("x"):
    flow.ip_src = "y"
    flow.nonsense
packet.sise
packet.size + [1]
Streamer("x", keep_flows=3)
packet.size.over("port")
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=ROOT)


def test_stubtest_finds_nothing() -> None:
    pytest.importorskip("mypy")
    done = python("mypy.stubtest", "flowgauge", "--mypy-config-file", "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_accepts_a_program_and_refuses_wrong_ones(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "right.py").write_text(PROGRAM)
    (tmp_path / "wrong.py").write_text(WRONG)
    right = python("mypy", "--config-file", "pyproject.toml", str(tmp_path / "right.py"))
    assert right.returncode == 0, right.stdout + right.stderr
    wrong = python("mypy", "--config-file", "pyproject.toml", str(tmp_path / "wrong.py"))
    lines = {int(line.split(":")[1]) for line in wrong.stdout.splitlines() if ": error:" in line}
    assert lines == {3, 4, 6, 7, 8, 9, 10, 11}, wrong.stdout


def properties(tree: ast.Module, *classes: str) -> dict[str, tuple[str, str]]:
    """Type and docstring of every property of these classes in the stub."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in classes:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and any(ast.unparse(d) == "property" for d in item.decorator_list):
                    found[item.name] = (ast.unparse(item.returns or ast.Constant(None)), ast.get_docstring(item) or "")
    return found


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_stub_has_every_column_as_the_table_has_it() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import column_stubs
    finally:
        sys.path.pop(0)
    assert column_stubs.stubs() == STUB.read_text(), "scripts/bless writes it anew"
    assert set(properties(ast.parse(STUB.read_text()), "Flow")) == {"metrics", "export_reason"}


@pytest.mark.parametrize("name", ["Expression", "PacketInformation", "Position", "Report", "Streamer", "Flows", "Column"])
def test_every_attribute_has_the_same_sentence_in_the_stub(name: str) -> None:
    stub = properties(ast.parse(STUB.read_text()), name)
    assert stub
    for attribute, (_, doc) in stub.items():
        assert words(doc) == words(getattr(getattr(flowgauge, name), attribute).__doc__), attribute
