"""Count what evidence says, item by item: where fields disagree, and what is lost to nothing but the buffer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import get_args

import numpy as np
import pyarrow as pa

from resift.model.evidence import FEW, NO_READINGS, OTHER, CountryItems, EvidenceCounts, Reading, Said
from resift.policy.coordinates import Place
from resift.policy.degrees import read_degrees
from resift.policy.fields import Column
from resift.policy.judge import NOTHING, Judgement
from resift.policy.mask import CORE, load_mask, reaches
from resift.policy.rounded import is_rounded

_COMPARED = ("owner_country", "upload_country", "gps")
_SAID: tuple[Said, ...] = get_args(Said)


def count_readings(judged: Judgement, evidence: pa.Table, *, items: np.ndarray) -> EvidenceCounts:
    """Count the items of judged observations by what their fields say. Costs 0.05 s for a million.

    Args:
        judged: The judgement of the evidence.
        evidence: What was judged.
        items: The item of each row, ascending.
    """
    if not len(items):
        return NO_READINGS
    starts = np.flatnonzero(np.append(True, items[1:] != items[:-1]))
    number = np.zeros(len(starts), dtype=np.int64)
    for field in _COMPARED:
        says = judged.says.get(field)
        number = number * len(_SAID) + (_of_items(np.maximum, says, starts) if says is not None else NOTHING)
    found = np.bincount(number, minlength=len(_SAID) ** 3).reshape([len(_SAID)] * 3)
    readings = [
        Reading(
            owner_country=_SAID[owner],
            upload_country=_SAID[upload],
            gps=_SAID[gps],
            items=int(found[owner, upload, gps]),
        )
        for owner, upload, gps in np.argwhere(found)
    ]
    lost = _lost_to_buffer(judged, evidence, starts)
    codes, country = _countries(judged, starts)
    totals = np.bincount(country, minlength=len(codes))
    buffered = np.bincount(country[lost], minlength=len(codes))
    return EvidenceCounts(
        items=len(starts),
        readings=_ordered(readings),
        countries={
            code: CountryItems(items=int(total), buffer_only=int(few))
            for code, total, few in zip(codes, totals, buffered, strict=True)
            if total
        },
    )


def add_readings(counts: Iterable[EvidenceCounts]) -> EvidenceCounts:
    """Add up the counts of several ranges."""
    readings: Counter[tuple[Said, Said, Said]] = Counter()
    totals: Counter[str] = Counter()
    buffered: Counter[str] = Counter()
    for some in counts:
        for one in some.readings:
            readings[one.owner_country, one.upload_country, one.gps] += one.items
        for code, country in some.countries.items():
            totals[code] += country.items
            buffered[code] += country.buffer_only
    return EvidenceCounts(
        items=readings.total(),
        readings=_ordered(
            Reading(owner_country=owner, upload_country=upload, gps=gps, items=count)
            for (owner, upload, gps), count in readings.items()
        ),
        countries={code: CountryItems(items=totals[code], buffer_only=buffered[code]) for code in sorted(totals)},
    )


def fold_small(counts: EvidenceCounts) -> EvidenceCounts:
    """Return counts as they are published: countries of few items together as ``other``, the commonest first."""
    told = {code: one for code, one in counts.countries.items() if code != OTHER and one.items >= FEW}
    rest = [one for code, one in counts.countries.items() if code not in told]
    order = sorted(told, key=lambda code: (-told[code].items, code))
    countries = {code: told[code] for code in order}
    if rest:
        countries[OTHER] = CountryItems(
            items=sum(one.items for one in rest), buffer_only=sum(one.buffer_only for one in rest)
        )
    return counts.model_copy(update={"countries": countries})


def _ordered(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    return tuple(sorted(readings, key=lambda one: (-one.items, one.owner_country, one.upload_country, one.gps)))


def _countries(judged: Judgement, starts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return codes, and for each item the position of its country among them."""
    codes: dict[str, int] = {OTHER: 0}
    country = np.zeros(len(starts), dtype=np.int64)
    for field in ("upload_country", "owner_country"):
        column = judged.columns.get(field)
        if column is not None:
            own = _numbers(column, codes)[column.index[starts]]
            country = np.where(own > 0, own, country)
    return list(codes), country


def _numbers(column: Column, codes: dict[str, int]) -> np.ndarray:
    """Number the country of each distinct value; 0 is none, or not a single one."""
    numbers = [
        codes.setdefault(means[0][:2], len(codes)) if means is not None and len(means) == 1 else 0
        for means in column.means
    ]
    return np.array(numbers, dtype=np.int64)


def _lost_to_buffer(judged: Judgement, evidence: pa.Table, starts: np.ndarray) -> np.ndarray:
    """Return which items would be included if coordinates had no buffer.

    Coordinates rounded to a tenth of a degree or less are excluded for that, and with no buffer too. A cell that an
    excluded country reaches into counts as that country, so that these are no fewer than told, and none too many.
    """
    nowhere = np.zeros(len(starts), dtype=bool)
    if judged.places is None or judged.policy.pins.mask is None:
        return nowhere
    rows = judged.excluded_only_by("gps")
    rows = rows[judged.places[rows] == Place.INSIDE]
    if not len(rows):
        return nowhere
    few = evidence.select(["lat", "lon"]).take(rows)
    north, east = (read_degrees(few[axis], placeholders=judged.policy.placeholders).value for axis in ("lat", "lon"))
    core = load_mask(judged.policy.pins.mask.file + CORE)
    beyond = ~reaches(core, north, east, judged.codes) & ~is_rounded(north, east)
    included = judged.included()
    spared = included.copy()
    spared[rows[beyond]] = True
    return _of_items(np.logical_and, spared, starts) & ~_of_items(np.logical_and, included, starts)


def _of_items(combine: np.ufunc, rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Combine the rows of each item; most have one."""
    return rows if len(rows) == len(starts) else combine.reduceat(rows, starts)
