"""The DAG of a dataset from drop to snapshot, run by Airflow itself."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from builders import make_pool, observation, publish_unjudged

from resift.client.snapshots import find_manifest
from resift.model.manifest import Manifest
from resift.storage import open_store
from resift.storage.memory import MemoryStore

pytestmark = pytest.mark.usefixtures("airflow_db")

CYCLE = date(2025, 4, 6)
AT_CYCLE = datetime(2025, 4, 6, tzinfo=UTC)
ITEMS = [observation(f"p{number}", CYCLE - timedelta(days=3)) for number in range(400)]


@pytest.fixture(scope="module")
def refresh(dag_bag: DagBag):
    """The DAG of the dataset ``photos``, whose pool holds 400 items a few days before the cycle."""
    store = open_store(os.environ["RESIFT_LAKE"])
    make_pool(store, ITEMS)
    return dag_bag.dags["refresh_snapshot_photos"]


@pytest.fixture(scope="module")
def scheduled_run(refresh):
    return refresh.test(logical_date=AT_CYCLE)


def published(version: date) -> Manifest | None:
    return find_manifest(open_store(os.environ["RESIFT_LAKE"]), "photos", version)


def events() -> list[dict]:
    with create_session() as session:
        query = session.query(AssetEvent).join(AssetModel, AssetEvent.asset_id == AssetModel.id)
        return [event.extra for event in query.filter(AssetModel.uri == "resift://photos/snapshots")]


def test_run_for_a_grid_date_publishes_that_version(scheduled_run) -> None:
    manifest = published(CYCLE)

    assert scheduled_run.state == "success"
    assert manifest is not None
    assert (manifest.rows, manifest.revision) == (200, 0)


def test_content_is_the_same_as_when_the_steps_are_run_without_airflow(scheduled_run) -> None:
    elsewhere, manifest = MemoryStore(), published(CYCLE)
    make_pool(elsewhere, ITEMS)

    alike = publish_unjudged(elsewhere, manifest.config, CYCLE)

    assert alike.content_digest == manifest.content_digest


def test_asset_event_names_version_and_content(scheduled_run) -> None:
    manifest = published(CYCLE)

    assert events()[0] == {
        "version": "2025-04-06",
        "revision": 0,
        "content_digest": manifest.content_digest,
        "rows": 200,
    }


def test_tasks_hand_on_less_than_four_kilobytes(scheduled_run) -> None:
    for instance in scheduled_run.get_task_instances():
        for key in ("return_value", "refresh"):
            assert len(str(instance.xcom_pull(instance.task_id, key=key))) < 4096, instance.task_id


def test_approval_is_skipped_where_the_verdict_proceeds(scheduled_run) -> None:
    assert scheduled_run.get_task_instance("approve").state == "skipped"
    assert scheduled_run.get_task_instance("publish").state == "success"


def test_run_by_hand_for_a_published_version_changes_nothing(refresh, scheduled_run) -> None:
    before = published(CYCLE)

    run = refresh.test(logical_date=None, run_conf={"as_of": "2025-04-06"})

    assert run.state == "success"
    assert published(CYCLE) == before


def test_run_for_a_date_off_the_grid_is_refused_at_the_first_task_and_not_tried_again(refresh) -> None:
    run = refresh.test(logical_date=AT_CYCLE + timedelta(days=1))

    plan = run.get_task_instance("plan")
    assert run.state == "failed"
    assert (plan.state, plan.try_number) == ("failed", 1)
    assert published(date(2025, 4, 7)) is None


def test_unattended_run_does_not_wait_where_the_breaker_holds_and_publishes_nothing(refresh, scheduled_run) -> None:
    later = CYCLE + timedelta(days=90)
    store = open_store(os.environ["RESIFT_LAKE"])
    gone = [observation(f"p{number}", later - timedelta(days=1), state="deleted") for number in range(100)]
    make_pool(store, gone + [observation(f"p{number}", later - timedelta(days=1)) for number in range(100, 400)])

    run = refresh.test(logical_date=None, run_conf={"as_of": str(later)})

    states = {task: run.get_task_instance(task).state for task in ("judge", "gate", "approve", "publish")}
    assert states == {"judge": "success", "gate": "success", "approve": "skipped", "publish": "failed"}
    assert run.get_task_instance("publish").try_number == 1
    assert len(str(run.get_task_instance("judge").xcom_pull("judge"))) < 4096
    assert published(later) is None
