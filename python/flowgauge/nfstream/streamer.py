"""The streamer as nfstream's users know it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import export, frames, performance
from . import source as sources
from .attention import warn
from .native import NFFlows
from .parameters import Parameter, flag, number, plugins, system_visibility, text_or_none
from .plugin import NFPlugin

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]

__all__ = ["NFStreamer"]


class NFStreamer:
    """A source of packets and what is wanted of it; iterating it gives flows, each time from the start.

    Parameters, their order, defaults and checks are those of nfstream 6.6.0, and so is the meaning of what comes out. Each
    is an attribute that can be set anew between iterations. Making a streamer opens nothing: a file of an unknown format or
    a filter that does not compile is a ValueError at the first flow.
    """

    source = Parameter[Any](
        sources.check,
        'A capture file, an interface, or a list of files that are one capture; also "-", bytes, or a binary file object.',
    )
    decode_tunnels = Parameter(flag, "Whether packets inside GTP-U, TZSP and CAPWAP make flows of their own.")
    bpf_filter = Parameter(text_or_none, "A BPF expression (man pcap-filter) that frames must match, or None.")
    promiscuous_mode = Parameter(flag, "On an interface, whether frames for other stations are captured too.")
    snapshot_length = Parameter(number(1, None, "(positive integer)."), "On an interface, bytes kept of each frame.")
    socket_buffer_size = Parameter(
        number(0, 2**31 - 1, "(positive integer <= 2^31-1)."),
        "On an interface, bytes of the kernel's buffer; 0 is libpcap's choice.",
    )
    idle_timeout = Parameter(
        number(0, (2**64 - 1) // 1000, "(positive integer in seconds)."), "Seconds of silence that end a flow."
    )
    active_timeout = Parameter(
        number(0, (2**64 - 1) // 1000, "(positive integer in seconds)."), "Age in seconds at which a flow is cut."
    )
    accounting_mode = Parameter(
        number(0, 3, "(possible values: 0, 1, 2, 3)."),
        "What bytes are counted: 0 on the wire, 1 from the IP header, 2 from the transport header, 3 of the payload.",
    )
    udps = Parameter(plugins, "An NFPlugin, several of them, or None.")
    n_dissections = Parameter(
        number(0, 255, "(possible values in : [0,...,255])."), "How many packets of a flow nDPI sees; 0 is without."
    )
    statistical_analysis = Parameter(flag, "Whether flows have statistics of sizes, gaps and TCP flags.")
    splt_analysis = Parameter(
        number(0, 65535, "(possible values in : [0,...,65535])", warn_above=255),
        "How many of a flow's first packets it has one by one.",
    )
    n_meters = Parameter(
        number(0, None, "(>=1 or 0 for auto scaling)."), "How many threads meter; 0 leaves the choice to us."
    )
    max_nflows = Parameter(number(0, None, "(>=0)."), "After how many flows to stop; 0 is never.")
    performance_report = Parameter(
        number(0, None, "(>=1 for reporting interval (seconds) or 0 to disable). [Available only for Live capture]"),
        "On an interface, every how many seconds a line of JSON is printed; 0 is never.",
    )
    system_visibility_mode = Parameter(system_visibility, "0; process attribution is not available yet.")
    system_visibility_poll_ms = Parameter(
        number(0, None, "(positive integer in milliseconds)"), "Checked and kept, without effect."
    )

    def __init__(
        self,
        source: Any = None,
        decode_tunnels: bool = True,
        bpf_filter: str | None = None,
        promiscuous_mode: bool = True,
        snapshot_length: int = 1536,
        socket_buffer_size: int = 0,
        idle_timeout: int = 120,
        active_timeout: int = 1800,
        accounting_mode: int = 0,
        udps: NFPlugin | Iterable[NFPlugin] | None = None,
        n_dissections: int = 20,
        statistical_analysis: bool = False,
        splt_analysis: int = 0,
        n_meters: int = 0,
        max_nflows: int = 0,
        performance_report: int = 0,
        system_visibility_mode: int = 0,
        system_visibility_poll_ms: int = 100,
    ) -> None:
        self.source = source
        self.decode_tunnels = decode_tunnels
        self.bpf_filter = bpf_filter
        self.promiscuous_mode = promiscuous_mode
        self.snapshot_length = snapshot_length
        self.socket_buffer_size = socket_buffer_size
        self.idle_timeout = idle_timeout
        self.active_timeout = active_timeout
        self.accounting_mode = accounting_mode
        self.udps = udps
        self.n_dissections = n_dissections
        self.statistical_analysis = statistical_analysis
        self.splt_analysis = splt_analysis
        self.n_meters = n_meters
        self.max_nflows = max_nflows
        self.performance_report = performance_report
        self.system_visibility_mode = system_visibility_mode
        self.system_visibility_poll_ms = system_visibility_poll_ms

    def __iter__(self) -> NFFlows:
        live = sources.is_interface(self.source)
        flows = NFFlows(
            self.source,
            live=live,
            decode_tunnels=self.decode_tunnels,
            bpf_filter=self.bpf_filter,
            promiscuous_mode=self.promiscuous_mode,
            snapshot_length=min(self.snapshot_length, 2**63),
            socket_buffer_size=self.socket_buffer_size,
            idle_timeout=self.idle_timeout,
            active_timeout=self.active_timeout,
            accounting_mode=self.accounting_mode,
            plugins=self._plugins(),
            plugin_base=NFPlugin,
            n_dissections=self.n_dissections,
            statistical_analysis=self.statistical_analysis,
            splt_analysis=self.splt_analysis,
            workers=self._workers(),
            max_nflows=min(self.max_nflows, 2**63),
        )
        if live and self.performance_report:
            performance.watch(flows, self.performance_report)
        return flows

    def to_csv(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        columns_to_anonymize: Sequence[str] = (),
        flows_per_file: int = 0,
        rotate_files: int = 0,
    ) -> int:
        """Write every flow to a CSV file, or to several; tell how many there were.

        Args:
            path: The file; None is the name of the source with `.csv` at its end.
            columns_to_anonymize: Columns whose values are replaced by a hash under a key that is new with every call.
            flows_per_file: How many flows a file takes before the next one begins; 0 is all. The file of number k has `k.`
                before the `csv` of its name.
            rotate_files: After how many files to begin with the first again; 0 is never.
        """
        return export.to_csv(self, path, columns_to_anonymize, flows_per_file, rotate_files)

    def to_pandas(self, columns_to_anonymize: Sequence[str] = ()) -> _pandas.DataFrame:
        """Every flow as a row of a pandas.DataFrame, whose columns have a type also when there are no flows.

        Args:
            columns_to_anonymize: Columns whose values are replaced by a hash under a key that is new with every call.
        """
        return frames.to_pandas(self, columns_to_anonymize)

    def _plugins(self) -> tuple[NFPlugin, ...]:
        if self.udps is None:
            return ()
        return (self.udps,) if isinstance(self.udps, NFPlugin) else tuple(self.udps)

    def _workers(self) -> int | None:
        processors = len(os.sched_getaffinity(0))
        if self.n_meters > processors:
            text = f"n_meters is {self.n_meters}, but there are {processors} processors to use: {processors} threads meter"
            warn(text)
        return min(self.n_meters, processors) or None
