"""Subscribers: what they tell, how they go on after a loss, and what hostile hubs can do to them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("websockets")
from hubs import Peer, hub, message, run, take

import flowgauge
from flowgauge import HubError, Message, Subscriber, subscribe

PAGE = Path(__file__).resolve().parents[2] / "docs" / "subscribe.md"


def payloads(messages: list[Message]) -> list[Any]:
    return [one.payload for one in messages]


async def two(peer: Peer) -> None:
    await peer.welcome(sequence=6)
    await peer.tell(7, 8)
    await peer.stay()


def test_messages_come_as_they_were_said() -> None:
    async def main() -> None:
        async with hub(two) as fake:
            options: dict[str, Any] = {"topics": ["dns.*"], "sensors": ["lab"], "name": "me", "token": "secret-secret", "since": "hub:6"}
            first, second = await take(subscribe(fake.url, **options), 2)
            assert first == Message(1, "sensor:7", 1795187491.5, "lab", "dns.lookup", "packet", 7, "hub:7", 0, False, None)
            assert (second.id, second.position) == ("sensor:8", "hub:8")
            (peer,) = fake.peers
            hello = {"kind": "hello", "version": 1, "topics": ["dns.*"], "sensors": ["lab"], "name": "me", "since": "hub:6"}
            assert peer.hello == hello
            assert peer.headers["Authorization"] == "Bearer secret-secret" and peer.path == "/subscribe"

    run(main)


def test_closing_the_iterator_closes_the_connection() -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def session(peer: Peer) -> None:
            await peer.welcome()
            await peer.tell(1)
            await peer.stay()
            closed.set()

        async with hub(session) as fake:
            async for _ in subscribe(fake.url):
                break
            await asyncio.wait_for(closed.wait(), 5)
            assert fake.peers[0].hello == {"kind": "hello", "version": 1}

    run(main)


def test_a_lost_connection_goes_on_behind_the_last_message() -> None:
    async def first(peer: Peer) -> None:
        await peer.welcome(sequence=4)
        await peer.tell(5, 6)
        await asyncio.sleep(0.2)
        await peer.abort()

    async def second(peer: Peer) -> None:
        # A hub that repeats itself, too.
        await peer.welcome("whole", sequence=8)
        await peer.tell(6, boot="other")
        await peer.tell(6, 7, 8)
        await peer.websocket.close(1001, "the hub ends")

    async def third(peer: Peer) -> None:
        await peer.welcome("whole", sequence=8)
        await peer.tell(9)
        await peer.stay()

    async def main() -> None:
        async with hub(first, second, third) as fake:
            got = await take(subscribe(fake.url), 5)
            assert payloads(got) == [5, 6, 7, 8, 9]
            assert not any(one.gap or one.lost for one in got)
            assert [peer.hello.get("since") for peer in fake.peers] == [None, "hub:6", "hub:8"]

    run(main)


def test_what_a_hub_says_of_itself_may_have_the_number_of_the_last_message() -> None:
    async def session(peer: Peer) -> None:
        await peer.welcome(sequence=4)
        await peer.tell(5)
        await peer.tell(1, 2, 1, boot="hub-hub", offset=0, sensor=None, topic="system.status")
        for number in (7, 8, 8):
            changes = {"id": f"hub-hub:{number}", "sensor": None, "topic": "system.status"}
            await peer.say(kind="message", sequence=5, message=message(number) | changes)
        await peer.tell(6)
        await peer.stay()

    async def main() -> None:
        async with hub(session) as fake:
            got = await take(subscribe(fake.url), 4)
            assert payloads(got) == [5, 7, 8, 6]
            assert [one.position for one in got] == ["hub:5", "hub:5", "hub:5", "hub:6"]

    run(main)


def test_a_connection_that_told_nothing_is_resumed_where_it_began() -> None:
    async def first(peer: Peer) -> None:
        await peer.welcome(sequence=6)
        await peer.websocket.close(1001)

    async def main() -> None:
        async with hub(first, two) as fake:
            await take(subscribe(fake.url), 2)
            assert fake.peers[1].hello["since"] == "hub:6"

    run(main)


def test_a_hub_that_began_anew_is_a_gap_and_tells_nothing_twice() -> None:
    async def first(peer: Peer) -> None:
        await peer.welcome(sequence=100)
        await peer.tell(1, 2, offset=100)
        await peer.websocket.close(1001)

    async def second(peer: Peer) -> None:
        await peer.welcome("gap", boot="hub2", sequence=3)
        # The sensor was not told that 2 arrived.
        await peer.tell(2, 3, 4)
        await peer.tell(2, boot="other", offset=3)
        await peer.stay()

    async def main() -> None:
        async with hub(first, second) as fake:
            got = await take(subscribe(fake.url), 5)
            assert [one.id for one in got] == ["sensor:1", "sensor:2", "sensor:3", "sensor:4", "other:2"]
            assert [one.gap for one in got] == [False, False, True, False, False]
            assert got[2].position == "hub2:3"

    run(main)


def test_losses_are_told_with_the_next_message() -> None:
    async def first(peer: Peer) -> None:
        await peer.welcome()
        await peer.say(kind="lost", messages=3)
        await peer.say(kind="lost", messages=2)
        await peer.tell(6, 7)
        await peer.say(kind="lost", messages=9)
        await peer.websocket.close(1001)

    async def second(peer: Peer) -> None:
        # The hub has those nine still.
        await peer.welcome("whole")
        await peer.tell(8)
        await peer.stay()

    async def main() -> None:
        async with hub(first, second) as fake:
            assert [(one.payload, one.lost) for one in await take(subscribe(fake.url), 3)] == [(6, 5), (7, 0), (8, 0)]

    run(main)


DEEP = "[" * 100_000 + "]" * 100_000
CHANGES: list[dict[str, Any]] = [
    {"version": 2},
    {"version": True},
    {"id": "sensor"},
    {"id": 1},
    {"id": "sensor:01"},
    {"time": "1795187491"},
    {"time": True},
    {"time": -1},
    {"time": 10**400},
    {"time": None},
    {"sensor": 3},
    {"sensor": ""},
    {"topic": "a\x1b[2J"},
    {"topic": None},
    {"trigger": "whim"},
    {"trigger": []},
    {"extra": 3},
]
FRAMES: list[str | bytes] = [
    "no JSON",
    "[]",
    "{}",
    '{"kind": 3}',
    '{"kind": "message"}',
    '{"kind": "message", "sequence": 1, "message": []}',
    json.dumps({"kind": "message", "sequence": -1, "message": message(1)}),
    json.dumps({"kind": "message", "sequence": True, "message": message(1)}),
    json.dumps({"kind": "message", "sequence": 1 << 64, "message": message(1)}),
    json.dumps({"kind": "message", "sequence": 1, "message": message(1)}).encode(),
    *(json.dumps({"kind": "message", "sequence": 1, "message": message(1) | change}) for change in CHANGES),
    json.dumps({"kind": "message", "sequence": 1, "message": message(1) | {"payload": "P"}}).replace('"P"', DEEP),
    json.dumps({"kind": "message", "sequence": 1, "message": message(1) | {"payload": "P"}}).replace('"P"', "9" * 10_000),
    json.dumps({"kind": "message", "sequence": 1, "message": message(1) | {"payload": float("nan")}}),
    json.dumps({"kind": "message", "sequence": 1, "message": {k: v for k, v in message(1).items() if k != "payload"}}),
]


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
def test_what_is_no_message_counts_as_lost(frame: str | bytes) -> None:
    async def session(peer: Peer) -> None:
        await peer.welcome()
        await peer.websocket.send(frame)
        await peer.tell(1)
        await peer.stay()

    async def main() -> None:
        async with hub(session) as fake:
            assert [(one.payload, one.lost) for one in await take(subscribe(fake.url), 1)] == [(1, 1)]
            assert len(fake.peers) == 1

    run(main)


def test_what_a_later_hub_says_besides_is_passed_over() -> None:
    async def session(peer: Peer) -> None:
        await peer.welcome()
        await peer.say(kind="weather", rain=True)
        await peer.say(kind="lost", messages="many")
        await peer.tell(1, extra={"chef": "X"}, sensor=None, more=1)
        await peer.stay()

    async def main() -> None:
        async with hub(session) as fake:
            (got,) = await take(subscribe(fake.url), 1)
            assert (got.lost, got.extra, got.sensor) == (0, {"chef": "X"}, None)

    run(main)


def test_too_much_at_once_ends_it_and_names_the_option() -> None:
    async def session(peer: Peer) -> None:
        await peer.welcome()
        await peer.tell(1, payload="x" * 5000)
        await peer.stay()

    async def main() -> None:
        async with hub(session) as fake:
            with pytest.raises(HubError, match="max_message_bytes=4096"):
                await take(subscribe(fake.url, max_message_bytes=4096), 1)
            assert len(fake.peers) == 1
            assert len((await take(subscribe(fake.url), 1))[0].payload) == 5000

    run(main)


@pytest.mark.parametrize(
    "welcome",
    [
        "hello?",
        "[]",
        b"{}",
        '{"kind":"welcome","version":2,"boot":"b","sequence":0,"resume":"fresh"}',
        '{"kind":"welcome","version":1,"boot":"b c","sequence":0,"resume":"fresh"}',
        '{"kind":"welcome","version":1,"boot":"b","sequence":-1,"resume":"fresh"}',
        '{"kind":"welcome","version":1,"boot":"b","sequence":0,"resume":[]}',
    ],
)
def test_what_is_no_hub_ends_it(welcome: str | bytes) -> None:
    async def session(peer: Peer) -> None:
        await peer.websocket.send(welcome)
        await peer.stay()

    async def main() -> None:
        async with hub(session) as fake:
            with pytest.raises(HubError, match="is not a hub"):
                await take(subscribe(fake.url), 1)

    run(main)


def test_a_hub_that_refuses_is_not_asked_again() -> None:
    async def session(peer: Peer) -> None:
        await peer.websocket.close(1008, "this token does not allow that")

    async def main() -> None:
        async with hub(session) as fake:
            with pytest.raises(HubError, match="this token does not allow that"):
                await take(subscribe(fake.url), 1)
            assert len(fake.peers) == 1

    run(main)


def answering(*responses: bytes) -> tuple[Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], list[bytes]]:
    """A server that answers each connection with the next of these, and what it was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(responses[min(len(asked), len(responses)) - 1])
        await writer.drain()
        writer.close()

    return answer, asked


