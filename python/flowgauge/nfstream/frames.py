"""Flows as a data frame. Whoever does not ask for one needs no pandas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .. import frames
from .anonymizer import Anonymizer
from .iteration import iteration
from .native import NFFlows

if TYPE_CHECKING:
    from .native import NFlow
    from .streamer import NFStreamer

__all__ = ["to_pandas"]


def to_pandas(streamer: NFStreamer, columns_to_anonymize: Sequence[str]) -> Any:
    """A pandas.DataFrame with every flow of `streamer` as a row; what `NFStreamer.to_pandas` does."""
    numpy, pandas = frames.libraries()
    anonymizer = Anonymizer(columns_to_anonymize)
    with iteration(streamer) as flows:
        collected = flows.collect() if isinstance(flows, NFFlows) else collect(flows)
    series = {}
    for name, kind, values in collected:
        if kind in WIRE:
            values = numpy.frombuffer(values, dtype=WIRE[kind])
        if name in anonymizer.columns:
            hashes = [anonymizer.hash(value) for value in (values.tolist() if kind in WIRE else values)]
            series[name] = frames.text(pandas, hashes)
        elif kind in WIRE:
            series[name] = pandas.Series(values)
        elif kind == "list":
            series[name] = pandas.Series(values, dtype=object)
        elif kind == "str" and not values:
            series[name] = frames.text(pandas, values)
        else:
            series[name] = any_values(pandas, values)
    anonymizer.warn_of_unknown(series)
    return pandas.DataFrame(series)


def any_values(pandas: Any, values: list[Any]) -> Any:
    """Of the type that all values have: bool, int64 or float64, their nullable kin if some are None, text, or object."""
    kinds = {type(value) for value in values}
    nullable = type(None) in kinds
    kinds.discard(type(None))
    if kinds == {str}:
        return frames.text(pandas, values)
    for types, plain, with_null in PLUGINS:
        if kinds and kinds <= types:
            try:
                return pandas.Series(values, dtype=with_null if nullable else plain)
            except OverflowError:
                # Plugins may count beyond 64 bits.
                break
    return pandas.Series(values, dtype=object)


def collect(flows: Iterable[NFlow]) -> list[tuple[str, str, Any]]:
    """What `NFFlows.collect` gives, of the flows of a class of the user's own."""
    columns: dict[str, list[Any]] = {}
    count = 0
    for flow in flows:
        for name, value in zip(flow.keys(), flow.values()):
            columns.setdefault(name, [None] * count).append(value)
        count += 1
        for values in columns.values():
            values.extend([None] * (count - len(values)))
    return [(name, "any", values) for name, values in columns.items()]


WIRE = {"int": "int64", "float": "float64"}

PLUGINS = (
    ({bool}, "bool", "boolean"),
    ({int}, "int64", "Int64"),
    ({int, float}, "float64", "Float64"),
)
