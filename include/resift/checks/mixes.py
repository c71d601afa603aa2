"""Sums up what the audit measured into the mixes of a snapshot, and says how far two mixes lie apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from resift.model.mixes import NONE, OTHER, WHOLE, Mixes
from resift.model.refresh import PartMetrics

LEAST_NAMED = 10
"""Rows a value must have to be named, and the step in which rows are counted, in small snapshots."""

MOST_NAMED = 50
"""Values named of one mix."""

_CODE = re.compile(r"[A-Z]{2}")


def counts_of(metrics: Sequence[PartMetrics]) -> dict[str, Counter[str]]:
    """Return the rows by value of each mix, summed over the parts, exactly: for the judge, never to be published."""
    counts = {name: Counter[str]() for name in Mixes.model_fields}
    for part in metrics:
        counts["country"].update(_codes(part.by_country))
        counts["host"].update(part.by_host)
        counts["license"].update(part.by_license)
        counts["age_days"].update(part.by_age_days)
        counts["nulls"].update(part.nulls)
    return counts


def mixes_of(metrics: Sequence[PartMetrics]) -> Mixes:
    """Return the mixes of a snapshot as they may be published."""
    rows = sum(part.rows for part in metrics)
    counts = counts_of(metrics)
    nulls = {column: _coarse(count, rows) for column, count in sorted(counts.pop("nulls").items())}
    return Mixes(nulls=nulls, **{name: _mix(values, rows) for name, values in counts.items()})


def _codes(by_country: Mapping[str, int]) -> Counter[str]:
    """Return the rows by code: a spelling is somebody's own words, and stays in the pool."""
    codes = Counter[str]()
    for word, count in by_country.items():
        codes[word if _CODE.fullmatch(word) or word == NONE else OTHER] += count
    return codes


def _mix(counts: Mapping[str, int], rows: int) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    named = {word: _coarse(count, rows) for word, count in ordered[:MOST_NAMED] if word != OTHER}
    named = {word: share for word, share in named.items() if share}
    if not counts or (rest := WHOLE - sum(named.values())) <= 0:
        return named
    return {**named, OTHER: rest}


def _coarse(count: int, rows: int) -> int:
    step = max(LEAST_NAMED, rows / WHOLE)
    return min(WHOLE, round(count // step * step / max(1, rows) * WHOLE))


def distance(now: Mapping[str, int], before: Mapping[str, int]) -> float | None:
    """Return the share of items that would have to change their value for one mix to become the other.

    The total variation distance (Levin, Peres and Wilmer 2009, section 4.1): 0 for equal mixes, 1 for mixes without
    a value in common. What the earlier mix does not name counts as ``other`` in both. None if there is nothing in one.
    """
    total, whole = sum(now.values()), sum(before.values())
    if not total or not whole:
        return None
    apart = [now.get(word, 0) / total - share / whole for word, share in before.items() if word != OTHER]
    rest = sum(count for word, count in now.items() if word not in before or word == OTHER) / total
    return (sum(map(abs, apart)) + abs(rest - before.get(OTHER, 0) / whole)) / 2


def age_distance(now: Mapping[str, int], before: Mapping[str, int]) -> float | None:
    """Return how many days the ages would have to be moved, on average, for one mix to become the other.

    The earth mover's distance (Rubner, Tomasi and Guibas 2000): ages are ordered, and a delivery that comes ten days
    later moves all of them by ten days, where every other distance would call the two mixes disjoint.
    """
    total = sum(count for word, count in now.items() if word.isdigit())
    whole = sum(share for word, share in before.items() if word.isdigit())
    if not total or not whole:
        return None
    bins = sorted({int(word) for word in (*now, *before) if word.isdigit()})
    moved, ahead = 0.0, 0.0
    for age, following in zip(bins, [*bins[1:], bins[-1]], strict=True):
        ahead += now.get(str(age), 0) / total - before.get(str(age), 0) / whole
        moved += abs(ahead) * (following - age)
    return moved
