"""How far a run is, shown while it goes on: what the option `progress` of a streamer does.

With tqdm it is its bar, in notebooks and on terminals, else a line on standard error; where nobody would see it, nothing.
A thread of its own looks at the report five times a second, so that whoever takes the flows is not held up.
"""

from __future__ import annotations

import _thread
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ._native import Report

__all__ = ["Progress", "show"]


def show(look: Callable[[], Report]) -> Progress | None:
    """Show what `look` reports until it is closed; None where nobody would see it."""
    report = look()
    notebook = _in_notebook()
    if not (notebook or _is_terminal(sys.stderr)):
        return None
    bar = _tqdm(report.source_bytes) or (None if notebook else _Line(sys.stderr))
    return None if bar is None else Progress(look, bar)


class _Shown(Protocol):
    def update(self, read: int, total: int | None, text: str, seconds: float) -> None: ...
    def close(self) -> None: ...


class Progress:
    """A run that is shown. Nothing here may end a run: where showing fails, nothing is shown any more."""

    def __init__(self, look: Callable[[], Report], bar: _Shown) -> None:
        self._look = look
        self._bar = bar
        self._began = time.monotonic()
        self._flows = 0
        # Garbage collection, and so a close, may come amid an update.
        self._lock = threading.RLock()
        self._done = threading.Event()
        threading.Thread(target=self._watch, name="flowgauge-progress", daemon=True).start()

    def close(self) -> None:
        """Show the last state and leave it there; a second time does nothing."""
        try:
            with self._lock:
                if not self._done.is_set():
                    self._done.set()
                    try:
                        self._update()
                    finally:
                        # A bar that is left open would be drawn over by whatever comes.
                        self._bar.close()
        except KeyboardInterrupt:
            # It is meant for whoever runs this.
            _thread.interrupt_main()
        except Exception:
            pass

    def _watch(self) -> None:
        try:
            while not self._done.wait(_PAUSE):
                with self._lock:
                    if not self._done.is_set():
                        self._update()
        except Exception:
            # The terminal is gone, or somebody closed the stream.
            self.close()

    def _update(self) -> None:
        report = self._look()
        seconds = max(time.monotonic() - self._began, 1e-3)
        # Those on their way between threads are in no report: a number that falls would irritate.
        self._flows = max(self._flows, sum(report.records.values()) + report.withheld + report.living)
        read = report.source_bytes_read
        text = f"{report.frames_read / seconds:,.0f} packets/s, {self._flows:,} flows"
        self._bar.update(report.bytes_read if read is None else read, report.source_bytes, text, seconds)


class _Tqdm:
    """A bar of tqdm's."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def update(self, read: int, total: int | None, text: str, seconds: float) -> None:
        self._bar.total = total
        self._bar.n = read
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _Line:
    """A line of text that is written over and over."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._shown = 0

    def update(self, read: int, total: int | None, text: str, seconds: float) -> None:
        line = _words(read, total, text, seconds)[: max(shutil.get_terminal_size().columns - 1, 1)]
        self._stream.write("\r" + line.ljust(self._shown))
        self._stream.flush()
        self._shown = len(line)

    def close(self) -> None:
        self._stream.write("\n")
        self._stream.flush()


def _words(read: int, total: int | None, text: str, seconds: float) -> str:
    if not total:
        return f"{_size(read)}, {text}, {_clock(seconds)}"
    left = f", {_clock(seconds * (total - read) / read)} left" if 0 < read < total else ""
    return f"{_size(read)} of {_size(total)} ({100 * read // total}%), {text}{left}"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1024
    return f"{count:.1f} TiB"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _tqdm(total: int | None) -> _Tqdm | None:
    """A bar for so many bytes; None without tqdm."""
    with warnings.catch_warnings():
        # In a notebook without widgets tqdm says that its bar is one of text.
        warnings.simplefilter("ignore")
        try:
            from tqdm.auto import tqdm  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError:
            return None
        return _Tqdm(tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024, dynamic_ncols=True))


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        # There is none, or it is closed.
        return False


_PAUSE = 0.2
