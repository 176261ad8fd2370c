"""Captures as a lazy frame of Polars. Whoever does not scan needs no polars."""

from __future__ import annotations

import os

from ._native import Streamer

# Not that of typing, whose import takes as long as all the rest of `import flowgauge`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    import polars  # type: ignore[import-not-found, unused-ignore]

    _Path = str | os.PathLike[str]

__all__ = ["scan"]


def scan(source: _Path | Sequence[_Path], **options: Any) -> polars.LazyFrame:
    """The flows of captures as a polars.LazyFrame, metered when it is collected.

        scan("*.pcap").filter(pl.col("dst_port") == 443).group_by("application_name").agg(pl.col("bytes").sum())

    Only the columns that the query needs are metered, rows are filtered batch by batch as flows end, and reading stops
    when `head` has enough. Each file is a capture of its own: no flow goes on from one to the next.

    Args:
        source: A capture file, a pattern as `*.pcap` (`**` is any folders), or a list of these; the files of a pattern come
            in the order of their names.
        options: Those of `Streamer`. Metrics must be expressions: the type of what a callable yields is known too late.

    Raises:
        FileNotFoundError: No file fits a pattern.
        ValueError: A callable is in `user_metrics`.
    """
    from . import frames

    polars = frames.polars_library()
    from polars.io.plugins import register_io_source  # type: ignore[import-not-found, unused-ignore]

    paths = _files(source)
    # Opens nothing: the schema is that of the options.
    schema = polars.Schema(Streamer(paths[0], **options))

    def batches(
        with_columns: list[str] | None, predicate: Any, n_rows: int | None, batch_size: int | None
    ) -> Iterator[Any]:
        left = n_rows
        # Of no columns there would be no rows to count.
        columns = with_columns or (None if with_columns is None else list(schema)[:1])
        for path in paths:
            if left == 0:
                return
            rows = batch_size or _ROWS
            with Streamer(path, **options).batches(rows if left is None else min(rows, left), columns) as tables:
                for table in tables:
                    frame = polars.DataFrame(table)
                    if left is not None:
                        frame = frame.head(left)
                        left -= len(frame)
                    yield frame if predicate is None else frame.filter(predicate)
                    if left == 0:
                        break

    return register_io_source(batches, schema=schema, is_pure=True)


def _files(source: _Path | Sequence[_Path]) -> list[Path]:
    # Only here, since these take longer than all the rest of `import flowgauge`.
    import glob
    from pathlib import Path

    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not sources:
        raise ValueError("source must be a path, a pattern, or a list of these, and not be empty")
    files = []
    for one in sources:
        name = os.fspath(one)
        if not isinstance(name, str):
            raise TypeError(f"source must be a path, a pattern, or a list of these, not {one!r}")
        if not glob.has_magic(name) or os.path.exists(name):
            files.append(Path(name))
            continue
        found = sorted(glob.glob(name, recursive=True))
        if not found:
            raise FileNotFoundError(f"no capture file fits {name!r}")
        files.extend(map(Path, found))
    return files


_ROWS = 65_536
