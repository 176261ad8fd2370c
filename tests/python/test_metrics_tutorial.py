"""The tutorial's expressions are what a program with state of its own makes of the same packets."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from flowgauge import Expression, LiveFlow, PacketInformation, Streamer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics-tutorial.md"
CAPTURES = ["instagram.pcap", "skype.pcap", "anydesk-2.pcap", "KakaoTalk_chat.pcap", "viber.pcap", "sip.pcap"]


def metrics(title: str) -> dict[str, Expression]:
    """The metrics of the program under this title, which is run up to where it meters."""
    program = PAGE.read_text().split(f"## {title}\n")[1].split("```python\n")[1].split("\nfor record in")[0]
    scope: dict[str, Any] = {}
    exec(compile(program, title, "exec"), scope)
    return scope["metrics"]


class Flow:
    """CICFlowMeter's state machines, after `BasicFlow.java`."""

    def __init__(self) -> None:
        self.start: int | None = None
        self.end = 0
        self.active: list[int] = []
        self.idle: list[int] = []
        self.bulk = [{"bulks": 0, "bulk_packets": 0, "bulk_bytes": 0, "bulk_nanos": 0} for _ in range(2)]
        self.run: list[tuple[int, int]] = []
        self.way: int | None = None

    def packet(self, time: int, size: int, way: int) -> None:
        if self.start is None:
            self.start = time
        elif time - self.end > 5_000_000_000:
            if self.end > self.start:
                self.active.append(self.end - self.start)
            self.idle.append(time - self.end)
            self.start = time
        self.end = time
        if size <= 0:
            return
        if way != self.way or time - self.run[-1][0] > 1_000_000_000:
            self.run = []
        self.way = way
        self.run.append((time, size))
        counts = self.bulk[way]
        if len(self.run) == 4:
            counts["bulks"] += 1
            counts["bulk_packets"] += 4
            counts["bulk_bytes"] += sum(size for _, size in self.run)
            counts["bulk_nanos"] += time - self.run[0][0]
        elif len(self.run) > 4:
            counts["bulk_packets"] += 1
            counts["bulk_bytes"] += size
            counts["bulk_nanos"] += time - self.run[-2][0]


def metered(path: Path, expressions: dict[str, Expression]) -> list[tuple[dict[str, Any], Flow]]:
    flows: dict[int, Flow] = {}

    def fold(info: PacketInformation, live: LiveFlow) -> None:
        flows.setdefault(live.flow_id, Flow()).packet(info.time_ns, info.payload_size or 0, info.direction)

    metrics: dict[str, Any] = {**expressions, "fold": fold}
    records = list(Streamer(path, user_metrics=metrics, active_timeout=None, n_dissections=0))
    return [(dict(record.metrics), flows[record.flow_id]) for record in records]


def close(value: float | None, wanted: float | None) -> bool:
    return value == wanted or (value is not None and wanted is not None and math.isclose(value, wanted, rel_tol=1e-9))


@pytest.mark.parametrize("name", CAPTURES)
def test_active_and_idle_are_those_of_cicflowmeter(name: str, corpus: Path) -> None:
    for found, flow in metered(corpus / name, metrics("CICFlowMeter: active and idle")):
        for kind, values in (("active", flow.active), ("idle", flow.idle)):
            assert found[f"{kind}_max"] == (max(values) // 1000 if values else None)
            assert found[f"{kind}_min"] == (min(values) // 1000 if values else None)
            mean = sum(values) / len(values) if values else None
            assert close(found[f"{kind}_mean"], None if mean is None else mean / 1e3)
            if mean is not None and len(values) > 1:
                std = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
                assert close(found[f"{kind}_std"], std / 1e3)


@pytest.mark.parametrize("name", CAPTURES)
def test_bulks_are_those_of_cicflowmeter(name: str, corpus: Path) -> None:
    for found, flow in metered(corpus / name, metrics("CICFlowMeter: bulks")):
        for way, counts in zip(("fwd", "bwd"), flow.bulk, strict=True):
            assert {key: found[f"{way}_{key}"] for key in counts} == counts
            bulks = counts["bulks"]
            assert found[f"{way}_avg_bytes_per_bulk"] == (counts["bulk_bytes"] / bulks if bulks else None)


def test_the_captures_have_what_is_compared(corpus: Path) -> None:
    flows = [flow for name in CAPTURES for _, flow in metered(corpus / name, {})]
    assert sum(counts["bulks"] for flow in flows for counts in flow.bulk) > 20
    assert sum(len(flow.active) for flow in flows) > 5


def test_every_program_says_how_it_differs() -> None:
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        assert "What differs" in section or "What cannot be said" in section