def status(line: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers, "", body]).encode()


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (status("401 Unauthorized", body="a token is needed"), r"status 401 \(token= gives one\)"),
        (status("403 Forbidden", body="x"), "status 403"),
        (status("404 Not Found"), "status 404"),
        (status("302 Found", "Location: ws://127.0.0.1:9/subscribe"), "302|elsewhere"),
    ],
)
def test_what_a_token_would_change_is_told_and_redirects_are_not_followed(response: bytes, says: str) -> None:
    async def main() -> None:
        answer, asked = answering(response)
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(HubError, match=says):
                await take(subscribe(f"ws://127.0.0.1:{port}", token="wrong-wrong-wrong", reconnect="302" not in says), 1)
            assert len(asked) == 1

    run(main)


@pytest.mark.parametrize("response", [b"", b"SSH-2.0-OpenSSH\r\n", status("503 Service Unavailable"), status("429 Slow Down")])
def test_what_may_be_better_later_is_tried_again(response: bytes) -> None:
    async def main() -> None:
        answer, asked = answering(response)
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(take(subscribe(url), 1), 1)
            # After 0.1 s, 0.2 s, 0.4 s: with jitter, at least two more; without back-off it would be hundreds.
            assert 3 <= len(asked) <= 6
            with pytest.raises(HubError):
                await take(subscribe(url, reconnect=False), 1)

    run(main)


