"""Compact the pools: many small runs become few, and what no answer needs is left out.

Every drop adds runs, and a refresh opens them all. Once a week the small ones are merged, so that their number grows
with the logarithm of the pool. For each item the last observation before each grid date of the datasets over the pool
stays, as do the newest one and every owner it ever had: the content of every version that can be refreshed is
what it was. Once in 90 days everything is merged.

| task | does |
|---|---|
| `plan` | decides for each pool which runs to merge; most weeks the latest drops |
| `merge` | merges one group of intervals of PRNs |
| `commit` | lets the merged runs stand for the others, all at once |

It may run beside ingests and refreshes. A refresh that was planned before goes on with the runs it froze: they stay
until `sweep_pools` deletes them. Any task may be cleared and run again.

**When a task fails**, nothing has changed: a compaction shows when `commit` has written its document. `another was
committed meanwhile` means that somebody compacted by hand; clear the run from `plan` on.
"""

from datetime import UTC, datetime

from airflow.sdk import Param, chain, dag, task
from task_defaults import TASK_DEFAULTS


@dag(
    schedule="@weekly",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["resift", "pool"],
    doc_md=__doc__,
    params={
        "pool": Param(None, type=["null", "string"], title="Pool", description="Empty: all pools of dataset files."),
    },
)
def compact_pools():
    """Declare the tasks."""

    @task
    def plan(ti=None, params=None):
        from resift.steps import pool_tasks

        work = pool_tasks.plan_compactions(__file__, pool=params["pool"])
        ti.xcom_push("work", work)
        return pool_tasks.groups_of(work)

    @task
    def merge(work, group):
        from resift.steps import pool_tasks

        return pool_tasks.merge_runs(work, index=group)

    @task
    def commit(work):
        from resift.steps import pool_tasks

        return pool_tasks.commit_compactions(work)

    groups = plan()
    # Hangs off all merges, so that no compaction is committed of which one failed.
    chain(merge.partial(work=groups["work"]).expand(group=groups), commit(groups["work"]))


compact_pools()
