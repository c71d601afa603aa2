"""The independent verifier agrees with the judge on every case, passes a clean version, and names planted items."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import cycle, instant, make_dataset, make_pool, observation, publish_unjudged

from resift.policy import JUDGED, judge, load_policy
from resift.policy.cases import decide, read_cases
from resift.policy.load import FOLDER
from resift.storage import open_store

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_exclusion.py"
SPEC = importlib.util.spec_from_file_location("verify_exclusion", SCRIPT)
VERIFIER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(VERIFIER)

OFFENDERS = {
    "code": {"owner_country": "FR"},
    "letters": {"upload_country": "DEU"},
    "number": {"upload_country": "276"},
    "alias": {"owner_country": "EL"},
    "name": {"upload_country": "Alemania"},
    "many": {"upload_country": "Saint Martin"},
    "part": {"subdivision": "FR-974"},
    "suffix": {"owner_country": "ES", "subdivision": "CN"},
    "place": {"lat": "47.697", "lon": "8.689"},
    "one-axis": {"lat": "35.6812"},
    "semicolon": {"url": "https://img.example.fr;a=1/a.jpg"},
    "domain": {"url": "https://img.example.fr/a.jpg"},
    "nothing": {"owner_country": None},
    "unreadable": {"upload_country": "Atlantis"},
}


def reader(name, days):
    return VERIFIER.Reader(VERIFIER.read_policy(FOLDER / f"{name}.yaml"), FOLDER / "data", list(days))


def run(*arguments):
    done = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_verifier_uses_no_code_of_the_package():
    text = SCRIPT.read_text(encoding="utf-8")

    assert "import resift" not in text
    assert "from resift" not in text


@pytest.mark.parametrize("name", ["eu", "eu-uk", "eu-ch", "eu-us-il"])
def test_verifier_and_judge_agree_on_every_case(name):
    policy, readers, differing = load_policy(name), {}, []
    for case, reasons in decide(policy, read_cases(FOLDER / "cases" / policy.cases)):
        if case.as_of not in readers:
            readers[case.as_of] = reader(name, [case.as_of])
        if bool(readers[case.as_of].reasons(case.evidence)) != bool(reasons):
            differing.append(case.case)

    assert differing == []


def test_verifier_and_judge_agree_on_random_points_of_every_precision():
    chance, day = np.random.default_rng(3), cycle(0)
    rows = [
        {"owner_country": "US", "lat": f"{lat:.{k % 5}f}", "lon": f"{lon:.{k % 5}f}"}
        for k, (lat, lon) in enumerate(zip(chance.uniform(-95, 95, 1500), chance.uniform(-200, 370, 1500), strict=True))
    ]
    rows += [
        {"owner_country": "US", "lat": f"{lat:.{k % 4}f}", "lon": f"{lon:.{k % 4}f}"}
        for k, (lat, lon) in enumerate(zip(chance.uniform(34, 70, 1500), chance.uniform(-12, 40, 1500), strict=True))
    ]
    judged = judge(pa.Table.from_pylist(rows, schema=JUDGED), load_policy("eu"), days=(day,)).all_reasons()
    mine = reader("eu", [day])

    found = [bool(mine.reasons(dict.fromkeys(JUDGED.names) | row)) for row in rows]

    assert found == [bool(reasons) for reasons in judged]
    assert 500 < sum(found) < 2500


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A snapshot and a pool; the pool has items the policy excludes, and one whose newest observation does."""
    lake = tmp_path_factory.mktemp("lake")
    store, seen = open_store(lake.as_uri()), instant(cycle(0), hours=-24)
    rows = [observation(f"item-{n}", seen, owner_country=["US", "BR", "Japan", "DK"][n % 4]) for n in range(40)]
    rows = [row | {"subdivision": "DK-FO"} if row["owner_country"] == "DK" else row for row in rows]
    rows += [observation(f"bad-{kind}", seen, **evidence) for kind, evidence in OFFENDERS.items()]
    make_pool(store, rows, [observation("bad-newest", seen)], [observation("bad-newest", cycle(1), owner_country="FR")])
    manifest = publish_unjudged(store, make_dataset(size=100), cycle(0), known_at=instant(cycle(2)))
    assert manifest.rows == 40
    return lake / "datasets" / "sample" / "snapshots" / str(manifest.version), lake / "pool" / "photos"


def test_version_without_excluded_items_is_passed(published):
    code, out, _ = run(*published, FOLDER / "eu.yaml")

    assert (code, out) == (
        0,
        f"sample {cycle(0)}.0, policy eu 2026.11.1: none of 40 items has evidence of an excluded place\n",
    )


def test_planted_items_are_named_and_nothing_else(published, tmp_path):
    snapshot, pool = published
    (part,) = (snapshot / "data").iterdir()
    clean = part.read_bytes()
    planted = [*(f"bad-{kind}" for kind in OFFENDERS), "bad-newest", "bad-unheard-of"]
    rows = pq.read_table(part)
    more = pa.Table.from_pylist([rows.to_pylist()[0] | {"image_id": name} for name in planted], schema=rows.schema)
    pq.write_table(pa.concat_tables([rows, more]), part)

    code, out, _ = run(snapshot, pool, FOLDER / "eu.yaml")
    part.write_bytes(clean)

    *lines, last = out.splitlines()
    assert code == 1
    assert sorted(line.partition(":")[0] for line in lines) == sorted(planted)
    assert "bad-name: upload_country 'Alemania' is DE" in lines
    assert last.endswith("16 of 56 items should not be there")


def test_files_that_cannot_be_read_are_no_answer(published, tmp_path):
    code, out, err = run(tmp_path, published[1], FOLDER / "eu.yaml")

    assert (code, out) == (2, "")
    assert f"{tmp_path}/manifest.json', expected files that can be read" in err
    assert "Give the folders of a version and of its pool" in err
