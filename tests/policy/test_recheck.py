"""The audit finds excluded evidence by itself, whatever the sift let through."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from resift.model.observation import STAGED_EVIDENCE
from resift.policy import JUDGED, judge_evidence, load_policy
from resift.policy.cases import read_cases
from resift.policy.load import FOLDER
from resift.policy.recheck import prepare

DAY = date(2026, 11, 23)
GOOD = {"owner_country": "US", "newest_owner_country": "US", "host": "host.example", "newest_host": "host.example"}


def count(*rows, policy="eu", days=(DAY,)):
    return prepare(load_policy(policy), days=days).count(pa.Table.from_pylist(list(rows), schema=STAGED_EVIDENCE))


@pytest.mark.parametrize(
    "evidence",
    [
        {"owner_country": "FR"},
        {"newest_owner_country": "FR"},
        {"upload_country": " fra "},
        {"newest_upload_country": "250"},
        {"owner_country": "🇫🇷"},
        {"owner_country": "Fr\u200bance"},
        {"upload_country": "EL"},
        {"upload_country": "Holland"},
        {"upload_country": "Alemania"},
        {"upload_country": "Saint Martin"},
        {"upload_country": "NC"},
        {"upload_country": "Norway"},
        {"subdivision": "fr-75"},
        {"newest_subdivision": " FR-75"},
        {"subdivision": "FR-974"},
        {"owner_country": "NL", "subdivision": "DK-FO"},
        {"lat": "48.8566", "lon": "2.3522"},
        {"newest_lat": "47.697", "newest_lon": "8.689"},
        {"lat": "48.8566"},
        {"newest_lon": "2,3522", "newest_lat": "n/a"},
        {"lat": "35.6812", "lon": "nan"},
        {"host": "img.example.fr"},
        {"host": "img.example.fr;a=1"},
        {"newest_host": "xn--e1afmkfd.xn--90ae"},
        {"owner_country": None, "newest_owner_country": None},
        {"owner_country": " ", "newest_owner_country": "N/A"},
        {"owner_country": "Atlantis", "newest_owner_country": None},
    ],
    ids=str,
)
def test_row_with_evidence_of_an_excluded_place_or_with_none_is_counted(evidence):
    assert count(GOOD, GOOD | evidence, GOOD) == 1


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"upload_country": "JP", "subdivision": "US-NY"},
        {"owner_country": "DK", "subdivision": "DK-FO"},
        {"host": "i.redd.it"},
        {"host": "i.redd.it;a=1"},
        {"lat": "nan", "lon": "n/a"},
        {"lat": "35,6812", "lon": "139.7671"},
        {"lat": "0", "lon": "0"},
        {"lat": "35.6812", "lon": "139.7671"},
        {"upload_country": "New\u00a0Zealand"},
    ],
    ids=str,
)
def test_row_that_shows_a_place_outside_is_not_counted(evidence):
    assert count(GOOD | evidence) == 0


def test_country_is_counted_on_the_days_it_was_inside():
    row = GOOD | {"owner_country": "GB"}

    assert (count(row, days=(date(2020, 12, 31), DAY)), count(row), count(row, policy="eu-uk")) == (1, 0, 1)


def test_whatever_the_judge_includes_of_the_cases_is_not_counted():
    cases = [case for case in read_cases(FOLDER / "cases" / "eu.csv") if case.as_of == DAY]
    table = pa.table(
        {name: pa.array([case.evidence.get(name) for case in cases], pa.string()) for name in JUDGED.names}
    )
    kept = [n for n, reason in enumerate(judge_evidence(table, load_policy("eu"), days=(DAY,))) if reason is None]
    from resift.core.hosts import hosts

    table = table.append_column("host", hosts(table["url"]))
    rows = [
        {name: row[name] for name in (*STAGED_EVIDENCE.names,) if name in row} for row in table.take(kept).to_pylist()
    ]

    assert len(kept) > 100
    assert count(*rows) == 0
