"""Read coordinates: two columns of text in, out comes where each point lies with respect to excluded countries."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

import numpy as np
import pyarrow as pa

from resift.policy import mask as masks
from resift.policy.degrees import read_degrees
from resift.policy.mask import Marked, Mask, cells_of, mark
from resift.policy.rounded import is_near

NOTHING, OUTSIDE, UNREADABLE, INSIDE = range(4)
"""What a field says of an item; the order is the order of weight."""

NULL_ISLAND_DEGREES = 0.01
"""Nearer than this to (0, 0) on both axes, a coordinate is a default and not a place."""

_POINTS = 65_536
"""Points read at a time, so that what is computed in between stays in the cache of the processor."""


class Place(IntEnum):
    """Where a point is, or why that cannot be said."""

    MISSING = 0
    INCOMPLETE = 1
    """One of latitude and longitude only: something was said of the place, and what cannot be read."""

    NOT_FINITE = 2
    NULL_ISLAND = 3
    OUT_OF_RANGE = 4
    """Beyond 90 or 180 degrees, and no usual mistake explains it by an excluded country."""

    SEA = 5
    """Beyond every territorial sea, and likewise."""

    LAND = 6
    """On land or territorial sea of a country that is not excluded, beyond the buffer."""

    UNREADABLE = 7
    INSIDE = 8
    """In an excluded country or within the buffer of one."""

    IMPRECISE = 9
    """Rounded so much that the place it was taken at may be in an excluded country."""

    SUSPECT_TRANSFORM = 10
    """At sea or out of range, and in an excluded country once axes are swapped, a sign is turned or 360 taken away."""

    @property
    def says(self) -> int:
        """NOTHING, OUTSIDE, UNREADABLE or INSIDE."""
        return int(SAYS[self])

    @property
    def reason(self) -> str:
        """The word for it in a report, such as ``gps_inside``."""
        return f"gps_{self.name.lower()}"


SAYS = np.array([NOTHING, UNREADABLE, *[NOTHING] * 4, OUTSIDE, UNREADABLE, *[INSIDE] * 3], dtype=np.int8)
"""What each place says; index it with the places of many points."""

_OF_CELL = np.zeros(3, dtype=np.int8)
_OF_CELL[[masks.SEA, masks.OUTSIDE, masks.INSIDE]] = Place.SEA, Place.LAND, Place.INSIDE


def read_coordinates(
    lat: pa.Array | pa.ChunkedArray,
    lon: pa.Array | pa.ChunkedArray,
    *,
    mask: Mask,
    codes: frozenset[str],
    placeholders: Collection[str] = (),
) -> np.ndarray:
    """Return the `Place` of each point with respect to the countries that are excluded.

    The uncertainty of a point is the buffer of the mask, or half a unit of its last decimal where that is more: the
    last one that is not zero, for ``47.0`` and ``47.000000`` are how programs write 47. Of latitude and longitude the
    coarser counts. A point on land is taken as it stands. A point at sea or out of range is also tried with its axes
    swapped, with either sign turned and with 360 degrees taken from the longitude.

    Costs 0.1 s for a million points, once the mask is marked (20 ms) and has its tables of rounded points (40 ms).

    Args:
        lat: Latitudes in degrees, as the source wrote them.
        lon: Longitudes, likewise.
        mask: Where the countries are, and the buffer.
        codes: ISO 3166-1 alpha-2 codes of the excluded countries; see `mark`.
        placeholders: Texts that are as good as none, in lower case.

    Returns:
        int8, one `Place` a point; ``SAYS[places]`` is what they say.
    """
    given = np.flatnonzero(_is_given(lat) | _is_given(lon))
    if len(given) < len(lat) // 2:
        # Most sources name a place for few images; the rest is not read.
        places = np.full(len(lat), Place.MISSING, dtype=np.int8)
        some = (axis.take(pa.array(given)) for axis in (lat, lon))
        places[given] = read_coordinates(*some, mask=mask, codes=codes, placeholders=placeholders)
        return places
    marked = mark(mask, codes)
    places = np.empty(len(lat), dtype=np.int8)
    for start in range(0, len(places), _POINTS):
        north, east = (read_degrees(axis.slice(start, _POINTS), placeholders=placeholders) for axis in (lat, lon))
        found = place_points(north.value, east.value, marked)
        found[np.isfinite(north.value) != np.isfinite(east.value)] = Place.INCOMPLETE
        found[north.missing & east.missing] = Place.MISSING
        found[north.unreadable | east.unreadable] = Place.UNREADABLE
        places[start : start + _POINTS] = found
    return places


def _is_given(axis: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return axis.is_valid().to_numpy(zero_copy_only=False)


def place_points(latitude: np.ndarray, longitude: np.ndarray, marked: Marked) -> np.ndarray:
    """Return the `Place` of each point of which both coordinates are numbers, if not always finite ones."""
    fits = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    if fits.all():
        places = _in_range(latitude, longitude, marked)
    else:
        places = np.full(len(latitude), Place.OUT_OF_RANGE, dtype=np.int8)
        places[~(np.isfinite(latitude) & np.isfinite(longitude))] = Place.NOT_FINITE
        places[fits] = _in_range(latitude[fits], longitude[fits], marked)

    lost = np.flatnonzero((places == Place.SEA) | (places == Place.OUT_OF_RANGE))
    places[lost[_is_suspect(latitude[lost], longitude[lost], marked)]] = Place.SUSPECT_TRANSFORM
    return places


def _in_range(latitude: np.ndarray, longitude: np.ndarray, marked: Marked) -> np.ndarray:
    """Return the `Place` of points as they stand."""
    places = _OF_CELL[marked.cells[cells_of(latitude, longitude)]]
    beyond = np.flatnonzero(places != Place.INSIDE)
    places[beyond[is_near(latitude[beyond], longitude[beyond], marked)]] = Place.IMPRECISE
    null = (np.abs(latitude) < NULL_ISLAND_DEGREES) & (np.abs(longitude) < NULL_ISLAND_DEGREES)
    places[null] = Place.NULL_ISLAND
    return places


def _is_suspect(latitude: np.ndarray, longitude: np.ndarray, marked: Marked) -> np.ndarray:
    """Return whether a usual mistake explains a point by an excluded country."""
    suspect = np.zeros(len(latitude), dtype=bool)
    for north, east in (
        (longitude, latitude),
        (latitude, -longitude),
        (-latitude, longitude),
        (latitude, longitude - 360),  # where longitudes go from 0 to 360
    ):
        fits = np.flatnonzero((np.abs(north) <= 90) & (np.abs(east) <= 180))
        suspect[fits] |= SAYS[_in_range(north[fits], east[fits], marked)] == INSIDE
    return suspect
