"""Values that JSON does not know, for `JsonSink`."""

from collections.abc import Mapping, Set
from datetime import date
from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """A value as JSON has it: bytes in hexadecimal, sets in order, dates as ISO 8601, anything else as text."""
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, Mapping) or hasattr(value, "keys"):
        return {str(key): value[key] for key in value.keys()}
    if isinstance(value, Set):
        return sorted(value, key=str)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
