"""The DAGs that compact and sweep a pool, erase from it and retire what was drawn from it, run by Airflow itself."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from builders import NOW, cycle, make_dataset, make_pool, observation, publish_unjudged

from resift.client.snapshots import find_manifest, find_tombstone
from resift.errors import ConfigError, RemovalRefused
from resift.model import keys
from resift.steps import end_tasks, pool_tasks
from resift.steps.end import end, plan_ending
from resift.steps.pools import find_compaction, read_state
from resift.steps.suppress import suppress
from resift.storage import open_store

pytestmark = pytest.mark.usefixtures("airflow_db")

DAY = date(2025, 4, 1)


@pytest.fixture(scope="module")
def store():
    """A lake whose pool ``tiles`` holds three small runs."""
    store = open_store(os.environ["RESIFT_LAKE"])
    for drop in range(3):
        make_pool(store, [observation(f"c{number}", DAY + timedelta(days=drop)) for number in range(50)], pool="tiles")
    return store


def test_small_runs_are_merged_and_a_second_run_has_nothing_to_do(dag_bag, run_dag, store) -> None:
    before = len(read_state(store, "tiles").runs)

    run = run_dag(dag_bag.dags["compact_pools"], pool="tiles")

    assert run.state == "success"
    assert before >= 3
    assert len(read_state(store, "tiles").runs) == 1
    assert run.get_task_instance("commit").xcom_pull("commit")[0]["pool"] == "tiles"

    again = run_dag(dag_bag.dags["compact_pools"], pool="tiles")

    assert again.state == "success"
    assert find_compaction(store, "tiles").number == 1


def test_sweep_by_hand_deletes_nothing_and_shows_a_digest(dag_bag, run_dag, store) -> None:
    before = [stat.key for stat in store.list("pool/")]

    run = run_dag(dag_bag.dags["sweep_pools"], pool="tiles")

    assert run.state == "success"
    assert run.get_task_instance("sweep").xcom_pull("sweep")["deleted"] is False
    assert [stat.key for stat in store.list("pool/")] == before


def test_sweep_on_another_digest_is_refused_at_once(dag_bag, run_dag, store) -> None:
    conf = {"pool": "tiles", "dry_run": False, "digest": "0123456789abcdef"}

    run = run_dag(dag_bag.dags["sweep_pools"], **conf)

    assert run.state == "failed"
    assert run.get_task_instance("sweep").try_number == 1


def test_erasure_without_a_digest_is_refused_and_changes_nothing(store) -> None:
    suppress(store, pool="tiles", kind="image", identifier="t1", request="T", requested_at=datetime.now(UTC))
    before = [stat.key for stat in store.list("")]

    with pytest.raises(RemovalRefused, match="found no digest"):
        pool_tasks.erase(pool="tiles", dry_run=False, digest=None)

    assert [stat.key for stat in store.list("")] == before


def test_erasure_by_hand_changes_nothing_and_shows_a_digest_that_carries_it_out(dag_bag, run_dag, store) -> None:
    suppress(store, pool="tiles", kind="image", identifier="t1", request="T", requested_at=datetime.now(UTC))
    run = run_dag(dag_bag.dags["erase_items"], pool="tiles")
    shown = run.get_task_instance("erase").xcom_pull("erase")
    assert shown["erased"] is False
    assert list(store.list("erasures/")) == []

    conf = {"pool": "tiles", "dry_run": False, "digest": shown["digest"]}
    run = run_dag(dag_bag.dags["erase_items"], **conf)

    assert run.state == "success"
    assert store.stat(keys.erasure_receipt("tiles", shown["digest"])) is not None


def test_version_is_retired_only_on_the_digest_of_a_dry_run(dag_bag, run_dag, store) -> None:
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(30)])
    for k in range(2):
        publish_unjudged(store, make_dataset(size=20), cycle(k))
    conf = {"dataset": "sample", "version": str(cycle(0)), "why": "bad rows", "follows": str(cycle(1))}
    named = {
        "dataset": "sample",
        "version": cycle(0),
        "act": "withdraw",
        "why": "bad rows",
        "follows": None,
        "now": NOW,
    }
    end(store, **named, plan_digest=plan_ending(store, **named).document_digest())
    with pytest.raises(RemovalRefused, match="found no digest"):
        end_tasks.retire(**conf, dry_run=False, digest=None)
    with pytest.raises(ConfigError, match="not a date"):
        end_tasks.retire(**conf | {"version": "soon"}, dry_run=True, digest=None)
    before = [stat.key for stat in store.list("datasets/")]

    run = run_dag(dag_bag.dags["retire_version"], **conf)

    shown = run.get_task_instance("retire").xcom_pull("retire")
    assert shown["retired"] is False
    assert [stat.key for stat in store.list("datasets/")] == before

    run = run_dag(dag_bag.dags["retire_version"], **conf, dry_run=False, digest=shown["digest"])

    assert run.state == "success"
    assert find_manifest(store, "sample", cycle(0)) is None
    assert find_tombstone(store, "sample", cycle(0)).retired is not None
