"""Messages of a hub (`flowgauge hub`), as they come. Needs websockets: `pip install flowgauge[hub]`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ._dumplings import Eating, is_of_netdumplings
from ._message import Message
from ._subscription import Subscription

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["Message", "Subscriber", "subscribe"]

_Handler = Callable[..., object]


def subscribe(
    url: str,
    *,
    topics: Sequence[str] | None = None,
    sensors: Sequence[str] | None = None,
    token: str | None = None,
    since: str | None = None,
    name: str | None = None,
    reconnect: bool = True,
    max_delay: float = 5.0,
    max_message_bytes: int = 16 << 20,
    ssl: SSLContext | None = None,
) -> AsyncGenerator[Message, None]:
    """The messages of a hub, as an asynchronous iterator that goes on until it is closed.

        async for message in flowgauge.subscribe("ws://127.0.0.1:11346", topics=["dns.*"]):
            print(message.sensor, message.payload)

    A connection that is lost is made anew, and goes on behind the last message: none comes twice, and what is missing is told
    in `lost` and `gap` of the next. Who takes longer for a message than the hub has room for loses the oldest, likewise told.
    The connection is made with the first message that is asked for, and closed with the iterator (`aclose`, or
    `contextlib.aclosing` around it). Losses and connections are logged to `flowgauge.subscriber`.

    Args:
        url: Where the hub is: ws:// or wss:// (also http:// or https://), host and port; without a path, it is /subscribe.
            netdumplings://host:port is the port of an `nd-hub` for eaters, which knows neither `since` nor `token`.
        topics: Patterns of which a topic has to fit one, as `dns.*`. None or an empty list: all, also `system.*`, of
            the hub itself.
        sensors: Patterns of which the name of the sensor has to fit one. None or an empty list: all.
        token: What the hub asks for, if it does; it goes in a header. Over ws:// whoever listens on the way reads it.
        since: `position` (or `id`, which is told as a gap unless the hub has a broker) of a message, to begin right behind it.
            None: with the next that comes.
        name: What the hub calls this subscriber in its status. None: nameless.
        reconnect: False: a connection that cannot be made or is lost is a HubError.
        max_delay: Seconds between two attempts to connect, at most; the first come sooner. Each is shortened by up to a half,
            at random.
        max_message_bytes: What the hub may send at once, in bytes, from 1024.
        ssl: How a wss:// hub is trusted. None: as Python trusts others.

    Raises:
        ValueError: An option is out of range.
        ImportError: There is no websockets.
        HubError: While iterating: the hub refuses (token, pattern), is none, or sent more than it may.
    """
    subscription = _subscription(
        url,
        topics=topics,
        sensors=sensors,
        token=token,
        since=since,
        name=name,
        reconnect=reconnect,
        max_delay=max_delay,
        max_message_bytes=max_message_bytes,
        ssl=ssl,
    )
    return subscription.messages(_nothing, _nothing)


class Subscriber:
    """Calls handlers with the messages of a hub. They are given, or methods of a subclass; each may be `async` or not.

        class Lookups(flowgauge.Subscriber):
            def on_message(self, message):
                print(message.payload)

        Lookups("ws://127.0.0.1:11346", topics=["dns.*"]).run()

    Args:
        url: Where the hub is, as in `subscribe`.
        on_connect: In place of the method of this name; so are the next two.
        on_message: Likewise.
        on_disconnect: Likewise.
        options: Those of `subscribe`.

    Raises:
        ValueError: An option is out of range.
        ImportError: There is no websockets.
    """

    def __init__(
        self,
        url: str,
        *,
        on_connect: Callable[[str, Any], object] | None = None,
        on_message: Callable[[Message], object] | None = None,
        on_disconnect: Callable[[Exception | None], object] | None = None,
        **options: Any,
    ) -> None:
        self._subscription = _subscription(url, **options)
        self._on_connect = on_connect or self.on_connect
        self._on_message = on_message or self.on_message
        self._on_disconnect = on_disconnect or self.on_disconnect

    def on_connect(self, hub_uri: str, websocket: Any) -> Awaitable[object] | None:
        """Called with each connection that the hub welcomed: its address, and the connection of websockets.

        A `ConnectionClosed` of websockets that it raises is a lost connection like any other.
        """
        return None

    def on_message(self, message: Message) -> Awaitable[object] | None:
        """Called with each message, one after the other. What it raises ends `serve` and `run`."""
        return None

    def on_disconnect(self, error: Exception | None) -> Awaitable[object] | None:
        """Called after each of these connections, with what ended it; None if this side did."""
        return None

    def run(self, message_count: int | None = None) -> None:
        """Do what `serve` does, and wait for it. Ctrl-C ends it without an exception.

        Raises:
            RuntimeError: An event loop runs in this thread: it is `serve` that should be awaited there.
        """
        try:
            asyncio.run(self.serve(message_count))
        except KeyboardInterrupt:
            pass

    async def serve(self, message_count: int | None = None) -> None:
        """Hand messages to the handlers until so many came, or without end for None; then close the connection.

        Called again, it goes on where it was.

        Raises:
            ValueError: `message_count` is below 1.
            HubError: As `subscribe` does.
        """
        if message_count is not None and message_count < 1:
            raise ValueError(f"message_count must be 1 or more, not {message_count!r}")
        left = message_count
        async with aclosing(self._subscription.messages(self._connected, self._disconnected)) as messages:
            async for message in messages:
                await _call(self._on_message, message)
                if left is not None:
                    left -= 1
                    if left == 0:
                        return

    async def _connected(self, hub_uri: str, websocket: Any) -> None:
        await _call(self._on_connect, hub_uri, websocket)

    async def _disconnected(self, error: Exception | None) -> None:
        await _call(self._on_disconnect, error)


def _subscription(url: str, **options: Any) -> Subscription:
    return (Eating if is_of_netdumplings(url) else Subscription)(url, **options)


async def _call(handler: _Handler, *arguments: object) -> None:
    result = handler(*arguments)
    if inspect.isawaitable(result):
        await result


async def _nothing(*_: object) -> None:
    pass