def test_attempts_are_spread_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def asleep(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)
        if len(slept) == 40:
            raise KeyError

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setattr("flowgauge._subscription.asyncio.sleep", asleep)
        with pytest.raises(KeyError):
            run(lambda: take(subscribe(f"ws://127.0.0.1:{nobody.getsockname()[1]}", max_delay=0.8), 1))
    for number, delay in enumerate(slept):
        full = min(0.1 * 2**number, 0.8)
        assert full / 2 <= delay <= full
    assert len(set(slept)) > 30


def test_without_reconnect_a_loss_is_an_error() -> None:
    async def session(peer: Peer) -> None:
        await peer.welcome()
        await peer.tell(1)
        await peer.websocket.close(1001, "the hub ends")

    async def main() -> None:
        async with hub(session) as fake:
            with pytest.raises(HubError, match="the hub ends"):
                await take(subscribe(fake.url, reconnect=False), 2)
            with pytest.raises(HubError, match="cannot connect"):
                await take(subscribe("ws://127.0.0.1:1", reconnect=False), 1)

    run(main)


def test_handlers_are_methods_or_given_and_async_or_not() -> None:
    heard: list[Any] = []

    async def session(peer: Peer) -> None:
        await peer.welcome(sequence=2)
        await peer.tell(3)
        await peer.websocket.close(1001)

    class Mine(Subscriber):
        async def on_connect(self, hub_uri: str, websocket: Any) -> None:
            assert websocket.remote_address
            heard.append(hub_uri)

        def on_message(self, message: Message) -> None:
            heard.append(message.payload)

        async def on_disconnect(self, error: Exception | None) -> None:
            heard.append(error and type(error))

    async def main() -> None:
        async with hub(session, two) as fake:
            url = fake.url + "/subscribe"
            await Mine(fake.url).serve(message_count=3)
            assert heard == [url, 3, HubError, url, 7, 8, None]
            heard.clear()

            async def add(message: Message) -> None:
                heard.append(message.id)

            await Mine(fake.url, on_message=add, on_connect=lambda *_: None).serve(1)
            assert heard == ["sensor:7", None]

    run(main)


