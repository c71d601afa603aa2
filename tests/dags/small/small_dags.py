"""Small DAGs that tests run, to see what Airflow makes of our timetable and of our failures."""

from datetime import date, timedelta

from airflow.sdk import DAG, task
from grid_timetable import GridTimetable
from task_defaults import TASK_DEFAULTS

from resift.errors import RefreshHeld, StorageError

SCHEDULE = GridTimetable(date(2025, 1, 6), timedelta(days=90))
AT_ONCE = {**TASK_DEFAULTS, "retry_delay": timedelta(0), "retry_exponential_backoff": 0}

for dag_id, error in {
    "refused": RefreshHeld("hosts: …"),
    "stormy": StorageError("lake: …"),
    "unforeseen": RuntimeError("…"),
}.items():
    with DAG(dag_id, schedule=SCHEDULE, default_args=AT_ONCE):

        @task
        def fail(error: Exception = error) -> None:
            raise error

        fail()

with DAG("dated", schedule=SCHEDULE, default_args=TASK_DEFAULTS):

    @task
    def tell(logical_date=None, data_interval_end=None) -> list[str]:
        return [f"{logical_date:%Y-%m-%d}", f"{data_interval_end:%Y-%m-%d}"]

    tell()
