"""What the task that retires a version calls, with the lake from the environment and small values in and out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from resift.errors import RemovalRefused
from resift.steps.end import end, plan_ending, read_version
from resift.steps.tasks import lake


def retire(
    *, dataset: str, version: str, why: str, follows: str | None, dry_run: bool, digest: str | None
) -> dict[str, Any]:
    """Retire a version if told so with the digest of what that would do; else say what that is.

    Raises:
        ConfigError: A version is no date.
        RemovalRefused: It may not be retired, or no digest was given, or that of something else. Nothing is changed.
    """
    store, now = lake(), datetime.now(UTC)
    day, after = read_version(version), read_version(follows) if follows else None
    if dry_run:
        plan = plan_ending(store, dataset=dataset, version=day, act="retire", why=why, follows=after, now=now)
        return {
            "retired": False,
            "digest": plan.document_digest(),
            "files": plan.files,
            "size_bytes": plan.size_bytes,
        }
    if digest is None:
        raise RemovalRefused(
            f"snapshot {dataset} {day}: found no digest, expected that of a dry run. Run it with dry_run first."
        )
    end(store, dataset=dataset, version=day, act="retire", why=why, follows=after, plan_digest=digest, now=now)
    return {"retired": True, "digest": digest}
