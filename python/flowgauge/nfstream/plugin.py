"""Plugins: the user's own code in the life of a flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .native import NFlow, NFPacket

__all__ = ["NFPlugin"]


class NFPlugin:
    """The base of plugins: override what you need.

    Keyword arguments become attributes. A plugin is the caller's own object for the whole run: what it keeps is there
    afterwards. What it puts on `flow.udps` travels with the flow. `flow.expiration_id = -1`, in `on_init` or `on_update`,
    ends the flow with that packet; the next packet opens a new one.
    """

    def __init__(self, **kwargs: Any) -> None:
        for name, value in kwargs.items():
            setattr(self, name, value)

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        """Called with the first packet of a flow, counted already."""

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        """Called with every later packet of the flow, counted already."""

    def on_expire(self, flow: NFlow) -> None:
        """Called when the flow has ended, before it is handed out."""

    def cleanup(self) -> None:
        """Called once, at the end of the run, however it ends."""
