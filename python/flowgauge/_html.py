"""Streamers, flows and tables as HTML, for notebooks.

Whatever came from the network is text: escaped, its control characters made visible, and cut when it is long. There are
no colours, so that a notebook's own hold, light or dark.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any

from . import _native
from ._text import shown as shown_text

if TYPE_CHECKING:
    from ._native import Flow, FlowTable, Report, Streamer

__all__ = ["flow", "streamer", "table"]


def streamer(shown: Streamer) -> str:
    """The source, the options that are not as by default, and what the latest run came to."""
    rows = [("source", _source(shown.source)), *_options(shown)]
    report = shown.report
    parts = [_pairs("Streamer", rows)]
    if report.complete or report.source_bytes_read is not None or report.frames_read:
        state = "" if report.complete else " (not complete)"
        parts.append(_pairs(f"Report{state}", _ledger(report)))
    return _box(*parts)


def flow(shown: Flow) -> str:
    """Every metric, then every column that the flow has."""
    kinds = {column.name: column.type for column in _native.columns()}
    cells = shown.to_dict()
    rows = []
    for name, value in cells.items():
        kind = "" if name in shown.metrics else kinds[name]
        # Nanoseconds, for their digits.
        value = getattr(shown, name + "_ns") if kind in ("time", "duration") else value
        rows.append((name, _cell(value, kind)))
    ends = f"{shown.ip_src} port {shown.src_port} to {shown.ip_dst} port {shown.dst_port}"
    return _box(_pairs(f"Flow {shown.flow_id}: {ends}, protocol {shown.ip_protocol}", rows))


def table(shown: FlowTable) -> str:
    """The first and the last rows, with the types of the columns."""
    count, kinds = len(shown), shown.schema
    gap = count > 2 * _ENDS
    rows = [*range(_ENDS), *range(count - _ENDS, count)] if gap else list(range(count))
    columns = {
        name: [_cell(cell, kind, _NARROW) for cell in _native.rows(shown, name, rows)] for name, kind in kinds.items()
    }
    head = "".join(f"<th{_LINE}>{text(name)}<br><small{_DIM}>{text(kind)}</small></th>" for name, kind in kinds.items())
    lines = []
    for place, row in enumerate(rows):
        if gap and place == _ENDS:
            lines.append(f'<tr><th{_LINE}>⋮</th><td colspan="{max(len(kinds), 1)}"{_LINE}>⋮</td></tr>')
        cells = "".join(f"<td{_LINE}>{cells[place]}</td>" for cells in columns.values())
        lines.append(f"<tr><th{_LINE}>{row}</th>{cells}</tr>")
    caption = f"FlowTable: {_count(count, 'flow')}, {_count(len(kinds), 'column')}"
    return _box(
        f"<table>{_caption(caption)}<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )


def text(value: object, most: int = 120) -> str:
    """A text as HTML, at most so many characters of it."""
    return escape(shown_text(value, most))


def _cell(value: object, kind: str, most: int = 120) -> str:
    if value is None:
        return f"<span{_DIM}>None</span>"
    if kind == "time" and isinstance(value, int):
        seconds, nanos = divmod(value, 10**9)
        try:
            return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}.{nanos:09}"
        except (OSError, OverflowError, ValueError):
            return f"{value} ns"
    if kind == "duration" and isinstance(value, int):
        return f"{'-' * (value < 0)}{abs(value) // 10**9}.{abs(value) % 10**9:09} s"
    return text(value, most)


def _source(source: object) -> str:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return text(f"{memoryview(source).nbytes:,} bytes")
    if isinstance(source, (list, tuple)):
        names = [text(_path(path)) for path in source[:_FILES]]
        more = [f"and {_count(len(source) - _FILES, 'file')} more"] if len(source) > _FILES else []
        return "<br>".join(names + more)
    return text(_path(source))


def _path(path: Any) -> str:
    return os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else repr(path)


def _options(shown: Streamer) -> Iterator[tuple[str, str]]:
    for name, parameter in inspect.signature(type(shown)).parameters.items():
        if name == "source":
            continue
        value = getattr(shown, name)
        if name == "user_metrics":
            yield from ((f"user_metrics[{key!r}]", text(_callable(metric))) for key, metric in (value or {}).items())
        # What None stands for by default is compared with nothing else: an expression would make one more of it.
        elif value is not None if parameter.default is None else value != parameter.default:
            yield name, text(value)


def _callable(metric: object) -> str:
    return str(metric) if isinstance(metric, _native.Expression) else getattr(metric, "__qualname__", None) or repr(metric)


def _ledger(report: Report) -> Iterator[tuple[str, str]]:
    """What there always is, and what is not zero."""
    always = ("frames_read", "bytes_read", "packets", "packet_bytes", "records")
    for name, value in report.to_dict().items():
        if name == "complete" or not (value or name in always):
            continue
        if isinstance(value, Mapping):
            counts = [f"{text(key)}: {count:,}" for key, count in value.items() if count]
            if counts or name in always:
                yield name, "<br>".join(counts) or "0"
        elif isinstance(value, list):
            yield name, "<br>".join(text(line, 400) for line in value)
        else:
            yield name, f"{value:,}"


def _pairs(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th{_LEFT}>{text(name)}</th><td{_LEFT}>{value}</td></tr>" for name, value in rows)
    return f"<table>{_caption(title)}<tbody>{lines}</tbody></table>"


def _caption(title: str) -> str:
    return f'<caption style="text-align:left"><b>{text(title, 200)}</b></caption>'


def _box(*parts: str) -> str:
    return f'<div style="overflow:auto;max-width:100%;max-height:40em">{"".join(parts)}</div>'


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


# Rows at either end of a table.
_ENDS = 5
# Files that are named.
_FILES = 10
# Characters of a text in a table, whose rows are lines.
_NARROW = 48
_LINE = ' style="text-align:left;white-space:pre"'
_LEFT = ' style="text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere"'
_DIM = ' style="opacity:.6"'
