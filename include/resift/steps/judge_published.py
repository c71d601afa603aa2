"""Judge a published version: measure what lies in the lake, and hold the suite of published versions against it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.checks.stages import Judgement, require_judge
from resift.checks.stages import judge_published as judge_measured
from resift.client.revisions import check_chain, read_revisions
from resift.client.snapshots import find_latest
from resift.client.verify import Verification
from resift.core.circle import offsets
from resift.core.cut import content_digest
from resift.errors import KeyNotFound, StagingError
from resift.model import keys
from resift.model.manifest import Extra, Manifest
from resift.model.observation import PRN
from resift.model.refresh import PartEntry
from resift.model.verdict import Verdict
from resift.storage import Store

_ABSENT = -1
"""Where there is nothing to measure: no count, PRN or offset is negative, so it never agrees with what is listed."""


def judge_published(store: Store, manifest: Manifest, verification: Verification) -> Judgement:
    """Return what is said of a version, measured again by other code than that which verifies it.

    Memory holds one part.

    Args:
        store: The lake.
        manifest: What the version says of itself.
        verification: What verifying it found; its problems are a finding too.

    Raises:
        ConfigError: Great Expectations is not installed.
    """
    require_judge()
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    files, parts = [], []
    for part in manifest.parts:
        body = _read(store, prefix + part.path)
        files.append(_file_row(part, body))
        parts.append(_part_row(manifest, part, body))
    files += [_file_row(extra, _read(store, prefix + extra.path)) for extra in manifest.extras]
    whole = _whole_row(store, manifest, rows=sum(max(row["rows"], 0) for row in parts))
    return judge_measured(manifest, files=files, parts=parts, whole={**whole, "problems": len(verification.problems)})


def _read(store: Store, key: str) -> bytes | None:
    try:
        return store.get(key)
    except KeyNotFound:
        return None


def _file_row(file: PartEntry | Extra, body: bytes | None) -> dict[str, Any]:
    return {
        "part": file.path,
        "found": int(body is not None),
        "size_bytes": _ABSENT if body is None else len(body),
        "listed_size_bytes": file.size_bytes,
        "sha256": "nothing" if body is None else hashlib.sha256(body).hexdigest(),
        "listed_sha256": file.sha256,
    }


def _part_row(manifest: Manifest, part: PartEntry, body: bytes | None) -> dict[str, Any]:
    listed = {
        "part": part.path,
        "listed_rows": part.rows,
        "listed_first_prn": part.first_prn,
        "listed_last_prn": part.last_prn,
        "last_covered": manifest.draw.width - 1,
    }
    try:
        table = None if body is None else pq.read_table(pa.BufferReader(body))
    except (pa.ArrowInvalid, OSError):
        table = None
    if table is None or PRN not in table.column_names or "image_id" not in table.column_names:
        return listed | _UNREADABLE
    columns = ", ".join(f"{field.name} {field.type}" for field in table.schema)
    return listed | {"readable": 1, "columns": columns, "rows": len(table)} | _order(manifest, table)


_UNREADABLE = {
    "readable": 0,
    "columns": "none",
    "rows": _ABSENT,
    "null_ids": 0,
    "order_breaks": 0,
    "first_prn": _ABSENT,
    "last_prn": _ABSENT,
    "first_offset": _ABSENT,
    "last_offset": _ABSENT,
}


def _order(manifest: Manifest, table: pa.Table) -> dict[str, int]:
    """Measure order in whole columns: breaks are rows that do not come after the one before, by PRN, then id."""
    if not len(table) or table[PRN].null_count:
        return dict.fromkeys(("first_prn", "last_prn", "first_offset", "last_offset"), _ABSENT) | {
            "null_ids": table["image_id"].null_count,
            "order_breaks": table[PRN].null_count,
        }
    prn = table[PRN].to_numpy()
    place = offsets(prn, start=manifest.draw.start)
    ids = table["image_id"].fill_null("").to_numpy()
    later = (place[1:] > place[:-1]) | ((place[1:] == place[:-1]) & (ids[1:] > ids[:-1]).astype(bool))
    return {
        "null_ids": table["image_id"].null_count,
        "order_breaks": int(np.count_nonzero(~later)),
        "first_prn": int(prn[0]),
        "last_prn": int(prn[-1]),
        "first_offset": int(place.min()),
        "last_offset": int(place.max()),
    }


def _whole_row(store: Store, manifest: Manifest, *, rows: int) -> dict[str, Any]:
    funnel, latest = manifest.funnel, find_latest(store, manifest.dataset)
    entries = content_digest(
        columns=[(column.name, column.type) for column in manifest.columns],
        start=manifest.draw.start,
        width=manifest.draw.width,
        parts=manifest.parts,
    )
    return {
        "part": f"{manifest.dataset} {manifest.version}.{manifest.revision}",
        "rows": rows,
        "listed_rows": manifest.rows,
        "kept": funnel.kept,
        "rows_and_erased": manifest.rows + manifest.erased,
        "observations": funnel.observations,
        "accounted": funnel.superseded + sum(funnel.removed.values()) + funnel.kept,
        "content_digest": entries,
        "listed_content_digest": manifest.content_digest,
        "chain_problems": len(list(check_chain(store, manifest))),
        "listed_seal": manifest.verdict_seal,
        "first_content_digest": _first_content_digest(store, manifest),
        "version_day": manifest.version.toordinal(),
        "latest_day": _ABSENT if latest is None else latest.toordinal(),
        **_verdict_row(store, manifest),
    }


def _first_content_digest(store: Store, manifest: Manifest) -> str:
    """Return the content digest at revision 0, which was judged; erasures give others."""
    try:
        return read_revisions(store, manifest)[0].content_digest
    except (KeyNotFound, StagingError):
        return "unknown"


def _verdict_row(store: Store, manifest: Manifest) -> dict[str, Any]:
    key = keys.snapshot(manifest.dataset, manifest.version) + keys.quality(manifest.verdict_seal, "verdict.json")
    try:
        verdict = Verdict.from_json(store.get(key), what=key)
    except (KeyNotFound, StagingError):
        absent = dict.fromkeys(("verdict_seal", "verdict_due_seal", "judged_content_digest"), "nothing")
        return {"verdict_found": 0, "let_pass": 0, **absent}
    approval = manifest.approval
    approved = approval is not None and approval.verdict_seal == verdict.seal
    return {
        "verdict_found": 1,
        "verdict_seal": verdict.seal,
        "verdict_due_seal": verdict.expected_seal(),
        "judged_content_digest": verdict.content_digest,
        "let_pass": int(verdict.status == "proceed" or (verdict.status == "hold" and approved)),
    }
