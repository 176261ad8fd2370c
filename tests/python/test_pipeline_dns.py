"""DNS messages of items, and what Python does with them."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

from flowgauge.pipeline import CsvSink, DNSMeta, DNSSummary, JsonSink, PacketMeta, PacketStreamer, TransportMeta, branch


def udp(payload: bytes, sport: int = 40000, dport: int = 53) -> bytes:
    """An Ethernet frame with a datagram from 10.0.0.1 to 10.0.0.53."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 53]))
    return bytes(12) + b"\x08\0" + ip + struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def question(name: str, kind: int = 1, flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 7, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def items(*payloads: bytes, **options: Any) -> list[Any]:
    source = [{"raw_buf": udp(payload), "timestamp": float(second)} for second, payload in enumerate(payloads)]
    meta = PacketMeta()
    meta.link(source)
    return list(meta | TransportMeta() | DNSMeta(**options))


def test_a_message_is_a_dictionary_and_anything_else_none(data: Path) -> None:
    ours = list(PacketStreamer(data / "dns.pcap") | DNSMeta())
    assert all(item["dns"]["queries"][0]["name"] for item in ours)
    answers = [answer for item in ours for answer in item["dns"]["answers"]["answers"]]
    assert any(answer["type"] == "DNS_A" and answer["rdata"].count(".") == 3 for answer in answers)
    (other,) = items(b"no message")
    assert other["dns"] is None and "dns" in other and "dns" in other.keys()
    assert "dns" not in next(iter(PacketStreamer(data / "dns.pcap") | PacketMeta()))


def test_options_say_where_and_what() -> None:
    long = "abcdefghijklmnopqrstuvwxyz0123456789.example.org"
    (item,) = items(question(long))
    weird = item["dns"]["weird"]
    assert (weird["subdomain"], weird["subdomain_length"]) == (long.removesuffix(".example.org"), 36)
    assert abs(weird["subdomain_entropy"] - 5.17) < 0.01
    assert "weird" not in items(question(long), subdomain_length=36)[0]["dns"]
    assert "weird" not in items(question(long), subdomain_entropy=6.0)[0]["dns"]
    assert items(question("a.b"), ports=[54])[0]["dns"] is None


def test_what_is_changed_in_it_stays() -> None:
    def mark(item: Any) -> Any:
        item["dns"]["mark"] = item["dns"]["queries"][0]["name"]
        return item

    source = [{"raw_buf": udp(question("a.example")), "timestamp": 0.0}]
    meta, out, plain = PacketMeta(), io.StringIO(), []
    meta.link(source)
    (meta | DNSMeta() | mark | branch(json=JsonSink(out), plain=plain.append)).pull()
    assert plain[0]["dns"]["mark"] == "a.example"
    assert json.loads(out.getvalue())["dns"]["mark"] == "a.example"


def test_lines_of_messages(data: Path) -> None:
    out = io.StringIO()
    sink = PacketStreamer(data / "dns.pcap") | DNSMeta() | DNSSummary(file=out)
    sink.pull()
    lines = out.getvalue().splitlines()
    assert len(lines) == sink.counts["dns_messages"] == 12
    assert " - DNS query 10." in lines[0] or " - DNS query " in lines[0]
    out = io.StringIO()
    source = [{"raw_buf": udp(question("a.example", kind)), "timestamp": 0.0} for kind in (1, 16)]
    meta = PacketMeta()
    meta.link(source)
    (meta | DNSMeta() | DNSSummary(anomalies=True, file=out)).pull()
    assert out.getvalue() == "1970-01-01 00:00:00 - DNS query 10.0.0.1 --> 10.0.0.53 TXT a.example WEIRD: [query_type TXT]\n"


def test_native_json_and_csv_sinks_take_such_items(data: Path) -> None:
    out, table = io.StringIO(), io.StringIO()
    (PacketStreamer(data / "dns.pcap") | DNSMeta() | branch(json=JsonSink(out), csv=CsvSink(table))).pull()
    first = json.loads(out.getvalue().splitlines()[0])
    assert first["dns"] == next(iter(PacketStreamer(data / "dns.pcap") | DNSMeta()))["dns"] | {
        "queries": [first["dns"]["queries"][0]]
    }
    assert first["dns"]["queries"][0]["data"] == ""
