"""The audit's measurements count what is wrong with a part, from the part alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from resift.core.measure import Expected, measure
from resift.core.prn import CIRCLE, permanent_random_numbers
from resift.core.scan import scan_rows
from resift.core.staged_views import ROW, create_evidence_view, create_part_view
from resift.model.observation import INSTANT, PRN, STAGED_EVIDENCE

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
MAX_AGE = timedelta(days=90)
TICK = timedelta(microseconds=1)
START = CIRCLE - 10
SALT = "0123456789abcdef"
NOBODY = np.empty(0, dtype=np.int64)
GOOD = {
    PRN: CIRCLE - 5,
    "image_id": "a",
    "observed_at": AS_OF,
    "state": "public",
    "newest_state": "public",
    "host": "host.example",
    "owner_country": "US",
    "newest_owner_country": "US",
}


class Nothing:
    """A policy that excludes nothing, or the words and the longitudes it is told."""

    def __init__(self, word=None, lon=None, half=None):
        self.word, self.lon, self.half = word, lon, half

    def words(self, evidence):
        return np.array(
            [self.word is not None and self.word in row.values() for row in evidence.to_pylist()], dtype=bool
        )

    def points(self, lat, lon):
        return lon == self.lon if self.lon is not None else np.zeros(len(lon), dtype=bool)

    def halves(self, lat, lon):
        assert "7.5" not in lon.to_pylist()
        return np.array([self.half is not None and one == self.half for one in lat.to_pylist()], dtype=bool)


def measured(*rows, part_rows=None, **expected):
    """Measure a part of rows that are good unless told otherwise."""
    rows = [GOOD | row for row in rows]
    evidence = pa.Table.from_pylist(rows, schema=STAGED_EVIDENCE)
    published = [GOOD | row for row in part_rows] if part_rows is not None else rows
    part = pa.table(
        {
            PRN: pa.array([row[PRN] for row in published], pa.int64()),
            "image_id": pa.array([row["image_id"] for row in published], pa.string()),
            "license": pa.array([row.get("license") for row in published], pa.string()),
        }
    )
    known = {
        "as_of": AS_OF,
        "max_age": MAX_AGE,
        "start": START,
        "lo": 0,
        "hi": 100,
        "salt": SALT,
        "exclusion": Nothing(),
        "country_fields": ("owner_country", "upload_country"),
        "suppressed_images": NOBODY,
        "suppressed_owners": NOBODY,
    }
    return measured_files(part, evidence, Expected(**(known | expected)))


def measured_files(part, evidence, expected):
    db = show(part, evidence)
    return measure(db, part.schema, scan_rows(db, salt=SALT, dated="observed_at" in part.column_names), expected)


def show(part, evidence):
    """A database with the views of a staged part."""
    db = duckdb.connect(config={"threads": 1})
    for name, table, view in (("p", part, create_part_view), ("e", evidence, create_evidence_view)):
        db.register(name, table.append_column(ROW, pa.array(range(len(table)), pa.int64())))
        db.execute(view(name, table.column_names))
    return db


BAD = (
    "null_ids",
    "prn_order_breaks",
    "offsets_outside_range",
    "evidence_mismatches",
    "not_public",
    "stale",
    "observed_after_as_of",
    "suppressed",
    "excluded",
)


def wrong(*rows, **options):
    """The counts that are not zero."""
    found = measured(*rows, **options)
    return {name: found[name] for name in BAD if found[name]}


def test_good_part_has_nothing_wrong_with_it():
    rows = [{PRN: CIRCLE - 5}, {PRN: CIRCLE - 1, "image_id": "b"}, {PRN: 0, "image_id": "c"}]

    assert wrong(*rows) == {}
    assert (measured(*rows)["rows"], measured(*rows)["distinct_ids"]) == (3, 3)
    assert (measured(*rows)["first_prn"], measured(*rows)["last_prn"]) == (CIRCLE - 5, 0)


def test_order_is_that_of_offsets_from_the_start_and_not_of_prns():
    assert wrong({PRN: 0}, {PRN: CIRCLE - 5, "image_id": "b"}) == {"prn_order_breaks": 1}


@pytest.mark.parametrize(("second", "breaks"), [("b", 0), ("a", 1), ("A", 1), ("é", 0)])
def test_rows_that_share_a_prn_ascend_by_the_bytes_of_their_ids(second, breaks):
    assert measured({}, {"image_id": second})["prn_order_breaks"] == breaks


def test_repeated_id_is_counted_once():
    assert measured({}, {PRN: CIRCLE - 4})["distinct_ids"] == 1


@pytest.mark.parametrize(("prn", "outside"), [(START, 0), (START - 1, 1), (89, 0), (90, 1)])
def test_range_is_half_open(prn, outside):
    assert measured({PRN: prn})["offsets_outside_range"] == outside


def test_null_id_is_counted():
    found = wrong({}, {PRN: CIRCLE - 4}, part_rows=[{}, {PRN: CIRCLE - 4, "image_id": None}])

    assert found == {"null_ids": 1}


@pytest.mark.parametrize(
    ("age", "count"),
    [(MAX_AGE, {}), (MAX_AGE + TICK, {"stale": 1}), (timedelta(0), {}), (-TICK, {"observed_after_as_of": 1})],
)
def test_age_is_counted_at_its_bounds(age, count):
    assert wrong({"observed_at": AS_OF - age}) == count


@pytest.mark.parametrize("field", ["state", "newest_state"])
def test_row_not_public_then_or_now_is_counted(field):
    assert wrong({field: "deleted"}) == {"not_public": 1}


def test_newest_evidence_that_is_not_written_again_is_that_of_then():
    same = {name: None for name in GOOD if name.startswith("newest_")}

    assert wrong(same | {"is_newest": True}) == {}
    assert wrong(same | {"is_newest": True, "state": "deleted"}) == {"not_public": 1}
    assert measured(same | {"is_newest": True, "owner_country": "FR"}, exclusion=Nothing("FR"))["excluded"] == 1


@pytest.mark.parametrize("is_newest", [False, None])
def test_newest_evidence_that_is_not_written_and_not_that_of_then_is_unknown(is_newest):
    assert wrong({"is_newest": is_newest, "newest_state": None}) == {"not_public": 1}


def test_newest_evidence_written_beside_that_of_then_counts_all_the_same():
    assert wrong({"is_newest": True, "newest_state": "deleted"}) == {"not_public": 1}
    assert measured({"is_newest": True, "newest_host": "FR"}, exclusion=Nothing("FR"))["excluded"] == 1


def test_each_row_with_an_excluded_word_is_counted_once():
    rows = [
        {PRN: CIRCLE - 5 + n, "image_id": str(n), "owner_country": c, "newest_host": h}
        for n, (c, h) in enumerate([("FR", "a"), ("US", "FR"), ("FR", "FR"), ("US", None)])
    ]

    assert measured(*rows, exclusion=Nothing("FR"))["excluded"] == 3


def test_coordinates_are_looked_at_then_and_where_they_moved():
    there, elsewhere = {"lat": "1", "lon": " 7.5 "}, {"newest_lat": "1", "newest_lon": "7.5"}
    rows = [{}, there, elsewhere, there | elsewhere, {"lat": "1", "lon": "east"}, {"lon": "7.50"}]
    rows = [{PRN: START + n, "image_id": str(n)} | row for n, row in enumerate(rows)]

    assert measured(*rows, exclusion=Nothing(lon=7.5))["excluded"] == 3


def test_texts_that_are_not_two_numbers_are_looked_at_then_and_newest():
    rows = [{}, {"lat": "1"}, {"newest_lat": "1", "newest_lon": "nan"}, {"lat": "1", "lon": "7.5"}, {"lon": "2"}]
    rows = [{PRN: START + n, "image_id": str(n)} | row for n, row in enumerate(rows)]

    assert measured(*rows, exclusion=Nothing(half="1"))["excluded"] == 2


def test_row_excluded_by_word_and_by_coordinates_counts_once():
    row = {"owner_country": "FR", "lat": "1", "lon": "7.5"}

    assert measured(row, exclusion=Nothing("FR", 7.5))["excluded"] == 1


@pytest.mark.parametrize("part_rows", [[{PRN: CIRCLE - 4}], [{}, {PRN: CIRCLE - 4, "image_id": "b"}]], ids=str)
def test_evidence_of_other_rows_is_counted(part_rows):
    assert measured({}, part_rows=part_rows)["evidence_mismatches"] > 0


@pytest.mark.parametrize(("published", "same"), [(AS_OF, 1), (AS_OF - TICK, 0), (None, 0)], ids=str)
def test_published_instant_is_that_of_the_evidence_and_null_is_none(published, same):
    part = pa.table({PRN: [GOOD[PRN]], "image_id": ["a"], "observed_at": pa.array([published], INSTANT)})
    db = show(part, pa.Table.from_pylist([GOOD], schema=STAGED_EVIDENCE))

    assert scan_rows(db, salt=SALT, dated=True).same == same


def number(text):
    return permanent_random_numbers(pa.array([text]), salt=SALT)


@pytest.mark.parametrize(
    ("row", "count"),
    [({"owner_id": "u"}, 1), ({"newest_owner_id": "u"}, 1), ({"owner_id": "u", "newest_owner_id": "u"}, 1), ({}, 0)],
    ids=str,
)
def test_row_of_a_suppressed_owner_then_or_now_is_counted(row, count):
    assert measured({}, row, suppressed_owners=number("u"))["suppressed"] == count


def test_row_of_a_suppressed_image_is_counted_whatever_prn_it_bears():
    assert measured({}, {"image_id": "b"}, suppressed_images=number("b"))["suppressed"] == 1


def test_prn_that_is_not_the_hash_of_the_id_is_counted():
    honest = {PRN: int(number("a")[0])}

    assert measured(honest)["prn_differs"] == 0
    assert measured({PRN: honest[PRN] + 1})["prn_differs"] == 1
    assert measured(honest, part_rows=[honest | {"image_id": None}])["prn_differs"] == 1


def test_what_a_file_lacks_counts_against_every_rule_that_needs_it():
    evidence = pa.Table.from_pylist([GOOD, GOOD], schema=STAGED_EVIDENCE).select(["owner_id"])
    part = pa.table({"title": ["a", "b"], "Title": ["c", None]})
    expected = Expected(AS_OF, MAX_AGE, START, 0, 100, SALT, Nothing(), (), NOBODY, NOBODY)

    found = measured_files(part, evidence, expected)

    assert {name: found[name] for name in BAD if found[name]} == dict.fromkeys(
        ("null_ids", "offsets_outside_range", "evidence_mismatches", "not_public", "stale", "observed_after_as_of"), 2
    )
    assert found["prn_differs"] == 2
    assert found["columns"] == ("title", "Title")
    assert found["nulls"] == {"title": 0, "Title": 1}
    assert found["observed_max"] > AS_OF > found["observed_min"]


def test_words_are_counted_and_the_rest_is_other():
    rows = [{PRN: CIRCLE - 5 + n, "image_id": f"{n:03d}", "host": f"h{n}"} for n in range(5)]
    rows += [{PRN: n, "image_id": f"{n + 5:03d}", "host": f"h{n + 5}" if n < 245 else None} for n in range(247)]

    hosts = measured(*rows, hi=1000)["by_host"]

    assert len(hosts) == 201
    assert hosts["none"] == 2
    assert sum(hosts.values()) == len(rows)
    assert hosts["other"] == 51


def test_ages_are_counted_by_tens_of_days():
    rows = [
        {PRN: CIRCLE - 5 + n, "image_id": str(n), "observed_at": AS_OF - timedelta(days=d)}
        for n, d in enumerate([0, 9, 10])
    ]

    assert measured(*rows)["by_age_days"] == {"0": 2, "10": 1}
