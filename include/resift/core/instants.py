"""Reads instants: text, numbers or typed values in, instants in UTC and the reason of what cannot be read out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.model.field import EPOCHS, Instant
from resift.model.observation import INSTANT

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""The first instant that is believed."""

END = datetime(2100, 1, 1, tzinfo=UTC)
"""The first instant after FIRST that is not believed."""

UNREADABLE = "cannot be read as an instant"
NO_ZONE = "has no time zone"
OUTSIDE = "is not in [1970-01-01, 2100-01-01)"

_MICROSECOND = timedelta(microseconds=1)
_END_US = (END - FIRST) // _MICROSECOND
_OK, _BAD, _NAIVE, _OUT = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Instants:
    """Instants, null where the value was null or is named in ``problems``."""

    values: pa.Array
    problems: dict[str, np.ndarray]
    """True where a value was given and the reason holds."""


def read_instants(values: pa.Array, *, rule: Instant) -> Instants:
    """Read every value by the rule of its field. What a value gives does not depend on its neighbours.

    A value with a time zone keeps it; one without is in the time zone the rule declares, or is not readable.
    More than six decimals of a second are cut off.
    """
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _from_typed(values, zone=rule.timezone)
    if rule.format in EPOCHS and pa.types.is_integer(kind):
        return _from_counts(values.cast(pa.int64(), safe=False), unit=EPOCHS[rule.format])
    if rule.format == "iso" and (fast := _from_iso(values, zone=rule.timezone)) is not None:
        return _within_bounds(fast, {})
    return _one_by_one(values.cast(pa.string()), _reader(rule))


def _from_typed(values: pa.Array, *, zone: str | None) -> Instants:
    naive = pa.types.is_date(values.type) or values.type.tz is None
    if not naive:
        return _within_bounds(values.cast(pa.timestamp("us", tz=values.type.tz), safe=False).cast(INSTANT), {})
    values = values.cast(pa.timestamp("us"), safe=False)
    if zone is None:
        given = pc.is_valid(values).to_numpy(zero_copy_only=False)
        return Instants(pa.nulls(len(values), INSTANT), {NO_ZONE: given})
    if zone == "UTC":
        return _within_bounds(pc.assume_timezone(values, "UTC"), {})
    return _one_by_one(values.cast(pa.string()), _reader(Instant(column=("typed",), timezone=zone)))


def _from_counts(values: pa.Array, *, unit: int) -> Instants:
    inside = pc.and_(pc.greater_equal(values, 0), pc.less(values, _END_US // unit))
    outside = pc.fill_null(pc.invert(inside), False).to_numpy(zero_copy_only=False)
    kept = pc.if_else(pc.fill_null(inside, False), values, pa.scalar(None, pa.int64()))
    return Instants(pc.multiply(kept, unit).cast(INSTANT), {OUTSIDE: outside} if outside.any() else {})


def _from_iso(values: pa.Array, *, zone: str | None) -> pa.Array | None:
    """Read all values in one go, or return None where at least one needs a closer look."""
    try:
        return values.cast(INSTANT)
    except pa.ArrowInvalid:
        pass
    if zone != "UTC":
        return None
    try:
        return pc.assume_timezone(values.cast(pa.timestamp("us")), "UTC")
    except pa.ArrowInvalid:
        return None


def _within_bounds(values: pa.Array, problems: dict[str, np.ndarray]) -> Instants:
    inside = pc.and_(pc.greater_equal(values, pa.scalar(FIRST, INSTANT)), pc.less(values, pa.scalar(END, INSTANT)))
    outside = pc.fill_null(pc.invert(inside), False)
    if pc.any(outside).as_py():
        values = pc.if_else(outside, pa.scalar(None, INSTANT), values)
        problems = {**problems, OUTSIDE: outside.to_numpy(zero_copy_only=False)}
    return Instants(values, problems)


def _one_by_one(values: pa.Array, read: Callable[[str], datetime | None]) -> Instants:
    """Read each distinct text once."""
    encoded = values.dictionary_encode()
    micros: list[int | None] = []
    codes: list[int] = []
    for text in encoded.dictionary.to_pylist():
        micro, code = _judge(text, read)
        micros.append(micro)
        codes.append(code)
    found = np.asarray(codes, dtype=np.int8)
    indices = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    given = pc.is_valid(values).to_numpy(zero_copy_only=False)
    per_row = np.where(given, found[indices], _OK) if len(found) else np.zeros(len(values), dtype=np.int8)
    masks = {UNREADABLE: per_row == _BAD, NO_ZONE: per_row == _NAIVE, OUTSIDE: per_row == _OUT}
    instants = pa.array(micros, pa.int64()).cast(INSTANT).take(encoded.indices)
    return Instants(instants, {reason: mask for reason, mask in masks.items() if mask.any()})


def _judge(text: str, read: Callable[[str], datetime | None]) -> tuple[int | None, int]:
    try:
        instant = read(text)
    except (ValueError, OverflowError, InvalidOperation):
        return None, _BAD
    if instant is None:
        return None, _OUT
    if instant.tzinfo is None:
        return None, _NAIVE
    # Compared without conversion: at the edges of the calendar `astimezone` overflows.
    micro = (
        instant.replace(tzinfo=None) - FIRST.replace(tzinfo=None) - (instant.utcoffset() or timedelta())
    ) // _MICROSECOND
    return (micro, _OK) if 0 <= micro < _END_US else (None, _OUT)


def _reader(rule: Instant) -> Callable[[str], datetime | None]:
    """Return the function that reads one text by this rule, or raises ValueError."""
    zone = ZoneInfo(rule.timezone) if rule.timezone else None

    def zoned(instant: datetime) -> datetime:
        return instant.replace(tzinfo=zone) if instant.tzinfo is None and zone is not None else instant

    if rule.format in EPOCHS:
        unit = EPOCHS[rule.format]

        def count(text: str) -> datetime | None:
            micro = Decimal(text) * unit
            if not micro.is_finite():
                raise ValueError(text)
            return FIRST + int(micro) * _MICROSECOND if 0 <= micro < _END_US else None

        return count
    if rule.format == "iso":
        return lambda text: zoned(datetime.fromisoformat(text))
    return lambda text: zoned(datetime.strptime(text, rule.format))  # noqa: DTZ007
