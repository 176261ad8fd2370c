"""The JA4 fingerprint of TLS clients as nfstream's plugin names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plugin import NFPlugin

if TYPE_CHECKING:
    from ..native import NFlow, NFPacket

__all__ = ["JA4"]


class JA4(NFPlugin):
    """`flow.udps.ja4`, the JA4 of the client (github.com/FoxIO-LLC/ja4): None until its hello was seen.

    It is that of `client_fingerprint`, so it needs `n_dissections`: of TLS over TCP, QUIC and DTLS, over IPv4 and IPv6, also
    when a hello spans packets. There is no `ja4s`: JA4 of the client is free software (BSD-3), the others of its family are
    not. `throw_warns` is taken and has no effect: there is nothing to warn of.
    """

    throw_warns: bool

    def __init__(self, throw_warns: bool = True) -> None:
        super().__init__(throw_warns=throw_warns)

    def on_init(self, packet: NFPacket, flow: NFlow) -> None:
        flow.udps.ja4 = None
        self.on_update(packet, flow)

    def on_update(self, packet: NFPacket, flow: NFlow) -> None:
        self.on_expire(flow)

    def on_expire(self, flow: NFlow) -> None:
        if flow.udps.ja4 is not None:
            return
        try:
            fingerprint = flow.client_fingerprint
        except AttributeError:
            raise ValueError("the plugin JA4 needs dissection: set n_dissections to 1 or more") from None
        # What else a client is known by, HASSH and the options of DHCP, has no such parts.
        if PARTS in fingerprint:
            flow.udps.ja4 = fingerprint


PARTS = "_"
