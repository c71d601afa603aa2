"""Reads whole numbers, digests and typed columns: values in; values, and which of them cannot be read, out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.core.text import as_text

_INT32_MAX = 2**31 - 1
_WHOLE = r"^[+-]?[0-9]+(\.0*)?$"
_REAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_TRUE = ("true", "True", "TRUE", "t", "1", "yes")
_FALSE = ("false", "False", "FALSE", "f", "0", "no")


@dataclass(frozen=True, slots=True)
class Typed:
    """Values of one type, null where none was given or where it cannot be read."""

    values: pa.Array
    unreadable: np.ndarray
    """True where a value was given that cannot be read."""


def read_lengths(values: pa.Array) -> Typed:
    """Read positive whole numbers that fit 31 bits; ``640`` and ``640.0`` are both 640."""
    whole = read_integers(values)
    inside = pc.and_(pc.greater_equal(whole.values, 1), pc.less_equal(whole.values, _INT32_MAX))
    outside = pc.fill_null(pc.invert(inside), False)
    lengths = pc.if_else(pc.fill_null(inside, False), whole.values, pa.scalar(None, pa.int64())).cast(pa.int32())
    return Typed(lengths, whole.unreadable | outside.to_numpy(zero_copy_only=False))


def read_integers(values: pa.Array) -> Typed:
    """Read whole numbers of 64 bits. A float is one if it has no fraction and is exact, so below 2**53."""
    if pa.types.is_integer(values.type) and values.type != pa.uint64():
        return Typed(values.cast(pa.int64()), np.zeros(len(values), dtype=bool))
    text = as_text(values)
    if _are_digits(text):
        return Typed(text.cast(pa.int64()), np.zeros(len(text), dtype=bool))
    matches = pc.fill_null(pc.match_substring_regex(text, _WHOLE), False)
    digits = pc.replace_substring_regex(text, r"^\+?(-?)0*([0-9]+?)(\.0*)?$", r"\1\2")
    # 18 digits always fit 64 bits; the few that have 19 are not worth a second look.
    readable = pc.and_(matches, pc.fill_null(pc.less_equal(pc.binary_length(digits), 18), False))
    return _only(text, digits, readable, pa.int64())


def _are_digits(text: pa.Array) -> bool:
    """Say that every value is of 1 to 18 digits and nothing else, as nearly all are; then no pattern need be tried."""
    length = pc.min_max(pc.binary_length(text)).as_py()
    return bool(length["max"] is None or (length["max"] <= 18 and pc.all(pc.ascii_is_decimal(text)).as_py()))


def read_reals(values: pa.Array) -> Typed:
    """Read finite decimal numbers."""
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        values = values.cast(pa.float64(), safe=False)
        return Typed(pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values), _nowhere(values))
    text = as_text(values)
    readable = pc.fill_null(pc.match_substring_regex(text, _REAL), False)
    return _only(text, pc.replace_substring_regex(text, r"^\+", ""), readable, pa.float64())


def read_truths(values: pa.Array) -> Typed:
    """Read true and false, also as t and f, 1 and 0, yes and no."""
    if pa.types.is_boolean(values.type):
        return Typed(values, _nowhere(values))
    text = as_text(values)
    true = pc.is_in(text, value_set=pa.array(_TRUE))
    readable = pc.or_(true, pc.is_in(text, value_set=pa.array(_FALSE)))
    truths = pc.if_else(readable, true, pa.scalar(None, pa.bool_()))
    return Typed(truths, _given_but_not(text, readable))


def read_digests(values: pa.Array) -> Typed:
    """Read SHA-256 digests of 64 hex digits, in lower case."""
    readable = pc.fill_null(pc.match_substring_regex(values, r"^[0-9A-Fa-f]{64}$"), False)
    kept = pc.if_else(readable, pc.ascii_lower(values), pa.scalar(None, pa.string()))
    return Typed(kept, _given_but_not(values, readable))


def _only(text: pa.Array, spelled: pa.Array, readable: pa.Array, kind: pa.DataType) -> Typed:
    return Typed(pc.if_else(readable, spelled, pa.scalar(None, pa.string())).cast(kind), _given_but_not(text, readable))


def _given_but_not(values: pa.Array, readable: pa.Array) -> np.ndarray:
    mask: np.ndarray = pc.and_(pc.is_valid(values), pc.invert(readable)).to_numpy(zero_copy_only=False)
    return mask


def _nowhere(values: pa.Array) -> np.ndarray:
    return np.zeros(len(values), dtype=bool)
