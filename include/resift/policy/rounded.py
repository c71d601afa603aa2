"""Say which rounded points may have been taken in an excluded country: a whole degree is 79 km wide of the mark."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from resift.policy.mask import COLUMNS, PER_DEGREE, Marked

KM_PER_DEGREE = 110.5
"""The shortest there is, of latitude at the equator, so that nothing is nearer than it seems."""

LONGEST_KM_PER_DEGREE = 111.7
"""Of latitude at a pole; one of longitude is 111.3 at most."""

DECIMALS = (0, 1)
"""Decimals whose uncertainty is more than a buffer of 5 km; with two it is 0.8 km."""

_EXACT = 1e-8
"""A number this near to a rounded one is taken for it. Degrees have an error of 1e-14 as floating-point numbers."""


def uncertainty_km(decimals: int) -> float:
    """Return how far off a point may be whose coordinates were rounded: half a unit on both axes."""
    return 0.5 * 10.0**-decimals * 2**0.5 * LONGEST_KM_PER_DEGREE


def is_rounded(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Return which points have so few decimals that their uncertainty is more than a buffer of 5 km."""
    scale = 10 ** max(DECIMALS)
    row, column = latitude * scale, longitude * scale
    off = np.minimum(np.abs(row - np.rint(row)), np.abs(column - np.rint(column)))
    return off <= _EXACT * scale


def is_near(latitude: np.ndarray, longitude: np.ndarray, marked: Marked) -> np.ndarray:
    """Return whether each point is so rounded that it may have been in a marked country; points must be in range.

    Decimals that are zero are none, and the coarser of latitude and longitude counts.
    """
    near = np.zeros(len(latitude), dtype=bool)
    left = np.arange(len(latitude))
    for decimals in sorted(DECIMALS, reverse=True):  # what has no decimals has no more than one
        scale = 10**decimals
        row, column = latitude[left] * scale, longitude[left] * scale
        off = np.minimum(np.abs(row - np.rint(row)), np.abs(column - np.rint(column)))
        some = np.flatnonzero(off <= _EXACT * scale)
        left = left[some]
        if len(left):
            row, column = np.rint(row[some]).astype(np.int32), np.rint(column[some]).astype(np.int32)
            near[left] |= near_rounded(marked, decimals)[row + 90 * scale, column + 180 * scale]
    return near


@lru_cache(maxsize=8)
def near_rounded(marked: Marked, decimals: int) -> np.ndarray:
    """Return, for every point with that many decimals, whether a marked cell is within its uncertainty.

    Marked cells have the buffer already, so they are looked for in the rest of the uncertainty.

    Returns:
        Booleans, a row for each latitude from -90 and a column for each longitude from -180 degrees.
    """
    scale = 10**decimals
    reach_km = max(uncertainty_km(decimals) - marked.buffer_km, 0.0)
    south = marked.first // COLUMNS / PER_DEGREE - 90
    west = marked.first % COLUMNS / PER_DEGREE - 180
    east = west + marked.length / PER_DEGREE
    rows, columns = 180 * scale + 1, 360 * scale + 1
    # No point is in the reach of 2^15 runs: there are 3,600 rows of them, and few to a row.
    changes = np.zeros((rows, columns + 1), dtype=np.int16)
    nearest = np.rint(south * scale).astype(np.int64)
    most = int(np.ceil((reach_km / KM_PER_DEGREE + 1 / PER_DEGREE) * scale))
    for step in range(-most, most + 1):
        latitude = (nearest + step) / scale
        off = np.maximum(np.maximum(south - latitude, latitude - south - 1 / PER_DEGREE), 0) * KM_PER_DEGREE
        some = (off <= reach_km + _EXACT) & (np.abs(latitude) <= 90)
        cosine = np.maximum(np.cos(np.radians(latitude[some])), 1e-6)
        half = np.sqrt(np.maximum(reach_km**2 - off[some] ** 2, 0)) / (KM_PER_DEGREE * cosine)
        row = nearest[some] + step + 90 * scale
        for turn in (-360, 0, 360):  # what reaches over the antimeridian is near on its other side too
            _switch(changes, row, west[some] - half + turn, east[some] + half + turn, scale)
    return np.cumsum(changes, axis=1, dtype=np.int16)[:, :-1] > 0


def _switch(changes: np.ndarray, row: np.ndarray, west: np.ndarray, east: np.ndarray, scale: int) -> None:
    """Note where intervals of longitude begin and end among the rounded ones."""
    last = changes.shape[1] - 2
    begin = np.ceil((west + 180) * scale - _EXACT)
    end = np.floor((east + 180) * scale + _EXACT)
    some = (end >= 0) & (begin <= last) & (begin <= end)
    np.add.at(changes, (row[some], np.clip(begin[some], 0, last).astype(np.int64)), 1)
    np.add.at(changes, (row[some], np.clip(end[some], 0, last).astype(np.int64) + 1), -1)
