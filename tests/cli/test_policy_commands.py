"""``resift policy``: what it answers, and with which exit code."""

import csv
import json

import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged

from resift.cli.exits import DONE, NO, WRONG_USE, exit_code
from resift.cli.main import app
from resift.errors import ResiftError
from resift.storage import LocalStore


@pytest.fixture
def resift(capsys):
    def run(*words):
        try:
            code = app([str(word) for word in words], standalone_mode=False) or DONE
        except ResiftError as error:
            return exit_code(error), "", str(error)
        return code, *capsys.readouterr()

    return run


def test_shipped_policies_load_with_all_their_cases(resift):
    for name in ("eu", "eu-uk", "eu-ch", "eu-us-il"):
        code, out, _ = resift("policy", "check", name, "--json")

        assert code == DONE
        assert json.loads(out)["policy"] == name


def test_rows_come_back_in_order_with_verdict_and_reasons_and_na_is_namibia(resift, tmp_path):
    (tmp_path / "in.csv").write_text("image_id,owner_country,lat,lon\na,NA,,\nb,France,,\nc,US,48.85,2.35\nd,,,\n")

    resift("policy", "judge", "--in", tmp_path / "in.csv", "--out", tmp_path / "out.csv")

    with (tmp_path / "out.csv").open(newline="") as file:
        rows = [(row["image_id"], row["owner_country"], row["verdict"], row["reasons"]) for row in csv.DictReader(file)]
    assert rows == [
        ("a", "NA", "include", ""),
        ("b", "France", "exclude", "inside.owner_country"),
        ("c", "US", "exclude", "inside.gps"),
        ("d", "", "exclude", "no_evidence"),
    ]


def test_audit_names_what_newer_evidence_would_exclude(resift, tmp_path):
    store = LocalStore(tmp_path / "lake")
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(50)])
    publish_unjudged(store, make_dataset(size=50), cycle(0))
    make_pool(store, [observation("i7", cycle(1), owner_country="Deutschland")])

    code, out, _ = resift("policy", "audit", "latest", "--lake", store.url, "--json")

    assert json.loads(out)["excluded"] == 1
    assert code == NO


def test_unknown_policy_is_wrong_use_and_lists_those_there_are(resift):
    code, _, message = resift("policy", "check", "mars")

    assert code == WRONG_USE
    assert "eu-uk" in message
