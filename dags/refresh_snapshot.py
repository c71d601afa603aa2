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
| `gate` | goes on to `approve` if the verdict holds, else to `publish` |
| `approve` | shows why the snapshot is held, and waits a week for a person to approve it with a reason |
| `publish` | makes the snapshot exist, moves `latest` forward, emits the asset event |

**A cycle in the past:** `airflow backfill create --dag-id refresh_snapshot_DATASET --from-date D --to-date D
--max-active-runs 1`, where D is a grid date. A window without a grid date creates no run and names the two nearest.

**A run by hand** stands for the latest grid point, or for the one named by `as_of`.

**Held:** a run whose snapshot is held, by the breaker or because it drifted, waits in `approve`, under *Required
Actions*. Rejected, or not answered in seven days, it fails and nothing is published. `resift approve` on the command
line serves as well: the run is then answered either way, or its `publish` cleared. Runs with `unattended`, and those of
`airflow dags test`, do not wait: they fail.

**Where things are:** the lake is `RESIFT_LAKE` in the environment of the workers; dataset files are in
`RESIFT_DATASETS`, or in `include/datasets` beside this folder. A file that cannot be scheduled shows as the import
error of `broken_datasets.py` and takes no other DAG with it.

**When a task fails:** refusals (a wrong date, a wrong file, a verdict that does not let the snapshot pass) fail at once
and say what to do; anything else is tried again twice.
"""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
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
    description=(
        "Only its UTC day counts: the policy is dated by it, and observations dated before its end are known. "
        "Suppressions are those of now. Empty: now."
    ),
)
unattended = Param(
    False,
    type="boolean",
    title="Unattended",
    description="Nobody will answer: where the snapshot is held, fail at once.",
)
# No minLength: Airflow checks the default before it asks. publish refuses an approval without a reason.
why = Param("", type="string", maxLength=1000, title="Why", description="Why the jump is real. Published.")
DAG_TEST = "dag_test"
"""Whom Airflow names as the user of `airflow dags test`, where no one can answer."""


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

    @task.branch
    def gate(verdict, dag_run=None, params=None):
        from resift.steps import tasks

        return tasks.gate(verdict, unattended=params["unattended"] or dag_run.triggering_user_name == DAG_TEST)

    approve = ApprovalOperator(
        task_id="approve",
        subject=f"Publish {schedule.dataset}, which is held?",
        body="{{ ti.xcom_pull(task_ids='judge')['reasons'] }}",
        params={"why": why},
        response_timeout=timedelta(days=7),
        # Else a rejected run would count as a success that published nothing.
        fail_on_reject=True,
    )

    # Runs where approve was skipped because the verdict proceeds, and never after a failure.
    @task(outlets=[snapshots], trigger_rule="none_failed_min_one_success")
    def publish(refresh, verdict, response, outlet_events=None):
        from resift.steps import tasks

        published = tasks.publish(refresh, judgement=verdict, response=response)
        outlet_events[snapshots].extra = published
        return published

    groups = plan(str(schedule.file))
    refresh = groups["refresh"]
    verdict = judge(refresh)
    door = gate(verdict)
    published = publish(refresh, verdict, approve.output)
    # Each step hangs off all of the step before it, so that none runs on half of another's work.
    chain(
        sift.partial(refresh=refresh).expand(group=groups),
        cut(refresh),
        audit.partial(refresh=refresh).expand(group=groups),
        verdict,
        door,
        [approve, published],
    )
    approve >> published


for schedule in read_schedules(dataset_folder(__file__)).readable:
    with DAG(
        dag_id=f"refresh_snapshot_{schedule.dataset}",
        schedule=GridTimetable(schedule.grid.anchor, schedule.grid.every),
        start_date=midnight(schedule.grid.anchor),
        catchup=False,
        max_active_runs=1,
        default_args=TASK_DEFAULTS,
        params={"as_of": as_of, "known_at": known_at, "unattended": unattended},
        tags=["resift", "refresh", schedule.dataset],
        doc_md=__doc__,
    ):
        refresh_snapshot(schedule)
