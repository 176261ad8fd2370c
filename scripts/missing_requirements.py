"""Prints the requirements of the given files that this interpreter's environment does not meet, one a line.

Needs neither pip nor a network. A line is a name and lower and upper bounds, as in `maturin>=1.9.4,<2`.
"""

import importlib.metadata
import re
import sys

OPERATORS = {
    ">=": lambda found, wanted: found >= wanted,
    "<": lambda found, wanted: found < wanted,
    "==": lambda found, wanted: found == wanted,
}


def numbers(version):
    """The leading dotted numbers of a version, without trailing zeros: `2.1.0rc1` is (2, 1)."""
    parts = [int(part) for part in re.match(r"\d+(?:\.\d+)*", version).group().split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return parts


def is_met(requirement):
    name, bounds = re.fullmatch(r"([A-Za-z0-9._-]+)\s*(.*)", requirement).groups()
    try:
        found = numbers(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False
    for bound in filter(None, (part.strip() for part in bounds.split(","))):
        operator, wanted = re.fullmatch(r"(>=|==|<)\s*(\S+)", bound).groups()
        if not OPERATORS[operator](found, numbers(wanted)):
            return False
    return True


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            requirement = line.split("#")[0].strip()
            if requirement and not is_met(requirement):
                print(requirement)
