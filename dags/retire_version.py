"""Retire a version: delete the files of a version whose time is over, or that was withdrawn.

**Danger.** The files are gone, and the version is never published again. A tombstone stays, and tells readers since
when, `why`, and which version `follows`; it is public.

Trigger it twice. The first run, with `dry_run` on as it is by default, changes nothing: its result says how many files
of how many bytes would go, and holds a digest. The second, with `dry_run` off and that `digest`, does exactly that; if
anything changed in between it refuses and changes nothing. A version that is promised to stay, or that `latest` names,
is refused either way.

**When it fails:** a run that was stopped is finished by the same run again.
"""

from airflow.sdk import Param, dag, task
from task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["resift", "destructive"],
    doc_md=__doc__,
    params={
        "dataset": Param("", type="string", title="Dataset", description="The dataset the version is of."),
        "version": Param("", type="string", title="Version", description="Such as 2026-09-28."),
        "why": Param("", type="string", title="Why", description="For the tombstone. Public."),
        "follows": Param(None, type=["null", "string"], title="Follows", description="The version to use instead."),
        "dry_run": Param(True, type="boolean", title="Dry run", description="Change nothing; show what would go."),
        "digest": Param(None, type=["null", "string"], title="Digest", description="Of the dry run to act on."),
    },
)
def retire_version():
    """Declare the task."""

    @task
    def retire(params=None):
        from resift.steps import end_tasks

        names = ("dataset", "version", "why", "follows", "dry_run", "digest")
        return end_tasks.retire(**{name: params[name] for name in names})

    retire()


retire_version()
