"""Ingest the drops that wait in the inbox, or one drop that is named.

A drop is a folder of files. It waits in `RESIFT_INBOX/SOURCE/DROP/`, where `SOURCE.yaml` in `RESIFT_SOURCES` says how
to read it; the inbox may be a path or an `s3://` URL. A folder whose name starts with a dot or an underscore is still
being delivered and left alone. A folder that was ingested is not looked at again: deliver changes under a new name.

| task | does |
|---|---|
| `list_files` | finds the drops that are not yet in their pool, and hands on groups of their files |
| `ingest_files` | turns each file into a sorted run, and rows that cannot be read into quarantine |
| `commit_drops` | judges each drop whose files were all ingested and makes it visible; fails if some drop is not |

One bad drop does not hold up the others, and the same drop twice changes nothing.

**When a task fails**, its message says which file and why. Mend the file where it lies, or its source file; the drop
waits and is taken by the next run. Or trigger a run with `source` and `drop`.
"""

from datetime import UTC, datetime

from airflow.sdk import Param, chain, dag, task
from task_defaults import TASK_DEFAULTS


@dag(
    schedule="@daily",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["resift", "ingest"],
    doc_md=__doc__,
    params={
        "source": Param(None, type=["null", "string"], title="Source", description="Empty: all that have an inbox."),
        "drop": Param(None, type=["null", "string"], title="Drop", description="Path or URL. Empty: the inbox."),
        "observed_at": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Observed at",
            description="The instant of all rows of the drop, where its source does not tell it.",
        ),
    },
)
def ingest_drops():
    """Declare the tasks."""

    @task
    def list_files(ti=None, params=None):
        from resift.steps import tasks

        work = tasks.list_files(source=params["source"], drop=params["drop"], observed_at=params["observed_at"])
        ti.xcom_push("work", work)
        return list(range(work["groups"]))

    @task
    def ingest_files(work, group):
        from resift.steps import tasks

        return tasks.ingest_files(work, group=group)

    # Runs although some files failed: it commits only drops whose files are all there, and fails for the others.
    # Runs although there was no file to ingest: it also reports the drops that could not even be listed.
    @task(trigger_rule="all_done")
    def commit_drops(ti=None):
        from resift.steps import tasks

        return tasks.commit_drops(ti.xcom_pull(task_ids="list_files", key="work"))

    groups = list_files()
    chain(groups, ingest_files.partial(work=groups["work"]).expand(group=groups), commit_drops())


ingest_drops()
