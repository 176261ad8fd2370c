"""Processors by their place: a module or a file, and perhaps a class in it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from .processor import Processor

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["load"]

_HANDLERS = ("on_packet", "on_flow", "on_interval")


def load(place: str) -> list[dict[str, Any]]:
    """The processors of `module`, `module:Class`, `file.py` or `file.py:Class`, each as what the sensor needs of it.

    Without a class it is all that the module itself defines, in their order.
    """
    if not place:
        raise ValueError("it has no name: a module, a file.py, or one of these and :Class is wanted")
    where, name = _parted(place)
    module = _of_file(where) if where.endswith(".py") else _of_name(where)
    if name is not None:
        return [_described(_of_class(getattr(module, name, None), name, where))]
    found = [kind for kind in vars(module).values() if _is_processor(kind) and kind.__module__ == module.__name__]
    if not found:
        raise ValueError(f"{where} has no subclass of flowgauge.Processor")
    return [_described(kind) for kind in found]


def _parted(place: str) -> tuple[str, str | None]:
    where, colon, name = place.rpartition(":")
    return (where, name) if colon and where and name.isidentifier() else (place, None)


def _of_file(path: str) -> ModuleType:
    # A name that no module has; without it classes of the file could not be pickled, nor be dataclasses.
    name = "flowgauge_processors_" + os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise ValueError(f"there is no file {path!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _of_name(name: str) -> ModuleType:
    # As `python -m` has it: modules in the folder where the command runs are found.
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    return importlib.import_module(name)


def _is_processor(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Processor) and kind is not Processor


def _of_class(kind: object, name: str, where: str) -> type[Processor]:
    if isinstance(kind, type) and issubclass(kind, Processor) and kind is not Processor:
        return kind
    raise ValueError(f"{where} has no subclass of flowgauge.Processor that is called {name}")


def _described(kind: type[Processor]) -> dict[str, Any]:
    fields = (kind.fields,) if isinstance(kind.fields, str) else kind.fields
    if not isinstance(fields, (list, tuple, set, frozenset)) or not all(isinstance(field, str) for field in fields):
        raise ValueError(f"{kind.__name__}.fields must be names of fields, not {kind.fields!r}")
    for attribute in ("topic", "filter"):
        value = getattr(kind, attribute)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{kind.__name__}.{attribute} must be a text or None, not {value!r}")
    processor = kind()
    own = {handler: getattr(processor, handler) for handler in _HANDLERS if _overrides(kind, handler)}
    if not own:
        raise ValueError(f"{kind.__name__} has none of {', '.join(_HANDLERS)}")
    return {
        "name": kind.__name__,
        "topic": kind.__name__ if kind.topic is None else kind.topic,
        "filter": kind.filter,
        "fields": list(fields),
        **{handler: own.get(handler) for handler in _HANDLERS},
    }


def _overrides(kind: type[Processor], handler: str) -> bool:
    return getattr(kind, handler) is not getattr(Processor, handler)
