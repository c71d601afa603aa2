"""Evidence in, reason out: any EU evidence excludes, unreadable excludes, none excludes."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift.policy import JUDGED, judge_evidence, load_policy
from resift.policy.judge import read_country, read_subdivision

EU = load_policy("eu")
DAY = date(2026, 11, 23)


def reasons(*rows, days=(DAY,)):
    return judge_evidence(pa.Table.from_pylist(list(rows), schema=JUDGED), EU, days=days).tolist()


def reason(**evidence):
    return reasons(evidence)[0]


@pytest.mark.parametrize(
    ("value", "country"),
    [
        ("US", "US"),
        ("us", "US"),
        (" us ", "US"),
        ("USA", "US"),
        ("840", "US"),
        ("008", "AL"),
        ("8", None),
        ("", None),
        ("U", None),
        ("United States", None),
        ("EU", None),
        ("UK", None),
        ("XX", None),
        ("U.S.", None),
        ("US,FR", None),
        ("ß", None),
        ("ﬁ", None),
        ("８４０", None),
    ],
)
def test_country_is_an_iso_code_and_never_a_guess(value, country):
    assert read_country(value) == country


@pytest.mark.parametrize(
    ("value", "country"),
    [
        ("FR-75", "FR"),
        ("us-ny", "US"),
        (" GB-ENG ", "GB"),
        ("NY", None),
        ("75", None),
        ("FR", None),
        ("FR-", None),
        ("FR-7500", None),
        ("FR-7 5", None),
        ("FRA-75", None),
        ("-75", None),
        ("XX-1", None),
        ("", None),
    ],
)
def test_subdivision_is_an_iso_code_with_its_country(value, country):
    assert read_subdivision(value) == country


@pytest.mark.parametrize("field", ["owner_country", "upload_country"])
def test_one_country_outside_is_enough(field):
    assert reason(**{field: "US"}) is None


def test_subdivision_outside_is_not_enough():
    assert reason(subdivision="US-NY") == "no_evidence"


@pytest.mark.parametrize("value", [None, *EU.placeholders, " ", "Unknown", "N/A", "ZZ"])
def test_placeholder_is_no_evidence(value):
    assert reason(owner_country=value) == "no_evidence"
    assert reason(owner_country=value, upload_country="US") is None


def test_evidence_without_any_field_is_no_evidence():
    assert reason() == "no_evidence"
    assert reason(lat="40.7", lon="-74", owner_id="someone") == "no_evidence"


def test_unreadable_evidence_excludes_beside_readable():
    assert reason(owner_country="US", upload_country="Atlantis") == "unreadable.upload_country"
    assert reason(upload_country="US", subdivision="75") == "unreadable.subdivision"


def test_inside_outweighs_unreadable_and_the_first_field_is_named():
    assert reason(owner_country="Atlantis", upload_country="FR") == "inside.upload_country"
    assert reason(owner_country="DE", upload_country="FR", subdivision="IT-21") == "inside.owner_country"
    assert reason(owner_country="US", subdivision="FR-75") == "inside.subdivision"


@pytest.mark.parametrize(
    ("day", "excluded"),
    [(date(1972, 12, 31), False), (date(1973, 1, 1), True), (date(2020, 12, 31), True), (date(2021, 1, 1), False)],
)
def test_country_excludes_from_the_day_it_joined_until_the_day_it_left(day, excluded):
    assert (reasons({"owner_country": "GB"}, days=(day,)) == ["inside.owner_country"]) == excluded


def test_country_excluded_on_any_of_the_days_is_excluded():
    assert reasons({"owner_country": "GB"}, days=(date(2019, 1, 1), DAY)) == ["inside.owner_country"]
    assert reasons({"owner_country": "GB"}, days=(DAY,)) == [None]


def test_all_member_states_are_excluded_today():
    members = [
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IT",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SK",
        "SI",
        "ES",
        "SE",
    ]

    assert len(members) == 27
    assert reasons(*({"owner_country": code} for code in members)) == ["inside.owner_country"] * 27


@pytest.mark.parametrize("code", ["GB", "CH", "US", "TR", "UA", "RS", "SM", "MC", "VA"])
def test_neighbours_of_the_union_are_not_excluded(code):
    assert reason(owner_country=code) is None


def test_no_rows_have_no_reasons():
    assert reasons() == []


values = st.sampled_from([None, "", "US", "jp", "FR", "DEU", "250", "Atlantis", "xx", "FR-75", "ß"])


@given(rows=st.lists(st.fixed_dictionaries({"owner_country": values, "upload_country": values, "subdivision": values})))
def test_row_is_judged_alike_whatever_stands_around_it(rows):
    assert reasons(*rows) == [reasons(row)[0] for row in rows]


@given(a=values, b=values, c=values)
def test_more_evidence_of_the_union_never_keeps_an_item_in(a, b, c):
    with_more = reason(owner_country=a, upload_country=b, subdivision="FR-75")

    assert with_more is not None
    assert with_more.startswith("inside.")
