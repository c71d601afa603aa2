"""Ways to spoil a staged snapshot behind the steps' back: each is caught, by name, with its rule, value and limit.

Spoilt rows are restated in the cut, as if sift and cut had made them so: what catches them is the rule they break, not
their digest. Each way spoils a part of its own, so that one audit and one judgement serve them all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from builders import NOW, cycle, instant
from checks.spoilt_refresh import told, verdict_on
from spoiling import Rows, Staged

from resift.model.verdict import Verdict
from resift.steps.suppress import suppress

AS_OF = instant(cycle(1))
ROW = 40
"""The row that is spoilt, where one is enough."""


def proof(**fields: Any) -> Callable[[Rows], None]:
    """Spoil the evidence of one row."""
    return lambda rows: rows[ROW]["evidence"].update(fields)


def both(column: str, value: Callable[[Rows], Any]) -> Callable[[Rows], None]:
    """Spoil one value of a row and of its evidence alike."""

    def spoil(rows: Rows) -> None:
        found = value(rows)
        rows[ROW][column] = rows[ROW]["evidence"][column] = found

    return spoil


def keep(which: Callable[[int, dict[str, Any], int], bool]) -> Callable[[Rows], None]:
    """Keep only some rows, with their evidence."""

    def spoil(rows: Rows) -> None:
        rows[:] = [row for place, row in enumerate(rows) if which(place, row, len(rows))]

    return spoil


def swap(rows: Rows) -> None:
    rows[ROW], rows[ROW + 1] = rows[ROW + 1], rows[ROW]


def swap_evidence(rows: Rows) -> None:
    rows[ROW]["evidence"], rows[ROW + 1]["evidence"] = rows[ROW + 1]["evidence"], rows[ROW]["evidence"]


def published(column: str, value: Any) -> Callable[[Rows], None]:
    """Spoil one published value, and leave its evidence."""
    return lambda rows: rows[ROW].update({column: value})


EXCLUDED = ("no item is excluded by policy", "excluded 1", "excluded = 0")
ROWS: dict[str, tuple[Callable[[Rows], None], str, str, str]] = {
    "an id of its neighbour": (
        both("image_id", lambda rows: rows[ROW - 1]["image_id"]),
        "ids are unique",
        "distinct_ids ",
        "distinct_ids = rows",
    ),
    "an id of another part": (
        both("image_id", lambda rows: "image-77"),
        "every PRN is the pool's hash of its id",
        "prn_differs 1",
        "prn_differs = 0",
    ),
    "a row twice": (
        lambda rows: rows.insert(ROW, rows[ROW]),
        "rows are in PRN order",
        "prn_order_breaks 1",
        "prn_order_breaks = 0",
    ),
    "a null id": (published("image_id", None), "ids are not null", "null_ids 1", "null_ids = 0"),
    "a null instant": (
        published("observed_at", None),
        "PRN and observed_at are not null",
        "required_nulls 1",
        "required_nulls = 0",
    ),
    "an instant that is not the evidence's": (
        published("observed_at", AS_OF),
        "evidence belongs to its row",
        "evidence_mismatches 1",
        "evidence_mismatches = 0",
    ),
    "a PRN that is not its own": (
        both("prn", lambda rows: rows[ROW]["prn"] + 1),
        "every PRN is the pool's hash of its id",
        "prn_differs 1",
        "prn_differs = 0",
    ),
    "a negative PRN": (both("prn", lambda rows: -5), "rows lie in their range", "offsets_outside_range 1", "= 0"),
    "a stale row": (
        both("observed_at", lambda rows: AS_OF - timedelta(days=90, microseconds=1)),
        "no item is stale",
        "stale 1",
        "stale = 0",
    ),
    "a row of the future": (
        both("observed_at", lambda rows: AS_OF + timedelta(microseconds=1)),
        "no observation is later than as_of",
        "observed_after_as_of 1",
        "observed_after_as_of = 0",
    ),
    "a private row": (proof(state="private"), "every item is public", "not_public 1", "not_public = 0"),
    "a row deleted since": (proof(newest_state="deleted"), "every item is public", "not_public 1", "not_public = 0"),
    "an owner in the Union": (proof(owner_country="FR"), *EXCLUDED),
    "an owner in the Union since": (proof(newest_owner_country="Deutschland"), *EXCLUDED),
    "an upload from the Union": (proof(upload_country="EL"), *EXCLUDED),
    "coordinates in the Union": (proof(lat="48.8566", lon="2.3522"), *EXCLUDED),
    "coordinates in the Union since": (proof(newest_lat="48.8566", newest_lon="2.3522"), *EXCLUDED),
    "a host of the Union": (proof(host="pictures.example.de"), *EXCLUDED),
    "a subdivision of the Union": (proof(subdivision="FR-974"), *EXCLUDED),
    "no evidence": (proof(owner_country=None, newest_owner_country=None), *EXCLUDED),
    "evidence that cannot be read": (proof(owner_country="??", newest_owner_country="??"), *EXCLUDED),
    "rows out of order": (swap, "rows are in PRN order", "prn_order_breaks 1", "prn_order_breaks = 0"),
    "evidence of another row": (
        swap_evidence,
        "evidence belongs to its row",
        "evidence_mismatches 2",
        "evidence_mismatches = 0",
    ),
    "every second PRN only": (
        keep(lambda place, row, rows: place % 2 == 0),
        "whole ranges hold their share of rows",
        "evenness_sigmas ",
        "evenness_sigmas at most 5.",
    ),
    "low widths only": (
        keep(lambda place, row, rows: row["width"] < 500),
        "whole ranges hold their share of rows",
        "evenness_sigmas ",
        "evenness_sigmas at most 5.",
    ),
    "an interval skipped": (
        keep(lambda place, row, rows: not rows // 4 <= place < rows // 4 * 3),
        "no stretch of the part lacks its rows",
        "widest_gap_rows ",
        "widest_gap_rows at most 22.",
    ),
    "low PRNs only": (
        keep(lambda place, row, rows: place < rows // 3 or place == rows - 1),
        "PRNs are uniform within the part",
        "uniformity_sigmas ",
        "uniformity_sigmas at most 5.",
    ),
}


def unproven(part: pa.Table, evidence: pa.Table) -> tuple[pa.Table, pa.Table]:
    return part, evidence.slice(0, len(evidence) - 1)


TABLES: dict[str, tuple[Callable[[pa.Table, pa.Table], tuple[pa.Table, pa.Table]], str, str, str]] = {
    "columns in another order": (
        lambda part, evidence: (part.select(["prn", "url", "image_id", "observed_at", "width"]), evidence),
        "columns are the published ones, in order",
        "columns prn, url, image_id, observed_at, width",
        "columns = prn, image_id, url, observed_at, width",
    ),
    "a column too few": (
        lambda part, evidence: (part.drop_columns("url"), evidence),
        "columns are the published ones, in order",
        "columns prn, image_id, observed_at, width",
        "columns = prn, image_id, url, observed_at, width",
    ),
    "a column that must not leave the pool": (
        lambda part, evidence: (part.append_column("owner_id", evidence["owner_id"]), evidence),
        "columns are the published ones, in order",
        "columns prn, image_id, url, observed_at, width, owner_id",
        "columns = prn, image_id, url, observed_at, width",
    ),
    "a column of another type": (
        lambda part, evidence: (part.set_column(4, "width", part["width"].cast(pa.int64())), evidence),
        "columns have their types",
        "int64, string, string, timestamp[us, tz=UTC], int64",
        "int64, string, string, timestamp[us, tz=UTC], int32",
    ),
    "ids as bytes": (
        lambda part, evidence: (part.set_column(1, "image_id", part["image_id"].cast(pa.binary())), evidence),
        "columns have their types",
        "int64, binary, string",
        "int64, string, string",
    ),
    "a row without its evidence": (unproven, "every row has evidence", "evidence_rows ", "evidence_rows = rows"),
    "evidence without a column": (
        lambda part, evidence: (part, evidence.drop_columns("state")),
        "every item is public",
        "not_public ",
        "not_public = 0",
    ),
}
PLACES = {name: place for place, name in enumerate([*ROWS, *TABLES], start=1)}
"""The part each way spoils; the first and the last stay as they are."""


@pytest.fixture(scope="module")
def spoilt(sound: Staged) -> tuple[Staged, Verdict]:
    """Every way of ROWS and TABLES, each in its own part, and two suppressions nobody heeded."""
    staged = sound.copy()
    for name, (spoil, *_) in ROWS.items():
        staged.change(PLACES[name], spoil)
    for name, (remake, *_) in TABLES.items():
        part, evidence = remake(staged.part(PLACES[name]), staged.evidence(PLACES[name]))
        staged.put_evidence(PLACES[name], evidence)
        staged.put_part(PLACES[name], part)
    for kind, file, place in (("image", staged.part, len(PLACES) + 1), ("owner", staged.evidence, len(PLACES) + 2)):
        who = file(place)[f"{kind}_id"][ROW].as_py()
        suppress(staged.store, pool="photos", kind=kind, identifier=who, request="T-1", requested_at=NOW)
    return staged, verdict_on(staged)


def test_untouched_snapshot_passes(sound: Staged) -> None:
    verdict = verdict_on(sound.copy())

    assert [finding.message() for finding in verdict.failures()] == []
    assert verdict.status == "proceed"
    assert len(sound.cut.parts) > len(PLACES) + 3


@pytest.mark.parametrize("name", PLACES)
def test_spoilt_part_is_caught_by_its_rule(spoilt: tuple[Staged, Verdict], name: str) -> None:
    staged, verdict = spoilt
    _, rule, found, limit = {**ROWS, **TABLES}[name]
    path = staged.cut.parts[PLACES[name]].path

    message = told(verdict, rule, path).message()

    assert verdict.status == "stop"
    assert message.startswith(f"{path}: {rule}: found ")
    assert found in message
    assert limit in message.split(", expected ")[-1]


@pytest.mark.parametrize(("kind", "beyond"), [("image", 1), ("owner", 2)])
def test_suppressed_row_is_caught(spoilt: tuple[Staged, Verdict], kind: str, beyond: int) -> None:
    staged, verdict = spoilt
    path = staged.cut.parts[len(PLACES) + beyond].path

    message = told(verdict, "no item is suppressed", path).message()

    assert message == f"{path}: no item is suppressed: found suppressed 1, expected suppressed = 0."


def test_part_that_was_not_spoilt_is_not_blamed(spoilt: tuple[Staged, Verdict]) -> None:
    staged, verdict = spoilt
    blamed = {finding.about for finding in verdict.failures()}

    assert {staged.cut.parts[0].path, staged.cut.parts[-1].path}.isdisjoint(blamed)
