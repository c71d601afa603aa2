"""Counts of what the evidence says: they add up, tell what the buffer costs, and name no country of a few items."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from resift.model.evidence import FEW, CountryItems
from resift.policy import JUDGED, add_readings, count_readings, fold_small, judge, load_policy

DAY = date(2026, 11, 23)
BASEL, TOKYO, PARIS, GENEVA = (
    ("47.5631", "7.6154"),
    ("35.6812", "139.7671"),
    ("48.8566", "2.3522"),
    ("46.2044", "6.1432"),
)
INNER_SWISS = ("47.4941", "7.6901")
"""In Switzerland, in a cell Germany does not reach into, and less than 5 km from the nearest one it does."""


def row(owner=None, upload=None, at=(None, None), **fields):
    return {"owner_country": owner, "upload_country": upload, "lat": at[0], "lon": at[1], **fields}


def count(*rows, items=None, policy="eu"):
    table = pa.Table.from_pylist(list(rows), schema=JUDGED)
    judged = judge(table, load_policy(policy), days=(DAY,))
    return count_readings(judged, table, items=np.arange(len(rows)) if items is None else np.array(items))


def said(counts):
    return {(one.owner_country, one.upload_country, one.gps): one.items for one in counts.readings}


def test_every_combination_of_owner_upload_and_coordinates_is_counted():
    counts = count(
        row("US", "US", TOKYO), row("FR", "US", TOKYO), row("US", "Saint Martin", PARIS), row(), row("?!", "US")
    )

    assert counts.items == 5
    assert said(counts) == {
        ("outside", "outside", "outside"): 1,
        ("inside", "outside", "outside"): 1,
        ("outside", "ambiguous", "inside"): 1,
        ("nothing", "nothing", "nothing"): 1,
        ("unreadable", "outside", "nothing"): 1,
    }


def test_weightiest_observation_of_an_item_counts():
    counts = count(row("US"), row("FR"), row("US"), items=[4, 4, 9])

    assert (counts.items, said(counts)) == (
        2,
        {("inside", "nothing", "nothing"): 1, ("outside", "nothing", "nothing"): 1},
    )


def test_item_in_the_buffer_alone_is_lost_to_the_buffer():
    assert count(row("CH", "CH", INNER_SWISS)).countries == {"CH": CountryItems(items=1, buffer_only=1)}


def test_item_excluded_for_something_else_or_inside_proper_is_not_lost_to_the_buffer():
    lost = count(
        row("FR", "CH", INNER_SWISS),
        row("CH", "Atlantis", INNER_SWISS),
        row("CH", "CH", PARIS),
        row("CH", "CH", ("47.5", "7.7")),
        row("CH", "CH", TOKYO),
        row(None, None, INNER_SWISS),
        row("CH", "CH", INNER_SWISS, url="https://example.fr/a.jpg"),
    )

    assert lost.buffer_only == 0


def test_item_of_which_another_observation_is_excluded_anyway_is_not_lost_to_the_buffer():
    assert count(row("CH", "CH", INNER_SWISS), row("FR"), items=[0, 0]).buffer_only == 0
    assert count(row("CH", "CH", INNER_SWISS), row("CH"), items=[0, 0]).buffer_only == 1


def test_country_is_that_of_the_owner_else_of_the_upload_else_other():
    counts = count(row("BR", "US"), row(None, "US"), row("Saint Martin", None), row("unknown", "Brasil"))

    assert {code: one.items for code, one in counts.countries.items()} == {"BR": 2, "US": 1, "other": 1}


def test_country_of_few_items_is_published_as_other():
    many = count(*[row("US")] * FEW, *[row("CH", "CH", INNER_SWISS)] * (FEW - 1))

    assert fold_small(many).countries == {
        "US": CountryItems(items=FEW, buffer_only=0),
        "other": CountryItems(items=FEW - 1, buffer_only=FEW - 1),
    }
    assert fold_small(many).buffer_only == FEW - 1


def test_nothing_judged_is_counted_as_nothing():
    assert count() == add_readings([])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["US", "FR", "CH", "Saint Martin", "?!", None]),
            st.sampled_from(["US", "DE", None]),
            st.sampled_from([TOKYO, PARIS, INNER_SWISS, (None, None)]),
            st.integers(0, 2),
        ),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_counts_add_up_and_the_counts_of_parts_add_up_to_those_of_the_whole(rows, cut):
    items = np.cumsum([step for *_, step in rows]).tolist()
    while cut < len(rows) and cut and items[cut] == items[cut - 1]:
        cut += 1
    table = [row(owner, upload, at) for owner, upload, at, _ in rows]
    whole = count(*table, items=items)
    parts = add_readings([count(*table[:cut], items=items[:cut]), count(*table[cut:], items=items[cut:])])

    assert sum(whole.countries[code].items for code in whole.countries) == whole.items == len(set(items))
    assert sum(one.items for one in whole.readings) == whole.items
    assert add_readings([whole]) == parts
    assert fold_small(whole).buffer_only == whole.buffer_only
