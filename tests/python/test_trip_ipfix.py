"""IPFIX of every capture, as the command and a streamer write it, read back by ipfixDump: what the flows say, under IANA's numbers."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest
from trips import Trip, same

from flowgauge import Streamer

# Numbers of both directions and the reverse (RFC 5103) of the second, whose columns are 0 without packets.
COUNTS = {"2": "pkts", "352": "bytes", "1": "ip_bytes"}
NUMBERS = {
    "7": "src_port", "11": "dst_port", "4": "ip_protocol", "60": "ip_version", "58": "vlan_id", "148": "conn_id",
    "31": "flow_label", "52": "src_to_dst_ttl_min", "53": "src_to_dst_ttl_max", "195": "src_to_dst_dscp",
    "r52": "dst_to_src_ttl_min", "r53": "dst_to_src_ttl_max", "r195": "dst_to_src_dscp", "457": "http_status",
    "186": "src_to_dst_tcp_initial_window", "238": "src_to_dst_tcp_window_scale",
    "r186": "dst_to_src_tcp_initial_window", "r238": "dst_to_src_tcp_window_scale",
}  # fmt: skip
TEXTS = {
    "96": "application_name", "372": "category_name", "459": "http_method", "460": "http_host", "461": "http_path",
    "468": "user_agent", "469": "content_type", "56": "src_mac", "80": "dst_mac",
}  # fmt: skip
TIMES = {"152": "start_time", "153": "end_time", "r152": "dst_to_src_start_time", "r153": "dst_to_src_end_time"}
REASONS = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5}


def dumped(path: Path) -> list[dict[str, str]]:
    """The flows in a file, by the numbers of their elements, with an r before those of the other direction."""
    done = subprocess.run(["ipfixDump", "--data", "-i", str(path)], capture_output=True, check=True)
    assert done.stderr == b""
    flows: list[dict[str, str]] = []
    for record in re.split(r"--- data record \d+ ---\n", done.stdout.decode(errors="replace"))[1:]:
        fields = re.findall(r"^\t\((29305/)?(\d+)\)(?: \(S\))?\s*\w+ : (.*)$", record, flags=re.MULTILINE)
        flow = {f"{'r' if reverse else ''}{number}": value for reverse, number, value in fields}
        # What has no count is a row of the table of applications.
        if "2" in flow:
            flows.append(flow)
    return flows


def millis(text: str | None) -> int | None:
    if text is None:
        return None
    time = datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return time.days * 86_400_000 + time.seconds * 1000 + time.microseconds // 1000


def text(value: str | None) -> tuple[int, str] | None:
    """How many bytes there are, and those of it that are plain."""
    if value is None:
        return None
    found = re.fullmatch(r"\(len: (\d+)\) ?(.*)", value, flags=re.DOTALL)
    return (int(found[1]), plain(found[2])) if found else (len(value), plain(value))


def plain(value: str) -> str:
    return "".join(re.findall(r"[A-Za-z0-9/:=+<>.,;]", value))


def test_ipfix(trip: Trip) -> None:
    if shutil.which("ipfixDump") is None:
        pytest.skip("ipfixDump is not installed (scripts/setup --oracles installs it)")
    path = trip.by_command("flows.ipfix")
    assert trip.by_python("flows.ipfix", Streamer.to_ipfix).read_bytes() == path.read_bytes()
    flows = dumped(path)
    assert len(flows) == len(trip.lines)
    for number, what in COUNTS.items():
        same([int(flow[number]) for flow in flows], trip.cells[f"src_to_dst_{what}"], what)
        same([int(flow.get(f"r{number}", "0")) for flow in flows], trip.cells[f"dst_to_src_{what}"], what)
    for number, name in NUMBERS.items():
        same([int(flow[number]) if number in flow else None for flow in flows], trip.cells[name], name)
    for number, name in TIMES.items():
        same([millis(flow.get(number)) for flow in flows], trip.millis[name], name)
    for number, name in TEXTS.items():
        # An empty text is not sent.
        wanted = [(len(cell.encode()), plain(cell)) if cell else None for cell in trip.cells[name]]
        same([text(flow.get(number)) for flow in flows], wanted, name)
    for numbers, name in ((("8", "27"), "ip_src"), (("12", "28"), "ip_dst")):
        same([address(flow, *numbers) for flow in flows], trip.cells[name], name)
    same([int(flow["136"]) for flow in flows], [REASONS[reason] for reason in trip.cells["export_reason"]], "export_reason")


def address(flow: dict[str, str], four: str, six: str) -> str:
    return str(ipaddress.ip_address(flow.get(four) or flow[six]))
