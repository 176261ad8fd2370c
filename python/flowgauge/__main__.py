"""`python -m flowgauge`: the command."""

import sys

from ._native import run_command

__all__ = ["main"]


def main() -> int:
    """Run the command with the arguments of this process; give its exit status."""
    return run_command(["flowgauge", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
