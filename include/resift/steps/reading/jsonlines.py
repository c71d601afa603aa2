"""Reads JSON lines: one object a line, values by path."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from resift.core.raw import RawBatch
from resift.model.source import Source
from resift.steps.reading.jsonrows import LONGEST, JsonRows
from resift.steps.reading.marked import MarkedText

if TYPE_CHECKING:
    from resift.steps.reading.jsoncolumns import JsonColumns

_LINES = 8192
_BYTES = 2 << 20


def read_jsonlines(text: MarkedText, *, name: str, source: Source) -> Iterator[RawBatch]:
    """Yield the rows of a file of JSON lines. Blank lines are not rows. A key no row has is absent.

    Lines are read many at a time; where one of them is odd in any way, row by row.
    """
    rows, columns = JsonRows(source), _columns(source)
    first = 1
    for lines in _lines(text):
        batch = None if columns is None else columns.read(lines, first=first, marked=text.marked)
        yield batch or rows.read(lines, first=first, marked=text.marked)
        first += len(lines)


def _columns(source: Source) -> JsonColumns | None:
    """Return what reads many lines at a time; None without its library, which is no part of a bare installation."""
    if find_spec("msgspec") is None:
        return None
    from resift.steps.reading.jsoncolumns import JsonColumns

    try:
        return JsonColumns(source)
    except ValueError:  # a key with a quote in it
        return None


def _lines(text: MarkedText) -> Iterator[list[bytes]]:
    """Yield lines that are not blank, some at a time; of one that is too long, only so much that this can be told."""
    rest, skipping = b"", False
    while block := text.read(_BYTES):
        *ended, rest = (rest + block).split(b"\n")
        if skipping and ended:
            del ended[0]
            skipping = False
        lines = list(filter(bytes.strip, ended))
        yield from (lines[at : at + _LINES] for at in range(0, len(lines), _LINES))
        if len(rest) > LONGEST:
            if not skipping:
                yield [rest]
            rest, skipping = b"", True
    if rest.strip() and not skipping:
        yield [rest]
