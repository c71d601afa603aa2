"""Refresh a dataset: draw the sample of one cycle, have it judged, and publish it as a snapshot.

One DAG for each dataset file. It runs at every grid point of its dataset; the logical date of a run is the version it
publishes. Nothing is visible to readers before `publish` has written the manifest, so any task may be cleared and run
again at any time, and a run that was stopped leaves nothing behind but staging.

| task | does |
|---|---|
| `plan` | freezes everything the refresh depends on, and hands on groups of ranges |
| `sift` | removes what may not be drawn from each group of ranges |
| `cut` | finds where the sample is full |
| `audit` | reads the staged parts back and measures them |
| `judge` | holds the measurements against the dataset's limits |
| `publish` | makes the snapshot exist, moves `latest` forward, emits the asset event |

**A cycle in the past:** `airflow backfill create --dag-id refresh_snapshot_DATASET --from-date D --to-date D
--max-active-runs 1`, where D is a grid date. A window without a grid date creates no run and names the two nearest.

**A run by hand** stands for the latest grid point, or for the one named by `as_of`.

**Where things are:** the lake is `RESIFT_LAKE` in the environment of the workers; dataset files are in
`RESIFT_DATASETS`, or in `include/datasets` beside this folder. A file that cannot be scheduled shows as the import
error of `broken_datasets.py` and takes no other DAG with it.

**When a task fails:** refusals (a wrong date, a wrong file, a verdict that does not let the snapshot pass) fail at once
and say what to do; anything else is tried again twice.
"""

from datetime import timedelta

from airflow.sdk import DAG, Asset, Param, chain, task
from grid_timetable import GridTimetable
from task_defaults import TASK_DEFAULTS

from resift.model.grid import midnight
from resift.steps.schedule import Schedule, dataset_folder, read_schedules

as_of = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Grid date",
    description="The cycle to refresh, such as 2025-01-06. Empty: the one of the run.",
)
known_at = Param(
    None,
    type=["null", "string"],
    format="date-time",
    title="Known at",
    description="The instant at which deletions, suppressions and policy are judged. Empty: now.",
)


def refresh_snapshot(schedule: Schedule) -> None:
    """Declare the tasks of one dataset's DAG."""
    snapshots = Asset(f"resift://{schedule.dataset}/snapshots")

    @task
    def plan(dataset_file, ti=None, dag_run=None, params=None):
        from resift.steps import tasks

        when = {"logical_date": dag_run.logical_date, "run_after": dag_run.run_after}
        refresh = tasks.plan(dataset_file, as_of=params["as_of"], known_at=params["known_at"], **when)
        ti.xcom_push("refresh", refresh)
        return list(range(refresh["groups"]))

    @task
    def sift(refresh, group):
        from resift.steps import tasks

        return tasks.sift(refresh, group=group)

    @task
    def cut(refresh):
        from resift.steps import tasks

        return tasks.cut(refresh)

    @task
    def audit(refresh, group):
        from resift.steps import tasks

        return tasks.audit(refresh, group=group)

    @task(execution_timeout=timedelta(hours=1))
    def judge(refresh):
        from resift.steps import tasks

        return tasks.judge(refresh)

    @task(outlets=[snapshots])
    def publish(refresh, verdict, outlet_events=None):
        from resift.steps import tasks

        published = tasks.publish(refresh, judgement=verdict)
        outlet_events[snapshots].extra = published
        return published

    groups = plan(str(schedule.file))
    refresh = groups["refresh"]
    verdict = judge(refresh)
    # Each step hangs off all of the step before it, so that none runs on half of another's work.
    chain(
        sift.partial(refresh=refresh).expand(group=groups),
        cut(refresh),
        audit.partial(refresh=refresh).expand(group=groups),
        verdict,
        publish(refresh, verdict),
    )


for schedule in read_schedules(dataset_folder(__file__)).readable:
    with DAG(
        dag_id=f"refresh_snapshot_{schedule.dataset}",
        schedule=GridTimetable(schedule.grid.anchor, schedule.grid.every),
        start_date=midnight(schedule.grid.anchor),
        catchup=False,
        max_active_runs=1,
        default_args=TASK_DEFAULTS,
        params={"as_of": as_of, "known_at": known_at},
        tags=["resift", "refresh", schedule.dataset],
        doc_md=__doc__,
    ):
        refresh_snapshot(schedule)
