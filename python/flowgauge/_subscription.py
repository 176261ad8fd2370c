"""The connection to a hub: hello, what comes, and a next connection that goes on where the last one ended."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
import re
import ssl
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from ._message import IDENTIFIER, Message, parsed, whole
from .errors import HubError

__all__ = ["Subscription"]


class Subscription:
    """What `subscribe` asks for, and how far it is."""

    def __init__(
        self,
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
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self.url = _address(url)
        self._hello: dict[str, Any] = {"kind": "hello", "version": 1}
        for key, patterns in (("topics", topics), ("sensors", sensors)):
            if patterns is not None:
                self._hello[key] = _patterns(key, patterns)
        if name is not None:
            self._hello["name"] = name
        if token is not None and not _TOKEN.fullmatch(token):
            raise ValueError("token must be visible characters of ASCII, without spaces")
        if since is not None and not IDENTIFIER.fullmatch(since):
            raise ValueError(f"since must be the position or the id of a message, boot:sequence, not {since!r}")
        if not (math.isfinite(max_delay) and max_delay > 0):
            raise ValueError(f"max_delay must be seconds above 0, not {max_delay!r}")
        if not (whole(max_message_bytes) and max_message_bytes >= 1024):
            raise ValueError(f"max_message_bytes must be 1024 or more, not {max_message_bytes!r}")
        if ssl is not None and self.url.startswith("ws:"):
            raise ValueError("ssl is for wss:// only")
        self._connect = _connector(token, max_message_bytes, ssl)
        self._reconnect = reconnect
        self._max_delay = max_delay
        self._max_message_bytes = max_message_bytes
        self._position = since
        self._boot = ""
        self._sequence = -1
        self._lost = 0
        self._gap = False
        self._told: OrderedDict[tuple[str | None, str], None] = OrderedDict()

    async def messages(self, connected: _Connected, disconnected: _Disconnected) -> AsyncGenerator[Message, None]:
        """Messages, of as many connections as it takes. `connected` and `disconnected` are told of each that was welcomed."""
        failures = 0
        while True:
            try:
                websocket = await self._open()
            except _LostError as lost:
                why: Exception | None = lost.error
            else:
                why = None
                try:
                    await self._tell(connected, websocket)
                    while True:
                        message = await self._next(websocket)
                        if message is not None:
                            failures = 0
                            yield message
                except _LostError as lost:
                    why = lost.error
                except Exception as error:
                    why = error
                    raise
                finally:
                    await websocket.close()
                    await disconnected(why)
            assert why is not None
            if not self._reconnect:
                raise why
            # Not all at the same time, after a restart that all of them saw.
            delay = min(0.1 * 2 ** min(failures, 30), self._max_delay) * random.uniform(0.5, 1)
            failures += 1
            _LOG.warning("%s; connecting again in %.1f s", why, delay)
            await asyncio.sleep(delay)

    async def _open(self) -> Any:
        """A WebSocket that the hub welcomed."""
        from websockets.exceptions import ConnectionClosed, InvalidHandshake  # type: ignore[import-not-found, unused-ignore]

        try:
            websocket = await self._connect(self.url)
        except ssl.SSLCertVerificationError as error:
            raise HubError(f"the certificate of {self.url} is not trusted (ssl= takes a context): {error}") from error
        except InvalidHandshake as error:
            raise self._refused(error) from error
        except (OSError, EOFError, LookupError, ValueError, asyncio.TimeoutError) as error:
            # EOFError and those behind it: what websockets 13 raises for an answer that is no HTTP.
            raise _LostError(f"cannot connect to {self.url}: {error or type(error).__name__}") from error
        try:
            await self._greet(websocket)
        except BaseException as error:
            await websocket.close()
            if isinstance(error, ConnectionClosed):
                raise self._closed(error, True) from error
            if isinstance(error, asyncio.TimeoutError):
                raise _LostError(f"{self.url} did not welcome within {_PATIENCE} s") from error
            raise
        return websocket

    async def _greet(self, websocket: Any) -> None:
        since = {} if self._position is None else {"since": self._position}
        await websocket.send(json.dumps(self._hello | since))
        text = await asyncio.wait_for(websocket.recv(), _PATIENCE)
        self._welcomed(text)

    async def _tell(self, connected: _Connected, websocket: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await connected(self.url, websocket)
        except ConnectionClosed as error:
            raise self._closed(error, False) from error

    async def _next(self, websocket: Any) -> Message | None:
        """What comes next; None for what is no message, or was told before."""
        from websockets.exceptions import ConnectionClosed

        try:
            text = await websocket.recv()
        except ConnectionClosed as error:
            raise self._closed(error, False) from error
        return self._heard(text)

    def _heard(self, text: object) -> Message | None:
        told = parsed(text)
        kind = None if told is None else told.get("kind")
        if told is None or not isinstance(kind, str):
            self._lost += 1
        elif kind == "message":
            return self._read(told)
        elif kind == "lost" and whole(told.get("messages")):
            self._lost += told["messages"]
        # What a later hub may say besides is not for us.
        return None

    def _read(self, told: dict[str, Any]) -> Message | None:
        sequence: Any = told.get("sequence")
        try:
            if not whole(sequence) or sequence >= 1 << 64:
                raise ValueError("a sequence is a number of 64 bits")
            message = Message.of_json(told.get("message"), f"{self._boot}:{sequence}", self._lost, self._gap)
        except ValueError:
            self._lost += 1
            return None
        # Where a broker numbers, what a hub says of itself has the number of the last message.
        of_hub = sequence == self._sequence and message.sensor is None and message.topic.startswith("system.")
        if sequence <= self._sequence and not of_hub:
            return None
        self._sequence, self._position = sequence, message.position
        # A sensor that was not told of what the hub took sends it again.
        known = (message.sensor, message.id)
        if known in self._told:
            return None
        self._told[known] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        self._lost, self._gap = 0, False
        return message

    def _welcomed(self, text: object) -> None:
        told = parsed(text) or {}
        boot, sequence, resume = told.get("boot"), told.get("sequence"), told.get("resume")
        fits = (
            (told.get("kind"), told.get("version")) == ("welcome", 1)
            and isinstance(boot, str)
            and whole(sequence)
            and IDENTIFIER.fullmatch(f"{boot}:{sequence}")
            and resume in ("fresh", "whole", "gap")
        )
        if not fits:
            raise HubError(f"{self.url} is not a hub that is understood here: it began with {str(text)[:80]!r}")
        if boot != self._boot:
            self._boot, self._sequence = str(boot), -1
        if self._position is None:
            self._position = f"{boot}:{sequence}"
        # What was lost on the connection before comes again, or lies in the gap.
        self._lost, self._gap = 0, resume == "gap"
        _LOG.info("connected to %s (%s)", self.url, resume)

    def _refused(self, error: Exception) -> Exception:
        """What a handshake that failed means."""
        response = getattr(error, "response", None)
        # That of websockets 12 tells the number only.
        status = getattr(error if response is None else response, "status_code", None)
        if status is None or status >= 500 or status in (408, 425, 429):
            return _LostError(f"{self.url} does not take us: {error}")
        body = (getattr(response, "body", None) or b"")[:200].decode("utf-8", "replace").strip()
        hint = " (token= gives one)" if status == 401 else ""
        return HubError(f"{self.url} refuses with status {status}{hint}" + (f": {body!r}" if body else ""))

    def _closed(self, closed: Any, greeting: bool) -> Exception:
        """What the end of a connection means."""
        own = closed.sent if closed.sent is not None and not closed.rcvd_then_sent else None
        if own is not None and own.code == 1009:
            words = f"{self.url} sent more than max_message_bytes={self._max_message_bytes} at once; give a larger one"
            return HubError(words)
        if own is not None and own.code in (1002, 1007):
            return HubError(f"{self.url} broke the rules of WebSockets: {closed}")
        if greeting and closed.rcvd is not None and closed.rcvd.code == 1008:
            return HubError(f"{self.url} refuses: {closed.rcvd.reason!r}")
        return _LostError(f"{self.url} is gone: {closed}")


class _LostError(Exception):
    """What may be better with the next connection."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.error = HubError(words)


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        # Not what it is: there may be a password in it.
        raise ValueError("url must be that of a hub, as ws://127.0.0.1:11346 or wss://hub.example")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("url must have no user, password, query or fragment; token= takes a token")
    parts.port  # noqa: B018 - raises ValueError for what is no port
    path = "/subscribe" if parts.path in ("", "/") else parts.path
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{path}"


