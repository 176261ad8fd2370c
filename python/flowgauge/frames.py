"""Tables of flows as data frames and arrays. Whoever does not ask for one needs none of their libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._native import cells

if TYPE_CHECKING:
    from ._native import FlowTable

__all__ = ["to_arrow", "to_numpy", "to_pandas", "to_polars"]


def to_arrow(table: FlowTable) -> Any:
    """What `FlowTable.to_arrow` does."""
    return arrow_libraries().table(table)


def to_polars(table: FlowTable) -> Any:
    """What `FlowTable.to_polars` does."""
    return polars_library().DataFrame(table)


def to_numpy(table: FlowTable, owned: bool = False) -> dict[str, Any]:
    """What `FlowTable.to_numpy` does; an `owned` table is nobody else's, so that its memory may be written to."""
    numpy = numpy_library()
    return {name: _array(numpy, *_column(numpy, table, name, owned)) for name in table.columns}


def to_pandas(table: FlowTable, dtype_backend: str = "numpy", owned: bool = False) -> Any:
    """What `FlowTable.to_pandas` does; the memory of an `owned` table, which is nobody else's, becomes that of the frame."""
    numpy, pandas = pandas_libraries(dtype_backend)
    if dtype_backend == "pyarrow":
        return to_arrow(table).to_pandas(types_mapper=pandas.ArrowDtype)
    texts = _arrow_texts(pandas, table)
    series = {}
    for name in table.columns:
        if name in texts:
            series[name] = texts[name]
        else:
            kind, values, absent = _column(numpy, table, name, owned)
            # Memory of the table becomes that of the frame only if nobody else can see it change.
            values = values if values.flags.writeable else values.copy()
            series[name] = _series(pandas, kind, values, absent)
    return pandas.DataFrame(series, index=pandas.RangeIndex(len(table)), copy=False)


def numpy_library() -> Any:
    """numpy, or an error that says how to get it."""
    try:
        import numpy
    except ImportError as error:
        raise ImportError("to_numpy needs numpy: pip install numpy") from error
    return numpy


def libraries() -> tuple[Any, Any]:
    """numpy and pandas, or an error that says how to get them."""
    try:
        import numpy
        import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError("to_pandas needs pandas: pip install 'flowgauge[pandas]'") from error
    return numpy, pandas


def pandas_libraries(dtype_backend: str) -> tuple[Any, Any]:
    """numpy and pandas with what this backend needs besides."""
    if dtype_backend not in ("numpy", "pyarrow"):
        raise ValueError(f'dtype_backend must be "numpy" or "pyarrow", not {dtype_backend!r}')
    if dtype_backend == "pyarrow":
        arrow_libraries()
    return libraries()


def arrow_libraries() -> Any:
    """pyarrow, or an error that says how to get it."""
    try:
        import pyarrow  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError("this needs pyarrow: pip install 'flowgauge[arrow]'") from error
    return pyarrow


def polars_library() -> Any:
    """polars, or an error that says how to get it."""
    try:
        import polars  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError("this needs polars: pip install 'flowgauge[polars]'") from error
    return polars


def text(pandas: Any, values: Any) -> Any:
    """Texts, of the type that pandas has for them."""
    # pandas 3 has a type of its own for text.
    kind = "str" if int(pandas.__version__.split(".")[0]) >= 3 else object
    return pandas.Series(values, dtype=kind)


def _column(numpy: Any, table: FlowTable, name: str, owned: bool) -> tuple[str, Any, Any]:
    """What the cells of a column are, their values in one array, and a mask that is true where one is absent, or None."""
    kind, parts = cells(table, name, owned)
    if kind in ("text", "object"):
        return kind, _objects(numpy, [value for part in parts for value in part]), None
    if kind == "names":
        return kind, _joined(numpy, [_names(numpy, *part) for part in parts]), None
    values = _joined(numpy, [numpy.asarray(values) for values, _ in parts])
    absent = None if parts[0][1] is None else _joined(numpy, [numpy.asarray(mask) for _, mask in parts])
    if kind in ("time", "duration"):
        values = values.view("M8[ns]" if kind == "time" else "m8[ns]")
        if absent is not None and absent.any():
            never = numpy.array("NaT", values.dtype)
            if owned:
                numpy.putmask(values, absent, never)
            else:
                values = numpy.where(absent, never, values)
    return kind, values, absent


def _joined(numpy: Any, parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else numpy.concatenate(parts)


def _objects(numpy: Any, values: list[Any]) -> Any:
    # Not numpy.array(values), which would look into lists.
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array


def _names(numpy: Any, keys: bytes, names: list[str]) -> Any:
    # The number -1, which stands for none, is the last.
    return _objects(numpy, [*names, None])[numpy.frombuffer(keys, dtype="int32")]


def _array(numpy: Any, kind: str, values: Any, absent: Any) -> Any:
    """A column as an array of numpy's."""
    if absent is None or kind in ("time", "duration"):
        return values
    if kind == "float64":
        return numpy.where(absent, numpy.nan, values) if absent.any() else values
    return numpy.ma.MaskedArray(values, mask=absent)


def _series(pandas: Any, kind: str, values: Any, absent: Any) -> Any:
    """A column as a Series of the type that belongs to it."""
    if kind in ("text", "names"):
        return text(pandas, values)
    if kind == "time":
        # Ints, since those are taken as they are.
        return pandas.Series(values.view("int64"), dtype=pandas.DatetimeTZDtype("ns", "UTC"), copy=False)
    if absent is None or kind == "duration":
        return pandas.Series(values, copy=False)
    if kind == "bool":
        return pandas.Series(pandas.arrays.BooleanArray(values, absent), copy=False)
    if kind == "float64":
        return pandas.Series(pandas.arrays.FloatingArray(values, absent), copy=False)
    return pandas.Series(pandas.arrays.IntegerArray(values, absent), copy=False)


def _arrow_texts(pandas: Any, table: FlowTable) -> dict[str, Any]:
    """The columns of text by name, where pandas keeps text in Arrow's format itself: much faster than object by object."""
    try:
        import pyarrow  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return {}
    if getattr(pandas.Series([], dtype="str").dtype, "storage", "python") != "pyarrow":
        return {}
    names = [name for name, word in table.schema.items() if word == "text"]
    texts = pyarrow.table(table.select(names))
    series = {}
    for name in names:
        column = texts.column(name)
        if column.null_count == len(column):
            # A cast would look up nothing, once a row.
            column = pyarrow.nulls(len(column), pyarrow.large_string())
        series[name] = pandas.Series(pandas.array(column, dtype="str"), copy=False)
    return series
