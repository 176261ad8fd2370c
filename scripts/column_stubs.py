#!/usr/bin/env python3
"""Write the columns of a flow, and the fields of expressions, into the stubs, read off the library's own tables.

usage: column_stubs.py            show what would stand in _native.pyi
       column_stubs.py --write    put it there
"""

import pathlib
import sys
import textwrap

import flowgauge

STUBS = pathlib.Path(__file__).resolve().parent.parent / "python/flowgauge/_native.pyi"
HEAD = "class _Columns:\n"
PACKET = "class _PacketFields:\n"
FLOW = "class _FlowFields:\n"
NEXT = "\n@final\n"
TYPES = {"bool": "bool", "float64": "float", "text": "str", "time": "int", "duration": "int", "list[text]": "list[str]"}


def block() -> str:
    """The class whose attributes are the columns."""
    lines = [HEAD, '    """The columns that a flow has an attribute for, living or not."""\n']
    for column in flowgauge.columns():
        if column.name == "export_reason":
            # A living flow has an attribute of its own under this name, so it stands with the classes.
            continue
        lines += attribute(column.name, column)
        if column.type in ("time", "duration"):
            lines += attribute(f"{column.name}_ns", vars(flowgauge.Flow)[f"{column.name}_ns"])
    return "".join(lines)


def attribute(name: str, column: flowgauge.Column) -> list[str]:
    kind = TYPES.get(column.type, "list[int]" if column.type.startswith("list") else "int")
    null = " | None" if column.nullable else ""
    text = textwrap.fill(f'"""{column.doc}', 112, initial_indent=" " * 8, subsequent_indent=" " * 8)
    # As elsewhere: closing quotes on the last line of one, on a line of their own after several.
    text += '"""\n' if "\n" not in text else f'\n{" " * 8}"""\n'
    return ["\n    @property\n", f"    def {name}(self) -> {kind}{null}:\n", text]


def fields(head: str, doc: str, fields: object) -> str:
    """The class whose attributes are the beginnings of expressions."""
    lines = [head, f'    """{doc}"""\n']
    for name in dir(fields):
        doc = vars(type(fields))[name].__doc__
        text = textwrap.fill(f'"""{doc}', 112, initial_indent=" " * 8, subsequent_indent=" " * 8)
        text += '"""\n' if "\n" not in text else f'\n{" " * 8}"""\n'
        lines += ["\n    @property\n", f"    def {name}(self) -> Expression:\n", text]
    return "".join(lines)


def stubs() -> str:
    """The stubs as they should be."""
    text = STUBS.read_text()
    for head, made in [
        (HEAD, block()),
        (PACKET, fields(PACKET, "The fields of packets that expressions may name.", flowgauge.packet)),
        (FLOW, fields(FLOW, "The columns of flows that expressions may name.", flowgauge.flow)),
    ]:
        before, rest = text.split(head, 1)
        text = before + made + NEXT + rest.split(NEXT, 1)[1]
    return text


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        STUBS.write_text(stubs())
    else:
        print(block(), end="")
