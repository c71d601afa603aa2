"""What holds for every DAG file of this repository."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from resift.errors import ConfigError
from resift.steps.schedule import read_schedule, read_schedules

ROOT = Path(__file__).resolve().parents[2]
DAGS = (
    "compact_pools",
    "erase_items",
    "ingest_drops",
    "refresh_snapshot_photos",
    "refresh_snapshot_tiles",
    "retire_version",
    "sweep_pools",
)


def parse(datasets: Path) -> dict[str, list[str]]:
    """Parse the DAG files in a process of their own; return DAGs, files with errors, and heavy modules loaded."""
    program = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
heavy = sorted({"pandas", "pyarrow", "numpy", "boto3", "botocore", "great_expectations"}.intersection(sys.modules))
print(json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors, "heavy": heavy}))
"""
    environment = {**os.environ, "RESIFT_DATASETS": str(datasets)}
    command = [sys.executable, "-c", program, str(ROOT / "dags")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def test_all_dag_files_import(dag_bag) -> None:
    assert dag_bag.import_errors == {}


def test_there_is_one_dag_for_each_dataset_file_and_those_that_tend_pools(dag_bag) -> None:
    assert sorted(dag_bag.dags) == sorted(DAGS)


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_task_is_retried_and_has_a_time_limit(dag_bag, dag_id: str) -> None:
    for task in dag_bag.dags[dag_id].tasks:
        assert task.retries >= 2, task.task_id
        assert task.execution_timeout is not None, task.task_id
        assert task.has_retry_policy, task.task_id


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_dag_states_its_limits_and_has_a_page(dag_bag, dag_id: str) -> None:
    dag = dag_bag.dags[dag_id]

    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert "resift" in dag.tags
    assert dag.doc_md
    assert all(param.schema.get("type") for param in dag.params.values())


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_dag_survives_serialization(dag_bag, dag_id: str) -> None:
    dag = dag_bag.dags[dag_id]

    again = DagSerialization.deserialize_dag(json.loads(json.dumps(DagSerialization.serialize_dag(dag))))

    assert again.timetable.summary
    assert sorted(again.task_ids) == sorted(dag.task_ids)


def test_steps_of_a_refresh_follow_each_other_and_nothing_passes_the_judge(dag_bag) -> None:
    dag = dag_bag.dags["refresh_snapshot_photos"]

    order = [task.task_id for task in dag.topological_sort()]

    assert order == ["plan", "sift", "cut", "audit", "judge", "gate", "approve", "publish"]
    for before, after in pairwise(order):
        assert before in dag.get_task(after).upstream_task_ids


def test_publish_runs_where_approval_was_skipped_and_never_after_a_failure(dag_bag) -> None:
    dag = dag_bag.dags["refresh_snapshot_photos"]
    publish, approve = dag.get_task("publish"), dag.get_task("approve")

    assert publish.trigger_rule == "none_failed_min_one_success"
    assert publish.upstream_task_ids >= {"judge", "gate", "approve"}
    assert approve.upstream_task_ids == {"gate"}
    assert approve.fail_on_reject
    assert approve.response_timeout is not None


@pytest.mark.parametrize("dag_id", ["sweep_pools", "erase_items", "retire_version"])
def test_dag_that_deletes_deletes_nothing_unless_told(dag_bag, dag_id: str) -> None:
    dag = dag_bag.dags[dag_id]

    assert dag.params["dry_run"] is True
    assert dag.params["digest"] is None
    assert not dag.timetable.can_be_scheduled


def test_broken_dataset_file_is_one_import_error_and_costs_no_other_dag(tmp_path: Path) -> None:
    good = (Path(os.environ["RESIFT_DATASETS"]) / "photos.yaml").read_text()
    (tmp_path / "photos.yaml").write_text(good)
    (tmp_path / "torn.yaml").write_text("name: [torn")

    parsed = parse(tmp_path)

    assert parsed["dags"] == [
        "compact_pools",
        "erase_items",
        "ingest_drops",
        "refresh_snapshot_photos",
        "retire_version",
        "sweep_pools",
    ]
    assert [Path(file).name for file in parsed["errors"]] == ["broken_datasets.py"]
    assert "torn.yaml: not YAML" in "".join(parsed["errors"].values())
    assert parsed["heavy"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: photos", "name: tiles"), "photos.yaml: name is 'tiles', expected 'photos', the file's own"),
        (("anchor: 2025-01-06", "anchor: soon"), "anchor is 'soon', expected a date such as 2025-01-06"),
        (("anchor: 2025-01-06", "anchor: 2025-01-06T12:00:00Z"), "anchor is datetime.*, expected a date"),
        (("every: 90d", "every: 0d"), "every is '0d', expected days such as 90d"),
        (("every: 90d", "every: 90"), "every is 90, expected days such as 90d"),
        (("every: 90d", "every: -90d"), "every is '-90d', expected days such as 90d"),
        (("every: 90d", "every: 99999999999d"), "every is '99999999999d', expected days such as 90d"),
        (("every: 90d\n", ""), "every is None, expected days such as 90d"),
    ],
)
def test_dataset_file_that_cannot_be_scheduled_says_why(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    good = (Path(os.environ["RESIFT_DATASETS"]) / "photos.yaml").read_text()
    file = tmp_path / "photos.yaml"
    file.write_text(good.replace(*change))

    with pytest.raises(ConfigError, match=message):
        read_schedule(file)


def test_missing_folder_of_dataset_files_is_an_error_not_an_empty_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere: no such folder, expected the one of the dataset files"):
        read_schedules(tmp_path / "nowhere")


def test_shipped_dataset_files_can_be_scheduled() -> None:
    assert read_schedules(ROOT / "include" / "datasets").broken == ()
