"""Load Great Expectations in less time than importing it takes by itself."""

from __future__ import annotations

import gc
from importlib import import_module


def load_judge() -> None:
    """Import the door to Great Expectations, once a process.

    What is imported stays: looking for garbage in it meanwhile takes a quarter of the import.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        import_module("resift.checks.gx")
    finally:
        if collecting:
            gc.enable()
