"""Flows as files of CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

from .. import paths
from . import source
from .anonymizer import Anonymizer
from .attention import warn
from .iteration import iteration

if TYPE_CHECKING:
    from .native import NFlow
    from .streamer import NFStreamer

__all__ = ["numbered", "to_csv"]


def to_csv(
    streamer: NFStreamer,
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None,
    columns_to_anonymize: Sequence[str],
    flows_per_file: int,
    rotate_files: int,
) -> int:
    """Write every flow of `streamer`; what `NFStreamer.to_csv` does."""
    for name, value in (("flows_per_file", flows_per_file), ("rotate_files", rotate_files)):
        if not isinstance(value, int) or value < 0:
            raise ValueError(f"Please specify a valid {name} parameter (>= 0).")
    anonymizer = Anonymizer(columns_to_anonymize)
    target = paths.target(default_path(streamer.source) if path is None else path, streamer.source)
    with iteration(streamer) as flows, closing(Files(target, flows_per_file, rotate_files)) as files:
        table = Table(getattr(flows, "columns", ()), anonymizer)
        count = 0
        for flow in flows:
            files.write(table.names_with(flow), table.row(flow))
            count += 1
        files.write_heading(table.names)
        table.warn()
    anonymizer.warn_of_unknown(table.seen)
    return count


def default_path(streamer_source: Any) -> str:
    name = source.name(streamer_source)
    if name is None:
        raise ValueError("Please specify a path: this source has no name to make one of.")
    return f"{name}.csv"


def numbered(path: str, number: int) -> str:
    """The path of the file of this number: it stands before the last `.csv`, or at the end."""
    stem, extension = (path[:-4], path[-4:]) if path.endswith(".csv") else (path, "")
    return f"{stem}.{number}{extension}"


class Table:
    """The columns of the file: those of every flow, then the plugins' values that the first flow has."""

    def __init__(self, columns: Sequence[str], anonymizer: Anonymizer) -> None:
        self.names = list(columns)
        self.seen = set(columns)
        self.left_out: set[str] = set()
        self.anonymizer = anonymizer
        self.anonymous = anonymizer.places(self.names)
        self.first = True

    def names_with(self, flow: NFlow) -> list[str]:
        """The heading, which the first flow decides."""
        if self.first:
            self.first = False
            self.names = flow.keys()
            self.seen.update(self.names)
            self.anonymous = self.anonymizer.places(self.names)
        return self.names

    def row(self, flow: NFlow) -> list[Any]:
        values = flow.values()
        names = flow.keys() if len(values) != len(self.names) or "udps." in self.names[-1] else self.names
        if names != self.names:
            by_name = dict(zip(names, values))
            self.left_out.update(name for name in names if name not in self.seen)
            values = [by_name.get(name) for name in self.names]
        for place in self.anonymous:
            values[place] = self.anonymizer.hash(values[place])
        return values

    def warn(self) -> None:
        if self.left_out:
            names = ", ".join(sorted(self.left_out))
            warn(f"the first flow has no {names}: left out of the file")


class Files:
    """One file, or one after the other."""

    def __init__(self, path: str, flows_per_file: int, rotate_files: int) -> None:
        self.path = path
        self.flows_per_file = flows_per_file
        self.rotate_files = rotate_files
        self.file: IO[str] | None = None
        self.writer: Any = None
        self.left = 0
        self.number = 0

    def write(self, names: list[str], row: list[Any]) -> None:
        if self.file is None or (self.flows_per_file and not self.left):
            self.open(names)
        self.writer.writerow(row)
        self.left -= 1

    def write_heading(self, names: list[str]) -> None:
        """So that there is a file when there was no flow."""
        if self.file is None:
            self.open(names)

    def open(self, names: list[str]) -> None:
        self.close()
        path = self.path
        if self.flows_per_file:
            path = numbered(path, self.number % self.rotate_files if self.rotate_files else self.number)
            self.number += 1
        self.file = open(path, "w", encoding="utf-8", errors="surrogatepass", newline="")
        self.writer = csv.writer(self.file)
        self.writer.writerow(names)
        self.left = self.flows_per_file

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