def test_a_connection_that_ends_in_on_connect_is_a_loss_like_others() -> None:
    async def first(peer: Peer) -> None:
        await peer.welcome()
        await peer.websocket.close(1001)

    async def main() -> None:
        async with hub(first, two) as fake:
            lost: list[Exception | None] = []

            async def connected(_: str, websocket: Any) -> None:
                if not lost:
                    await websocket.recv()

            await Subscriber(fake.url, on_connect=connected, on_disconnect=lost.append).serve(2)
            assert [str(error) for error in lost[1:]] == ["None"] and "is gone" in str(lost[0])

    run(main)


@pytest.mark.parametrize("where", ["on_connect", "on_message", "on_disconnect"])
def test_what_a_handler_raises_comes_back(where: str) -> None:
    def fail(*_: object) -> None:
        # Of the kind that a lost connection is.
        raise ConnectionResetError(where)

    handlers: dict[str, Any] = {where: fail}

    async def main() -> None:
        async with hub(two) as fake:
            with pytest.raises(ConnectionResetError, match=where):
                await Subscriber(fake.url, **handlers).serve(1)
            assert len(fake.peers) == 1

    run(main)


def test_a_subscriber_that_serves_again_goes_on() -> None:
    async def second(peer: Peer) -> None:
        await peer.welcome("whole", sequence=8)
        await peer.tell(8, 9)
        await peer.stay()

    async def main() -> None:
        heard: list[Any] = []
        async with hub(two, second) as fake:
            subscriber = Subscriber(fake.url, on_message=lambda message: heard.append(message.payload))
            await subscriber.serve(1)
            await subscriber.serve(2)
            assert heard == [7, 8, 9] and fake.peers[1].hello["since"] == "hub:7"

    run(main)


CTRL_C = """
import os, signal, sys, threading
import flowgauge

class Mine(flowgauge.Subscriber):
    def on_message(self, message):
        if message.payload == 7:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    def on_disconnect(self, error):
        print("left", error)

Mine(sys.argv[1]).run()
print("done")
"""


def test_ctrl_c_ends_it_cleanly() -> None:
    async def main() -> None:
        async with hub(two) as fake:
            command = [sys.executable, "-c", CTRL_C, fake.url]
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
            out, err = await process.communicate()
            assert (process.returncode, out, err) == (0, b"left None\ndone\n", b"")
            # websockets 13.0 and 13.1 have no close_code.
            assert getattr(fake.peers[0].websocket, "close_code", 1000) == 1000

    run(main)


