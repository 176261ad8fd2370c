"""A hub of its own program, and the messages that sensors would send it."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

PUBLISH, SUBSCRIBE = "publish-0123456789", "subscribe-0123456789"


class Hub:
    """The example `hub`; started again, it has the same address."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.options: dict[str, Any] = {"name": "bench", "listen": "127.0.0.1:0", "status_interval": 0.5}
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.options['listen']}/"

    def start(self, **options: Any) -> None:
        self.options |= options
        self.process = subprocess.Popen(
            [self.program, json.dumps(self.options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address, "the hub does not listen"
        self.options["listen"] = address

    def kill(self) -> None:
        """Ends it without a farewell."""
        assert self.process is not None
        self.process.kill()
        self.process.communicate()
        self.process = None

    def end(self) -> None:
        """Ends it in order; both of its laws held."""
        if self.process is None:
            return
        self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        self.process = None

    def with_tokens(self) -> None:
        """Starts again, as a hub that asks for tokens."""
        self.end()
        tokens = self.folder / "tokens"
        tokens.write_text(f"lab publish {PUBLISH}\ndesk subscribe {SUBSCRIBE}\n", encoding="utf-8")
        self.start(tokens=str(tokens))

    def sensor(self, name: str = "lab", token: str | None = None) -> Sensor:
        return Sensor(self.url, name, token)


class Sensor:
    """A publisher: every method sends a message."""

    _boots = itertools.count()

    def __init__(self, url: str, name: str, token: str | None) -> None:
        self.name = name
        self.boot = f"boot-{next(self._boots)}"
        self.numbers = itertools.count(1)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.opening = partial(connect, f"{url.replace('http', 'ws', 1)}publish", additional_headers=headers)

    def __enter__(self) -> Sensor:
        self.connection = self.opening()
        self.socket = self.connection.__enter__()
        self.socket.send(json.dumps({"kind": "hello", "version": 1, "sensor": self.name}))
        assert json.loads(self.socket.recv(10))["kind"] == "welcome"
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.__exit__(None, None, None)

    def send(self, topic: str, payload: Any, trigger: str = "packet", at: float | None = None) -> int:
        """Sends a message, of this time or the present one, and gives its number."""
        number = next(self.numbers)
        message = {
            "version": 1,
            "id": f"{self.boot}:{number}",
            "time": time.time() if at is None else at,
            "sensor": self.name,
            "topic": topic,
            "trigger": trigger,
            "payload": payload,
        }
        self.socket.send(json.dumps(message))
        return number

    def settle(self, number: int, refused: int = 0) -> None:
        """Waits until the hub has dealt with this many messages, of which it refuses some."""
        while True:
            frame = json.loads(self.socket.recv(10))
            if frame["kind"] == "refused" and refused > 0:
                refused -= 1
                continue
            assert frame["kind"] == "ack", frame
            if frame["taken"] >= number:
                return

    def flow(self, **columns: Any) -> int:
        """A record as `flowgauge -o json` writes it, of the columns that the page knows."""
        end = time.time_ns() // 1_000_000
        record = {
            "ip_src": "192.0.2.10",
            "src_port": 40001,
            "ip_dst": "198.51.100.53",
            "dst_port": 53,
            "ip_protocol": 17,
            "src_to_dst_pkts": 1,
            "dst_to_src_pkts": 1,
            "src_to_dst_bytes": 75,
            "dst_to_src_bytes": 91,
            "application_name": "DNS",
            "category_name": "Network",
            "start_time": end - 8,
            "end_time": end,
            "export_reason": 2,
            "requested_server_name": None,
        }
        return self.send("flow.record", record | columns, "flow")

    def count(
        self,
        packets: int,
        bytes: int,
        *,
        interval: float = 1.0,
        dropped: int | None = 0,
        skipped: dict[str, int] | None = None,
        at: float | None = None,
    ) -> int:
        payload = {
            "interval": interval,
            "packets": packets,
            "bytes": bytes,
            "by_protocol": {"IP": packets, "UDP": packets},
            "skipped": skipped or {},
            "total_packets": packets,
            "total_bytes": bytes,
            "dropped": dropped,
        }
        return self.send("packets.count", payload, "interval", at)

    def status(self, **changes: Any) -> int:
        payload = {
            "source": "eth0",
            "uptime": 3700.5,
            "processors": [{"name": "flow.record", "calls": 10, "messages": 10, "errors": 0, "last_error": None}],
            "made": 10,
            "acknowledged": 10,
            "refused": 0,
            "spooled_messages": 0,
            "spooled_bytes": 0,
            "lost": {},
            "connections": 1,
        }
        return self.send("sensor.status", payload | changes, "interval")
