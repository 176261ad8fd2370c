"""HTTP and TLS in pipelines: on packets, behind flows, with links of one's own between, and as chains recorded them."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowgauge.pipeline import (
    Flows,
    HTTPMeta,
    JsonSink,
    Link,
    PacketMeta,
    PacketStreamer,
    TLSMeta,
    TlsRecord,
    branch,
)

CHAINS = Path(__file__).resolve().parents[3] / "shared" / "peers" / "chains"
recorded = pytest.mark.skipif(not CHAINS.is_dir(), reason="the recorded stages are not on this machine")


def messages(items: Any) -> list[tuple[str, Any]]:
    return [(m["type"], m["data"].get("uri", m["data"].get("status"))) for item in items for m in item["http_messages"]]


def test_packets_tell_the_messages_that_they_complete(data: Path) -> None:
    items = list(PacketStreamer(data / "web.pcap") | PacketMeta() | HTTPMeta())
    assert messages(items) == [("HTTP_REQUEST", "/"), ("HTTP_RESPONSE", "200")]
    silent = next(item for item in items if not item["http_messages"])
    assert silent["http"] is None and "http" in silent and "tls" not in silent
    response = next(item for item in items if item["http"] and item["http"]["type"] == "HTTP_RESPONSE")["http"]["data"]
    assert (len(response["body"]), response["body_len"], response["data"]) == (1205, 1205, b"")
    assert response["headers"]["content-length"] == "1205" and response["complete"] and response["answers"] == "/"
    short = list(PacketStreamer(data / "web.pcap") | HTTPMeta(body_limit=7))
    bodies = [message["data"]["body"] for item in short for message in item["http_messages"]]
    assert bodies == [b"", response["body"][:7]]


def test_packets_tell_the_records_that_they_complete(data: Path) -> None:
    items = list(PacketStreamer(data / "web.pcap") | PacketMeta() | TLSMeta())
    told = [item["tls"] for item in items if item["tls"]]
    assert [told[0]["type"], told[1]["type"]] == ["TLS_CTS", "TLS_STC"]
    hello = told[0]["data"]
    assert (hello["sni"], hello["alpn"], hello["tls_records"][0].type) == ("www.example.org", ["http/1.1"], 22)
    assert isinstance(hello["tls_records"][0], TlsRecord) and hello["ja4"].startswith("t13d")
    assert told[1]["data"]["version"] == "TLSv1.3"
    assert sum(direction["data"]["end"] for item in items for direction in item["tls_directions"]) == 4


class Passing(Link):
    """A link of one's own that runs itself."""

    def run(self) -> Any:
        for item in self.input_stream:
            item["seen"] = True
            yield item


class Looking(Link):
    def process(self, item: Any) -> Any:
        item["looked"] = True
        return item


def test_flows_have_what_their_packets_told_whatever_stands_between(data: Path) -> None:
    def flows(*between: Any) -> list[Any]:
        part: Any = PacketStreamer(data / "web.pcap") | PacketMeta() | Flows()
        for link in (*between, HTTPMeta(), TLSMeta()):
            part = part | link
        return list(part)

    expected = [("HTTP_REQUEST", "/"), ("HTTP_RESPONSE", "200")]
    for between in ([], [Looking()], [Passing()], [Passing(), Looking(), Passing()], [lambda item: item]):
        items = flows(*between)
        assert sorted(messages(items)) == expected, between
        assert sum(item["tls"] is not None for item in items) == 2
        assert all(item.get("seen", True) for item in items)
    # Without somebody who wants it nothing is told.
    assert all("http" not in item for item in PacketStreamer(data / "web.pcap") | Flows())
    seen: list[Any] = []
    (PacketStreamer(data / "web.pcap") | Flows() | Passing() | branch(a=HTTPMeta() | Looking() | branch(b=seen.append))).pull()
    assert sorted(messages(seen)) == expected


def test_items_stay_what_they_are_when_copied_pickled_and_written(data: Path, tmp_path: Path) -> None:
    item = next(item for item in PacketStreamer(data / "web.pcap") | PacketMeta() | HTTPMeta() if item["http"])
    assert item.copy() == item and item.to_dict()["http"] == item["http"]
    assert pickle.loads(pickle.dumps(item))["http"] == item["http"]
    path = tmp_path / "items.jsonl"
    (PacketStreamer(data / "web.pcap") | PacketMeta() | HTTPMeta() | TLSMeta() | JsonSink(path)).pull()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    uris = [message["data"]["uri"] for line in lines for message in line["http_messages"] if "uri" in message["data"]]
    assert uris == ["/"] and sum(line["tls"] is not None for line in lines) > 2


def test_wrong_limits_are_refused() -> None:
    with pytest.raises(OverflowError):
        HTTPMeta(body_limit=-1)


def test_urlwatch_is_the_command_urls(data: Path) -> None:
    code = "import sys; from flowgauge.__main__ import urlwatch; sys.exit(urlwatch())"
    done = subprocess.run(
        [sys.executable, "-c", code, "-q", "-r", str(data / "web.pcap")], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("HTTP_REQUEST\n\tPayload Size: 91\n") and done.stdout.count("TLS_CTS\n") == 2


def stage(name: str, capture: str) -> list[dict[str, Any]]:
    return json.loads((CHAINS / "stages" / f"{name}__{capture}.json").read_text())["items"]


def halves(capture: str) -> dict[tuple[Any, ...], Any]:
    flows = Flows(halves=True, inactive_timeout=None, active_timeout=None)
    items = PacketStreamer(CHAINS / "captures" / f"{capture}.pcap") | PacketMeta() | flows | HTTPMeta() | TLSMeta()
    return {item["flow_id"]: item for item in items}


@recorded
@pytest.mark.parametrize("capture", ["http", "sqli", "dns", "https"])
def test_http_is_what_chains_recorded(capture: str) -> None:
    ours = halves(capture)
    for theirs in stage("8_http_meta", capture):
        mine, http = ours[tuple(theirs["flow_id"]["tuple"])]["http"], theirs["http"]
        assert (mine is None) == (http is None), theirs["flow_id"]
        if http is None:
            continue
        assert mine["type"] == http["type"]
        for key in ("method", "uri", "version", "status", "reason", "headers"):
            if key in http["data"]:
                assert mine["data"][key] == http["data"][key], key
        body = http["data"]["body"]
        assert (mine["data"]["body"][:64].hex(), mine["data"]["body_len"]) == (body["bytes_hex"], body["len"])


@recorded
def test_tls_is_what_chains_recorded() -> None:
    ours = halves("https")
    for theirs in stage("9_tls_meta", "https"):
        mine, tls = ours[tuple(theirs["flow_id"]["tuple"])]["tls"], theirs["tls"]
        assert mine["type"] == tls["type"]
        records = [(record.type, record.version, record.length) for record in mine["data"]["tls_records"]]
        assert len(records) == len(tls["data"]["tls_records"]) == {"TLS_CTS": 14, "TLS_STC": 7}[mine["type"]]
        for record, recorded_one in zip(records, tls["data"]["tls_records"]):
            begin = f"TLSRecord(type={record[0]}, version={record[1]}, length={record[2]}, "
            assert recorded_one["repr"].startswith(begin), recorded_one
        assert sum(length + 5 for _, _, length in records) == theirs["payload"]["len"]
        assert (mine["data"]["uri"], mine["data"]["headers"]) == (None, None)
