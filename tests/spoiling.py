"""Spoils what a refresh staged, behind the back of the steps: honestly restated in the cut, or not."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from resift.core.cut import content_digest
from resift.model import keys
from resift.model.keys import Staging
from resift.model.refresh import CutReceipt, PartMetrics, Plan
from resift.steps.framing import published_schema
from resift.steps.measured import parts_by_group
from resift.storage import MemoryStore, Store

Rows = list[dict[str, Any]]


class Staged:
    """A staged refresh whose files a test may spoil."""

    def __init__(self, store: Store, staging: Staging) -> None:
        self.store, self.staging = store, staging

    @property
    def plan(self) -> Plan:
        return Plan.from_json(self.store.get(self.staging.plan), what="plan")

    @property
    def cut(self) -> CutReceipt:
        return CutReceipt.from_json(self.store.get(self.staging.cut), what="cut")

    def copy(self, *prefixes: str) -> Staged:
        """The same in a store of its own."""
        other = MemoryStore()
        for one in self.store.list(""):
            other.put(one.key, self.store.get(one.key))
        return Staged(other, self.staging)

    def part(self, number: int) -> pa.Table:
        return pq.read_table(io.BytesIO(self.store.get(self.cut.staged_parts[number].key)))

    def evidence(self, number: int) -> pa.Table:
        return pq.read_table(io.BytesIO(self.store.get(self.cut.staged_evidence[number].key)))

    def put_part(self, number: int, part: pa.Table | bytes, *, told: bool = True) -> None:
        """Write a part; ``told``: the cut then names its bytes, rows and ends, as if sift and cut had made it."""
        body = part if isinstance(part, bytes) else parquet(part)
        cut, staged = self.cut, self.cut.staged_parts[number]
        self.store.put(staged.key, body)
        if not told:
            return
        assert not isinstance(part, bytes)
        prn = part["prn"].to_pylist() if "prn" in part.column_names else [0]
        fields = {"sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body), "rows": len(part)}
        entry = cut.parts[number].model_copy(
            update={
                **fields,
                "path": keys.part_name(number, 0, fields["sha256"]),
                "first_prn": int(prn[0]),
                "last_prn": int(prn[-1]),
            }
        )
        self.put_cut(
            parts=replaced(cut.parts, number, entry),
            staged_parts=replaced(cut.staged_parts, number, staged.model_copy(update=fields)),
            rows=cut.rows + len(part) - cut.parts[number].rows,
        )

    def put_evidence(self, number: int, evidence: pa.Table | bytes, *, told: bool = True) -> None:
        """Write evidence; ``told``: the cut then names its bytes, as if the sift had made it."""
        body = evidence if isinstance(evidence, bytes) else parquet(evidence)
        staged = self.cut.staged_evidence[number]
        self.store.put(staged.key, body)
        if told:
            fields = {"sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body)}
            told_of = replaced(self.cut.staged_evidence, number, staged.model_copy(update=fields))
            self.put_cut(staged_evidence=told_of)

    def group_of(self, number: int) -> int:
        """The group whose audit measures a part."""
        return next(group for group, places in parts_by_group(self.plan, self.cut).items() if number in places)

    def change_measurement(self, number: int, change: Callable[[bytes], bytes]) -> None:
        """Change the line a group's audit wrote of one part."""
        group = self.group_of(number)
        lines = self.store.get(self.staging.metrics(group)).splitlines(keepends=True)
        at = parts_by_group(self.plan, self.cut)[group].index(number)
        lines[at] = change(lines[at])
        self.store.put(self.staging.metrics(group), b"".join(lines))

    def measure_again(self, number: int, **fields: Any) -> None:
        """Replace measurements of one part, and seal them as the audit does."""

        def change(line: bytes) -> bytes:
            metrics = PartMetrics.from_json(line, what=f"part {number}")
            return metrics.model_copy(update=fields).sealed().to_json() + b"\n"

        self.change_measurement(number, change)

    def put_cut(self, *, digest: bool = True, **fields: Any) -> None:
        """Change the cut; ``digest``: its content digest is then that of what it says."""
        cut, plan = self.cut.model_copy(update=fields), self.plan
        if digest:
            columns = [(field.name, str(field.type)) for field in published_schema(plan)]
            named = content_digest(columns=columns, start=plan.start, width=cut.width, parts=cut.parts)
            cut = cut.model_copy(update={"content_digest": named})
        self.store.put(self.staging.cut, cut.to_json())

    def change(self, number: int, spoil: Callable[[Rows], None]) -> None:
        """Spoil the rows of a part, each with its evidence under ``evidence``, and restate the cut."""
        part, evidence = self.part(number), self.evidence(number)
        rows = [{**row, "evidence": proof} for row, proof in zip(part.to_pylist(), evidence.to_pylist(), strict=True)]
        spoil(rows)
        self.put_evidence(number, table([row["evidence"] for row in rows], evidence.schema))
        self.put_part(number, table([{k: v for k, v in row.items() if k != "evidence"} for row in rows], part.schema))


def replaced(items: tuple[Any, ...], place: int, item: Any) -> tuple[Any, ...]:
    return (*items[:place], item, *items[place + 1 :])


def table(rows: Rows, schema: pa.Schema) -> pa.Table:
    """Rows as a table of that schema, but for nulls, which a spoilt file may hold anywhere."""
    return pa.Table.from_pylist(rows, schema=pa.schema([field.with_nullable(True) for field in schema]))


def parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
