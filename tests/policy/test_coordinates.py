"""Coordinates: what a point says of excluded countries, and that in doubt it says they are near."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from territories import EU, EXCLUDED

from resift.policy.coordinates import INSIDE, NOTHING, OUTSIDE, SAYS, UNREADABLE, Place, read_coordinates
from resift.policy.mask import load_mask

MASK = load_mask("borders-2026c")
PLACEHOLDERS = frozenset(["n/a", "unknown"])


def places(*points, codes=EXCLUDED):
    lat, lon = (pa.array([point[axis] for point in points], pa.string()) for axis in (0, 1))
    return [Place(int(each)) for each in read_coordinates(lat, lon, mask=MASK, codes=codes, placeholders=PLACEHOLDERS)]


def place(lat, lon, codes=EXCLUDED):
    return places((lat, lon), codes=codes)[0]


@pytest.mark.parametrize(
    ("name", "lat", "lon"),
    [
        ("Geneva, within the buffer of France", "46.2044", "6.1432"),
        ("Basel", "47.5596", "7.5886"),
        ("Ceuta", "35.8894", "-5.3213"),
        ("Fnideq, beside Ceuta", "35.8493", "-5.3574"),
        ("Melilla", "35.2923", "-2.9381"),
        ("Beni Ensar, beside Melilla", "35.2668", "-2.9276"),
        ("Peñón de Vélez de la Gomera", "35.1726", "-4.3009"),
        ("Büsingen", "47.6969", "8.6893"),
        ("Campione d'Italia", "45.9700", "8.9710"),
        ("Livigno", "46.5386", "10.1357"),
        ("Llívia", "42.4644", "1.9803"),
        ("Saint-Laurent-du-Maroni, French Guiana", "5.4986", "-54.0317"),
        ("Albina, across the river in Suriname", "5.4951", "-54.0553"),
        ("Saint-Georges, French Guiana", "3.8894", "-51.8042"),
        ("Las Palmas, Canaries", "28.1235", "-15.4363"),
        ("Saint-Denis, Réunion", "-20.8789", "55.4481"),
        ("Mamoudzou, Mayotte", "-12.7806", "45.2278"),
        ("Marigot, Saint-Martin", "18.0679", "-63.0825"),
        ("Philipsburg, Sint Maarten", "18.0260", "-63.0458"),
        ("Ponta Delgada, Azores", "37.7412", "-25.6756"),
        ("Funchal, Madeira", "32.6669", "-16.9241"),
        ("Mariehamn, Åland", "60.0973", "19.9348"),
        ("Nicosia, south", "35.1676", "33.3736"),
        ("Nicosia, north", "35.1856", "33.3823"),
        ("Kyrenia, northern Cyprus", "35.3364", "33.3182"),
        ("Akrotiri", "34.5900", "32.9880"),
        ("Dhekelia", "34.9889", "33.7369"),
        ("Vaduz", "47.1410", "9.5209"),
        ("Monaco", "43.7384", "7.4246"),
        ("Vatican", "41.9022", "12.4533"),
        ("San Marino", "43.9424", "12.4578"),
        ("Gibraltar", "36.1400", "-5.3530"),
        ("Strabane, 2 km from Ireland", "54.8270", "-7.4630"),
        ("territorial sea of Italy", "36.6012", "15.2034"),
        ("Longyearbyen", "78.2232", "15.6267"),
        ("Nouméa", "-22.2758", "166.4580"),
    ],
)
def test_point_in_or_near_an_excluded_country_is_inside(name, lat, lon):
    assert place(lat, lon) is Place.INSIDE, name


@pytest.mark.parametrize(
    ("name", "lat", "lon"),
    [
        ("Bern", "46.9480", "7.4474"),
        ("Tetouan, 30 km from Ceuta", "35.5785", "-5.3684"),
        ("Kaliningrad", "54.7104", "20.4522"),
        ("London", "51.5074", "-0.1278"),
        ("Belfast", "54.5973", "-5.9301"),
        ("Tórshavn", "62.0079", "-6.7900"),
        ("Nuuk", "64.1750", "-51.7388"),
        ("Istanbul", "41.0082", "28.9784"),
        ("Belgrade", "44.7866", "20.4489"),
        ("Paramaribo", "5.8520", "-55.2038"),
        ("Melbourne", "-37.8136", "144.9631"),
        ("Somali land whose swap is Germany", "10.5012", "50.3034"),
    ],
)
def test_point_on_land_far_from_excluded_countries_is_land(name, lat, lon):
    assert place(lat, lon) is Place.LAND, name


def test_countries_are_those_asked_for():
    assert place("47.1410", "9.5209", codes=EU | {"LI"}) is Place.INSIDE
    assert place("51.5074", "-0.1278", codes=EXCLUDED | {"GB"}) is Place.INSIDE
    assert place("48.8566", "2.3522", codes=frozenset(["GB"])) is Place.LAND


@pytest.mark.parametrize(("lat", "lon"), [("0", "0"), ("0.0", "0.0"), ("0.00999", "-0.00999"), ("-0", "0.000000")])
def test_null_island_is_no_place(lat, lon):
    assert place(lat, lon) is Place.NULL_ISLAND


def test_null_island_ends_at_a_hundredth_of_a_degree():
    assert place("0.01", "0.001") is Place.SEA


def test_missing_points_say_nothing():
    found = places((None, None), ("", ""), (" ", "N/A"))

    assert found == [Place.MISSING] * 3
    assert {each.says for each in found} == {NOTHING}


@pytest.mark.parametrize("none", [None, "", " ", "unknown", "NaN", "inf", "-Infinity", "1e400"])
def test_one_axis_without_the_other_is_evidence_that_cannot_be_read(none):
    found = places(("48.8566", none), (none, "2.3522"), ("0", none))

    assert found == [Place.INCOMPLETE] * 3
    assert {each.says for each in found} == {UNREADABLE}


@pytest.mark.parametrize("odd", ["NaN", "nan", "inf", "-Infinity", "1e400"])
def test_numbers_that_are_not_finite_say_nothing(odd):
    found = places((odd, odd), (odd, None), ("", odd))

    assert found == [Place.NOT_FINITE] * 3
    assert {each.says for each in found} == {NOTHING}


@pytest.mark.parametrize(
    "odd", ["Paris", "48°51'24\"N", "48.85 N", "4 8.85", "0x30", "1_0", "48.8.5", "1,234,5", "--4"]
)
def test_text_that_is_no_number_is_unreadable_whatever_the_other_says(odd):
    assert places((odd, "2.3522"), ("48.8566", odd), (odd, None)) == [Place.UNREADABLE] * 3


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (" 48.8566 ", "2.3522"),
        ("+48.8566", "2.3522"),
        ("48,8566", "2,3522"),
        ("4.88566e1", "2.3522"),
        ("４８.８５６６", "2.3522"),
        ("\u200b48.8566", "2.3522"),
        ("048.8566", "02.3522"),
    ],
)
def test_numbers_in_other_clothes_are_read(lat, lon):
    assert place(lat, lon) is Place.INSIDE


def test_minus_signs_of_typesetters_are_read():
    assert place("28.1235", "−15.4363") is Place.INSIDE


def test_whole_degrees_carry_79_km():
    assert place("47", "8") is Place.IMPRECISE  # France and Germany are 70 km away
    assert place("47.0", "8.0") is Place.IMPRECISE
    assert place("47.000000", "8.000000") is Place.IMPRECISE
    assert place("47.0", "8.1234") is Place.IMPRECISE
    assert place("40", "-100") is Place.LAND
    assert place("47.01", "8.01") is Place.LAND


def test_tenths_of_degrees_carry_8_km():
    assert place("47.4", "8.2") is Place.LAND  # 19 km from the Rhine
    assert place("47.50", "8.20") is Place.IMPRECISE  # 7 km
    assert place("47.5012", "8.2012") is Place.LAND


def test_rounded_point_beside_the_antimeridian_sees_over_it():
    wallis = frozenset(["WF"])

    assert place("-14", "-179", codes=wallis) is Place.IMPRECISE
    assert place("-14", "180", codes=frozenset(["FJ"])) is place("-14", "-180", codes=frozenset(["FJ"]))


def test_land_points_are_taken_as_they_stand():
    assert place("10.5012", "50.3034") is Place.LAND  # Somalia; swapped it is in Germany
    assert place("15.3547", "44.2066") is Place.LAND  # Sanaa; swapped it is in Italy


@pytest.mark.parametrize(
    ("mistake", "lat", "lon"),
    [
        ("axes swapped, Berlin", "13.4050", "52.5200"),
        ("axes swapped and out of range, Nouméa", "166.4580", "-22.2758"),
        ("sign of longitude turned, Azores", "37.7412", "25.6756"),
        ("sign of latitude turned, Marseille", "-43.2965", "5.3698"),
        ("longitude from 0 to 360, Lisbon", "38.7223", "350.8607"),
    ],
)
def test_usual_mistakes_are_seen_through_off_land(mistake, lat, lon):
    assert place(lat, lon).says == INSIDE, mistake


def test_swapped_axes_of_a_far_place_say_nothing():
    assert place("139.7", "35.6") is Place.OUT_OF_RANGE  # Tokyo
    assert place("999", "999") is Place.OUT_OF_RANGE
    assert place("90.0001", "0.5") is Place.OUT_OF_RANGE


def test_high_seas_say_nothing():
    assert place("35.5", "18.5") is Place.SEA
    assert place("-30.1234", "-120.4321") is Place.SEA


def test_bounds_of_the_globe_are_in_range():
    assert places(("90", "0.1"), ("-90", "180"), ("-89.99", "-180")) == [Place.SEA, Place.LAND, Place.LAND]


def test_every_place_has_a_word_and_says_something():
    assert {place.reason for place in Place} >= {
        "gps_inside",
        "gps_suspect_transform",
        "gps_imprecise",
        "gps_unreadable",
    }
    assert [place.says for place in Place] == SAYS.tolist()
    assert {place for place in Place if place.says == INSIDE} == {
        Place.INSIDE,
        Place.IMPRECISE,
        Place.SUSPECT_TRANSFORM,
    }
    assert Place.LAND.says == OUTSIDE
    assert Place.UNREADABLE.says == UNREADABLE


def test_no_points_give_no_places():
    assert places() == []


def test_chunks_and_slices_of_a_column_are_read_as_the_whole():
    points = [("48.8566", "2.3522"), ("", None), ("Paris", "1"), ("-37.8136", "144.9631")] * 3
    lat, lon = (pa.chunked_array([[p[axis] for p in points[:5]], [p[axis] for p in points[5:]]]) for axis in (0, 1))

    found = read_coordinates(lat, lon, mask=MASK, codes=EXCLUDED)
    tail = read_coordinates(lat.combine_chunks().slice(7), lon.combine_chunks().slice(7), mask=MASK, codes=EXCLUDED)

    assert found.tolist() == places(*points)
    assert tail.tolist() == places(*points)[7:]


def test_more_points_than_are_read_at_a_time_keep_their_order():
    count = 150_001
    lat = pa.array(["48.8566" if n % 3 else "-37.8136" for n in range(count)])
    lon = pa.array(["2.3522" if n % 3 else "144.9631" for n in range(count)])

    found = read_coordinates(lat, lon, mask=MASK, codes=EXCLUDED)

    assert (found == np.where(np.arange(count) % 3, Place.INSIDE, Place.LAND)).all()


DEGREES = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.floats(-400, 400).map(str),
    st.integers(-200, 200).map(str),
    st.decimals(-180, 180, places=1).map(str),
)


@given(st.lists(st.tuples(DEGREES, DEGREES), max_size=20))
def test_point_is_read_the_same_alone_and_among_others(points):
    assert places(*points) == [place(*point) for point in points]


@pytest.mark.parametrize("decimals", range(6))
@pytest.mark.parametrize(
    ("lat", "lon"), [(47.66330, 9.17530), (59.37720, 28.19030), (35.88940, -5.32130), (3.88940, -51.80420)]
)
def test_rounding_takes_no_place_out_of_an_excluded_country(lat, lon, decimals):
    assert place(f"{lat:.{decimals}f}", f"{lon:.{decimals}f}").says == INSIDE
