"""Sensor and subscriber on the protocol of netdumplings: against our hub, and against the real `nd-hub` 0.5.1.

The real one is in `target/netdumplings` (`scripts/setup --oracles`, where Python 3.11 is); skipped where not.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("websockets")
from hubs import program, real_hub, run, take

import flowgauge
from flowgauge import Message

PROGRAMS = Path(__file__).resolve().parents[2] / "target" / "netdumplings" / "bin"
# Its websockets loads parts when they are asked for by import; the programs are of a time when they were there.
LOADED = (
    "import runpy, sys, websockets.client, websockets.server, websockets.exceptions; del sys.argv[0]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def ours() -> Iterator[tuple[int, int]]:
    """Our hub's ports for kitchens and eaters."""
    into, out = free_ports(2)
    with real_hub("--compat", "netdumplings", "--compat-in", str(into), "--compat-out", str(out)):
        yield into, out


@contextmanager
def theirs() -> Iterator[tuple[int, int]]:
    """The same of nd-hub."""
    if not (PROGRAMS / "nd-hub").exists():
        pytest.skip("no nd-hub in target/netdumplings (scripts/setup --oracles)")
    into, out = free_ports(2)
    command = [str(PROGRAMS / "python"), "-c", LOADED, str(PROGRAMS / "nd-hub"), "--address", "127.0.0.1"]
    command += ["--in-port", str(into), "--out-port", str(out), "--status-freq", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", out), 1).close()
                break
            except OSError:
                assert time.monotonic() < until and process.poll() is None, "nd-hub does not listen"
                time.sleep(0.05)
        yield into, out
    finally:
        process.terminate()
        process.wait(10)


def sensor(port: int, data: Path, *options: str) -> None:
    """Sends what a capture has to a port for kitchens."""
    command = [program(), "sensor", "--hub", f"netdumplings://127.0.0.1:{port}", "--name", "lab", *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWGAUGE_")}
    done = subprocess.run([*command, "-r", str(data / "dns.pcap")], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("hub", [ours, theirs])
def test_sensor_and_subscriber_meet_at_it(hub: object, data: Path) -> None:
    with hub() as (into, out):  # type: ignore[operator]
        got: list[Message] = []

        async def main() -> None:
            import asyncio

            sent: list[asyncio.Future[None]] = []

            def ready(*_: object) -> None:
                loop = asyncio.get_running_loop()
                sent.append(loop.run_in_executor(None, sensor, into, data, "--processor", "dns,flows"))

            url = f"netdumplings://127.0.0.1:{out}"
            # Six queries, six flows, and the summary of the interval; the sensor's status is another topic.
            heard = flowgauge.Subscriber(
                url, topics=["dns.*", "flow.*"], sensors=["lab"], on_connect=ready, on_message=got.append
            )
            await heard.serve(13)
            await asyncio.gather(*sent)

        run(main)
        topics = [message.topic for message in got]
        assert (topics.count("dns.lookup"), topics.count("flow.record"), topics.count("dns.summary")) == (6, 6, 1)
        assert {message.sensor for message in got} == {"lab"} and not any(message.gap or message.lost for message in got)
        triggers = {message.topic: message.trigger for message in got}
        # A flow can only be a packet there; what else the sensor told of itself brings it back.
        assert triggers == {"dns.lookup": "packet", "flow.record": "flow", "dns.summary": "interval"}
        numbers = [int(message.id.partition(":")[2]) for message in got]
        assert numbers == list(range(1, 14))
        assert got[0].payload["name"] == "www.example.org" and got[0].extra is None


@pytest.mark.parametrize("hub", [ours, theirs])
def test_the_hub_speaks_of_itself(hub: object) -> None:
    with hub() as (_, out):  # type: ignore[operator]
        url = f"netdumplings://127.0.0.1:{out}"
        status = run(lambda: take(flowgauge.subscribe(url, topics=["SystemStatusChef"], name="desk"), 1))[0]
        assert (status.sensor, status.trigger) == (None, "interval")
        assert [eater["info_from_eater"]["eater_name"] for eater in status.payload["dumpling_eaters"]] == ["desk"]


def test_a_hub_that_comes_back_leaves_a_gap() -> None:
    from hubs import Peer, hub

    def dumpling(number: int) -> str:
        metadata = {"chef": "C", "kitchen": None, "creation_time": 1.5, "driver": "packet", "more": [1]}
        return json.dumps({"metadata": metadata, "payload": number})

    async def first(peer: Peer) -> None:
        assert peer.hello == {"eater_name": "flowgauge"}
        await peer.websocket.send(dumpling(1))
        await peer.websocket.send("no dumpling")
        await peer.websocket.send(dumpling(2))
        await peer.abort()

    async def second(peer: Peer) -> None:
        await peer.websocket.send(dumpling(3))
        await peer.stay()

    async def main() -> list[Message]:
        async with hub(first, second) as fake:
            return await take(flowgauge.subscribe(fake.url.replace("ws:", "netdumplings:")), 3)

    one, two, three = run(main)
    assert [message.payload for message in (one, two, three)] == [1, 2, 3]
    assert (one.lost, two.lost, three.lost) == (0, 1, 0) and (one.gap, two.gap, three.gap) == (False, False, True)
    assert one.extra == {"more": [1]} and one.id == one.position


def test_what_it_does_not_know_is_refused() -> None:
    for options in ({"since": "a:1"}, {"token": "x" * 20}):
        with pytest.raises(ValueError, match="netdumplings"):
            flowgauge.subscribe("netdumplings://127.0.0.1:1", **options)  # type: ignore[arg-type]
