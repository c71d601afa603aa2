"""Decide where a sample ends, and name its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resift.model.columns import CIRCLE
from resift.model.document import canonical_json, sha256_hex
from resift.model.refresh import PartEntry


@dataclass(frozen=True, slots=True)
class Cut:
    """The range and row where a sample reaches its size."""

    index: int | None
    """Position of the last range in the sequence; None where all ranges together hold too few."""

    rows: int
    """Rows taken from that range: at least one, at most all of it."""


def find_cut(kept: Iterable[int], *, size: int) -> Cut:
    """Find where ``size`` items are reached, given how many were kept in each range in order."""
    before = 0
    for index, count in enumerate(kept):
        if before + count >= size:
            return Cut(index, size - before)
        before += count
    return Cut(None, 0)


def covered_width(*, last_offset: int | None, exhausted: bool) -> int:
    """Return the width of the interval a sample covers: to just past its last item, or the whole circle."""
    return CIRCLE if exhausted or last_offset is None else last_offset + 1


def content_digest(*, columns: Sequence[tuple[str, str]], start: int, width: int, parts: Sequence[PartEntry]) -> str:
    """Return the digest that names a snapshot's content: its schema, its draw and every byte of its parts."""
    return sha256_hex(
        canonical_json(
            {
                "columns": [list(column) for column in columns],
                "start": start,
                "width": width,
                "parts": [[part.path, part.rows, part.sha256] for part in parts],
            }
        )
    )


def add_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add up counts by word."""
    total: dict[str, int] = {}
    for some in counts:
        for word, count in some.items():
            total[word] = total.get(word, 0) + count
    return dict(sorted(total.items()))
