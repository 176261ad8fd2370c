"""Messages of a hub, read of text that nobody vouches for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

__all__ = ["IDENTIFIER", "Message", "parsed", "whole"]


@dataclass(frozen=True)
class Message:
    """What a sensor said, as a hub relayed it."""

    version: int
    """Of the form of messages: 1."""

    id: str
    """`boot:sequence`: a start of the sensor, and a number that grows from message to message."""

    time: float
    """When it was made, in seconds since 1970 in UTC."""

    sensor: str | None
    """The name of the sensor; None for what the hub says of itself."""

    topic: str
    """What it is about, as `dns.lookup`."""

    trigger: str
    """Why it was made: `packet`, `flow` or `interval`."""

    payload: Any
    """Any JSON."""

    position: str
    """Its place at the hub, `boot:sequence`: what the option `since` takes to go on behind it."""

    lost: int = 0
    """How many messages right before this one the hub dropped, because they were not taken in time, or nobody could read."""

    gap: bool = False
    """Whether messages before this one may be missing, nobody knows how many: the hub began anew, or forgot too much."""

    extra: dict[str, Any] | None = None
    """What else the metadata of netdumplings' programs told, by key."""

    @classmethod
    def of_json(cls, told: Any, position: str, lost: int, gap: bool) -> Message:
        """The message in what a hub sent; ValueError for what is none."""
        if not isinstance(told, dict) or "payload" not in told:
            raise ValueError("a message is an object with a payload")
        message = cls(
            version=told.get("version", 0),
            id=told.get("id", ""),
            time=told.get("time", -1),
            sensor=told.get("sensor"),
            topic=told.get("topic", ""),
            trigger=told.get("trigger", ""),
            payload=told["payload"],
            position=position,
            lost=lost,
            gap=gap,
            extra=told.get("extra"),
        )
        fits = (
            whole(message.version)
            and message.version == 1
            and isinstance(message.id, str)
            and IDENTIFIER.fullmatch(message.id)
            and isinstance(message.time, (int, float))
            and not isinstance(message.time, bool)
            and 0 <= message.time <= _LAST_TIME
            and (message.sensor is None or _is_name(message.sensor))
            and _is_name(message.topic)
            and message.trigger in ("packet", "flow", "interval")
            and (message.extra is None or isinstance(message.extra, dict))
        )
        if not fits:
            raise ValueError("a field of the message is missing or out of range")
        # Not what a whole second would be in JSON.
        object.__setattr__(message, "time", float(message.time))
        return message


def parsed(text: object) -> dict[str, Any] | None:
    """The object in a text of JSON; None for what is none, is nested too deeply, or has numbers of thousands of digits."""
    if not isinstance(text, str):
        return None
    try:
        told = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def whole(number: object) -> bool:
    """Whether this is a whole number from 0, and not True."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}:(0|[1-9][0-9]{0,19})")
"""What an id and a position look like."""
_NAME = re.compile("[^\x00-\x1f\x7f-\x9f]{1,256}")
_LAST_TIME = 253_402_214_400
