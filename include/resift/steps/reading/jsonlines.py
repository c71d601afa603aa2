"""Reads JSON lines: one object a line, values by path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from resift.core.raw import BadRow, RawBatch
from resift.model.field import Path, spell
from resift.model.source import Source
from resift.steps.reading.marked import MarkedText, is_marked, unmarked

_LINES = 8192
_BYTES = 8 << 20
_LONGEST = 16 << 20

NOT_JSON = "is not JSON"


class _Number(str):
    """A number as it is written: 52.50 is not 52.5, for the decimals are evidence."""

    __slots__ = ()  # without attributes of its own it is made in a third of the time


class _Unreadable(ValueError):
    """A line that is no row; the text is the reason."""


def read_jsonlines(text: MarkedText, *, name: str, source: Source) -> Iterator[RawBatch]:
    """Yield the rows of a file of JSON lines. Blank lines are not rows. A key no row has is absent."""
    batch = _Batch(source)
    for number, line in enumerate(_lines(text), start=1):
        try:
            batch.add(number, line, _row(line, source.encoding, marked=text.marked))
        except _Unreadable as problem:
            batch.reject(number, line, str(problem))
        if batch.is_full():
            yield batch.finish()
            batch = _Batch(source)
    yield batch.finish()


class _Batch:
    """Rows being collected."""

    def __init__(self, source: Source) -> None:
        self._paths, self._encoding, self._whole = list(source.paths()), source.encoding, source.paths_carried_whole()
        self._rows: list[tuple[int, bytes, dict[str, Any]]] = []
        self._bad: list[BadRow] = []
        self._bytes = 0

    def add(self, number: int, line: bytes, row: dict[str, Any]) -> None:
        self._rows.append((number, line, row))
        self._bytes += len(line)

    def reject(self, number: int, line: bytes, reason: str) -> None:
        self._bad.append(BadRow(number, self._given(line), reason))
        self._bytes += len(line)

    def is_full(self) -> bool:
        return len(self._rows) + len(self._bad) >= _LINES or self._bytes >= _BYTES

    def finish(self) -> RawBatch:
        try:
            columns = self._columns()
        except (pa.ArrowException, UnicodeEncodeError):
            # Some value is not text, or is none that Unicode can hold: look at each row, and try again.
            self._rows = [row for row in self._rows if self._is_readable(*row)]
            columns = self._columns(plain=False)
        lines = [line for _, line, _ in self._rows]
        return RawBatch(
            row_numbers=np.asarray([number for number, _, _ in self._rows], dtype=np.int64),
            columns=columns,
            raw=lambda positions: [self._given(lines[at]) for at in positions],
            bad=tuple(sorted(self._bad, key=lambda bad: bad.row_number)),
        )

    def _columns(self, *, plain: bool = True) -> dict[Path, pa.Array]:
        """Return the value of each row at each path; ``plain`` takes those that should be text as they are."""
        rows = [row for _, _, row in self._rows]
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

    def _is_readable(self, number: int, line: bytes, row: dict[str, Any]) -> bool:
        try:
            _check(row, line, self._paths, self._whole)
        except _Unreadable as problem:
            self._bad.append(BadRow(number, self._given(line), str(problem)))
            return False
        return True

    def _given(self, line: bytes) -> bytes:
        return unmarked(line.decode("utf-8", "replace"), encoding=self._encoding)


def _lines(text: MarkedText) -> Iterator[bytes]:
    """Yield lines that are not blank; of one that is too long, only so much that this can be told."""
    rest, skipping = b"", False
    while block := text.read(_BYTES // 4):
        *ended, rest = (rest + block).split(b"\n")
        for line in ended:
            if not skipping and line.strip():
                yield line.rstrip(b"\r")
            skipping = False
        if len(rest) > _LONGEST:
            if not skipping:
                yield rest
            rest, skipping = b"", True
    if rest.strip() and not skipping:
        yield rest.rstrip(b"\r")


def _row(line: bytes, encoding: str, *, marked: bool) -> dict[str, Any]:
    if len(line) > _LONGEST:
        raise _Unreadable(f"is longer than {_LONGEST >> 20} MiB")
    text = line.decode("utf-8", "surrogatepass")
    if marked and is_marked(text):
        raise _Unreadable(f"holds bytes that are not {encoding}")
    try:
        row = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _Unreadable(NOT_JSON) from error
    if not isinstance(row, dict):
        raise _Unreadable("is not a JSON object")
    return row


def _check(row: dict[str, Any], line: bytes, paths: list[Path], whole: frozenset[Path]) -> None:
    values = [_text(_at(row, path), path, path in whole) for path in paths]
    if b"\\u" in line:
        _require_unicode(values)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant)


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
    return _compact(value)


def _compact(value: Any) -> str:
    """Write JSON without blanks, numbers as they came."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_compact(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
