"""Captures as stories, written packet by packet: what the tests read when the bytes themselves do not matter.

A `Story` is a list of frames; `pcap()` gives it as the bytes of a capture file.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field

EPOCH = 1_700_000_000
A, B, C = "10.0.0.1", "10.0.0.2", "2001:db8::3"
TCP, UDP = 6, 17
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128}
MACS = bytes.fromhex("020000000002020000000001")
HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
ARP = MACS + b"\x08\x06" + bytes(28)


@dataclass
class Story:
    """Frames in the order of the capture; times are seconds after `EPOCH`."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)

    def raw(self, at: float, frame: bytes) -> Story:
        self.frames.append((EPOCH * 10**9 + round(at * 10**9), frame))
        return self

    def udp(self, at: float, src: str, dst: str, size: int = 10, sport: int = 1000, dport: int = 2000) -> Story:
        return self.raw(at, ethernet(src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + size, 0) + bytes(size)))

    def tcp(
        self, at: float, src: str, dst: str, flags: str = "ack", size: int = 0, ports: tuple[int, int] = (1000, 80)
    ) -> Story:
        bits = sum(FLAGS[flag] for flag in flags.split())
        header = struct.pack("!HHIIBBHHH", *ports, 0, 0, 0x50, bits, 1024, 0, 0)
        return self.raw(at, ethernet(src, dst, TCP, header + bytes(size)))

    def pcap(self) -> bytes:
        records = (
            struct.pack("<IIII", ns // 10**9, ns % 10**9, len(frame), len(frame)) + frame for ns, frame in self.frames
        )
        return HEADER + b"".join(records)


def ethernet(src: str, dst: str, protocol: int, payload: bytes, vlan: int | None = None) -> bytes:
    source, target = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    if source.version == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + source.packed + target.packed
        return MACS + tag + b"\x08\x00" + ip + payload
    ip = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + source.packed + target.packed
    return MACS + tag + b"\x86\xdd" + ip + payload


def conversations(count: int, packets: int = 2, every: float = 0.001) -> bytes:
    """So many UDP flows of so many packets each, one after the other."""
    story = Story()
    for index in range(count):
        for packet in range(packets):
            story.udp((index * packets + packet) * every, A, B, sport=1 + index % 60000, dport=1 + index // 60000)
    return story.pcap()


# Texts that mean something to a spreadsheet, a terminal, a reader of CSV or JSON, or HTML.
HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "'quoted'", '"', '""', 'a,"b",c', "=a,\"b\"", "\ttab", "a\tb", " spaced ", "\u009b31m",
    "\u202eeht", "\u2028line", "<script>alert(1)</script>", "\\", "\\n", "null", "NaN", "é漢\U0001f600", "-", "=", "x" * 300,
]  # fmt: skip


def hostile() -> bytes:
    """A flow for each of these texts, whose user agent it is."""
    story = Story()
    for index, text in enumerate(HOSTILE):
        request = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: " + text.encode() + b"\r\n\r\n"
        header = struct.pack("!HHIIBBHHH", 1000 + index, 80, 1, 1, 0x50, 0x18, 1024, 0, 0)
        story.raw(index / 1000, ethernet(A, B, TCP, header + request))
    return story.pcap()
