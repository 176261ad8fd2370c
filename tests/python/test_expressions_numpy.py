"""Sixty expressions are what NumPy makes of the same packets, whatever the number of workers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowgauge import Expression, LiveFlow, PacketInformation, Streamer, flow, packet, when

np = pytest.importorskip("numpy")

CAPTURES = [
    "instagram.pcap",
    "skype.pcap",
    "quic_t51.pcap",
    "anyconnect-vpn.pcap",
    "coap_mqtt.pcap",
    "bittorrent_ip.pcap",
    "ip_fragmented_garbage.pcap",
    "synscan.pcap",
    "viber.pcap",
    "zoom.pcap",
    "dns_exfiltration.pcap",
    "6in4tunnel.pcap",
    "gtp-u.pcap",
    "sip.pcap",
    "alexa-app.pcapng",
    "quic-33.pcapng",
    "wa_video.pcap",
    "wireguard.pcap",
    "no_sni.pcap",
    "starcraft_battle.pcap",
    "teredo.pcap",
    "netflow-fritz.pcap",
    "malformed_icmp.pcap",
    "6in6tunnel.pcap",
    "dhcp.pcapng",
    "tftp.pcap",
    "http_auth.pcap",
    "raw.pcap",
    "smtp-starttls.pcap",
    "Oscar.pcap",
    "memcached.cap",
]
FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


@dataclass(frozen=True)
class Few:
    """Values of packets, some of which are null."""

    values: Any
    there: Any

    def __getitem__(self, which: Any) -> Few:
        return Few(self.values, self.there & which)

    @property
    def some(self) -> Any:
        return self.values[self.there]


class Packets:
    """The packets of one record as columns."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        time, size, ip, transport, payload, direction, sport, dport, vlan, flags, content = zip(*rows, strict=True)
        self.time, self.size, self.ip, self.transport = few(time), few(size), few(ip), few(transport)
        self.payload, self.direction = few(payload), few(direction)
        self.sport, self.dport, self.vlan = few(sport), few(dport), few(vlan)
        self.index = few(range(len(rows)))
        self.gap = few([None, *np.diff(self.time.values).tolist()])
        self.direction_gap = self.by_direction(self.time)
        for bit, name in enumerate(FLAGS):
            setattr(self, name, few([bool(number >> bit & 1) for number in flags]))
        self.flags = few(flags)
        self.up, self.down = self.direction.values == 0, self.direction.values == 1
        self.all = self.up | self.down
        self.content: list[bytes] = list(content)
        parts = zip(content, ip, payload, strict=True)
        self.bytes = [None if size is None else bytes_[whole - size : whole] for bytes_, whole, size in parts]

    def by_direction(self, of: Few) -> Few:
        steps: list[Any] = []
        last: dict[int, Any] = {}
        for value, there, direction in zip(of.values.tolist(), of.there, self.direction.values.tolist(), strict=True):
            steps.append(value - last[direction] if there and direction in last else None)
            if there:
                last[direction] = value
        return few(steps)

    def header(self, of4: Callable[[bytes], int], of6: Callable[[bytes], int]) -> Few:
        """A field of the IP header."""
        return few([of4(content) if content[0] >> 4 == 4 else of6(content) for content in self.content])

    def content_byte(self, at: int) -> Few:
        return few([content[at] if at < len(content) else None for content in self.content])


def few(values: Any) -> Few:
    values = list(values)
    there = np.array([value is not None for value in values], dtype=bool)
    return Few(np.array([0 if value is None else value for value in values]), there)


def diff(of: Few) -> Few:
    """Steps between values that are there."""
    steps = np.zeros_like(of.values)
    steps[np.flatnonzero(of.there)[1:]] = np.diff(of.some)
    there = of.there.copy()
    there[np.flatnonzero(of.there)[:1]] = False
    return Few(steps, there)


def mean(of: Few) -> Any:
    return np.mean(of.some) if of.there.any() else None


def var(of: Few) -> Any:
    if not of.there.any():
        return None
    return np.var(of.some, ddof=1) if len(of.some) > 1 else 0.0


