"""Processors: the user's own code in a sensor."""

from __future__ import annotations

# Not that of typing, whose import takes as long as all the rest of `import flowgauge`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, ClassVar

    from ._native import Flow
    from .pipeline import Item

__all__ = ["Processor"]


class Processor:
    """What a sensor shows packets, flows and the end of each interval to; subclass it, and run `flowgauge sensor`.

        class Lookups(flowgauge.Processor):
            topic = "dns.names"
            fields = ("dns",)

            def on_packet(self, packet):
                queries = packet["dns"]["queries"]
                return {"name": queries[0]["name"]} if queries else None

    Every method may give something that JSON can hold: it is the payload of a message. None is no message. What raises, or
    gives what JSON cannot hold (bytes, NaN), is counted and named in `sensor.status`, and the sensor goes on.

    A sensor makes one object of the class, without arguments, and calls it from one thread, in the order of the packets.
    Packets come to Python only if a subclass has `on_packet`, and only those that `filter` and `fields` let through.
    """

    topic: ClassVar[str | None] = None
    """The topic of its messages. Defaults to the name of the class."""

    filter: ClassVar[str | None] = None
    """A BPF expression (pcap-filter(7)) that packets must match, beside that of the sensor. None, the default, is none."""

    fields: ClassVar[Sequence[str]] = ()
    """Of these fields a packet must have one: "transport", "dns", "http", "tls", "arp".

    Empty, the default, means every frame, also what is no IP and what could not be decoded; `http` and `tls` are told only to
    those that ask for them.
    """

    def on_packet(self, packet: Item) -> Any:
        """Sees a packet: the item of the pipelines, with `eth`, `packet`, `transport`, `dns`; `packet.scapy()` for scapy."""
        return None

    def on_flow(self, flow: Flow) -> Any:
        """Sees a flow that ended, or was cut at the active timeout."""
        return None

    def on_interval(self) -> Any:
        """Is called at the end of each interval, and of the last one, which may be shorter.

        On an interface intervals go by the clock. Of captures they go by the packets, and silent ones are left out.
        """
        return None
