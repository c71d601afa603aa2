"""What resift does, and the floor below it, each as a task that prepares first and is then timed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401  # the audit loads it when it begins; before the clock, as for the peers
import pyarrow.parquet as pq

from bench.child import cpu_seconds, peak_mib
from bench.counting import CountingStore
from bench.pool import DATASET, DECIDING, PUBLISHED, SALT, SOURCE
from resift.client.snapshots import read_manifest
from resift.client.verify import verify
from resift.core.circle import intervals
from resift.model.dataset import Dataset
from resift.model.source import Source
from resift.steps.audit import audit
from resift.steps.cut import cut
from resift.steps.found_pool import ensure_pool
from resift.steps.ingest import commit_drop, open_drop
from resift.steps.ingest_file import ingest_file
from resift.steps.judge import judge
from resift.steps.mapper import mapper
from resift.steps.parquet import ROW_GROUP_ROWS, lasting
from resift.steps.plan import plan
from resift.steps.pools import read_state
from resift.steps.publish import publish
from resift.steps.sift import sift
from resift.storage import Store, open_store

VERSION = date(2026, 4, 1)
KNOWN_AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
LENIENT = (
    "limits: {host_share: 0.9, owner_share: 0.9, source_share: 0.9, stale_share: 0.9, excluded_share: 0.9, "
    "jump_floor: 0.9}"
)
"""For a made-up world: nothing is delivered between two versions, so much goes stale, or everything is made anew."""

Work = Callable[[], dict[str, Any]]


def ingest_drops(*, lake: str, files: list[str], workers: int) -> Work:
    """Ingest each file as a drop of its own, as the DAG does: a process a file, so many at a time."""
    store, source = open_store(lake), Source.from_yaml(SOURCE.format(pool="photos"), what="bench")
    ensure_pool(store, source.pool, salt=SALT)

    def work() -> dict[str, Any]:
        if workers == 1:
            told = [_ingest_one(lake, file) for file in files]
            return {"rows": sum(one["rows"] for one in told)}
        with ProcessPoolExecutor(workers) as processes:
            told = list(processes.map(_ingest_one, [lake] * len(files), files))
        return {"rows": sum(one["rows"] for one in told), "rss_mib": max(one["rss_mib"] for one in told)}

    return work


def _ingest_one(lake: str, file: str) -> dict[str, Any]:
    store, source = open_store(lake), Source.from_yaml(SOURCE.format(pool="photos"), what="bench")
    listing = open_drop(source, file)
    receipts = [ingest_file(source, listing, index, store) for index in range(len(listing.files))]
    drop = commit_drop(source, listing, receipts, store)
    return {"rows": drop.observations, "rss_mib": peak_mib()}


def refresh_dataset(
    *, lake: str, name: str, size: int, width: float, workers: int, counted: bool = False, after: str | None = None
) -> Work:
    """Refresh from plan to publish, and time each step. What an earlier repetition published is removed first.

    With ``after``, a version of that date is published before the clock starts, and this one is compared with it.
    """
    store = open_store(lake)
    text = DATASET.format(name=name, pool="photos", size=size, width=width)
    dataset = Dataset.from_yaml(text.replace("every: 90d", "every: 15d") + LENIENT if after else text, what=name)
    shutil.rmtree(Path(lake.removeprefix("file://")) / "datasets" / name, ignore_errors=True)
    counting = CountingStore(store) if counted else None
    over: Any = counting or store
    if after:
        time_refresh(store, dataset, date.fromisoformat(after), workers)

    def work() -> dict[str, Any]:
        return {**time_refresh(over, dataset, VERSION, workers), **(counting.counts() if counting else {})}

    return work


def time_refresh(
    store: Store, dataset: Dataset, version: date, workers: int, known_at: datetime = KNOWN_AT
) -> dict[str, Any]:
    """Refresh from plan to publish, and tell the seconds of each step."""
    steps: dict[str, float] = {}
    cpu: dict[str, float] = {}

    def timed(step: str, call: Callable[[], Any]) -> Any:
        started, used = time.perf_counter(), cpu_seconds()
        answer = call()
        steps[step], cpu[step] = time.perf_counter() - started, cpu_seconds() - used
        return answer

    receipt = timed("plan", lambda: plan(store, dataset=dataset, as_of=version, known_at=known_at, max_tasks=workers))
    names: dict[str, Any] = {"dataset": dataset.name, "version": version, "plan_id": receipt.plan_id}
    run = mapper(store, workers)
    timed("sift", lambda: run(partial(sift, **names), receipt.groups))
    timed("cut", lambda: cut(store, **names))
    timed("audit", lambda: run(partial(audit, **names), receipt.groups))
    verdict = timed("judge", lambda: judge(store, **names))
    manifest = timed("publish", lambda: publish(store, **names, verdict=verdict))
    return {
        "rows": manifest.rows,
        "parts": len(manifest.parts),
        "steps": steps,
        "cpu": cpu,
        "digest": manifest.content_digest,
    }


def verify_snapshot(*, lake: str, name: str) -> Work:
    """Compute every digest, count and order of a snapshot again."""
    store = open_store(lake)
    return lambda: {"rows": verify(store, read_manifest(store, name, str(VERSION))).rows}


def floor(*, lake: str, name: str, target: str, workers: int) -> Work:
    """Read the row groups that hold the sample, the columns that decide and are published, and write the result.

    Nothing is decided, merged, hashed or checked: no program that makes this snapshot from these files can do less.
    The parts are written with the settings of the snapshot's, `workers` at a time.
    """
    store = open_store(lake)
    manifest = read_manifest(store, name, str(VERSION))
    runs = read_state(store, "photos").runs
    shutil.rmtree(target, ignore_errors=True)
    Path(target).mkdir(parents=True)
    root = Path(lake.removeprefix("file://"))
    columns = list(dict.fromkeys(("prn", *PUBLISHED, *DECIDING)))
    spans = intervals(0, manifest.draw.width, start=manifest.draw.start)
    parts = [root / "datasets" / name / "snapshots" / str(VERSION) / part.path for part in manifest.parts]
    tables = [(number, pq.read_table(part)) for number, part in enumerate(parts)]

    def read() -> int:
        total = 0
        for run in runs:
            file = pq.ParquetFile(root / run.key, memory_map=True)
            wanted = [
                group
                for group, first in enumerate(run.row_group_first)
                if any(first < hi and lo <= _last(run, group) for lo, hi in spans)
            ]
            for at in range(0, len(wanted), 16):
                total += len(file.read_row_groups(wanted[at : at + 16], columns=columns))
        return total

    def write(numbered: tuple[int, Any]) -> None:
        number, table = numbered
        pq.write_table(
            table, Path(target) / f"{number}.parquet", row_group_size=ROW_GROUP_ROWS, **lasting(table.schema)
        )

    def work() -> dict[str, Any]:
        started = time.perf_counter()
        rows = read()
        seconds = time.perf_counter() - started
        with ThreadPoolExecutor(workers) as threads:
            list(threads.map(write, tables))
        return {"rows": manifest.rows, "rows_read": rows, "read_seconds": seconds}

    return work


def _last(run: Any, group: int) -> int:
    firsts = run.row_group_first
    return int(firsts[group + 1]) if group + 1 < len(firsts) else int(run.prn_max)


TASKS: dict[str, Callable[..., Work]] = {
    "ingest": ingest_drops,
    "refresh": refresh_dataset,
    "verify": verify_snapshot,
    "floor": floor,
}
