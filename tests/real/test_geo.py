"""The mask against two sources it was not built from: the towns of GeoNames and the borders of country-coder."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from territories import EU, EXCLUDED

from resift.policy.coordinates import INSIDE, SAYS, Place, place_points, read_coordinates
from resift.policy.mask import load_mask, mark

GEO = Path(__file__).parents[2].parent / "shared" / "data" / "geo"
MASK = load_mask("borders-2026c")
OVERSEAS_COUNTRIES_AND_TERRITORIES = "Q1451600"

pytestmark = pytest.mark.skipif(not GEO.is_dir(), reason=f"the towns and borders are not at {GEO}")


@cache
def towns():
    with gzip.open(GEO / "cities1000.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def eu_polygons():
    """The polygons of country-coder's EU, each a list of rings; without the overseas territories its group has too."""
    features = json.loads((GEO / "country-coder_borders.json").read_text(encoding="utf-8"))["features"]
    return [
        [np.array(ring) for ring in polygon]
        for feature in features
        if feature["geometry"]
        and "EU" in feature["properties"].get("groups", [])
        and OVERSEAS_COUNTRIES_AND_TERRITORIES not in feature["properties"]["groups"]
        and feature["properties"].get("iso1A2") not in ("CP", "TF")
        for polygon in feature["geometry"]["coordinates"]
    ]


def in_borders(latitude, longitude):
    """Whether country-coder says a point is in the EU: by the count of edges to the west of it."""
    inside = np.zeros(len(latitude), dtype=bool)
    for polygon in eu_polygons():
        outer = polygon[0]
        (west, south), (east, north) = outer.min(axis=0), outer.max(axis=0)
        some = np.flatnonzero((latitude >= south) & (latitude <= north) & (longitude >= west) & (longitude <= east))
        odd = np.zeros(len(some), dtype=bool)
        for ring in polygon:
            for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                level = np.flatnonzero((latitude[some] < y0) != (latitude[some] < y1))
                crossing = x0 + (latitude[some[level]] - y0) * (x1 - x0) / ((y1 - y0) or 1)
                odd[level] ^= crossing < longitude[some[level]]
        inside[some] |= odd
    return inside


def numbers(rows):
    return tuple(np.array([float(row[axis]) for row in rows]) for axis in ("lat", "lon"))


def read(rows, decimals=5):
    lat, lon = (pa.array([f"{number:.{decimals}f}" for number in axis]) for axis in numbers(rows))
    return read_coordinates(lat, lon, mask=MASK, codes=EXCLUDED)


def test_no_town_that_both_sources_call_eu_is_let_through():
    theirs = [town for town in towns() if town["cc"] in EU]
    both = [town for town, agreed in zip(theirs, in_borders(*numbers(theirs)), strict=True) if agreed]

    let_through = [town["name"] for town, place in zip(both, read(both), strict=True) if place != Place.INSIDE]

    assert len(both) > 50_000
    assert let_through == []


def test_no_town_of_an_excluded_country_is_let_through():
    excluded = [town for town in towns() if town["cc"] in EXCLUDED]

    let_through = [town["name"] for town, place in zip(excluded, read(excluded), strict=True) if place != Place.INSIDE]

    assert let_through == []


@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_no_rounding_lets_a_town_of_an_excluded_country_through(decimals):
    excluded = [town for town in towns() if town["cc"] in EXCLUDED]

    says = SAYS[read(excluded, decimals)]

    assert [town["name"] for town, said in zip(excluded, says, strict=True) if said != INSIDE] == []


def border_points():
    """Points within 4 km of country-coder's borders of the EU, on the inner side of them."""
    generator = np.random.default_rng(20261123)
    rings = [ring for polygon in eu_polygons() for ring in polygon]
    starts, ends = (np.concatenate([np.roll(ring, -turn, axis=0) for ring in rings]) for turn in (0, 1))
    points = (starts[:, None] + generator.random((len(starts), 60, 1)) * (ends - starts)[:, None]).reshape(-1, 2)
    off = generator.uniform(-4 / 111, 4 / 111, points.shape)
    longitude = points[:, 0] + off[:, 0] / np.cos(np.radians(points[:, 1]))
    latitude = points[:, 1] + off[:, 1]
    theirs = in_borders(latitude, longitude)
    return latitude[theirs], longitude[theirs]


def beside_towns(rows, latitude, longitude):
    """Whether a town lies in the same or a neighbouring square of a twentieth of a degree."""
    near = np.zeros((3602, 7202), dtype=bool)
    north, east = (
        np.floor((axis + turn) * 20).astype(int) + 1 for axis, turn in zip(numbers(rows), (90, 180), strict=True)
    )
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            near[north + down, east + across] = True
    return near[np.floor((latitude + 90) * 20).astype(int) + 1, np.floor((longitude + 180) * 20).astype(int) + 1]


def test_no_border_point_that_both_sources_call_eu_is_let_through():
    latitude, longitude = border_points()
    both = beside_towns([town for town in towns() if town["cc"] in EU], latitude, longitude)

    says = SAYS[place_points(latitude[both], longitude[both], mark(MASK, EXCLUDED))]

    assert len(says) > 30_000
    assert (says == INSIDE).all()


def test_border_point_that_is_let_through_lies_in_waters_that_others_claim():
    latitude, longitude = border_points()

    found = place_points(latitude, longitude, mark(MASK, EXCLUDED))

    claimed = found == Place.LAND
    assert claimed.mean() < 0.001
    assert not beside_towns(towns(), latitude[claimed], longitude[claimed]).any()


def test_less_than_one_in_a_hundred_towns_of_other_countries_is_taken():
    others = [town for town in towns() if town["cc"] not in EXCLUDED]

    taken = SAYS[read(others)] == INSIDE

    by_country = Counter(town["cc"] for town, lost in zip(others, taken, strict=True) if lost)
    assert taken.mean() < 0.01
    assert sum(by_country[code] for code in ("US", "IN", "BR", "JP", "AU")) <= 5
    assert by_country["CH"] < 300


def test_no_town_lies_at_sea():
    assert not (read(towns()) == Place.SEA).any()
