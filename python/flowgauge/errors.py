"""What flowgauge raises beside Python's own exceptions.

A missing file is a `FileNotFoundError`, one that may not be read a `PermissionError`, an option out of range a
`ValueError`, of the wrong type a `TypeError`; an exception in a metric of yours comes back as it was raised.
"""

__all__ = [
    "CaptureDeniedError",
    "CaptureError",
    "FilterError",
    "FlowgaugeError",
    "HubError",
    "InterfaceError",
    "LedgerError",
]


class FlowgaugeError(Exception):
    """The base of the exceptions here, and what is raised when nothing more special fits."""


class CaptureError(FlowgaugeError):
    """Something that is not a capture, or one that is damaged or cannot be read on; the message says where.

    It comes after the flows of every frame before the damage.
    """


class InterfaceError(FlowgaugeError, OSError):
    """An interface cannot be opened or read."""


class CaptureDeniedError(InterfaceError, PermissionError):
    """This process may not capture on that interface; the message says what to do."""


class FilterError(FlowgaugeError, ValueError):
    """A BPF expression that libpcap does not understand."""


class LedgerError(FlowgaugeError):
    """A report that does not add up: packets were lost or counted twice, which is a bug worth reporting."""


class HubError(FlowgaugeError, ConnectionError):
    """A hub that refuses, that is none, or that is gone when nobody is to connect again; the message says which."""
