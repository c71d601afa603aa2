"""What a scheduled task decides before it calls its step: which cycle, which lake."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import builders
import pytest

from resift.errors import ConfigError, GridError, RefreshHeld, StagingError
from resift.model.grid import Grid, midnight
from resift.model.keys import Staging
from resift.steps import tasks
from resift.steps.plan import read_plan
from resift.storage import Store, open_store

GRID = Grid(date(2025, 1, 6), timedelta(days=90))
AFTERNOON = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


def resolve(as_of: str | None = None, logical_date: datetime | None = None, run_after: datetime = AFTERNOON) -> date:
    return tasks.resolve_as_of(GRID, as_of=as_of, logical_date=logical_date, run_after=run_after)


def test_scheduled_run_stands_for_its_logical_date() -> None:
    assert resolve(logical_date=midnight(date(2025, 4, 6))) == date(2025, 4, 6)


def test_run_without_logical_date_stands_for_the_latest_grid_point() -> None:
    assert resolve() == date(2026, 9, 28)


def test_run_asked_for_at_the_very_grid_point_stands_for_it() -> None:
    assert resolve(run_after=midnight(date(2026, 9, 28))) == date(2026, 9, 28)


def test_logical_date_with_a_time_of_day_means_the_latest_grid_point_before_it() -> None:
    assert resolve(logical_date=datetime(2025, 7, 4, 23, 59, tzinfo=UTC)) == date(2025, 4, 6)


def test_date_asked_for_wins_over_the_moment_of_the_run() -> None:
    assert resolve("2025-04-06", logical_date=AFTERNOON) == date(2025, 4, 6)


@pytest.mark.parametrize(("as_of", "logical_date"), [("2025-04-05", None), (None, midnight(date(2025, 4, 5)))])
def test_date_off_the_grid_is_refused_with_the_two_nearest_grid_dates(
    as_of: str | None, logical_date: datetime | None
) -> None:
    with pytest.raises(GridError, match=r"as_of 2025-04-05: .* nearest grid dates are 2025-01-06 and 2025-04-06"):
        resolve(as_of, logical_date)


def test_run_for_one_grid_date_does_not_stand_for_another() -> None:
    with pytest.raises(ConfigError, match=r"as_of 2025-04-06: the run's logical date is 2025-07-05, expected the same"):
        resolve("2025-04-06", midnight(date(2025, 7, 5)))


def test_same_date_asked_for_twice_is_no_contradiction() -> None:
    assert resolve("2025-04-06", midnight(date(2025, 4, 6))) == date(2025, 4, 6)


def test_as_of_that_is_no_date_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"as_of: found 'spring', expected a date such as 2025-01-06"):
        resolve("spring")


@pytest.mark.parametrize("text", ["noon", "2025-01-06", "2025-01-06T12:00:00"])
def test_known_at_without_time_zone_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=f"known_at: found '{text}', expected an instant with its time zone"):
        tasks.resolve_known_at(text)


def test_known_at_that_is_not_yet_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"known_at: found 9999-01-06 00:00 UTC, expected an instant not later than now"
    ):
        tasks.resolve_known_at("9999-01-06T00:00:00Z")


def test_known_at_is_read_in_its_own_time_zone() -> None:
    assert tasks.resolve_known_at("2025-01-06T01:00:00+01:00") == midnight(date(2025, 1, 6))


def test_lake_that_is_not_named_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESIFT_LAKE", raising=False)

    with pytest.raises(ConfigError, match="RESIFT_LAKE: not set, expected the URL of the lake"):
        tasks.lake()


CYCLE = builders.cycle(0)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The lake tasks find in their environment, with 20 items in the pool."""
    monkeypatch.setenv("RESIFT_LAKE", tmp_path.as_uri())
    store = open_store(tmp_path.as_uri())
    builders.make_pool(store, [builders.observation(f"p{number}", CYCLE) for number in range(20)])
    return store


def staged(lake: Store, *, status: str = "proceed") -> tuple[dict[str, str], dict[str, str]]:
    """Stage a snapshot with a verdict beside it; return what the tasks before ``publish`` hand on."""
    cut = builders.stage(lake, builders.make_dataset(), CYCLE)
    names = {"dataset": cut.dataset, "version": cut.version, "plan_id": cut.plan_id}
    verdict = builders.hand_in(lake, cut, status=status)
    judgement = {"status": status, "seal": verdict.seal, "content_digest": cut.content_digest}
    return {**names, "version": str(cut.version)}, judgement


def test_publish_that_was_lost_after_it_published_succeeds_when_tried_again(lake: Store) -> None:
    refresh, judgement = staged(lake)
    first = tasks.publish(refresh, judgement=judgement)

    again = tasks.publish(refresh, judgement=judgement)

    assert again == first
    assert first["rows"] == 20


def test_held_snapshot_is_not_published(lake: Store) -> None:
    refresh, judgement = staged(lake, status="hold")

    with pytest.raises(RefreshHeld):
        tasks.publish(refresh, judgement=judgement)


def test_verdict_that_is_not_the_one_handed_on_is_refused(lake: Store) -> None:
    refresh, judgement = staged(lake)

    with pytest.raises(StagingError, match=r"verdict.json: its seal is .* expected 000000000000… as the judge"):
        tasks.publish(refresh, judgement={**judgement, "seal": "0" * 64})


def test_missing_verdict_is_refused_where_the_content_is_not_published(lake: Store) -> None:
    refresh, judgement = staged(lake)
    lake.delete(Staging(refresh["dataset"], CYCLE, refresh["plan_id"]).verdict)

    with pytest.raises(
        StagingError, match=r"verdict.json: not found, expected the verdict of the judge. Clear the run"
    ):
        tasks.publish(refresh, judgement=judgement)


def test_steps_are_mapped_over_256_tasks_at_most_unless_the_environment_says_otherwise(monkeypatch) -> None:
    assert tasks.max_tasks() == 256

    monkeypatch.setenv("RESIFT_MAX_TASKS", "1024")

    assert tasks.max_tasks() == 1024


@pytest.mark.parametrize("text", ["0", "1025", "many", "-1", "1.5"])
def test_number_of_tasks_that_airflow_does_not_map_is_refused(monkeypatch, text: str) -> None:
    monkeypatch.setenv("RESIFT_MAX_TASKS", text)

    with pytest.raises(ConfigError, match=rf"RESIFT_MAX_TASKS: found '{text}', expected .* 1 to 1,024, what"):
        tasks.max_tasks()


def test_small_sample_is_one_mapped_task_however_many_parts_it_has(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESIFT_LAKE", (tmp_path / "lake").as_uri())
    as_of = builders.cycle(0)
    builders.make_pool(tasks.lake(), [builders.observation(f"p{number}", as_of) for number in range(600)])
    dataset = builders.make_dataset(size=600, part_rows=100)
    (tmp_path / "sample.yaml").write_text(dataset.model_dump_json())

    refresh = tasks.plan(
        str(tmp_path / "sample.yaml"), as_of=str(as_of), known_at=None, logical_date=None, run_after=AFTERNOON
    )

    plan = read_plan(tasks.lake(), Staging(dataset.name, as_of, refresh["plan_id"]))
    assert refresh["groups"] == 1 < 6 <= len(plan.ranges)
