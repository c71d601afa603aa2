"""Says where Arrow takes its memory from in a process that runs steps."""

from __future__ import annotations

import os
from contextlib import suppress

import pyarrow as pa


def use_jemalloc() -> None:
    """Let Arrow take its memory from jemalloc, where it has that and nobody chose otherwise.

    It keeps what it is given back for a second. What Arrow would use gives it to the system at once, and a slice that
    is worked on takes as much as the one before: the system clears each page again.
    """
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        with suppress(NotImplementedError):
            pa.set_memory_pool(pa.jemalloc_memory_pool())
