"""What both sides of the comparison share."""

import ctypes
import signal
import statistics


class Failed(Exception):
    """A scenario that could not be run; the text says why."""


def die_with_parent():
    """In a child: to end when its parent does, whatever ends that."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def least_and_median(values):
    return (min(values), statistics.median(values)) if values else (None, None)
