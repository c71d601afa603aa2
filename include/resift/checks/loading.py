"""Load Great Expectations in less time than importing it takes by itself."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

_DOOR = "resift.checks.gx"


def load_judge() -> None:
    """Import the door to Great Expectations, once a process.

    What is imported stays. To look for garbage in it, while it is imported and at each collection after, takes a fifth
    of the time in which a small snapshot is judged.
    """
    if _DOOR in sys.modules:
        return
    collecting = gc.isenabled()
    gc.disable()
    try:
        import_module(_DOOR)
        gc.freeze()
    finally:
        if collecting:
            gc.enable()
