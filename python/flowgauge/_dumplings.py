"""The connection to an `nd-hub` of netdumplings: no welcome, no resume, and everything comes."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from ._message import IDENTIFIER, Message, parsed
from ._subscription import Subscription

__all__ = ["Eating", "is_of_netdumplings"]


def is_of_netdumplings(url: str) -> bool:
    """Whether this is the address of a hub's port for eaters."""
    return url.startswith(_SCHEME)


class Eating(Subscription):
    """What `subscribe` asks an `nd-hub` for. What topics and sensors it wants, it chooses itself: the hub sends all."""

    def __init__(
        self,
        url: str,
        *,
        topics: Sequence[str] | None = None,
        sensors: Sequence[str] | None = None,
        token: str | None = None,
        since: str | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        if since is not None or token is not None:
            raise ValueError(f"{_SCHEME} knows neither since nor token")
        super().__init__("ws://" + url.removeprefix(_SCHEME), topics=topics, sensors=sensors, **options)
        # A hub of netdumplings looks at no path.
        self.url = self.url.removesuffix("/subscribe") + "/"
        self._eater = {"eater_name": name or "flowgauge"}
        self._is_wanted_topic = _chooser(self._hello.get("topics"))
        self._is_wanted_sensor = _chooser(self._hello.get("sensors"))
        self._boot = f"nd-{secrets.token_hex(8)}"
        self._number = 0
        self._connected_before = False

    async def _greet(self, websocket: Any) -> None:
        await websocket.send(json.dumps(self._eater))
        # It keeps nothing for those who come back.
        self._gap, self._connected_before = self._connected_before, True

    def _heard(self, text: object) -> Message | None:
        self._number += 1
        try:
            message = _message(parsed(text), f"{self._boot}:{self._number}", self._lost, self._gap)
        except ValueError:
            self._lost += 1
            return None
        if not (self._is_wanted_topic(message.topic) and self._is_wanted_sensor(message.sensor)):
            return None
        self._lost, self._gap = 0, False
        return message


def _message(dumpling: dict[str, Any] | None, position: str, lost: int, gap: bool) -> Message:
    """The message that a dumpling is: the hub's map of one onto the other, docs/hub.md."""
    metadata = (dumpling or {}).get("metadata")
    if dumpling is None or not isinstance(metadata, dict):
        raise ValueError("a dumpling has metadata")
    rest = {key: value for key, value in metadata.items() if key not in _OWN}
    told: dict[str, Any] = {
        "version": 1,
        "id": position,
        "time": metadata.get("creation_time"),
        "sensor": metadata.get("kitchen"),
        "topic": metadata.get("chef"),
        "trigger": metadata.get("driver"),
    }
    ours = rest.get("flowgauge")
    if isinstance(ours, dict) and ours.get("version") == 1 and IDENTIFIER.fullmatch(str(ours.get("id"))):
        told |= {"id": ours["id"], "trigger": ours.get("trigger")}
        del rest["flowgauge"]
    if "payload" in dumpling:
        told["payload"] = dumpling["payload"]
    return Message.of_json(told | ({"extra": rest} if rest else {}), position, lost, gap)


def _chooser(patterns: list[str] | None) -> Callable[[str | None], bool]:
    if not patterns:
        return lambda name: True
    one = "|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
    fits = re.compile(one, re.DOTALL).fullmatch
    return lambda name: name is not None and fits(name) is not None


_SCHEME = "netdumplings://"
_OWN = ("chef", "kitchen", "creation_time", "driver")
