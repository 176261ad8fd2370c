"""Text from the network, made fit to be looked at."""

from __future__ import annotations

from ._native import is_harmful

__all__ = ["shown"]


def shown(value: object, most: int) -> str:
    """At most so many characters of a text; what would not be seen, or would change the order in which its neighbours are
    read, as an escape sequence.
    """
    string = str(value)
    if len(string) > most:
        string = string[: most - 1] + "…"
    return "".join(map(_visible, string))


def _visible(character: str) -> str:
    code = ord(character)
    # A lone surrogate, out of a path that is no UTF-8, is no character.
    if not 0xD800 <= code < 0xE000 and not is_harmful(character):
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
