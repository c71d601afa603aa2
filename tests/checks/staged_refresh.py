"""Builds a staged refresh that is consistent in every number, so that a test spoils exactly one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from resift.core.prn import permanent_random_numbers
from resift.model.dataset import Dataset, Limits
from resift.model.observation import STAGED_EVIDENCE, TALLY
from resift.model.refresh import CutReceipt, PartEntry, PartMetrics, Plan, PolicyRef, Previous, Range

SALT = "0123456789abcdef"
VERSION = date(2026, 1, 5)
AS_OF = datetime(2026, 1, 5, tzinfo=UTC)
CIRCLE = 2**63
PUBLISHED = ("image_id", "url", "width")
TYPES = ("int64", "string", "string", "int32")


@dataclass(frozen=True)
class Staged:
    """All that the judge is given."""

    plan: Plan
    cut: CutReceipt
    metrics: tuple[PartMetrics, ...]
    sample: pa.Table
    tally: pa.Table

    def with_part(self, part: int, **spoilt: Any) -> Staged:
        """Return the same with some measurements of one part replaced."""
        metrics = list(self.metrics)
        metrics[part] = metrics[part].model_copy(update=spoilt)
        return replace(self, metrics=tuple(metrics))

    def with_cut(self, **spoilt: Any) -> Staged:
        """Return the same with some fields of the cut replaced."""
        return replace(self, cut=self.cut.model_copy(update=spoilt))

    def with_sample(self, column: str, value: Any, *, row: int = 0) -> Staged:
        """Return the same with one value of one sampled row replaced."""
        values = self.sample[column].to_pylist()
        values[row] = value
        at = self.sample.column_names.index(column)
        field = self.sample.schema.field(column)
        nullable = pa.field(field.name, field.type)
        return replace(self, sample=self.sample.set_column(at, nullable, pa.array(values, field.type)))


def dataset(*, size: int, **fields: Any) -> Dataset:
    return Dataset(
        **{
            "name": "faces",
            "pool": "photos",
            "anchor": VERSION,
            "every": timedelta(days=90),
            "size": size,
            "publish_columns": PUBLISHED,
            "retention": timedelta(days=365),
            **fields,
        }
    )


def staged(*, parts: int = 4, rows: int = 400, first: bool = False, limits: Limits | None = None) -> Staged:
    """Draw ``parts × rows`` items, the last part trimmed, and state what honest steps would have measured."""
    size = parts * rows - rows // 2
    ids = np.array([f"img-{number}" for number in range(parts * rows * 2)], dtype=object)
    numbers = permanent_random_numbers(pa.array(ids), salt=SALT)
    start = int(0.75 * CIRCLE)
    offsets = (numbers - np.int64(start)) & np.int64(CIRCLE - 1)
    order = np.argsort(offsets)
    width = CIRCLE // (parts * 2)
    counted = int((offsets < (int(np.sort(offsets)[size - 1]) // width + 1) * width).sum())
    offsets, ids = offsets[order][:size], ids[order][:size]
    covered = int(offsets[-1]) + 1
    config = dataset(size=size, limits=limits or Limits())
    plan = _plan(config, start=start, width=width, ranges=parts * 2, covered=None if first else covered)
    groups = [np.flatnonzero(offsets // width == index) for index in range(parts * 2)]
    used = [index for index, group in enumerate(groups) if len(group)]
    metrics = tuple(_metrics(part, offsets[groups[index]], start) for part, index in enumerate(used))
    cut = _cut(plan, metrics, used, rows=size, width=covered, first=first, not_drawn=counted - size)
    picked = np.arange(size) % -(-size // 10_000) == 0
    sample = pa.concat_tables(
        [_sample(metrics[part].path, ids[groups[i]][picked[groups[i]]]) for part, i in enumerate(used)]
    )
    return Staged(plan, cut, metrics, sample, tally() if not first else TALLY.empty_table())


def tally(*rows: tuple[str, str, int, int]) -> pa.Table:
    """Return a tally of kind, key, members and deleted members."""
    rows = rows or (("host", "a.example", 100, 10), ("owner", "f00d", 60, 5))
    counts = [dict(zip(("kind", "key", "members", "deleted"), row, strict=True)) for row in rows]
    return pa.Table.from_pylist([tallied(**row) for row in counts], schema=TALLY)


def tallied(kind: str, key: str, **counts: Any) -> dict[str, Any]:
    """Return a row of a tally, of the source that is its key, or of one called ``feed``."""
    zeros = dict.fromkeys(TALLY.names[3:-1], 0)
    return {"kind": kind, "key": key, "source": key if kind == "source" else "feed"} | zeros | counts


def _plan(config: Dataset, *, start: int, width: int, ranges: int, covered: int | None) -> Plan:
    """State a plan; ``covered`` is the width of the previous snapshot, which started a hundredth of it earlier."""
    names = {"version": date(2025, 10, 7), "revision": 0, "content_digest": "b" * 64}
    previous = covered and Previous(**names, start=(start - covered // 100) % CIRCLE, width=covered)
    intervals = [Range(index=at, lo=at * width, hi=min((at + 1) * width, CIRCLE), role="draw") for at in range(ranges)]
    return Plan(
        dataset=config,
        version=VERSION,
        cycle=0,
        known_at=AS_OF,
        policy=PolicyRef(policy="eu", version="1", digest="c" * 64),
        runs=(),
        pool_digest="e" * 64,
        columns={},
        suppressions_digest="d" * 64,
        previous=previous or None,
        start=start,
        range_width=width,
        ranges=tuple(intervals),
        groups=(tuple(range(ranges)),),
    )


def _metrics(part: int, offsets: np.ndarray, start: int) -> PartMetrics:
    rows, low, high = len(offsets), int(offsets[0]), int(offsets[-1])
    zeros = ("null_ids", "prn_order_breaks", "offsets_outside_range", "prn_differs", "evidence_mismatches")
    return PartMetrics(
        path=f"data/part-{part:05d}-r0.parquet",
        sha256=f"{part:064x}",
        size_bytes=1000 + part,
        rows=rows,
        columns=("prn", *PUBLISHED),
        column_types=TYPES,
        distinct_ids=rows,
        nulls={},
        first_prn=(low + start) % CIRCLE,
        last_prn=(high + start) % CIRCLE,
        prn_mean_offset=float((offsets.astype(float) - low).mean() / max(1, high - low)),
        widest_gap=int(np.diff(offsets).max(initial=0)),
        evidence_rows=rows,
        observed_max=AS_OF,
        observed_min=AS_OF - timedelta(days=90),
        observed_after_as_of=0,
        not_public=0,
        stale=0,
        suppressed=0,
        excluded=0,
        by_country={},
        by_host={},
        by_license={},
        by_age_days={},
        **dict.fromkeys(zeros, 0),
    )


def _cut(
    plan: Plan,
    metrics: tuple[PartMetrics, ...],
    used: list[int],
    *,
    rows: int,
    width: int,
    first: bool,
    not_drawn: int,
) -> CutReceipt:
    names = ("path", "rows", "size_bytes", "sha256", "first_prn", "last_prn")
    left = {} if first else {"rotated": rows // 100, "deleted": rows // 50, "stale": rows // 20}
    gone = sum(left.values())
    return CutReceipt(
        dataset=plan.dataset.name,
        version=plan.version,
        plan_id="p1",
        rows=rows,
        width=width,
        searched=plan.ranges[used[-1]].hi if used else 0,
        exhausted=False,
        parts=tuple(PartEntry(**{name: getattr(one, name) for name in names}) for one in metrics),
        content_digest="a" * 64,
        observations=rows + 35 + not_drawn,
        superseded=20,
        removed={"stale": 10, "excluded.eu": 5, "not_drawn": not_drawn},
        entered={} if first else {"born": gone},
        left=left,
        previous_members=0 if first else rows,
        ranges=tuple(used),
    )


def _sample(path: str, ids: np.ndarray) -> pa.Table:
    rows = len(ids)
    numbers = permanent_random_numbers(pa.array(ids), salt=SALT)
    values: dict[str, Any] = {name: [None] * rows for name in STAGED_EVIDENCE.names}
    values |= {"prn": numbers, "image_id": ids, "observed_at": [AS_OF - timedelta(days=90)] * rows}
    values |= {"state": ["public"] * rows, "newest_state": ["public"] * rows, "owner_country": ["US"] * rows}
    values["is_newest"] = [False] * rows
    values |= {"owner_id": ["owner-secret"] * rows, "lat": ["48.8566-secret"] * rows}
    table = pa.Table.from_pydict(values, schema=STAGED_EVIDENCE.append(pa.field("image_id", pa.string())))
    return table.append_column("part", pa.array([path] * rows, pa.string()))
