"""Pictures of flows, drawn by matplotlib: one flow's packets, traffic by application over time, and who talks most.

    from flowgauge import Streamer, plot

    plot.talkers(Streamer("trace.pcap"))

Each function draws into the Axes it is given, or into a new figure, and returns the Axes. Whoever does not draw needs no
matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import frames
from ._native import Flow, FlowTable, Streamer
from ._text import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["applications", "talkers", "timeline"]


def timeline(flow: Flow, *, ax: Axes | None = None) -> Axes:
    """The first packets of one flow over time: upwards from source to destination, downwards back, as long as they are large.

    Args:
        flow: A flow that was metered with `splt=N`, N being how many packets there are to see.
        ax: Where to draw; None is a new figure.

    Raises:
        ValueError: The flow was metered without `splt`.
        ImportError: matplotlib is missing.
    """
    if not isinstance(flow, Flow):
        raise TypeError(f"flow must be a Flow, not {type(flow).__name__}")
    if not hasattr(flow, "splt_size"):
        raise ValueError("this flow's packets are not known one by one: meter with Streamer(..., splt=N), for the first N")
    ax = _axes(ax)
    numpy = frames.numpy_library()
    seconds = numpy.cumsum(numpy.array(flow.splt_gap, dtype="float64")) / 1e9
    sizes = numpy.array(flow.splt_size, dtype="float64")
    back = numpy.array(flow.splt_direction, dtype="int64") != 0
    for of, sign, name in ((~back, 1, "source to destination"), (back, -1, "destination to source")):
        lines = ax.vlines(seconds[of], 0, sign * sizes[of], linewidth=1.5, label=name, color=f"C{(1 - sign) // 2}")
        ax.plot(seconds[of], sign * sizes[of], "o", markersize=3, color=lines.get_color()[0])
    ax.axhline(0, linewidth=0.8, color=ax.spines["bottom"].get_edgecolor())
    most = sizes.max(initial=1) * 1.1
    ax.set_ylim(-most, most)
    ax.yaxis.set_major_formatter(lambda size, _: f"{abs(size):g}")
    ax.set_xlabel("seconds since the flow's first packet")
    ax.set_ylabel("packet size in bytes")
    ends = f"{flow.ip_src} port {flow.src_port} to {flow.ip_dst} port {flow.dst_port}"
    of = "" if flow.pkts == len(sizes) else f" (the first {len(sizes):,} of {flow.pkts:,} packets)"
    ax.set_title(f"{_label(flow.application_name or 'Flow')}{of}\n{ends}", fontsize="medium")
    ax.legend(loc="best", fontsize="small")
    return ax


def applications(
    source: Any, *, by: str = "application_name", bins: int = 60, n: int = 8, ax: Axes | None = None
) -> Axes:
    """Traffic over time, stacked by application.

    A flow tells when it began and ended and how many bytes it had, not when these came: they are spread evenly over its
    duration, so that the area of a colour is exactly the application's bytes. Meter with a small `active_timeout` to see
    long flows in finer steps.

    Args:
        source: A Streamer, which is metered for the columns that are needed only; a FlowTable; a data frame of pandas or
            Polars or a pyarrow.Table; or arrays by name, as `to_numpy` gives them. Columns: `by`, bytes, start_time, end_time.
        by: The column whose values are told apart.
        bins: In how many steps time is cut, at least 1.
        n: How many values have a colour of their own, those with most bytes; the rest is one.
        ax: Where to draw; None is a new figure.

    Raises:
        ValueError: `bins` or `n` is less than 1.
        ImportError: matplotlib or numpy is missing.
    """
    _at_least_one("bins", bins)
    _at_least_one("n", n)
    ax = _axes(ax)
    numpy = frames.numpy_library()
    read = _read(source, {by: "text", "bytes": "number", "start_time": "time", "end_time": "time"})
    names, keys = _codes(numpy, read[by])
    sizes, begin, end = read["bytes"], read["start_time"], read["end_time"]
    ax.set_title(f"Traffic by {_label(by.removesuffix('_name'))}", fontsize="medium")
    ax.set_ylabel("bytes on the wire, per second")
    ax.set_xlabel("time (UTC)")
    ax.yaxis.set_major_formatter(_formatter("B/s"))
    if not len(sizes):
        return ax

    first = int(begin.min())
    # What happened in one instant gets a second to be seen in.
    span = int(end.max()) - first or 10**9
    edges = numpy.linspace(0, span, bins + 1)
    # Stamps may lie further apart than an int64 reaches.
    begin, duration = ((one - other).view("uint64").astype("float64") for one, other in ((begin, begin.min()), (end, begin)))
    totals = numpy.bincount(keys, weights=sizes, minlength=len(names))
    order = sorted(range(len(names)), key=lambda key: (-totals[key], names[key]))
    # There may be as many names as flows: what has no colour of its own is one from here on.
    labels, others = [_label(names[key]) for key in order[:n]], len(order) - n
    layer = numpy.full(len(names), n)
    layer[order[:n]] = range(len(labels))
    keys = layer[keys]
    if others > 0:
        labels.append(f"{others:,} others" if others > 1 else "1 other")
    # Bytes of each layer before each edge; the bytes of a step are those between its two.
    before = numpy.zeros((bins + 1, len(labels)))
    for place, edge in enumerate(edges[1:], 1):
        # One that lies on the last edge is within; one of no duration is whole in its step.
        part = numpy.clip((edge - begin) / numpy.maximum(duration, 1), 0, 1) if place < bins else numpy.ones(len(sizes))
        before[place] = numpy.bincount(keys, weights=sizes * part, minlength=len(labels))
    rates = numpy.diff(before, axis=0) / (span / bins / 1e9)

    times = _dates().date2num(numpy.datetime64(first, "ns")) + edges / _DAY
    below, handles = numpy.zeros(bins), []
    for place, rate in enumerate(rates.T):
        colour = "0.7" if place == n else _COLOURS[place % len(_COLOURS)]
        stairs = ax.stairs(below + rate, times, baseline=below, fill=True, color=colour, linewidth=0)
        handles.append(stairs)
        below = below + rate
    ax.set_xlim(times[0], times[-1])
    ax.set_ylim(0, max(below.max() * 1.05, 1))
    _time_axis(ax)
    # The first lies lowest in the picture, and so it does in the legend.
    ax.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    return ax


def talkers(source: Any, *, n: int = 10, by: str = "bytes", ax: Axes | None = None) -> Axes:
    """The addresses with most traffic, as bars of what each sent and received.

    Args:
        source: A Streamer, which is metered for the columns that are needed only; a FlowTable; a data frame of pandas or
            Polars or a pyarrow.Table; or arrays by name, as `to_numpy` gives them. Columns: ip_src, ip_dst, and of `by` both
            directions (src_to_dst_bytes, dst_to_src_bytes).
        n: How many addresses, at least 1.
        by: What is counted: bytes, pkts, ip_bytes, transport_bytes or payload_bytes.
        ax: Where to draw; None is a new figure.

    Raises:
        ValueError: `n` is less than 1, or `by` is none of these.
        ImportError: matplotlib or numpy is missing.
    """
    _at_least_one("n", n)
    if by not in _COUNTS:
        raise ValueError(f"by must be one of {', '.join(_COUNTS)}, not {by!r}")
    ax = _axes(ax)
    numpy = frames.numpy_library()
    forth, back = f"src_to_dst_{by}", f"dst_to_src_{by}"
    read = _read(source, {"ip_src": "text", "ip_dst": "text", forth: "number", back: "number"})
    flows = len(read["ip_src"])
    names, keys = _codes(numpy, [*read["ip_src"], *read["ip_dst"]])
    sums = [
        numpy.bincount(keys[:flows], weights=read[one], minlength=len(names))
        + numpy.bincount(keys[flows:], weights=read[other], minlength=len(names))
        for one, other in ((forth, back), (back, forth))
    ]
    total = sums[0] + sums[1]
    order = sorted(range(len(names)), key=lambda key: (-total[key], names[key]))[:n]
    places = range(len(order))
    ax.barh(places, sums[0][order], label="sent", color="C0")
    ax.barh(places, sums[1][order], left=sums[0][order], label="received", color="C1")
    ax.set_yticks(places, [_label(names[key]) for key in order], fontsize="small")
    # The largest on top.
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(_formatter("" if by == "pkts" else "B"))
    ax.set_xlabel("packets" if by == "pkts" else _COUNTS[by])
    ax.set_title(f"Top {len(order)} talkers of {len(names):,}" if len(names) > n else "Talkers", fontsize="medium")
    ax.legend(loc="lower right", fontsize="small")
    return ax


def _axes(ax: Axes | None) -> Any:
    """The Axes to draw in; an error that says how to get matplotlib."""
    try:
        import matplotlib.axes  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'flowgauge[plot]'") from error
    if ax is None:
        from matplotlib import pyplot

        # This leaves room for a legend beside the axes.
        return pyplot.subplots(layout="constrained")[1]
    if not isinstance(ax, matplotlib.axes.Axes):
        raise TypeError(f"ax must be an Axes of matplotlib's, not {type(ax).__name__}")
    return ax


def _read(source: Any, columns: dict[str, str]) -> dict[str, Any]:
    """Columns as arrays: texts as they are, numbers as floats, times as nanoseconds."""
    numpy = frames.numpy_library()
    given = source.to_numpy(list(columns)) if isinstance(source, (Streamer, FlowTable)) else source
    return {name: _KINDS[kind](numpy, name, given[name]) for name, kind in columns.items()}


def _texts(_numpy: Any, _name: str, column: Any) -> list[Any]:
    # numpy and pandas, Polars, Arrow.
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)


def _numbers(numpy: Any, _name: str, column: Any) -> Any:
    if _is_pandas(column):
        column = column.to_numpy("float64", na_value=numpy.nan)
    return numpy.nan_to_num(numpy.ma.filled(numpy.ma.asarray(column).astype("float64"), 0))


def _times(numpy: Any, name: str, column: Any) -> Any:
    # pandas makes objects of times in a zone, unless that is taken away.
    zoned = _is_pandas(column) and getattr(column.dtype, "kind", "") == "M"
    times = numpy.asarray(column.dt.tz_convert(None) if zoned else column)
    if times.dtype.kind != "M":
        raise TypeError(
            f"{name} must hold times, not {times.dtype}: of milliseconds, as CSV has them, "
            'make some with pandas.to_datetime(..., unit="ms", utc=True)'
        )
    return times.astype("M8[ns]").astype("int64")


def _is_pandas(column: Any) -> bool:
    return type(column).__module__.partition(".")[0] == "pandas"


def _codes(numpy: Any, values: list[Any]) -> tuple[list[str], Any]:
    """The texts that occur, each once, and for every value which of them it is."""
    codes: dict[str, int] = {}
    # What is absent is None, NaN, or pandas' own object for it; only texts and numbers are themselves.
    texts = (value if isinstance(value, str) else _text(value) for value in values)
    keys = numpy.fromiter((codes.setdefault(text, len(codes)) for text in texts), dtype="int64", count=len(values))
    return list(codes), keys


def _text(value: Any) -> str:
    absent = value is None or type(value).__name__ == "NAType" or value != value
    return "unknown" if absent else str(value)


def _label(text: str) -> str:
    """A text as matplotlib takes it for nothing else, at most so long that there is room for the picture."""
    label = shown(text, 32).replace("$", r"\$")
    # Older matplotlibs leave labels that begin so out of legends.
    return "\N{WORD JOINER}" + label if label.startswith("_") else label


def _formatter(unit: str) -> Any:
    from matplotlib.ticker import EngFormatter

    return EngFormatter(unit=unit)


def _dates() -> Any:
    from matplotlib import dates

    return dates


def _time_axis(ax: Any) -> None:
    locator = _dates().AutoDateLocator(tz="UTC")
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(_dates().ConciseDateFormatter(locator, tz="UTC"))


def _at_least_one(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {value!r} ({type(value).__name__})")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")


# Those of matplotlib without the grey one, which stands for the rest.
_COLOURS = [f"C{number}" for number in range(10) if number != 7]
_DAY = 24 * 3600 * 10**9
_KINDS = {"text": _texts, "number": _numbers, "time": _times}
_COUNTS = {
    "bytes": "bytes on the wire",
    "pkts": "packets",
    "ip_bytes": "bytes from the IP header on",
    "transport_bytes": "bytes from the transport header on",
    "payload_bytes": "bytes of payload",
}
