"""Hubs for tests of subscribers: one that does what a test says, and the program `flowgauge hub`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sysconfig
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

pytest.importorskip("websockets")
try:
    from websockets.asyncio.server import serve
except ImportError:  # websockets 12
    from websockets.legacy.server import serve  # type: ignore[assignment]

from flowgauge import Message

T = TypeVar("T")
Session = Callable[["Peer"], Awaitable[None]]


class Peer:
    """A subscriber as a fake hub sees it, after its hello."""

    def __init__(self, websocket: Any, hello: dict[str, Any]) -> None:
        self.websocket = websocket
        self.hello = hello
        request = getattr(websocket, "request", None)
        self.headers = websocket.request_headers if request is None else request.headers
        self.path = websocket.path if request is None else request.path

    async def welcome(self, resume: str = "fresh", boot: str = "hub", sequence: int = 0) -> None:
        await self.say(kind="welcome", version=1, hub="fake", boot=boot, sequence=sequence, resume=resume)

    async def tell(self, *numbers: int, boot: str = "sensor", offset: int = 0, **changes: Any) -> None:
        """Messages whose payload, sequence at the hub (but for the offset) and number at the sensor are these."""
        for number in numbers:
            await self.say(kind="message", sequence=number + offset, message=message(number, boot) | changes)

    async def say(self, **frame: Any) -> None:
        await self.websocket.send(json.dumps(frame))

    async def abort(self) -> None:
        """Ends the connection without a farewell, as a hub does that is killed."""
        self.websocket.transport.abort()

    async def stay(self) -> None:
        await self.websocket.wait_closed()


def message(number: int, boot: str = "sensor") -> dict[str, Any]:
    return {
        "version": 1,
        "id": f"{boot}:{number}",
        "time": 1795187491.5,
        "sensor": "lab",
        "topic": "dns.lookup",
        "trigger": "packet",
        "payload": number,
    }


class Fake:
    """A fake hub: the first connection goes to the first session, and so on; the last stays for all that come."""

    def __init__(self, sessions: tuple[Session, ...]) -> None:
        self.sessions = list(sessions)
        self.peers: list[Peer] = []
        self.errors: list[BaseException] = []
        self.url = ""

    async def handle(self, websocket: Any, _path: str | None = None) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            peer = Peer(websocket, json.loads(await websocket.recv()))
            self.peers.append(peer)
            session = self.sessions[min(len(self.peers), len(self.sessions)) - 1]
            await session(peer)
        except ConnectionClosed:
            pass
        except Exception as error:
            self.errors.append(error)
            raise


@asynccontextmanager
async def hub(*sessions: Session, **options: Any) -> AsyncIterator[Fake]:
    """A fake hub on a port of its own."""
    fake = Fake(sessions)
    async with serve(fake.handle, "127.0.0.1", 0, **options) as server:
        fake.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield fake
    assert not fake.errors


def program() -> str:
    """The program with the command `hub`: that of this installation, or the one that FLOWGAUGE_HUB names."""
    return os.environ.get("FLOWGAUGE_HUB") or str(Path(sysconfig.get_path("scripts")) / "flowgauge")


@contextmanager
def real_hub(*options: str, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """The real hub; its address, host:port."""
    command = [program(), "hub", "--listen", listen, "--log-format", "json", *options]
    # The variable of these tests is none of the hub's.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWGAUGE_HUB")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    reader = threading.Thread(target=process.stderr.read, daemon=True)
    try:
        log = ""
        for line in process.stderr:
            log += line
            if found := re.search(r'"http":"([^"]+)"', line):
                break
        else:
            raise AssertionError(f"the hub does not listen: {log}")
        # A full pipe would stop it.
        reader.start()
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if reader.ident is not None:
                reader.join()
            process.stderr.close()


def run(main: Callable[[], Awaitable[T]]) -> T:
    async def within() -> T:
        return await asyncio.wait_for(main(), 30)

    return asyncio.run(within())


async def take(messages: AsyncGenerator[Message, None], count: int) -> list[Message]:
    taken = []
    async with aclosing(messages):
        async for one in messages:
            taken.append(one)
            if len(taken) == count:
                break
    return taken