def std(of: Few) -> Any:
    spread = var(of)
    return None if spread is None else math.sqrt(spread)


def least(of: Few) -> Any:
    return of.some.min() if of.there.any() else None


def most(of: Few) -> Any:
    return of.some.max() if of.there.any() else None


def total(of: Few) -> int:
    return int(of.some.sum())


def count(of: Few) -> int:
    return len(of.some)


def unique(of: Few) -> int:
    return len(np.unique(of.some))


def quantile(of: Few, share: float) -> Any:
    return np.quantile(of.some, share, method="lower") if of.there.any() else None


def entropy_of(counts: Any) -> Any:
    counts = np.array([number for number in counts if number])
    if not len(counts):
        return None
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def entropy(of: Few) -> Any:
    return entropy_of(np.unique(of.some, return_counts=True)[1])


def byte_entropy(of: list[bytes | None]) -> Any:
    return entropy_of(np.bincount(np.frombuffer(b"".join(part or b"" for part in of), dtype="uint8"), minlength=1))


def ewm(of: Few, half_life: float) -> Any:
    values = of.some[::-1].astype(float)
    weights = 0.5 ** (np.arange(len(values)) / half_life)
    return (values * weights).sum() / weights.sum() if len(values) else None


def bins(of: Few, edges: list[float]) -> list[int]:
    return np.histogram(of.some, [-math.inf, *edges, math.inf])[0].tolist()


def ratio(one: Any, other: Any) -> Any:
    return None if one is None or not other else one / other


def like(of: Few, change: Callable[[Any], Any]) -> Few:
    return Few(change(of.values), of.there)


def sums(f: Packets) -> int:
    return int((f.sport.values + f.dport.values).max())


