"""Reads JSON lines row by row: says of each that is no row why, and keeps all others as they are written."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from resift.core.raw import BadRow, RawBatch
from resift.model.field import Path, spell
from resift.model.source import Source
from resift.steps.reading.marked import is_marked, unmarked

LONGEST = 16 << 20
"""Bytes a line may have."""

_Row = tuple[int, bytes, dict[str, Any]]
"""The number of a row, its line, and what it holds."""


class Written(str):
    """A number as it is written: 52.50 is not 52.5, for the decimals are evidence."""

    __slots__ = ()  # without attributes of its own it is made in a third of the time


class _Unreadable(ValueError):
    """A line that is no row; the text is the reason."""


class JsonRows:
    """Reads lines of one source, each for itself."""

    def __init__(self, source: Source) -> None:
        self._paths, self._encoding, self._whole = list(source.paths()), source.encoding, source.paths_carried_whole()

    def read(self, lines: list[bytes], *, first: int, marked: bool) -> RawBatch:
        """Read lines of which the first has this number; ``marked`` says that some may hold a mark."""
        rows, bad = list[_Row](), list[BadRow]()
        for number, line in enumerate(lines, start=first):
            try:
                rows.append((number, line, _row(line.rstrip(b"\r"), self._encoding, marked=marked)))
            except _Unreadable as problem:
                bad.append(self._bad(number, line, problem))
        try:
            columns = self._columns([row for _, _, row in rows])
        except (pa.ArrowException, UnicodeEncodeError, _Unreadable):
            # Some value is not text, or is none that Unicode can hold: look at each row, and try again.
            rows, worse = self._sorted_out(rows)
            bad.extend(worse)
            columns = self._columns([row for _, _, row in rows], plain=False)
        return RawBatch(
            row_numbers=np.asarray([number for number, _, _ in rows], dtype=np.int64),
            columns=columns,
            raw=lambda positions: [spell_line(rows[at][1], self._encoding) for at in positions],
            bad=tuple(sorted(bad, key=lambda one: one.row_number)),
        )

    def _columns(self, rows: list[dict[str, Any]], *, plain: bool = True) -> dict[Path, pa.Array]:
        """Return the value of each row at each path; ``plain`` takes those that should be text as they are."""
        seen = set[str]().union(*rows)
        columns = {}
        for path in self._paths:
            if path[0] not in seen:
                continue
            values = [row.get(path[0]) for row in rows] if len(path) == 1 else [_at(row, path) for row in rows]
            if not plain or path in self._whole:
                values = [_text(value, path, path in self._whole) for value in values]
            columns[path] = pa.array(values, pa.string())
        return columns

    def _sorted_out(self, rows: list[_Row]) -> tuple[list[_Row], list[BadRow]]:
        """Return the rows whose values can all be kept as text, and the others with their reasons."""
        good, bad = list[_Row](), list[BadRow]()
        for number, line, row in rows:
            try:
                _check(row, line, self._paths, self._whole)
                good.append((number, line, row))
            except _Unreadable as problem:
                bad.append(self._bad(number, line, problem))
        return good, bad

    def _bad(self, number: int, line: bytes, problem: _Unreadable) -> BadRow:
        return BadRow(number, spell_line(line, self._encoding), str(problem))


def spell_line(line: bytes, encoding: str) -> bytes:
    """Return a line as the file gave it, without its end."""
    return unmarked(line.rstrip(b"\r").decode("utf-8", "replace"), encoding=encoding)


def _row(line: bytes, encoding: str, *, marked: bool) -> dict[str, Any]:
    if len(line) > LONGEST:
        raise _Unreadable(f"is longer than {LONGEST >> 20} MiB")
    text = line.decode("utf-8", "surrogatepass")
    if marked and is_marked(text):
        raise _Unreadable(f"holds bytes that are not {encoding}")
    try:
        row = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _Unreadable("is not JSON") from error
    if not isinstance(row, dict):
        raise _Unreadable("is not a JSON object")
    return row


def _check(row: dict[str, Any], line: bytes, paths: list[Path], whole: frozenset[Path]) -> None:
    values = [_text(_at(row, path), path, path in whole) for path in paths]
    if b"\\u" in line:
        _require_unicode(values)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(parse_int=Written, parse_float=Written, parse_constant=_refuse_constant)


def _require_unicode(values: list[str | None]) -> None:
    """Refuse half of a surrogate pair, which JSON can spell and Unicode text cannot hold."""
    try:
        for value in values:
            if value is not None:
                value.encode()
    except UnicodeEncodeError as error:
        raise _Unreadable("holds half a surrogate pair") from error


def _at(row: Any, path: Path) -> Any:
    """Return the value at a path; None where the path leads nowhere."""
    for step in path:
        if isinstance(step, str):
            row = row.get(step) if isinstance(row, dict) else None
        else:
            row = row[step] if isinstance(row, list) and step < len(row) else None
    return row


def _text(value: Any, path: Path, whole: bool) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not whole:
        raise _Unreadable(f"holds a nested value in {spell(path)}")
    try:
        return _compact(value)
    except RecursionError as error:
        raise _Unreadable(f"is nested too deeply in {spell(path)}") from error


def _compact(value: Any) -> str:
    """Write JSON without blanks, numbers as they came."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_compact(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return str(value) if isinstance(value, Written) else json.dumps(value, ensure_ascii=False)
