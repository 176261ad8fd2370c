"""`python -m flowgauge`: the command."""

import signal
import sys

from ._native import run_command

__all__ = ["main", "netwatch", "urlwatch"]


def main() -> int:
    """Run the command with the arguments of this process; give its exit status."""
    return _run(["flowgauge", *sys.argv[1:]])


def netwatch() -> int:
    """Run `flowgauge watch` with the arguments of this process; give its exit status."""
    return _run(["flowgauge", "watch", *sys.argv[1:]])


def urlwatch() -> int:
    """Run `flowgauge urls` with the arguments of this process; give its exit status."""
    return _run(["flowgauge", "urls", *sys.argv[1:]])


def _run(arguments: list[str]) -> int:
    # As Ctrl-C does, so that what was read is written; whoever started this may want it ignored, and then it is.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run_command(arguments)
    except KeyboardInterrupt:
        # A second one, or one that came when it was about to end anyway.
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
