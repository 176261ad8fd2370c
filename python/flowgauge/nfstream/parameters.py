"""The parameters of a streamer: what each accepts, and what is said of anything else.

Each is an attribute that is checked whenever it is set. Types, ranges and texts are those of nfstream 6.6.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, overload

from .attention import warn
from .plugin import NFPlugin

__all__ = ["Parameter", "flag", "number", "plugins", "system_visibility", "text_or_none"]

T = TypeVar("T")


class Parameter(Generic[T]):
    """An attribute that is checked whenever it is set."""

    def __init__(self, check: Callable[[Any, str], T], doc: str) -> None:
        self.check = check
        self.__doc__ = doc
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, streamer: None, owner: type) -> Parameter[T]: ...
    @overload
    def __get__(self, streamer: object, owner: type) -> T: ...
    def __get__(self, streamer: object, owner: type) -> Parameter[T] | T:
        if streamer is None:
            return self
        value: T = vars(streamer)["_" + self.name]
        return value

    def __set__(self, streamer: object, value: T) -> None:
        vars(streamer)["_" + self.name] = self.check(value, f"Please specify a valid {self.name} parameter")


def flag(value: Any, text: str) -> bool:
    """True or False, and nothing that is merely like them."""
    if not isinstance(value, bool):
        raise ValueError(f"{text} (possible values: True, False).")
    return value


def text_or_none(value: Any, text: str) -> str | None:
    """A str, or None."""
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{text.removesuffix(' parameter')} format.")
    return value


def number(least: int, most: int | None, allowed: str, warn_above: int | None = None) -> Callable[[Any, str], int]:
    """An int in a range; above `warn_above` with a warning."""

    def check(value: Any, text: str) -> int:
        if not isinstance(value, int) or value < least or (most is not None and value > most):
            raise ValueError(f"{text} {allowed}")
        if warn_above is not None and value > warn_above:
            warn(f"{value} packets of every flow are kept one by one, which takes memory")
        return value

    return check


def plugins(value: Any, _text: str) -> NFPlugin | Iterable[NFPlugin] | None:
    """An NFPlugin, several of them, or None; an iterator is kept as the tuple of what it gives."""
    if value is None or isinstance(value, NFPlugin):
        return value
    if isinstance(value, Iterable):
        several = value if hasattr(value, "__len__") else tuple(value)
        if all(isinstance(plugin, NFPlugin) for plugin in several):
            return several
        wrong = next(plugin for plugin in several if not isinstance(plugin, NFPlugin))
    else:
        wrong = value
    text = "User defined plugins must inherit from NFPlugin type."
    if isinstance(wrong, type) and issubclass(wrong, NFPlugin):
        text += f" {wrong.__name__} is a class: give an instance, {wrong.__name__}()."
    raise ValueError(text)


def system_visibility(value: Any, text: str) -> int:
    """0; 1 is what nfstream knows and we do not yet."""
    if not isinstance(value, int) or value not in (0, 1):
        raise ValueError(f"{text}\n0: disable\n1: process information\n")
    if value == 1:
        raise NotImplementedError("system_visibility_mode=1: process attribution is not available yet")
    return value
