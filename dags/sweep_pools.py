"""Sweep a pool: delete runs that a compaction replaced, and what abandoned compactions left.

**Danger.** What is deleted is gone. No answer needs it, for its observations lie in merged runs; but there is no way
back to the pool as it was before the compaction.

Trigger it twice. The first run, with `dry_run` on as it is by default, deletes nothing: its log lists every object, and
its result holds a digest. The second, with `dry_run` off and that `digest`, deletes exactly those; if anything changed
in between it refuses and deletes nothing.

A run stays for `grace_days` after it was replaced, and as long as the plan of a refresh under way names it. `held` in
the result counts such plans: those of refreshes that nobody will finish are deleted by hand (see the runbook).
"""

from airflow.sdk import Param, dag, task
from task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["resift", "pool", "destructive"],
    doc_md=__doc__,
    params={
        "pool": Param("", type="string", title="Pool", description="The pool to sweep."),
        "dry_run": Param(True, type="boolean", title="Dry run", description="Delete nothing; show what would be."),
        "digest": Param(None, type=["null", "string"], title="Digest", description="Of the dry run to act on."),
        "grace_days": Param(7, type="integer", minimum=1, title="Grace", description="Days a replaced run stays."),
    },
)
def sweep_pools():
    """Declare the task."""

    @task
    def sweep(params=None):
        from resift.steps import pool_tasks

        names = ("pool", "grace_days", "dry_run", "digest")
        return pool_tasks.sweep(**{name: params[name] for name in names})

    sweep()


sweep_pools()