p = packet
up, down = p.direction == 0, p.direction == 1
SECOND = 1_000_000_000
EXACT: list[tuple[Expression, Callable[[Packets], Any]]] = [
    ((p.size > 666).sum(), lambda f: total(like(f.size, lambda v: v > 666))),
    (p.size.count(), lambda f: count(f.size)),
    (p.size.sum(), lambda f: total(f.size)),
    (p.size.min(), lambda f: least(f.size)),
    (p.size.max(), lambda f: most(f.size)),
    (p.ip_size.sum().over("direction"), lambda f: [total(f.ip[f.up]), total(f.ip[f.down])]),
    (p.transport_size.max(), lambda f: most(f.transport)),
    (p.payload_size.sum(), lambda f: total(f.payload)),
    (p.payload_size.count(), lambda f: count(f.payload)),
    (p.payload_size.filter(down).max(), lambda f: most(f.payload[f.down])),
    (p.size.first(20), lambda f: f.size.some[:20].tolist()),
    (p.size.last(3), lambda f: f.size.some[-3:].tolist()),
    (p.gap.first(5), lambda f: f.gap.some[:5].tolist()),
    (p.payload_size.filter(up).last(7), lambda f: f.payload[f.up].some[-7:].tolist()),
    ((p.gap > SECOND).sum() + 1, lambda f: total(like(f.gap, lambda v: v > SECOND)) + 1),
    (p.gap.min(), lambda f: least(f.gap)),
    (p.gap.max(), lambda f: most(f.gap)),
    (p.direction_gap.max(), lambda f: most(f.direction_gap)),
    (p.gap.max().over("direction"), lambda f: [most(f.direction_gap[f.up]), most(f.direction_gap[f.down])]),
    (p.time.max() - p.time.min(), lambda f: most(f.time) - least(f.time)),
    ((p.tcp_syn & ~p.tcp_ack).any(), lambda f: bool((f.syn.values & ~f.ack.values).any())),
    ((p.tcp_ack | p.tcp_rst).all(), lambda f: bool((f.ack.values | f.rst.values).all())),
    (p.tcp_psh.sum(), lambda f: total(f.psh)),
    ((p.tcp_psh ^ p.tcp_ack).sum(), lambda f: int((f.psh.values ^ f.ack.values).sum())),
    ((p.tcp_flags & 0x12).max(), lambda f: most(like(f.flags, lambda v: v & 0x12))),
    ((p.tcp_flags >> 1).sum(), lambda f: total(like(f.flags, lambda v: v >> 1))),
    ((p.size << 3).sum(), lambda f: total(f.size) * 8),
    (p.size.n_unique(), lambda f: unique(f.size)),
    (p.dst_port.n_unique(), lambda f: unique(f.dport)),
    (p.direction.diff().abs().sum(), lambda f: total(like(diff(f.direction), np.abs))),
    (p.size.diff().max(), lambda f: most(diff(f.size))),
    (p.payload_size.filter(up).diff().min(), lambda f: least(diff(f.payload[f.up]))),
    (p.size.histogram([64, 128, 256, 512, 1024]), lambda f: bins(f.size, [64, 128, 256, 512, 1024])),
    (p.gap.histogram([0, 1e6, 1e9]), lambda f: bins(f.gap, [0, 1e6, 1e9])),
    (p.size.clip(100, 500).sum(), lambda f: total(like(f.size, lambda v: np.clip(v, 100, 500)))),
    (p.size.min(300).sum(), lambda f: total(like(f.size, lambda v: np.minimum(v, 300)))),
    (p.payload_size.fill_null(-1).min(), lambda f: least(few(np.where(f.payload.there, f.payload.values, -1)))),
    (p.payload_size.is_null().sum(), lambda f: int((~f.payload.there).sum())),
    (p.vlan_id.n_unique(), lambda f: unique(f.vlan)),
    (p.ttl.first(50), lambda f: f.header(lambda c: c[8], lambda c: c[7]).some[:50].tolist()),
    (p.ip_version.n_unique(), lambda f: unique(f.header(lambda c: 4, lambda c: 6))),
    (p.dscp.sum(), lambda f: total(f.header(lambda c: c[1] >> 2, lambda c: ((c[0] & 15) << 4 | c[1] >> 4) >> 2))),
    (p.ecn.max(), lambda f: most(f.header(lambda c: c[1] & 3, lambda c: c[1] >> 4 & 3))),
    (p.index.max(), lambda f: len(f.content) - 1),
    ((p.size // 7).sum() - (p.size % 7).sum(), lambda f: total(like(f.size, lambda v: v // 7 - v % 7))),
    ((-p.gap // SECOND).min(), lambda f: least(like(f.gap, lambda v: -v // SECOND))),
    (when(up).then(p.size).otherwise(-p.size).sum(), lambda f: int((f.size.values * np.where(f.up, 1, -1)).sum())),
    (p.ip.byte(0).first(4), lambda f: f.content_byte(0).some[:4].tolist()),
    (p.ip.byte(9).max(), lambda f: most(f.content_byte(9))),
    ((p.src_port + p.dst_port).max(), sums),
    (p.size.filter((p.index > 0) & (p.index < 10)).sum(), lambda f: total(f.size[(f.index.values > 0) & (f.index.values < 10)])),
    (flow.pkts - p.size.count() == 0, lambda f: True),
]
CLOSE: list[tuple[Expression, Callable[[Packets], Any]]] = [
    (p.size.mean(), lambda f: mean(f.size)),
    (p.size.std(), lambda f: std(f.size)),
    (p.payload_size.var(), lambda f: var(f.payload)),
    (p.gap.mean() / 1e6, lambda f: None if mean(f.gap) is None else mean(f.gap) / 1e6),
    (p.gap.std(), lambda f: std(f.gap)),
    (p.size.std().over("direction"), lambda f: [std(f.size[f.up]), std(f.size[f.down])]),
    ((p.size / 3).sum(), lambda f: float((f.size.values / 3).sum())),
    ((p.size / 3).var(), lambda f: var(like(f.size, lambda v: v / 3))),
    (p.payload_size.filter(down).mean(), lambda f: mean(f.payload[f.down])),
    (p.payload_size.filter(up).sum() / p.payload_size.sum(), lambda f: ratio(total(f.payload[f.up]), total(f.payload))),
    (p.payload_size.log().mean(), lambda f: mean(like(f.payload[f.payload.values > 0], lambda v: np.log(np.maximum(v, 1))))),
    (p.size.log2().max(), lambda f: math.log2(most(f.size))),
    (p.size.sum().log10(), lambda f: math.log10(total(f.size))),
    (p.size.entropy(), lambda f: entropy(f.size)),
    (p.direction.entropy(), lambda f: entropy(f.direction)),
    (p.payload.entropy(), lambda f: byte_entropy(f.bytes)),
    (p.size.ewm_mean(4), lambda f: ewm(f.size, 4)),
    (p.gap.ewm_mean(1.5), lambda f: ewm(f.gap, 1.5)),
]
SKETCHED: list[tuple[Expression, Callable[[Packets], Any]]] = [
    (p.size.quantile(0.5), lambda f: quantile(f.size, 0.5)),
    (p.gap.quantile(0.9), lambda f: quantile(f.gap, 0.9)),
    (p.payload_size.quantile(0), lambda f: quantile(f.payload, 0)),
    ((p.gap / 1e9).quantile(1), lambda f: quantile(like(f.gap, lambda v: v / 1e9), 1)),
]


def metered(path: Path, workers: int) -> tuple[dict[int, dict[str, Any]], dict[int, Packets]]:
    """The expressions of every record, and its packets where Python is asked for them."""
    metrics: dict[str, Any] = {str(expr): expr for expr, _ in EXACT + CLOSE + SKETCHED}
    rows: dict[int, list[tuple[Any, ...]]] = {}

    def collect(info: PacketInformation, live: LiveFlow) -> None:
        flags = sum(getattr(info, name) << bit for bit, name in enumerate(FLAGS))
        sizes = (info.size, info.ip_size, info.transport_size, info.payload_size)
        rest = (info.direction, info.src_port, info.dst_port, info.vlan_id, flags, info.content)
        rows.setdefault(live.flow_id, []).append((info.time_ns, *sizes, *rest))

    if workers == 1:
        metrics["packets"] = collect
    streamer = Streamer(path, user_metrics=metrics, n_dissections=0, workers=workers)
    found = {record.flow_id: dict(record.metrics) for record in streamer}
    streamer.report.check()
    return found, {flow_id: Packets(rows) for flow_id, rows in rows.items()}


def is_close(value: Any, wanted: Any, relative: float) -> bool:
    if value is None or wanted is None:
        return value is wanted
    if isinstance(value, list):
        return len(value) == len(wanted) and all(map(is_close, value, wanted, [relative] * len(value)))
    return math.isclose(value, wanted, rel_tol=relative, abs_tol=relative)


def test_there_are_sixty_of_them() -> None:
    everything = EXACT + CLOSE + SKETCHED
    assert len({str(expr) for expr, _ in everything}) == len(everything) >= 60


@pytest.mark.parametrize("name", CAPTURES)
def test_expressions_are_what_numpy_makes_of_the_packets(name: str, corpus: Path) -> None:
    found, packets = metered(corpus / name, 1)
    assert found
    assert found.keys() == packets.keys()
    for flow_id, metrics in found.items():
        of = packets[flow_id]
        for expr, reference in EXACT:
            value, wanted = metrics[str(expr)], reference(of)
            # Beyond 256 different values n_unique is an estimate.
            if str(expr).endswith("n_unique()") and wanted > 256:
                assert is_close(value, wanted, 0.08), (flow_id, expr)
                continue
            assert value == wanted, (flow_id, expr)
            assert type(value) in (int, bool, list, type(None)), (flow_id, expr)
        for expr, reference in CLOSE:
            assert is_close(metrics[str(expr)], reference(of), 1e-12), (flow_id, expr, metrics[str(expr)], reference(of))
        for expr, reference in SKETCHED:
            value, wanted = metrics[str(expr)], reference(of)
            # The sketch takes for 0 what is nearer than 1e-9.
            assert is_close(value, wanted, 0.01) or abs(value - wanted) < 1e-9, (flow_id, expr, value, wanted)
    for workers in (2, 4):
        again, _ = metered(corpus / name, workers)
        for metrics in found.values():
            metrics.pop("packets", None)
        assert again == found