def test_options_are_checked_at_once() -> None:
    url = "ws://127.0.0.1:1"
    for wrong, says in (
        ({"url": "127.0.0.1:11346"}, "ws://"),
        ({"url": "ftp://127.0.0.1"}, "ws://"),
        ({"url": "ws://"}, "ws://"),
        ({"url": "ws://me:password@127.0.0.1"}, "token="),
        ({"url": "ws://127.0.0.1/?token=password"}, "token="),
        ({"url": "ws://127.0.0.1:99999"}, "ort"),
        ({"token": "a\r\nCookie: x"}, "token"),
        ({"token": ""}, "token"),
        ({"since": "17"}, "since"),
        ({"max_delay": 0}, "max_delay"),
        ({"max_delay": float("inf")}, "max_delay"),
        ({"max_message_bytes": 3}, "max_message_bytes"),
        ({"max_message_bytes": 1e6}, "max_message_bytes"),
    ):
        with pytest.raises(ValueError, match=says) as raised:
            subscribe(**{"url": url, **wrong})  # type: ignore[arg-type]
        assert "password" not in str(raised.value).replace("user, password,", "")
    with pytest.raises(TypeError, match="topics"):
        subscribe(url, topics="dns.*")
    with pytest.raises(TypeError, match="nonsense"):
        Subscriber(url, nonsense=1)
    with pytest.raises(ValueError, match="message_count"):
        Subscriber(url).run(0)


def test_secrets_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def session(peer: Peer) -> None:
        await peer.welcome()
        await peer.tell(len(caplog.records) + 1)
        await peer.websocket.close(1001)

    async def main() -> None:
        async with hub(session) as fake:
            with caplog.at_level(logging.INFO, "flowgauge.subscriber"):
                await take(subscribe(fake.url, token="secret-secret"), 2)

    run(main)
    own = [record.getMessage() for record in caplog.records if record.name == "flowgauge.subscriber"]
    assert any("connecting again" in line for line in own) and not any("secret" in line for line in own)


@pytest.mark.parametrize("missing", ["websockets", "websockets.exceptions"])
def test_without_websockets_the_error_names_the_extra(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\nimport flowgauge\n"
        "for make in flowgauge.subscribe, flowgauge.Subscriber:\n"
        "    try: make('ws://127.0.0.1')\n"
        "    except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("this needs websockets: pip install 'flowgauge[hub]'\n" * 2, "")


def test_flowgauge_itself_needs_none_of_it() -> None:
    code = "import flowgauge, sys; print([n for n in ('websockets', 'asyncio', 'json', 'typing') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=environment())
    assert done.stdout == "[]\n", done.stderr
    assert flowgauge.subscribe is subscribe and {"Message", "Subscriber", "subscribe"} <= set(flowgauge.__all__)
    with pytest.raises(AttributeError, match="no attribute 'unsubscribe'"):
        flowgauge.unsubscribe  # noqa: B018


def environment() -> dict[str, str]:
    """That of this process, with the very flowgauge that is tested."""
    return os.environ | {"PYTHONPATH": str(Path(flowgauge.__file__).parents[1])}


PROGRAMS = re.findall(r"```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", PROGRAMS, ids=range(len(PROGRAMS)))
def test_programs_of_the_page_run(text: str) -> None:
    async def session(peer: Peer) -> None:
        await peer.welcome("whole" if "since" in peer.hello else "fresh")
        first = int(peer.hello.get("since", "hub:0").split(":")[1]) + 1
        await peer.tell(first, first + 1, first + 2)
        await peer.tell(first + 3, topic="dns.last")
        await peer.stay()

    async def main() -> None:
        async with hub(session) as fake:
            here = text.replace("ws://127.0.0.1:11346", fake.url)
            assert here != text
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", here, stdout=pipe, stderr=pipe)
            out, err = await process.communicate()
            assert (process.returncode, err) == (0, b"") and len(out.splitlines()) >= 3, out

    run(main)
