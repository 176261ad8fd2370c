"""Values of Python as JSON, for `JsonSink`."""

from collections.abc import Iterable, Mapping, Set
from datetime import date
from json import dumps
from math import isfinite
from typing import Any

__all__ = ["plain", "text"]


def text(value: Any) -> str:
    """A value as JSON."""
    return dumps(plain(value), allow_nan=False)


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it: bytes in hexadecimal, sets in order, dates as ISO 8601, what is no number null, keys and
    anything else as text."""
    if value is None or isinstance(value, (bool, int, str)):
        # Of a subclass, as an enumeration is, what it is beneath.
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, date):
        return value.isoformat()
    if depth < _DEEPEST:
        if isinstance(value, Mapping) or (hasattr(value, "keys") and hasattr(value, "__getitem__")):
            return {_name(key): plain(value[key], depth + 1) for key in value.keys()}
        if isinstance(value, Set):
            value = sorted(value, key=str)
        if isinstance(value, (list, tuple)):
            return [plain(one, depth + 1) for one in value]
    return str(value) if not isinstance(value, (Mapping, Iterable)) or depth < _DEEPEST else f"<{type(value).__name__}>"


def _name(key: Any) -> str:
    """A key of a mapping, as JSON writes those that it knows."""
    if isinstance(key, bool) or key is None:
        return dumps(key)
    return str(key)


# What lies deeper, as what holds itself, is told by its type.
_DEEPEST = 32
