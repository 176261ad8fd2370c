"""Flows as data frames. Whoever does not ask for one needs no pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._native import collect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._native import Streamer

__all__ = ["to_pandas"]


def to_pandas(streamer: Streamer, columns: Sequence[str] | None = None) -> Any:
    """A pandas.DataFrame with every flow of `streamer` as a row; what `Streamer.to_pandas` does."""
    numpy, pandas = libraries()
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of names, not the str {columns!r}")
    series = {}
    for name, kind, values, nulls in collect(streamer, None if columns is None else list(columns)):
        if kind == "metric":
            series[name] = any_values(pandas, values)
        elif kind.startswith("metric"):
            series[name] = expression_values(pandas, kind, values)
        elif kind == "text":
            series[name] = text(pandas, values)
        elif kind.startswith("list"):
            series[name] = pandas.Series(values, dtype=object)
        else:
            numbers = numpy.frombuffer(values, dtype=_WIRE[kind])
            absent = None if nulls is None else numpy.frombuffer(nulls, dtype=bool)
            series[name] = _numbers(pandas, kind, numbers, absent)
    return pandas.DataFrame(series)


def libraries() -> tuple[Any, Any]:
    """numpy and pandas, or an error that says how to get them."""
    try:
        import numpy
        import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError("to_pandas needs pandas: pip install 'flowgauge[pandas]'") from error
    return numpy, pandas


_WIRE = {
    "bool": "bool",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "int64": "int64",
    "float64": "float64",
    "time": "datetime64[ns]",
    "duration": "timedelta64[ns]",
}


def _numbers(pandas: Any, kind: str, numbers: Any, absent: Any) -> Any:
    if kind in ("time", "duration"):
        if absent is not None:
            numbers[absent] = "NaT"
        return pandas.Series(pandas.DatetimeIndex(numbers, tz="UTC") if kind == "time" else numbers)
    if absent is None:
        return pandas.Series(numbers)
    if kind == "bool":
        return pandas.Series(pandas.arrays.BooleanArray(numbers, absent))
    if kind == "float64":
        return pandas.Series(pandas.arrays.FloatingArray(numbers, absent))
    return pandas.Series(pandas.arrays.IntegerArray(numbers, absent))


def text(pandas: Any, values: list[str | None]) -> Any:
    """Texts, of the type that pandas has for them."""
    # pandas 3 has a type of its own for text.
    kind = "str" if int(pandas.__version__.split(".")[0]) >= 3 else object
    return pandas.Series(values, dtype=kind)


def any_values(pandas: Any, values: list[Any]) -> Any:
    """Of the type that all values have: bool, int64 or float64, their nullable kin if some are None, text, or object."""
    kinds = {type(value) for value in values}
    nullable = type(None) in kinds
    kinds.discard(type(None))
    if kinds == {str}:
        return text(pandas, values)
    for types, plain, with_null in _METRICS:
        if kinds and kinds <= types:
            return pandas.Series(values, dtype=with_null if nullable else plain)
    return pandas.Series(values, dtype=object)


def expression_values(pandas: Any, kind: str, values: list[Any]) -> Any:
    """Of the type of the expression, its nullable kin if some are None; lists are objects."""
    plain, with_null = _EXPRESSIONS.get(kind, (object, object))
    return pandas.Series(values, dtype=with_null if None in values else plain)


_EXPRESSIONS = {
    "metric[bool]": ("bool", "boolean"),
    "metric[int]": ("int64", "Int64"),
    "metric[float]": ("float64", "Float64"),
}

_METRICS = (
    ({bool}, "bool", "boolean"),
    ({int}, "int64", "Int64"),
    ({int, float}, "float64", "Float64"),
)
