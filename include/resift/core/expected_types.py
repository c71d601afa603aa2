"""Says which Arrow types a field can be read from, and refuses a file with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
from pyarrow import types

from resift.errors import DropRejected
from resift.model.field import EPOCHS, Carried, Column, Instant, Path, spell
from resift.model.source import Source

_Test = Callable[[pa.DataType], bool]


def _is_text(kind: pa.DataType) -> bool:
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind) or kind == pa.string_view() or types.is_null(kind)
    return bool(text or types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_flat(kind: pa.DataType) -> bool:
    return not types.is_nested(kind)


def _is_time(kind: pa.DataType) -> bool:
    return bool(_is_text(kind) or types.is_timestamp(kind) or types.is_date(kind))


def check_types(found: Mapping[Path, pa.DataType], *, name: str, source: Source) -> None:
    """Check that every field can be read from the type its column has.

    Raises:
        DropRejected: One cannot; the message names the column, its type and what it may be.
    """
    for field, column in source.mapped():
        path = source.path(column)
        if path is None or path not in found:
            continue
        test, expected = _expectation(field, column)
        if not test(found[path]):
            raise DropRejected(
                f"{name}: column {spell(path)!r} is {found[path]}, expected {expected} for {field}. "
                "Map another column in the source file, or ask for the file again."
            )


def _expectation(field: str, column: Column) -> tuple[_Test, str]:
    if isinstance(column, Carried) and column.type != "timestamp":
        return {
            "string": (lambda kind: True, "any type"),
            "bool": (lambda kind: _is_text(kind) or types.is_boolean(kind), "text or bool"),
        }.get(column.type, (lambda kind: _is_text(kind) or _is_number(kind), "text or a number"))
    if isinstance(column, Instant):
        if column.format in EPOCHS:
            return (lambda kind: _is_time(kind) or types.is_integer(kind)), "text, a timestamp or a whole number"
        return _is_time, "text, a timestamp or a date (for a number set `format: epoch_s` or the like)"
    if field == "image_id":
        # A float has lost digits of a long number, and two ids would become one.
        return (lambda kind: _is_text(kind) or types.is_integer(kind)), "text or a whole number"
    if field in ("width", "height"):
        return (lambda kind: _is_text(kind) or _is_number(kind)), "text or a number"
    return _is_flat, "a single value"
