"""Judge a drop before it becomes part of the pool: read its runs back, and hold the suite of drops against them."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resift.checks.stages import judge_drop as judge_counts
from resift.core.instants import END, FIRST
from resift.errors import DropRejected, KeyNotFound
from resift.model import keys
from resift.model.observation import INSTANT, PRN
from resift.model.pool import Drop, FileEntry, Nulls
from resift.model.source import Source
from resift.model.verdict import Finding
from resift.steps.source_nulls import UsualNulls, nulls_of, usual_nulls
from resift.storage import Store

_log = logging.getLogger(__name__)

_NAMED = 5
"""Broken rules told in the message; how many more there are is said."""


def judge_drop(source: Source, drop: Drop, store: Store) -> list[Finding]:
    """Return every finding on a drop, whose runs and quarantine are written and which is not in the pool yet.

    Of each run the footer is read, and its instants; memory holds one row group.

    Raises:
        ConfigError: Great Expectations is not installed.
        DropRejected: Some rule is broken.
    """
    read, bad = drop.rows_read, drop.quarantined
    nulls, usual = nulls_of(drop), usual_nulls(store, drop)
    judgement = judge_counts(
        source,
        files=[_file_row(store, file) for file in drop.files],
        groups=[row for file in drop.files if file.run is not None for row in _group_rows(store, file)],
        whole={"part": drop.drop_id, "rows_read": read, "quarantined": bad, "bad_share": bad / max(read, 1)},
        nulls=[_null_row(name, nulls, usual) for name in _compared(source, nulls)],
        compared=(nulls.rows, usual.rows),
        at=drop.received_at,
    )
    for name, body in judgement.pages():
        store.put(keys.drop_quality(drop.pool, drop.drop_id) + name, body)
    findings = judgement.findings
    for finding in findings:
        if finding.status == "warn":
            _log.warning("drop %s of source %s: worth a look: %s", drop.drop_id, drop.source, finding.message())
    if failures := [finding.message() for finding in findings if finding.status in ("fail", "hold")]:
        more = f" And {len(failures) - _NAMED} more." if len(failures) > _NAMED else ""
        raise DropRejected(
            f"drop {drop.drop_id} of source {drop.source}: found {len(failures)} broken rules, expected none. "
            f"{' '.join(failures[:_NAMED])}{more} Nothing of it is in the pool; ingest it again, and if that fails "
            "correct the source file or the delivery."
        )
    return findings


def _compared(source: Source, nulls: Nulls) -> list[str]:
    fixed = ("image_id", "state", "observed_at")
    return [name for name, _ in source.mapped() if name not in fixed and name in nulls.by_field]


def _null_row(name: str, nulls: Nulls, usual: UsualNulls) -> dict[str, Any]:
    share, before = nulls.by_field[name] / max(nulls.rows, 1), usual.shares.get(name)
    if before is None or not nulls.rows:
        return {"part": name, "null_drift": math.nan}
    return {"part": f"{name}, {share:.1%} empty after {before:.1%}", "null_drift": abs(share - before)}


def _file_row(store: Store, file: FileEntry) -> dict[str, Any]:
    reasons = file.quarantined_by_reason
    return {
        "part": file.name,
        "negative_counts": sum(n < 0 for n in (file.rows_read, file.observations, file.quarantined, *reasons.values())),
        "rows_read": file.rows_read,
        "accounted": file.observations + file.quarantined,
        "observations": file.observations,
        "run_rows": _rows_in(store, file.run.key) if file.run is not None else 0,
        "quarantined": file.quarantined,
        "with_reason": sum(reasons.values()),
        "nameless_reasons": sum(not reason.strip() for reason in reasons),
        "quarantine_found": _rows_in(store, file.quarantine_key) if file.quarantine_key is not None else 0,
        "quarantine_due": file.quarantined,
    }


def _rows_in(store: Store, key: str) -> int:
    """Return the rows a Parquet file has by its footer, or -1 where there is none that can be read."""
    try:
        with store.open(key) as body:
            return int(pq.ParquetFile(body).metadata.num_rows)
    except (KeyNotFound, pa.ArrowInvalid):
        return -1


def _group_rows(store: Store, file: FileEntry) -> Iterator[dict[str, Any]]:
    assert file.run is not None
    run = file.run
    if _rows_in(store, run.key) < 0:
        # That the run is missing is a finding on the file.
        return
    stat = store.stat(run.key)
    size, before = -1 if stat is None else stat.size_bytes, run.prn_min
    with store.open(run.key) as body:
        parquet = pq.ParquetFile(body)
        for group in range(max(parquet.num_row_groups, len(run.row_group_rows))):
            listed = group < len(run.row_group_rows)
            row = {
                "part": f"{file.name}, row group {group}",
                "listed_rows": run.row_group_rows[group] if listed else -1,
                "listed_first_prn": run.row_group_first[group] if listed else -1,
                "run_size_bytes": size,
                "listed_run_size_bytes": run.size_bytes,
                "prn_before": before,
                **_measured(parquet, group),
            }
            before = row["last_prn"]
            yield row


def _measured(parquet: pq.ParquetFile, group: int) -> dict[str, Any]:
    if group >= parquet.num_row_groups:
        return {"rows": 0, "first_prn": 0, "last_prn": -1, "null_instants": 0, "instants_outside": 0}
    table = parquet.read_row_group(group, columns=[PRN, "observed_at"])
    prn = pc.min_max(table[PRN]).as_py()
    instants = table["observed_at"]
    outside = pc.or_(pc.less(instants, pa.scalar(FIRST, INSTANT)), pc.greater_equal(instants, pa.scalar(END, INSTANT)))
    return {
        "rows": len(table),
        "first_prn": prn["min"],
        "last_prn": prn["max"],
        "null_instants": instants.null_count,
        "instants_outside": pc.sum(outside).as_py() or 0,
    }
