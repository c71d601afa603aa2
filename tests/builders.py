"""Build pools and datasets for tests: state only what the test is about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.core.prn import permanent_random_numbers
from resift.model import keys
from resift.model.dataset import Dataset
from resift.model.observation import CARRIED_TYPES, PRN, run_schema
from resift.model.pool import Drop, FileEntry, Pool, RunEntry
from resift.storage import Store

SALT = "0123456789abcdef"
ANCHOR = date(2026, 1, 1)
EVERY = timedelta(days=90)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def cycle(k: int) -> date:
    """The grid date of a cycle."""
    return ANCHOR + k * EVERY


def instant(day: date, *, hours: float = 0) -> datetime:
    """An instant counted from midnight UTC of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)


def observation(image_id: str, observed_at: datetime | date, **fields: Any) -> dict[str, Any]:
    """An observation of a public image of a US owner, unless told otherwise."""
    when = observed_at if isinstance(observed_at, datetime) else instant(observed_at)
    return {
        "image_id": image_id,
        "observed_at": when,
        "state": "public",
        "url": f"https://host.example/{image_id}.jpg",
        "owner_id": "owner",
        "owner_country": "US",
        **fields,
    }


def make_dataset(**fields: Any) -> Dataset:
    """A dataset over the pool ``photos`` with wide limits, unless told otherwise."""
    wide = dict.fromkeys(
        (
            "deleted_share",
            "stale_share",
            "excluded_share",
            "owner_share",
            "host_share",
            "source_share",
            "size_drift",
            "jump_floor",
        ),
        1.0,
    )
    content = {
        "name": "sample",
        "pool": "photos",
        "anchor": ANCHOR,
        "every": "90d",
        "size": 100,
        "max_age": "90d",
        "part_rows": 100,
        "publish_columns": ["image_id", "url", "observed_at"],
        "retention": "3650d",
        "limits": wide,
        **fields,
    }
    return Dataset.model_validate(content)


def make_pool(
    store: Store, *drops: Iterable[Mapping[str, Any]], pool: str = "photos", salt: str = SALT, **options: Any
) -> None:
    """Make a pool whose drops hold these observations; call it again to add drops."""
    if store.stat(keys.pool(pool)) is None:
        store.create(keys.pool(pool), Pool(pool=pool, salt=salt).to_json())
    for drop in drops:
        add_drop(store, list(drop), pool=pool, salt=salt, **options)


def add_drop(
    store: Store,
    observations: list[Mapping[str, Any]],
    *,
    pool: str = "photos",
    salt: str = SALT,
    row_group_rows: int = 64,
    carried: Mapping[str, str] | None = None,
) -> Drop:
    """Write one sorted run and its drop, without going through ingest."""
    schema = run_schema(pa.schema([(name, CARRIED_TYPES[kind]) for name, kind in (carried or {}).items()]))
    drop_id = hashlib.sha256(repr(observations).encode()).hexdigest()[:16]
    rows = [
        {"source": "test", "drop": drop_id, "file": "test", "row_number": number, PRN: 0, **row}
        for number, row in enumerate(observations, start=1)
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    prn = permanent_random_numbers(table["image_id"], salt=salt)
    table = table.set_column(0, schema.field(PRN), pa.array(prn))
    table = table.sort_by([(PRN, "ascending"), ("image_id", "ascending"), ("observed_at", "ascending")])
    entry = _write_run(store, keys.run(pool, drop_id, 0), table, row_group_rows, dict(carried or {})) if rows else None
    file = FileEntry(
        name="test",
        sha256=drop_id,
        rows_read=len(rows),
        observations=len(rows),
        quarantined=0,
        quarantined_by_reason={},
        run=entry,
        quarantine_key=None,
    )
    drop = Drop(drop_id=drop_id, pool=pool, source="test", source_digest="", received_at=NOW, files=(file,))
    store.create(keys.drop(pool, drop_id), drop.to_json())
    return drop


def _write_run(store: Store, key: str, table: pa.Table, row_group_rows: int, carried: dict[str, str]) -> RunEntry:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=row_group_rows)
    body = sink.getvalue().to_pybytes()
    store.put(key, body)
    prn = table[PRN].to_numpy()
    starts = np.arange(0, len(prn), row_group_rows)
    return RunEntry(
        key=key,
        rows=len(prn),
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        prn_min=int(prn[0]),
        prn_max=int(prn[-1]),
        row_group_first=tuple(int(prn[at]) for at in starts),
        row_group_rows=tuple(int(min(row_group_rows, len(prn) - at)) for at in starts),
        carried=carried,
    )


def draw(store: Store, dataset: Dataset, as_of: date, *, known_at: datetime = NOW, **grouped: int) -> Any:
    """Plan, sift and cut one cycle: all that decides its content. Return the receipt of the cut."""
    from resift.steps.cut import cut
    from resift.steps.plan import plan
    from resift.steps.sift import sift

    receipt = plan(store, dataset=dataset, as_of=as_of, known_at=known_at, **grouped)
    names = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
    for group in range(receipt.groups):
        sift(store, **names, group=group)
    return cut(store, **names)


def stage(store: Store, dataset: Dataset, as_of: date, *, known_at: datetime = NOW, **grouped: int) -> Any:
    """Plan, sift, cut and audit one cycle; return the receipt of the cut. Cheap: it does not load the judge."""
    from resift.model.keys import Staging
    from resift.steps.audit import audit
    from resift.steps.plan import read_plan

    result = draw(store, dataset, as_of, known_at=known_at, **grouped)
    names = {"dataset": dataset.name, "version": as_of, "plan_id": result.plan_id}
    for group in range(len(read_plan(store, Staging(**names)).groups)):
        audit(store, **names, group=group)
    return result


def publish_unjudged(store: Store, dataset: Dataset, as_of: date, *, known_at: datetime = NOW) -> Any:
    """Stage one cycle and publish it with a passing verdict nobody examined, for tests that are not about the judge."""
    from resift.steps.publish import publish

    verdict = hand_in(store, draw(store, dataset, as_of, known_at=known_at))
    return publish(store, dataset=dataset.name, version=as_of, plan_id=verdict.plan_id, verdict=verdict)


def hand_in(store: Store, cut: Any, **fields: Any) -> Any:
    """Seal a verdict over a cut that nobody examined, and lay it where the judge would: passing, unless told."""
    from resift.model.keys import Staging
    from resift.model.verdict import Finding, Verdict
    from resift.steps.measured import measured_digest
    from resift.steps.plan import find_plan

    staging = Staging(cut.dataset, cut.version, cut.plan_id)
    named = {name: getattr(cut, name) for name in ("dataset", "version", "plan_id", "content_digest")}
    told = {"proceed": ("pass",), "hold": ("pass", "hold"), "stop": ("pass", "fail")}[fields.get("status", "proceed")]
    findings = tuple(Finding(rule="r", status=status, found="1", expected="1") for status in told)
    measured = measured_digest(store, staging, find_plan(store, staging), cut)
    digests = {"cut_digest": cut.document_digest(), "measured_digest": measured}
    known = {**named, **digests, "status": "proceed", "findings": findings, "evaluated": 1}
    verdict = Verdict.sealed(**(known | fields))
    store.put(staging.verdict, verdict.to_json())
    return verdict


def snapshot_rows(store: Store, manifest: Any) -> list[dict[str, Any]]:
    """All rows of a published snapshot, in its order."""
    from resift.client.members import read_part

    return [row for part in manifest.parts for row in read_part(store, manifest, part.path).to_pylist()]
