"""Makes text of columns of any type, and does to it what a source file asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from resift.model.field import Lookup, Mapped


def as_text(values: pa.Array) -> pa.Array:
    """Return values as text: numbers in their shortest exact form, NaN as null, nested values as compact JSON."""
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_dictionary(kind):
        return as_text(values.dictionary_decode())
    if pa.types.is_floating(kind):
        values = values.cast(pa.float64())
        return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.string()), values.cast(pa.string()))
    if pa.types.is_nested(kind):
        return pa.array([None if value is None else compact_json(value) for value in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def compact_json(value: Any) -> str:
    """Return a nested value as JSON without blanks, keys in the order the source gave them."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def without(values: pa.Array, texts: tuple[str, ...]) -> pa.Array:
    """Return text with these texts made null."""
    if not texts:
        return values
    none = pc.equal(values, texts[0]) if len(texts) == 1 else pc.is_in(values, value_set=pa.array(texts, pa.string()))
    return pc.if_else(none, pa.scalar(None, pa.string()), values) if pc.any(none).as_py() else values


def map_text(values: pa.Array, *, rule: Mapped, tables: Mapping[Lookup, pa.Table]) -> pa.Array:
    """Look up, cut and replace as the rule says. Null stays null; a key without an entry becomes null.

    Args:
        values: Text.
        rule: What to do, in the order look up, cut, replace.
        tables: For each lookup its distinct keys and their values, as columns ``key`` and ``value``.
    """
    if rule.lookup is not None:
        values = look_up(values, tables[rule.lookup])
    if rule.last_after is not None:
        # Spelled in code points, so that no character of the separator means anything to the expression.
        separator = "".join(f"\\x{{{ord(letter):x}}}" for letter in rule.last_after)
        values = pc.replace_substring_regex(values, pattern=f"(?s)^.*{separator}", replacement="")
    if rule.values:
        keys = pa.array(list(rule.values.keys()), pa.string())
        replaced = _replaced(values, keys, pa.array(list(rule.values.values()), pa.string()))
        values = pc.coalesce(replaced, values)
    return values


def look_up(values: pa.Array, table: pa.Table) -> pa.Array:
    """Return the value of each key in a table of columns ``key`` and ``value``; null where there is no entry."""
    return _replaced(values, table["key"], table["value"])


def _replaced(values: pa.Array, keys: pa.Array | pa.ChunkedArray, replacements: pa.Array | pa.ChunkedArray) -> pa.Array:
    found = replacements.take(pc.index_in(values, value_set=keys, skip_nulls=True))
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