def _patterns(key: str, patterns: Sequence[str]) -> list[str]:
    if isinstance(patterns, str) or not all(isinstance(pattern, str) for pattern in patterns):
        raise TypeError(f"{key} must be a list of patterns, not {patterns!r}")
    return list(patterns)


def _connector(token: str | None, max_bytes: int, context: ssl.SSLContext | None) -> Callable[[str], Awaitable[Any]]:
    """What opens a WebSocket, with any version of websockets."""
    try:
        from websockets.exceptions import InvalidHandshake
    except ImportError as error:
        raise ImportError("this needs websockets: pip install 'flowgauge[hub]'") from error
    try:
        from websockets.asyncio.client import connect  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        # websockets 12.
        from websockets.legacy.client import connect  # type: ignore[assignment, import-not-found, unused-ignore]

        headers = "extra_headers"
    else:
        headers = "additional_headers"

    def process_redirect(_: object, error: Exception) -> Exception:
        return error

    def handle_redirect(_: object, uri: str) -> None:
        raise InvalidHandshake("the hub sends us elsewhere")

    # It follows nobody elsewhere: the token is for one hub. Of the two methods, versions look at the one or the other.
    faithful = type("Connect", (connect,), {"process_redirect": process_redirect, "handle_redirect": handle_redirect})
    # Without compression, so that few bytes cannot become many.
    options: dict[str, Any] = {"max_size": max_bytes, "compression": None, "close_timeout": 2, "open_timeout": _PATIENCE}
    if token is not None:
        options[headers] = {"Authorization": f"Bearer {token}"}
    if context is not None:
        options["ssl"] = context
    return lambda url: faithful(url, **options)


_Connected = Callable[[str, Any], Awaitable[None]]
_Disconnected = Callable[[Exception | None], Awaitable[None]]

_LOG = logging.getLogger("flowgauge.subscriber")
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_TOKEN = re.compile("[!-~]+")
# Seconds for a handshake, and for the hub's welcome.
_PATIENCE = 10
# Ids of messages that were told; more than a hub has in its history by default.
_REMEMBERED = 16_384
