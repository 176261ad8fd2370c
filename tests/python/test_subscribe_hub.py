"""Subscribers of the real hub, the program `flowgauge hub`: skipped where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("websockets")
from hubs import message, program, real_hub, run, take

from flowgauge import HubError, Message, Subscriber, subscribe


class Publisher:
    """A sensor of the real hub."""

    def __init__(self, websocket: Any) -> None:
        self.websocket = websocket
        websocket.send(json.dumps({"kind": "hello", "version": 1, "sensor": "lab"}))
        welcome = json.loads(websocket.recv(10))
        assert welcome["kind"] == "welcome", welcome

    def publish(self, *numbers: int, **changes: Any) -> None:
        for number in numbers:
            self.websocket.send(json.dumps(message(number) | changes))


@contextlib.contextmanager
def publishing(address: str) -> Iterator[Publisher]:
    from websockets.sync.client import connect

    with connect(f"ws://{address}/publish") as websocket:
        yield Publisher(websocket)


def test_the_real_hub_is_heard() -> None:
    with real_hub() as address, publishing(address) as publisher:

        async def main() -> list[Message]:
            def ready(*_: object) -> None:
                publisher.publish(1, topic="arp.change")
                publisher.publish(2, 3, payload={"é": [1.5, None]})

            got: list[Message] = []
            await Subscriber(f"http://{address}", topics=["dns.*"], on_connect=ready, on_message=got.append).serve(2)
            assert [one.id for one in got] == ["sensor:2", "sensor:3"]
            return got

        got = run(main)
        assert got[0].payload == {"é": [1.5, None]} and not (got[0].lost or got[0].gap)
        publisher.publish(4)
        again = run(lambda: take(subscribe(f"ws://{address}", topics=["dns.*"], since=got[0].position), 2))
        assert [one.id for one in again] == ["sensor:3", "sensor:4"] and not again[0].gap


def test_the_real_hub_may_be_restarted() -> None:
    program()

    async def main() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            listen = f"127.0.0.1:{free.getsockname()[1]}"
        messages = subscribe(f"ws://{listen}", topics=["dns.*"], max_delay=0.5)
        async with contextlib.aclosing(messages):
            waiting = asyncio.ensure_future(anext(messages))
            told: list[int] = []
            number = 0
            for start in range(3):
                with real_hub(listen=listen), publishing(listen) as publisher:
                    # What the hub before had, as a sensor does that was not told so.
                    publisher.publish(*told[-3:])
                    while not waiting.done():
                        number += 1
                        publisher.publish(number)
                        await asyncio.sleep(0.05)
                    got = await waiting
                    assert got.gap is (start > 0)
                    told.append(got.payload)
                    while told[-1] < number:
                        told.append((await anext(messages)).payload)
                    waiting = asyncio.ensure_future(anext(messages))
            assert told == list(range(told[0], number + 1))
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting

    run(main)


def test_the_real_hub_asks_for_a_token(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("lab publish pppppppppppppppp\nme subscribe ssssssssssssssss\n")
    with real_hub("--tokens", str(tokens), "--status-interval", "1") as address:

        async def main() -> None:
            for token, says in (("wrong-wrong-wrong", "403"), ("pppppppppppppppp", "403"), (None, "refuses")):
                with pytest.raises(HubError, match=says):
                    await take(subscribe(f"ws://{address}", token=token), 1)
            (got,) = await take(subscribe(f"ws://{address}", token="ssssssssssssssss", topics=["system.*"]), 1)
            assert got.sensor is None and got.topic.startswith("system.")

        run(main)


def test_the_real_hub_refuses_too_many_patterns() -> None:
    with real_hub() as address:
        with pytest.raises(HubError, match="16 patterns"):
            run(lambda: take(subscribe(f"ws://{address}", topics=["a"] * 17), 1))


def test_the_real_hub_tells_what_a_slow_subscriber_lost() -> None:
    with real_hub("--queue-messages", "64", "--max-messages-per-second", "1000000") as address:

        async def main() -> None:
            with publishing(address) as publisher:
                told = lost = 0
                count = 5_000
                messages = subscribe(f"ws://{address}", topics=["dns.*"])
                async with contextlib.aclosing(messages):
                    first = asyncio.ensure_future(anext(messages))
                    await asyncio.sleep(0.5)
                    publisher.publish(1)
                    assert (await first).payload == 1
                    # Nobody takes anything meanwhile.
                    publisher.publish(*range(2, count), payload="x" * 4000)
                    time.sleep(0.5)
                    publisher.publish(count, topic="dns.last")
                    async for one in messages:
                        told, lost = told + 1, lost + one.lost
                        if one.topic == "dns.last":
                            break
                assert lost > 0 and told + lost == count - 1

        run(main)
