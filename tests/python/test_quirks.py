"""Captures crafted to be difficult, as the native `Streamer` tells them: what only Python's attributes can show of them.

What every capture holds is checked in Rust (tests/it/quirks.rs).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowgauge import FlowgaugeError, Streamer

S = 10**9
# Capture, the attributes of its flows in the order of their first frames.
QUIRKS: list[tuple[str, list[dict[str, Any]]]] = [
    (
        "time_backwards",
        [
            {
                "gap_min": -4 * S,
                "gap_mean": 2e9,
                "gap_max": 5 * S,
                "src_to_dst_gap_min": S,
                "dst_to_src_gap_min": None,
                "dst_to_src_gap_stddev": None,
                "splt_gap": [0, 5 * S, -4 * S, 5 * S],
                "splt_direction": [0, 0, 1, 0],
                "splt_size": [52] * 4,
                "start_time": 1_700_000_000_000,
                "end_time": 1_700_000_006_000,
            }
        ],
    ),
    (
        "time_nano",
        [
            {
                "gap_min": 400_123,
                "gap_mean": 400_123.0,
                "gap_stddev": 0.0,
                "size_stddev": 0.0,
                "end_time_ns": 1_700_000_000_002_000_615,
                "splt_gap": [0, *[400_123] * 5],
            }
        ],
    ),
    (
        "tcp_allflags",
        [{f"{flag}_pkts": 2 for flag in ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")}],
    ),
    (
        "key_vlan_double",
        [{"vlan_id": 20, "vlan_ids": [10, 20]}, {"vlan_id": 30, "vlan_ids": [10, 20, 30]}],
    ),
    ("key_vlan", [{"vlan_id": None, "vlan_ids": None}, {"vlan_ids": [10]}, {"vlan_ids": [20]}]),
    ("key_qinq_88a8_pcp2", [{"vlan_ids": [1281, 20]}, {"vlan_ids": None}]),
    ("key_icmp", [{"icmp_type": 8, "icmp_code": 0, "community_id": "1:YcMyyWJfhc95EW1GfXt6jlZ3DiQ="}]),
    ("size_jumbo_wire", [{"bytes": 135_535, "size_max": 70_000, "size_min": 65_535, "truncated": True}]),
    ("size_ip6", [{"flow_label": 0, "ip_version": 6, "ttl_min": 64, "src_to_dst_dscp": 0}]),
    ("snap_96", [{"truncated": True, "incomplete": None, "payload_bytes": 1000}] * 2),
    (
        "snap_stale",
        [
            {"src_port": 43981, "truncated": False, "incomplete": None},
            {"src_port": 0, "payload_bytes": None, "incomplete": "ports, payload", "community_id": None},
        ],
    ),
    ("frag4", [{"fragmented": True, "pkts": 3, "splt_size": [1514, 562, 52]}]),
    ("frag6", [{"fragmented": True, "pkts": 2}]),
    ("tun_gtp_teid", [{"tunnel": "gtp-u", "tunnel_key": 1, "src_mac": "02:00:00:00:00:01", "src_oui": "02:00:00"}]),
    ("tun_mpls", [{"tunnel": None, "community_id": "1:6YizxqFF7IsvOROm14dJHVbLWho=", "fragmented": False}]),
    ("dlt_raw", [{"src_mac": None, "dst_oui": None, "ip_version": 4}, {"ip_version": 6}]),
    ("dlt_80211_qos", [{"src_mac": "02:00:00:00:00:02", "dst_mac": "02:00:00:00:00:01"}]),
    ("empty", []),
]


@pytest.fixture(scope="module")
def quirks() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "quirks"
    if not folder.is_dir():
        pytest.skip("the crafted captures are not on this machine")
    return folder


@pytest.mark.parametrize(("capture", "expected"), QUIRKS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_crafted_capture_shows_what_it_holds(quirks: Path, capture: str, expected: list[dict[str, Any]]) -> None:
    streamer = Streamer(str(quirks / f"{capture}.pcap"), n_dissections=0, statistics=True, splt=10)
    flows = sorted(streamer, key=lambda flow: flow.flow_id)
    assert len(flows) == len(expected)
    for flow, attributes in zip(flows, expected, strict=True):
        assert {name: getattr(flow, name) for name in attributes} == attributes


def test_a_cut_capture_gives_its_flows_and_an_error(quirks: Path) -> None:
    flows = []
    with pytest.raises(FlowgaugeError, match=r"junk_cut_file\.pcap.* damaged at offset 92, after frame 1"):
        for flow in Streamer(str(quirks / "junk_cut_file.pcap"), n_dissections=0):
            flows.append((flow.src_port, flow.pkts))  # noqa: PERF401 - what came before the error is kept
    assert flows == [(1, 1)]
