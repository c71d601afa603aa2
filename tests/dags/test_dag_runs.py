"""How Airflow runs what our plugins declare: real runs of small DAGs in this process."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.usefixtures("airflow_db")

CYCLE = datetime(2025, 4, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def small_dags() -> DagBag:
    return DagBag(Path(__file__).parent / "small")


@pytest.mark.parametrize(("dag_id", "tries"), [("refused", 1), ("stormy", 3), ("unforeseen", 3)])
def test_refusal_fails_at_once_and_any_other_failure_is_tried_twice_more(
    small_dags: DagBag, dag_id: str, tries: int
) -> None:
    run = small_dags.dags[dag_id].test(logical_date=CYCLE)

    (instance,) = run.get_task_instances()
    assert (run.state, instance.try_number) == ("failed", tries)


def test_run_for_a_grid_date_has_that_date_everywhere(small_dags: DagBag) -> None:
    run = small_dags.dags["dated"].test(logical_date=CYCLE)

    assert run.state == "success"
    assert run.data_interval_start == run.data_interval_end == run.logical_date == CYCLE
    assert run.get_task_instance("tell").xcom_pull("tell") == ["2025-04-06", "2025-04-06"]
