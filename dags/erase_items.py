"""Erase items: take everything that was suppressed out of every published version over a pool.

**Danger.** What is erased is gone from the lake and does not come back: rows, lines of changes, and the files that held
them. Readers get a new revision of each version that held one.

Suppress first, with `resift suppress`: ids never pass through Airflow, whose database and logs would keep them. Then
trigger it twice. The first run, with `dry_run` on as it is by default, changes nothing: its log says how many rows of
which version would go, and its result holds a digest. The second, with `dry_run` off and that `digest`, does exactly
that; if anything changed in between it refuses and changes nothing.

**When it fails:** a run that was stopped is finished by the same run again. Refreshes under way that know of fewer
suppressions lose what they staged; clear them from `plan` on.
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
        "pool": Param("", type="string", title="Pool", description="The pool whose suppressions are carried out."),
        "dry_run": Param(True, type="boolean", title="Dry run", description="Change nothing; show what would go."),
        "digest": Param(None, type=["null", "string"], title="Digest", description="Of the dry run to act on."),
    },
)
def erase_items():
    """Declare the task."""

    @task
    def erase(params=None):
        from resift.steps import pool_tasks

        return pool_tasks.erase(**{name: params[name] for name in ("pool", "dry_run", "digest")})

    erase()


erase_items()
