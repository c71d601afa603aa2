"""The ingest DAG, run by Airflow itself."""

import os
from pathlib import Path

import pytest

from resift.steps.pools import read_drops
from resift.storage import open_store

pytestmark = pytest.mark.usefixtures("airflow_db")

ROWS = (
    "id,url,seen\n{0}1,https://host.example/1,2025-04-01T00:00:00Z\n{0}2,https://host.example/2,2025-04-01T00:00:00Z\n"
)


def deliver(place: str, text: str) -> None:
    folder = Path(os.environ["RESIFT_INBOX"]) / place
    folder.mkdir(parents=True)
    (folder / "items.csv").write_text(text)


def observations() -> int:
    return sum(drop.observations for drop in read_drops(open_store(os.environ["RESIFT_LAKE"]), "museum"))


def test_waiting_drops_are_ingested_once_and_a_bad_one_fails_alone(dag_bag, run_dag) -> None:
    dag = dag_bag.dags["ingest_drops"]
    deliver("museum/monday", ROWS.format("a"))
    deliver("museum/tuesday", ROWS.format("b"))

    assert run_dag(dag).state == "success"
    assert observations() == 4

    deliver("museum/wednesday", "nothing,of,this\n1,2,3\n")
    deliver("museum/thursday", ROWS.format("c"))
    run = run_dag(dag)

    assert run.state == "failed"
    assert {instance.try_number for instance in run.get_task_instances()} == {1}
    assert observations() == 6


def test_empty_inbox_makes_a_successful_run(dag_bag, run_dag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESIFT_INBOX", str(tmp_path))

    run = run_dag(dag_bag.dags["ingest_drops"])

    assert run.state == "success"
    assert run.get_task_instance("commit_drops").xcom_pull("commit_drops")["drops"] == 0


def test_folder_no_source_knows_fails_the_run(
    dag_bag, run_dag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stranger" / "monday").mkdir(parents=True)
    (tmp_path / "stranger" / "monday" / "items.csv").write_text("id\n")
    monkeypatch.setenv("RESIFT_INBOX", str(tmp_path))

    assert run_dag(dag_bag.dags["ingest_drops"]).state == "failed"


def test_inbox_that_is_not_there_fails_the_run_at_once(dag_bag, run_dag, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESIFT_INBOX", "/nowhere")

    run = run_dag(dag_bag.dags["ingest_drops"])

    assert run.state == "failed"
    assert {instance.try_number for instance in run.get_task_instances() if instance.state == "failed"} == {1}
