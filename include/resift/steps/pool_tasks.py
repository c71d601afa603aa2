"""What the scheduled tasks that tend a pool call, with the lake from the environment and small values in and out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from resift.errors import RemovalRefused, ResiftError, StagingError
from resift.model import keys
from resift.steps.compact import commit_compaction, merge_group, plan_compaction
from resift.steps.erase import erase as erase_everywhere
from resift.steps.erase import plan_erasure, wanted
from resift.steps.schedule import dataset_folder, read_dataset_files
from resift.steps.sweep import sweep as sweep_pool
from resift.steps.tasks import lake

_log = logging.getLogger(__name__)

Work = Sequence[Sequence[Any]]
"""Compactions under way: pool, id and number of groups of each."""


def plan_compactions(dag_file: str, *, pool: str | None) -> list[list[Any]]:
    """Plan the compaction of one pool, or of all pools that a dataset file names and that are there."""
    store = lake()
    datasets = read_dataset_files(Path(dataset_folder(dag_file)))
    pools = {pool} if pool else {d.pool for d in datasets if store.stat(keys.pool(d.pool)) is not None}
    work = []
    for name in sorted(pools):
        plan = plan_compaction(store, pool=name, datasets=datasets, now=datetime.now(UTC))
        if plan is not None:
            work.append([name, plan.compaction_id, len(plan.groups)])
    return work


def groups_of(work: Work) -> list[int]:
    """Return an index for every group of every compaction."""
    return list(range(sum(groups for _, _, groups in work)))


def merge_runs(work: Work, *, index: int) -> dict[str, Any]:
    """Merge one group of one of the compactions."""
    for pool, compaction_id, groups in work:
        if index < groups:
            kept = merge_group(lake(), pool=pool, compaction_id=compaction_id, group=index)
            return {"pool": pool, "compaction_id": compaction_id, "group": index, "kept": kept}
        index -= groups
    raise StagingError(f"group {index}: found no compaction it is of, expected one. Clear the run from `plan` on.")


def commit_compactions(work: Work) -> list[dict[str, Any]]:
    """Commit every compaction; then say which could not be.

    Raises:
        ResiftError: The first that could not be committed. All others are.
    """
    done, problems = list[dict[str, Any]](), list[ResiftError]()
    for pool, compaction_id, _ in work:
        try:
            found = commit_compaction(lake(), pool=pool, compaction_id=compaction_id, now=datetime.now(UTC))
        except ResiftError as error:
            problems.append(error)
            continue
        done.append({"pool": pool, "number": found.number, "kept": found.kept, "removed": found.removed})
    if problems:
        raise problems[0]
    return done


def sweep(*, pool: str, grace_days: int, dry_run: bool, digest: str | None) -> dict[str, Any]:
    """Find what a pool does not need any more, and delete it if told so with the digest of what was found."""
    grace = timedelta(days=grace_days)
    found = sweep_pool(lake(), pool=pool, now=datetime.now(UTC), grace=grace, dry_run=dry_run, digest=digest)
    for key in found.keys:
        _log.info(key)
    return {
        "deleted": not dry_run,
        "digest": found.digest,
        "objects": len(found.keys),
        "size_bytes": found.size_bytes,
        "held": len(found.held),
    }


def erase(*, pool: str, dry_run: bool, digest: str | None) -> dict[str, Any]:
    """Carry out all suppressions of a pool if told so with the digest of what they would do; else say what that is.

    Raises:
        RemovalRefused: No digest was given, or that of something else. Nothing is changed.
    """
    store, now = lake(), datetime.now(UTC)
    entries = wanted(store, pool=pool, images=(), owners=(), request="", requested_at=now)
    if dry_run:
        plan = plan_erasure(store, pool=pool, entries=entries)
        counts = [f"{one.dataset} {one.version}.{one.revision}: {one.rows}" for one in plan.versions]
        _log.info("rows to erase: %s", counts)
        return {"erased": False, "digest": plan.document_digest(), "versions": len(plan.versions)}
    if digest is None:
        raise RemovalRefused(
            f"erasure in pool {pool}: found no digest, expected that of a dry run. Run it with dry_run first."
        )
    receipt = erase_everywhere(store, pool=pool, entries=entries, plan_digest=digest, now=now)
    return {"erased": True, "digest": digest, "versions": len(receipt.versions)}
