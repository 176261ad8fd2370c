"""What every part of a pipeline is: a source, a link or a sink."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from .._native import ItemStream, PipelinePart, pull

# What Rust runs: a part of its own, or a name and a callable.
Native: TypeAlias = PipelinePart | tuple[str, Callable[[Any], Any]]

__all__ = ["Link", "Native", "Part", "Sink", "Source", "chain_of"]


class Part:
    """A part of a pipeline. Use `Source`, `Link` or `Sink`."""

    _upstream: Any = None
    _stream: Iterator[Any] | None = None
    _output_stream: Iterable[Any] | None = None
    # Native parts behind one that runs itself: what they want to be told, parts before it must know.
    _behind: Sequence[Native] = ()

    counts: dict[str, Any] | None = None
    """What the parts of the latest pull counted: frames, refused frames by reason, lookups; None before."""

    def link(self, stream: Any) -> None:
        """Take items from there: another part, an object with `output_stream`, or any iterable.

        Raises:
            RuntimeError: It is neither, or this part has no input.
        """
        self._upstream = _checked(self, stream)
        self._stream = None

    @property
    def input_stream(self) -> Iterator[Any]:
        """The items that come in, as an iterator."""
        if self._stream is None:
            self._stream = _output(_linked(self), self._behind)
        return self._stream

    @input_stream.setter
    def input_stream(self, stream: Any) -> None:
        self.link(stream)

    @property
    def output_stream(self) -> Iterator[Any]:
        """The items that go out, as an iterator; a new run every time."""
        return _run(self)

    @output_stream.setter
    def output_stream(self, stream: Iterable[Any]) -> None:
        self._output_stream = stream

    def __iter__(self) -> Iterator[Any]:
        return self.output_stream

    def __or__(self, other: Any) -> Any:
        part = _part(other)
        if part is None:
            return NotImplemented
        part.link(self)
        return part

    def __ror__(self, other: Any) -> Any:
        self.link(other if isinstance(other, Part) or not callable(other) else _part(other))
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _natives(self) -> list[Native] | None:
        """What Rust is to run for this part; None for one that runs itself."""
        return None

    def _own_output(self) -> Iterable[Any]:
        """The output of a part that runs itself."""
        raise RuntimeError(f"{type(self).__name__} makes no items: give it a method process(item) or run()")


class Source(Part):
    """Where items come from. A source of your own has a method `run` that yields them, or sets `_output_stream`."""

    def run(self) -> Iterable[Any]:
        """Give the items, one after the other."""
        raise RuntimeError(f"{type(self).__name__} makes no items: give it a method run() that yields them")

    def link(self, stream: Any) -> None:
        raise RuntimeError(f"{type(self).__name__} is a source and has no input: link the next part to it instead")

    @property
    def input_stream(self) -> Iterator[Any]:
        raise RuntimeError(f"{type(self).__name__} is a source and has no input_stream: its items are in output_stream")

    @input_stream.setter
    def input_stream(self, stream: Any) -> None:
        self.link(stream)

    def _own_output(self) -> Iterable[Any]:
        return self.run() if self._output_stream is None else self._output_stream


class Link(Part):
    """Items in, items out. A link of your own has a method `process`, or a method `run` that reads `input_stream` and
    yields; `process` is faster, and can be used in a branch."""

    def process(self, item: Any) -> Any:
        """Look at an item or change it; give it, None to drop it, or an iterable of items to go on in its place."""
        raise RuntimeError(f"{type(self).__name__} does nothing: give it a method process(item) or run()")

    def run(self) -> Iterable[Any]:
        """Read `self.input_stream` and yield items."""
        raise RuntimeError(f"{type(self).__name__} does nothing: give it a method process(item) or run()")

    def _natives(self) -> list[Native] | None:
        if self._output_stream is not None or type(self).run is not Link.run:
            return None
        return [(type(self).__name__, self.process)]

    def _own_output(self) -> Iterable[Any]:
        if self._output_stream is not None:
            return self._output_stream
        self._stream = None
        return self.run()


class Sink(Part):
    """Where items end. A sink of your own has a method `process`, or a method `pull` that reads `input_stream`."""

    def process(self, item: Any) -> None:
        """Take an item."""
        raise RuntimeError(f"{type(self).__name__} takes nothing: give it a method process(item) or pull()")

    def pull(self) -> None:
        """Pull all items through the pipeline. What its parts counted is in `counts` after it."""
        natives = self._natives() or []
        source, links, parts = chain_of(_linked(self), natives)
        counts = pull(source, [*links, *natives[:-1]], natives[-1])
        for part in [*parts, self]:
            part.counts = counts

    @property
    def output_stream(self) -> Iterator[Any]:
        raise RuntimeError(f"{type(self).__name__} is a sink and has no output_stream: call pull(), or use a link")

    @output_stream.setter
    def output_stream(self, stream: Iterable[Any]) -> None:
        raise RuntimeError(f"{type(self).__name__} is a sink and has no output_stream: set that of a link")

    def _natives(self) -> list[Native] | None:
        return [(type(self).__name__, self.process)]


class _Call(Link):
    """A callable as link."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._name = getattr(function, "__name__", type(function).__name__)

    def process(self, item: Any) -> Any:
        return self._function(item)

    def _natives(self) -> list[Native] | None:
        return [(self._name, self._function)]

    def __repr__(self) -> str:
        return f"<link {self._name}>"


