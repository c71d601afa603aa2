"""Plans which bytes of an object to ask for: neighbours together, since a request costs more than the bytes between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

Span = tuple[int, int]
"""Half-open: the first byte, and the first byte after the last."""

GAP_BYTES = 256 * 1024
"""Bytes nobody asked for that are read to spare a request. One takes as long as about ten times as many."""

MOST_BYTES = 8 * 1024 * 1024
"""Size at which a request is not made larger: several side by side are faster."""


def join_near(spans: Iterable[Span], *, gap: int = GAP_BYTES, most: int = MOST_BYTES) -> Iterator[Span]:
    """Yield spans that cover all of these, which come in order of their starts.

    Two are joined if at most ``gap`` bytes lie between them and together they are not longer than ``most``.
    """
    joined: Span | None = None
    for lo, hi in spans:
        if joined is not None and lo - joined[1] <= gap and max(hi, joined[1]) - joined[0] <= most:
            joined = (joined[0], max(hi, joined[1]))
            continue
        if joined is not None:
            yield joined
        joined = (lo, hi)
    if joined is not None:
        yield joined


def prefetch(file: BinaryIO, spans: Iterable[Span]) -> None:
    """Tell an open object what will be read of it, if it lies far enough away to care."""
    begin = getattr(file, "prefetch", None)
    if begin is not None:
        begin(spans)
