"""The policy file: dated facts, closed to keys nobody declared, and loaded only with every case as it says."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from resift.errors import ConfigError
from resift.policy import JUDGED, load_policy
from resift.policy.judge import judge
from resift.policy.load import FOLDER, read_policy
from resift.policy.policy import Territory

SHARED = Path(__file__).parents[3] / "shared" / "data" / "eu_cases.csv"
DAY = date(2026, 11, 23)
CASES = "case,owner_country,upload_country,lat,lon,subdivision,url,has_face,as_of,expected,reason,note\n"


def changed(folder, *change, of="eu"):
    """Write a policy with a line changed, and its case file beside it."""
    text = (FOLDER / f"{of}.yaml").read_text(encoding="utf-8")
    for old, new in change:
        assert old in text
        text = text.replace(old, new)
    shutil.copytree(FOLDER / "cases", folder, dirs_exist_ok=True)
    path = folder / f"{of}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["eu", "eu-uk", "eu-ch", "eu-us-il"])
def test_shipped_policy_loads_with_all_its_cases(name):
    assert load_policy(name).policy == name


def test_policy_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"policy us: not found, expected one of eu, eu-ch, eu-uk, eu-us-il. Correct"):
        load_policy("us")


def test_interval_of_a_territory_is_half_open():
    territory = Territory.model_validate(
        {"code": "GB", "group": "eu", "class": "inside", "from": date(1973, 1, 1), "to": date(2021, 1, 1)}
    )

    days = (date(1972, 12, 31), date(1973, 1, 1), date(2020, 12, 31), date(2021, 1, 1))
    assert [territory.covers(day) for day in days] == [False, True, True, False]


def test_facts_of_several_days_add_up():
    eu = load_policy("eu")

    both = eu.excluded_on((date(2019, 1, 1), DAY))

    assert both == eu.excluded_on((date(2019, 1, 1),)) | eu.excluded_on((DAY,))
    assert eu.excluded_on(()) == frozenset()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("sufficient: [owner_country, upload_country]", "sufficient: []"), r"line \d+: evidence.sufficient: found"),
        (
            ("exclude_only: [subdivision, gps, url, time_zone, locale, place_text]", "exclude_only: [colour]"),
            "colour is none",
        ),
        (("code: FR, group: eu", "code: France, group: eu"), r"line \d+: territories.\d+.code: found 'France'"),
        (("issued:", "printed:"), "issued: missing|printed: unknown key"),
        (("    AE, AF,", "    AE,"), r"ISO 3166-1 has AF, which the policy does not classify"),
        (
            (
                "class: inside, from: 2014-01-01",
                "class: inside, from: 2013-01-01",
            ),
            r"line \d+: YT of group eu from 2013-01-01 to now overlaps the interval from 1958-01-01 to 2014-01-01",
        ),
        (("sha256: 2d38", "sha256: 0000"), r"line \d+: pins mask borders-2026c with sha256 0000"),
        (("sha256: 72e7", "sha256: 0000"), "names names.json.xz: has sha256 72e7"),
        (("buffer_km: 5", "buffer_km: 6"), "buffer_km is 6.0, mask borders-2026c has 5.0"),
        (("  EL: GR", "  EL: QQ"), "QQ is neither in territories nor in outside"),
        (("  EL: GR", "  EL: US"), "1 of its cases fail, first .*alias-EL comes out as include"),
        (("jurisdictions: [eu, eea]", "jurisdictions: [eu, efta]"), "efta is none"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_policy_file_that_breaks_a_rule_is_refused(tmp_path, change, message):
    path = changed(tmp_path, change)
    with pytest.raises(ConfigError, match=message):
        read_policy(path)


def test_policy_past_its_review_is_refused():
    load_policy("eu").require_current(date(2027, 2, 21))

    with pytest.raises(ConfigError, match=r"eu.yaml line 10\): was to be reviewed by 2027-02-21, and known_at"):
        load_policy("eu").require_current(date(2027, 2, 22))


def test_exclusion_that_becomes_inclusion_must_be_named_under_relaxes(tmp_path):
    text = """
extends: eu
policy: narrow
version: "1"
cases: narrow.csv
rules:
  - {id: eu-gdpr, jurisdictions: [eu, eea], classes: [inside, eea, disputed], action: exclude}
"""
    (tmp_path / "narrow.csv").write_text(CASES + "nc,NC,,,,,,,2026-11-23,include,,\n", encoding="utf-8")
    shutil.copy(FOLDER / "cases" / "eu.csv", tmp_path)
    path = tmp_path / "narrow.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match="cases an earlier policy excludes; expected none that `relaxes`"):
        read_policy(path)

    names = ["statute-*", "part-*", "url-*", "gps-*", "alias-*", "YT-*", "BL-*"]
    relaxed = "\n".join(f"  - {{case: '{name}', reason: strict territory of the GDPR}}" for name in names)
    path.write_text(f"{text}relaxes:\n{relaxed}\n", encoding="utf-8")
    assert read_policy(path).policy == "narrow"


def test_reference_of_a_policy_changes_with_its_content(tmp_path):
    other = read_policy(changed(tmp_path, ("version: 2026.11.1", "version: 2026.11.2")))

    assert other.ref() != load_policy("eu").ref()


@pytest.mark.skipif(not SHARED.is_file(), reason="the shared cases are not here")
def test_shared_cases_come_out_as_they_say():
    with SHARED.open(encoding="utf-8", newline="") as body:
        rows = list(csv.DictReader(body))

    wrong = []
    for row in rows:
        note = row["note"]
        day = date.fromisoformat(note[6:16]) if note.startswith("as_of=") else DAY
        table = pa.table({name: pa.array([row.get(name) or None], pa.string()) for name in JUDGED.names})
        excluded = judge(table, load_policy("eu"), days=(day,)).all_reasons()[0] != ""
        if excluded != (row["expected"] == "exclude"):
            wrong.append(row["case_id"])
    assert (len(rows) > 50, wrong) == (True, [])


def test_misspelled_key_is_named_with_its_line_and_not_the_key_it_stands_for(tmp_path):
    path = changed(tmp_path, ("\non_ambiguous:", "\non_ambigous:"))

    with pytest.raises(ConfigError, match=r"eu.yaml line 30: on_ambigous: unknown key, expected only documented keys"):
        read_policy(path)