def _part(other: Any) -> Part | None:
    if isinstance(other, Part):
        return other
    return _Call(other) if callable(other) and not isinstance(other, type) else None


def _checked(part: Part, stream: Any) -> Any:
    if isinstance(stream, Sink):
        raise RuntimeError(f"{type(stream).__name__} is a sink and has no output: link {type(part).__name__} to what is before it")
    if isinstance(stream, (str, bytes)):
        raise RuntimeError(f"{type(part).__name__} cannot read {stream!r} itself: link it to PacketStreamer({stream!r})")
    if isinstance(stream, Part) or hasattr(stream, "output_stream") or isinstance(stream, Iterable):
        return stream
    raise RuntimeError(
        f"{type(part).__name__} cannot take items from {type(stream).__name__}: link it to a source, a link, an object with "
        "output_stream, or any iterable"
    )


def _linked(part: Part) -> Any:
    if part._upstream is None:
        name = type(part).__name__
        raise RuntimeError(f"{name} has no input: link it first, as in {name.lower()}.link(streamer), or streamer | {name}()")
    return part._upstream


def _output(upstream: Any, behind: Sequence[Native] = ()) -> Iterator[Any]:
    if isinstance(upstream, Part):
        return _run(upstream, behind)
    return iter(getattr(upstream, "output_stream", upstream))


def chain_of(part: Any, behind: Sequence[Native] = ()) -> tuple[Any, list[Native], list[Part]]:
    """What feeds the output of a part: a source for Rust, native parts behind it in their order, and the parts they are of.

    `behind` are native parts that take that output.
    """
    natives: list[Native] = []
    parts: list[Part] = []
    while isinstance(part, Part):
        if part in parts:
            raise RuntimeError(f"{type(part).__name__} is linked to itself: a pipeline has no loops")
        own = part._natives()
        if own is None:
            break
        parts.append(part)
        if isinstance(part, Source):
            return own[0], natives, parts
        natives[:0] = own
        part = _linked(part)
    if isinstance(part, Part):
        part._behind = [*natives, *behind]
        return iter(part._own_output()), natives, parts
    return _output(part), natives, parts


def _run(part: Part, behind: Sequence[Native] = ()) -> Iterator[Any]:
    source, natives, _ = chain_of(part, behind)
    if natives or isinstance(source, PipelinePart):
        return ItemStream(source, natives, [*behind])
    return iter(source)
