"""Reads many JSON lines at once, in compiled code. Where one is odd in any way, the reader row by row has the word."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from resift.core.raw import RawBatch
from resift.model.field import Path
from resift.model.source import Source
from resift.steps.reading.jsonrows import LONGEST, Written, spell_line
from resift.steps.reading.marked import MARK_PREFIX

_MINUS_ZERO = re.compile(rb"-0[\s,\]}]")
"""A whole number that would not be written as it came; all others are spelled in one way."""

_ABSENT = float("nan")
"""Stands for a key that a row lacks. No value is a float: those of the file are kept as written."""

_DEEPEST = 400
"""Opening brackets in a nested value, above which it may be too deep for the reader row by row."""


class _Odd(ValueError):
    """Some line is to be looked at by itself."""


class JsonColumns:
    """Reads lines of one source, all or none."""

    def __init__(self, source: Source) -> None:
        """Prepare to read the keys that a source reads.

        Raises:
            ValueError: A key has a quote, a backslash or a control character in it.
        """
        self._paths, self._encoding, self._whole = list(source.paths()), source.encoding, source.paths_carried_whole()
        self._attributes = {
            key: f"at_{at}" for at, key in enumerate(dict.fromkeys(str(path[0]) for path in self._paths))
        }
        row = msgspec.defstruct(
            "Row",
            [(attribute, Any, _ABSENT) for attribute in self._attributes.values()],
            rename={attribute: key for key, attribute in self._attributes.items()},
            gc=False,
        )
        self._decode = msgspec.json.Decoder(row, float_hook=Written).decode
        self._encode = msgspec.json.Encoder(enc_hook=_as_written).encode

    def read(self, lines: list[bytes], *, first: int, marked: bool) -> RawBatch | None:
        """Read lines of which the first has this number; None if one of them is odd.

        ``marked`` says that some may hold a mark.
        """
        if max(map(len, lines)) > LONGEST or any(map(_MINUS_ZERO.search, lines)):
            return None
        if marked and any(MARK_PREFIX in line for line in lines):
            return None
        try:
            columns = self._columns(list(map(self._decode, lines)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return RawBatch(
            row_numbers=np.arange(first, first + len(lines), dtype=np.int64),
            columns=columns,
            raw=lambda positions: [spell_line(lines[at], self._encoding) for at in positions],
        )

    def _columns(self, rows: list[msgspec.Struct]) -> dict[Path, pa.Array]:
        found: dict[Path, list[Any]] = {
            (key,): list(map(attrgetter(attribute), rows)) for key, attribute in self._attributes.items()
        }
        absent = {key for (key,), values in found.items() if values[0] is _ABSENT and all(v is _ABSENT for v in values)}
        return {
            path: self._column(_values(found, path), path in self._whole)
            for path in self._paths
            if path[0] not in absent
        }

    def _column(self, values: list[Any], whole: bool) -> pa.Array:
        """Return values as text. Most columns are of one kind, of which the first tells it from others at once."""
        for kind in (pa.string(), pa.int64(), pa.bool_()):
            try:
                return pa.array(values, kind, from_pandas=True).cast(pa.string())  # from pandas: NaN is null
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                continue
        return pa.array([self._text(value, whole) for value in values], pa.string())

    def _text(self, value: Any, whole: bool) -> str | None:
        if value is None or value is _ABSENT:
            return None
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if not whole:
            raise _Odd
        text: bytes = self._encode(value)
        if len(text) > _DEEPEST and text.count(b"[") + text.count(b"{") > _DEEPEST:
            raise _Odd
        return text.decode()


def _values(found: dict[Path, list[Any]], path: Path) -> list[Any]:
    """Return the value of each row at a path; None where it leads nowhere. What paths share is walked once."""
    if path not in found:
        step, above = path[-1], _values(found, path[:-1])
        if isinstance(step, str):
            found[path] = [value.get(step) if isinstance(value, dict) else None for value in above]
        else:
            found[path] = [value[step] if isinstance(value, list) and step < len(value) else None for value in above]
    return found[path]


def _as_written(number: Written) -> msgspec.Raw:
    """Write a number into JSON as it came: the encoder asks, for it knows texts and not their subclasses."""
    return msgspec.Raw(number.encode())
