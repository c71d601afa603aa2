"""What is done with a pool and its versions besides refreshing: compact, erase, pull, compare."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench.child import peak_mib
from bench.counting import CountingStore
from bench.pool import DATASET
from bench.tasks import KNOWN_AT, VERSION, Work
from resift.client.diff import diff
from resift.client.pull import pull
from resift.client.snapshots import read_manifest
from resift.model import keys
from resift.model.dataset import Dataset
from resift.steps.compact import commit_compaction, merge_group, plan_compaction
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.pools import read_state
from resift.storage import open_store


def compact_pool(*, lake: str, workers: int) -> Work:
    """Merge the runs of the pool as the DAG does: a process a group of intervals, so many at a time."""
    store = open_store(lake)
    dataset = Dataset.from_yaml(DATASET.format(name="kept", pool="photos", size=1, width=1.0), what="kept")
    before = len(read_state(store, "photos").runs)

    def work() -> dict[str, Any]:
        plan = plan_compaction(store, pool="photos", datasets=[dataset], now=KNOWN_AT)
        if plan is None:
            return {"rows": 0, "runs_before": before, "runs_after": before}
        merge = partial(_merge_one, lake, plan.compaction_id)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
            peaks = list(processes.map(merge, range(len(plan.groups))))
        done = commit_compaction(store, pool="photos", compaction_id=plan.compaction_id, now=KNOWN_AT)
        after = len(read_state(store, "photos").runs)
        return {"rows": done.observations, "runs_before": before, "runs_after": after, "rss_mib": max(peaks)}

    return work


def _merge_one(lake: str, compaction_id: str, group: int) -> float:
    merge_group(open_store(lake), pool="photos", compaction_id=compaction_id, group=group)
    return peak_mib()


def erase_items(*, lake: str, name: str, parts: int) -> Work:
    """Take one item out of each of so many parts of a version, and out of every other version that holds it."""
    counting = CountingStore(open_store(lake))
    manifest = read_manifest(counting, name, str(VERSION))
    # From the end: the items there are not in the smaller samples of the same pool. The part that was cut comes last:
    # a few rows may be all that is left of it, and a part is rewritten as a whole.
    cut, *whole = manifest.parts[::-1]
    chosen = [_middle_id(lake, manifest, part.path) for part in [*whole, cut][:parts]]
    entries = wanted(counting, pool="photos", images=chosen, owners=(), request="bench", requested_at=KNOWN_AT)

    def work() -> dict[str, Any]:
        plan = plan_erasure(counting, pool="photos", entries=entries)
        erase(counting, pool="photos", entries=entries, plan_digest=plan.document_digest(), now=KNOWN_AT)
        touched = sum(version.parts + version.changes_files for version in plan.versions)
        return {"rows": sum(version.rows for version in plan.versions), "parts": touched, **counting.counts()}

    return work


def _middle_id(lake: str, manifest: Any, path: str) -> str:
    folder = Path(lake.removeprefix("file://")) / keys.snapshot(manifest.dataset, manifest.version)
    rows = pq.read_table(folder / path, columns=["image_id"], partitioning=None)
    return str(rows["image_id"][len(rows) // 2].as_py())


def pull_snapshot(*, lake: str, name: str, target: str) -> Work:
    """Copy a version into an empty directory, every file verified."""
    counting = CountingStore(open_store(lake))
    manifest = read_manifest(counting, name, str(VERSION))
    shutil.rmtree(target, ignore_errors=True)

    def work() -> dict[str, Any]:
        done = pull(counting, manifest, Path(target))
        return {"rows": manifest.rows, "bytes": done.fetched_bytes, **counting.counts()}

    return work


def compare_versions(*, lake: str, name: str, older: str) -> Work:
    """Find what entered and left between two versions, and why."""
    counting = CountingStore(open_store(lake))
    first, second = (read_manifest(counting, name, str(day)) for day in (date.fromisoformat(older), VERSION))

    def work() -> dict[str, Any]:
        total, changes = diff(counting, first, second)
        listed = sum(len(rows) for rows in changes)
        parts = len(first.parts) + len(second.parts)
        return {"rows": total.stayed + listed, "parts": parts, **counting.counts()}

    return work


TASKS: dict[str, Callable[..., Work]] = {
    "compact": compact_pool,
    "erase": erase_items,
    "pull": pull_snapshot,
    "diff": compare_versions,
}
