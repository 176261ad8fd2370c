"""Sensors: the command `flowgauge sensor`, with processors in Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import flowgauge
from flowgauge.pipeline import DNSMeta, PacketMeta, PacketStreamer

COMMAND = str(Path(sysconfig.get_path("scripts")) / "flowgauge")


def environment(**more: str) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("FLOWGAUGE_")} | more


def sense(*arguments: str | Path, cwd: Path | None = None, status: int = 0, **more: str) -> tuple[list[dict[str, Any]], str]:
    """Runs a sensor that writes lines; its messages, and what it said on standard error."""
    command = [COMMAND, "sensor", "--hub", "-", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd, env=environment(**more))
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def written(path: Path, text: str) -> Path:
    path.write_text("import flowgauge\n" + textwrap.dedent(text))
    return path


def of(messages: list[dict[str, Any]], topic: str) -> list[Any]:
    return [message["payload"] for message in messages if message["topic"] == topic]


def test_a_processor_sees_packets_flows_and_intervals(data: Path, tmp_path: Path) -> None:
    place = written(
        tmp_path / "mine.py",
        """
        class Names(flowgauge.Processor):
            topic = "dns.names"
            fields = ("dns",)

            def on_packet(self, packet):
                return packet["dns"]["queries"][0]["name"]

        class Ends(flowgauge.Processor):
            def __init__(self):
                self.flows = 0

            def on_flow(self, flow):
                self.flows += 1
                return {"application": flow.application_name, "packets": flow.src_to_dst_pkts}

            def on_interval(self):
                return self.flows
        """,
    )
    messages, _ = sense("-r", data / "dns.pcap", "--processor", place, "--name", "lab")
    names = [item["dns"]["queries"][0]["name"] for item in PacketStreamer(data / "dns.pcap") | DNSMeta() if item["dns"]]
    assert of(messages, "dns.names") == names and len(names) == 12
    flows = list(flowgauge.Streamer(data / "dns.pcap"))
    *ended, count = of(messages, "Ends")
    assert Counter(flow["application"] for flow in ended) == Counter(flow.application_name for flow in flows)
    assert count == len(flows)
    first = messages[0]
    assert (first["version"], first["sensor"], first["trigger"]) == (1, "lab", "packet")
    item = next(iter(PacketStreamer(data / "dns.pcap") | PacketMeta()))
    assert first["time"] == pytest.approx(item.time_ns / 1e9, abs=1e-6)
    boots = {message["id"].partition(":")[0] for message in messages}
    assert len(boots) == 1
    assert [int(message["id"].partition(":")[2]) for message in messages] == list(range(1, len(messages) + 1))


def test_only_what_is_declared_enters_python(data: Path, tmp_path: Path) -> None:
    place = written(
        tmp_path / "kinds.py",
        """
        class All(flowgauge.Processor):
            def on_packet(self, packet): return packet.packet_num

        class Web(flowgauge.Processor):
            filter = "tcp port 80"
            def on_packet(self, packet): return packet.packet_num

        class Requests(flowgauge.Processor):
            fields = ("http",)
            def on_packet(self, packet): return len(packet["http_messages"])

        class Arp(flowgauge.Processor):
            fields = ("arp",)
            def on_packet(self, packet): return packet["packet"]["type"]
        """,
    )
    messages, _ = sense("-r", data / "web.pcap", "-r", data / "mixed.pcapng", "-p", place)
    sources = [data / "web.pcap", data / "mixed.pcapng"]
    assert of(messages, "All") == [item.packet_num for item in PacketStreamer(sources)]
    web = [item.packet_num for item in PacketStreamer(sources, "tcp port 80")]
    assert len(of(messages, "Web")) == len(web) > 0
    assert sum(of(messages, "Requests")) > 0
    calls = {one["name"]: one["calls"] - 1 for one in of(messages, "sensor.status")[-1]["processors"]}
    assert calls["Web"] <= calls["All"] and calls["Requests"] < calls["Web"]


def test_mistakes_are_counted_and_named(data: Path, tmp_path: Path) -> None:
    place = written(
        tmp_path / "bad.py",
        """
        class Bad(flowgauge.Processor):
            def on_packet(self, packet):
                number = packet.packet_num
                if number == 0: raise ValueError("no such thing")
                if number == 1: raise SystemExit(3)
                if number == 2: return b"bytes"
                if number == 3: return float("inf")
                if number == 4: return {("a", "tuple"): 1}
                if number == 5:
                    deep = []
                    for _ in range(200): deep = [deep]
                    return deep
                if number == 6: return {"kept": packet}
                return number

            def on_interval(self):
                return self.nothing
        """,
    )
    messages, log = sense("-r", data / "dns.pcap", "-p", place)
    assert of(messages, "Bad") == [7, 8, 9, 10, 11]
    (bad,) = of(messages, "sensor.status")[-1]["processors"]
    assert bad["errors"] == 8 and "on_interval: AttributeError" in bad["last_error"]
    assert "ValueError: no such thing" in log and "bad.py, line 6" in log


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "has no subclass of flowgauge.Processor"),
        ("raise RuntimeError('at once')", "RuntimeError: at once"),
        ("class A(flowgauge.Processor): pass", "has none of on_packet, on_flow, on_interval"),
        ("class A(flowgauge.Processor):\n def __init__(self, x): pass\n def on_flow(self, flow): pass", "argument"),
        ("class A(flowgauge.Processor):\n filter = 'no such word'\n def on_packet(self, p): pass", "A: "),
        ("class A(flowgauge.Processor):\n fields = 'colour'\n def on_packet(self, p): pass", "transport, dns, http"),
        ("class A(flowgauge.Processor):\n topic = ''\n def on_packet(self, p): pass", "topic"),
        ("class A(flowgauge.Processor):\n topic = 'system.x'\n def on_packet(self, p): pass", "belongs to the hub"),
        ("class A(flowgauge.Processor):\n topic = 1\n def on_packet(self, p): pass", "A.topic must be a text"),
        ("class A(flowgauge.Processor):\n fields = None\n def on_packet(self, p): pass", "A.fields must be names"),
        ("class A(flowgauge.Processor):\n fields = [1]\n def on_packet(self, p): pass", "A.fields must be names"),
    ],
)
def test_what_is_no_processor_is_refused(data: Path, tmp_path: Path, text: str, words: str) -> None:
    place = written(tmp_path / "wrong.py", text)
    messages, log = sense("-r", data / "dns.pcap", "-p", place, status=2)
    assert not messages and words in log and "Traceback" not in log


def test_processors_are_found_by_module_file_and_class(data: Path, tmp_path: Path) -> None:
    written(
        tmp_path / "kept_here.py",
        """
        class One(flowgauge.Processor):
            def on_interval(self): return 1

        class Two(flowgauge.Processor):
            def on_interval(self): return 2
        """,
    )
    for place, topics in [
        ("kept_here", {"One", "Two"}),
        ("kept_here:Two", {"Two"}),
        ("./kept_here.py:One", {"One"}),
        ("kept_here.py", {"One", "Two"}),
    ]:
        messages, _ = sense("-r", (data / "dns.pcap").resolve(), "-p", place, cwd=tmp_path)
        assert {message["topic"] for message in messages} == topics | {"sensor.status"}
    for place, words in [("nowhere", "No module named"), ("nowhere.py", "no file"), ("kept_here:Three", "called Three")]:
        _, log = sense("-r", (data / "dns.pcap").resolve(), "-p", place, cwd=tmp_path, status=2)
        assert words in log


def test_scapy_sees_what_its_own_reader_sees(data: Path) -> None:
    scapy = pytest.importorskip("scapy.all", reason="scapy is not installed")
    for name in ["dns.pcap", "web.pcap", "cooked.pcap", "cooked2.pcap", "raw.pcap", "null.pcap", "story.pcap"]:
        with scapy.PcapReader(str(data / name)) as reader:
            theirs = list(reader)
        ours = [item.scapy() for item in PacketStreamer(data / name)]
        assert len(ours) == len(theirs) > 0
        for mine, other in zip(ours, theirs, strict=True):
            assert (type(mine), bytes(mine), mine.summary()) == (type(other), bytes(other), other.summary()), name
            assert float(mine.time) == pytest.approx(float(other.time), abs=1e-6)
            assert mine.wirelen == other.wirelen


def test_options_come_from_file_environment_and_flags(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "sensor.toml"
    config.write_text('name = "file"\ninterval = 7\nprocessor = ["packets"]\ntoken = "of the file"\n')
    command = [COMMAND, "sensor", "--config", str(config), "-r", str(data / "dns.pcap"), "--check"]
    more = {"FLOWGAUGE_SENSOR_INTERVAL": "8", "FLOWGAUGE_SENSOR_TOKEN": "of the environment"}
    done = subprocess.run([*command, "--drain-timeout", "2"], capture_output=True, text=True, env=environment(**more))
    assert done.returncode == 0, done.stderr
    for line in ['name = "file"', "interval = 8.0", 'processor = ["packets"]', "drain_timeout = 2.0", 'token = "********"']:
        assert line in done.stdout
    assert "of the" not in done.stdout
    config.write_text("colour = 1\n")
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 2 and "colour" in done.stderr
    _, log = sense("-r", data / "dns.pcap", status=2, FLOWGAUGE_SENSOR_COLOUR="1")
    assert "FLOWGAUGE_SENSOR_COLOUR" in log
    _, log = sense(status=2)
    assert "needs an interface (-i) or captures (-r)" in log


def test_an_interruption_ends_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pcap"
    os.mkfifo(pipe)
    command = [COMMAND, "sensor", "--hub", "-", "-r", str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        with pipe.open("wb") as writer:
            writer.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
            writer.flush()
            time.sleep(0.5)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=20)
            assert time.monotonic() - began < 2
        assert process.returncode == 130
        assert [json.loads(line)["topic"] for line in out.splitlines()][-1] == "sensor.status"


@pytest.mark.parametrize(("body", "limit"), [("time.sleep(0.2)", 3), ("time.sleep(60)", 12), ("while True: pass", 12)])
def test_a_processor_that_takes_its_time_holds_up_nobody(data: Path, tmp_path: Path, body: str, limit: float) -> None:
    place = written(
        tmp_path / "slow.py",
        f"""
        import sys, time

        class Slow(flowgauge.Processor):
            def on_packet(self, packet):
                print("begun", file=sys.stderr, flush=True)
                {body}
        """,
    )
    command = [COMMAND, "sensor", "--hub", "-", "-r", str(data / "story.pcap"), "-p", str(place), "--drain-timeout", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stderr is not None and process.stderr.readline() == "begun\n"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=30)
        assert time.monotonic() - began < limit
    assert process.returncode == 130 and "Traceback" not in log


def test_a_filter_that_fits_no_packet_is_told(data: Path, tmp_path: Path) -> None:
    place = written(
        tmp_path / "wireless.py",
        """
        class Wireless(flowgauge.Processor):
            filter = "wlan type mgt"
            def on_packet(self, packet): return 1
        """,
    )
    messages, log = sense("-r", data / "story.pcap", "-p", place)
    (counts,) = of(messages, "sensor.status")[-1]["processors"]
    assert counts["errors"] == 1 and "wlan type mgt" in counts["last_error"] and "wlan type mgt" in log


def test_numbers_belong_to_their_interval(tmp_path: Path) -> None:
    # Thirty frames a second apart, of which no more than an IP header's first byte was captured.
    frames = b""
    for second in range(30):
        frame = bytes(12) + b"\x08\0\x45"
        frames += b"".join(number.to_bytes(4, "little") for number in (second, 0, len(frame), 60)) + frame
    capture = tmp_path / "cut.pcap"
    capture.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000") + frames)
    messages, _ = sense("-r", capture, "-p", "packets")
    counts = of(messages, "packets.count")
    assert [(count["packets"], sum(count["skipped"].values())) for count in counts] == [(5, 5)] * 6
    assert [count["interval"] for count in counts] == [5.0] * 5 + [4.0]
    assert [status["packets"] for status in of(messages, "sensor.status")] == [5, 10, 15, 20, 25, 30]
