"""``resift approve`` shows before it acts, and acts on the verdict that was shown."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import NOW, cycle, draw, hand_in, make_dataset, make_pool, observation
from typer.testing import CliRunner, Result

from resift.cli.main import app
from resift.client.snapshots import list_versions
from resift.errors import ConfigError
from resift.model.verdict import Finding, Verdict
from resift.steps.approve import approve
from resift.storage import Store, open_store

PASSED = Finding(rule="ids are not null", status="pass", found="holds", expected="null_ids = 0")
JUMP = Finding(rule="members gone stale", status="hold", found="40%", expected="at most 30%")

DRIFT = Finding(rule="the mix by host drifts little", status="warn", found="12.0%", expected="at most 10.0%")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path.as_uri())


@pytest.fixture
def verdict(store: Store) -> Verdict:
    make_pool(store, [observation(f"p{number}", cycle(0)) for number in range(20)])
    return hand_in(store, draw(store, make_dataset(), cycle(0)), status="hold", findings=(PASSED, JUMP, DRIFT))


def run(store: Store, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["approve", "sample", "2026-01-01", "--lake", store.url, *arguments])


def test_without_seal_it_shows_the_reasons_and_publishes_nothing(store: Store, verdict: Verdict) -> None:
    shown = run(store)

    assert shown.exit_code == 0
    assert "members gone stale: found 40%, expected at most 30%." in shown.stdout
    assert "worth a look: the mix by host drifts little: found 12.0%, expected at most 10.0%." in shown.stdout
    assert f"resift approve sample 2026-01-01 --seal {verdict.seal[:12]} --by YOU --why REASON" in shown.stdout
    assert list_versions(store, "sample") == []


def test_with_seal_name_and_reason_it_publishes_and_shows_them(store: Store, verdict: Verdict) -> None:
    ran = run(store, "--seal", verdict.seal[:12], "--by", "night shift", "--why", "[moved] house")

    assert ran.exit_code == 0, ran.output
    assert "UTC by night shift: [moved] house" in ran.stdout
    assert ran.stdout.endswith(
        "1 finding is worth a look, and held nothing up:\n"
        "  the mix by host drifts little: found 12.0%, expected at most 10.0%.\n"
    )
    assert list_versions(store, "sample") == [cycle(0)]


def test_warnings_do_not_spoil_json(store: Store, verdict: Verdict) -> None:
    ran = run(store, "--seal", verdict.seal[:12], "--by", "night shift", "--why", "it moved", "--json")

    assert json.loads(ran.stdout)["verdict_seal"] == verdict.seal
    assert "found 12.0%, expected at most 10.0%." in ran.stderr


@pytest.mark.parametrize("given", [(), ("--by", "me"), ("--why", "so")])
def test_seal_without_name_or_reason_is_wrong_use(store: Store, verdict: Verdict, given: tuple[str, ...]) -> None:
    ran = run(store, "--seal", verdict.seal, *given)

    assert isinstance(ran.exception, ConfigError)
    assert list_versions(store, "sample") == []


def test_without_jinja_it_refuses_before_anything_is_written(
    store: Store, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)  # as where it is not installed
    before = [stat.key for stat in store.list("")]

    ran = run(store, "--seal", verdict.seal, "--by", "night shift", "--why", "it moved")

    assert isinstance(ran.exception, ConfigError)
    assert "approve: Jinja is not installed, expected it" in str(ran.exception)
    assert [stat.key for stat in store.list("")] == before


def test_later_approver_is_told_that_the_first_approval_stands(store: Store, verdict: Verdict) -> None:
    approve(store, verdict, by="night shift", why="it moved", at=datetime(2026, 11, 24, 3, 12, tzinfo=UTC))

    ran = run(store, "--seal", verdict.seal, "--by", "day shift", "--why", "it closed")

    assert ran.exit_code == 0, ran.output
    assert "an earlier approval stands, of 2026-11-24 03:12 UTC by night shift: it moved. Yours is not" in ran.stderr
    assert "day shift" not in ran.output


def test_approving_again_in_the_same_words_says_nothing_of_an_earlier_approval(store: Store, verdict: Verdict) -> None:
    approve(store, verdict, by="night shift", why="it moved", at=datetime(2026, 11, 24, 3, 12, tzinfo=UTC))

    ran = run(store, "--seal", verdict.seal, "--by", "night shift ", "--why", "it moved")

    assert ran.exit_code == 0, ran.output
    assert ran.stderr == ""


def test_each_verdict_is_shown_with_the_instant_its_refresh_knew_of(store: Store, verdict: Verdict) -> None:
    assert f"content {verdict.content_digest[:12]}, known at {NOW:%Y-%m-%d %H:%M} UTC\n" in run(store).stdout


def test_another_plan_of_a_published_version_is_not_offered(store: Store, verdict: Verdict) -> None:
    again = draw(store, make_dataset(), cycle(0), known_at=NOW + timedelta(days=1))
    hand_in(store, again, status="hold", findings=(PASSED, JUMP))
    run(store, "--seal", verdict.seal, "--by", "night shift", "--why", "it moved")

    shown = run(store)

    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert "sample 2026-01-01 was published and never changes: nothing is to be approved" in shown.stderr


def test_nothing_staged_is_answered_with_no(store: Store) -> None:
    shown = run(store)

    assert shown.exit_code == 1
    assert "nothing is staged for sample 2026-01-01" in shown.stderr
