"""Audit the staged parts of one group: read them back and measure them, independently of the code that wrote them."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.core.measure import Expected, measure
from resift.core.prn import permanent_random_numbers
from resift.model.grid import midnight
from resift.model.keys import Staging
from resift.model.refresh import AuditReceipt, CutReceipt, PartMetrics, Plan
from resift.model.suppression import Suppression
from resift.policy import load_policy
from resift.policy.policy import COUNTRY_FIELDS
from resift.policy.recheck import prepare
from resift.steps.cut import read_cut
from resift.steps.plan import range_at, read_plan
from resift.steps.pools import read_pool, read_suppressions
from resift.steps.staged import read_staged
from resift.storage import Store

SAMPLE_ROWS = 10_000
"""Rows the judge looks at, over all parts."""


def audit(store: Store, *, dataset: str, version: date, plan_id: str, group: int) -> AuditReceipt:
    """Measure the parts of one group, and pick rows from them for the judge."""
    staging = Staging(dataset, version, plan_id)
    plan, cut = read_plan(store, staging), read_cut(store, staging)
    groups = {index: number for number, indexes in enumerate(plan.groups) for index in indexes}
    # The last group takes what the cut sifted beyond the plan.
    numbers = [n for n, index in enumerate(cut.ranges) if groups.get(index, len(plan.groups) - 1) == group]
    if numbers:
        auditor = _Auditor(store, staging, plan, cut)
        for number in numbers:
            auditor.audit(number)
    return AuditReceipt(
        plan_id=plan_id, group=group, parts=len(numbers), rows=sum(cut.parts[number].rows for number in numbers)
    )


class _Auditor:
    """Audits parts of one refresh, with what is needed for it read once."""

    def __init__(self, store: Store, staging: Staging, plan: Plan, cut: CutReceipt) -> None:
        self._store, self._staging, self._plan, self._cut = store, staging, plan, cut
        policy = load_policy(plan.dataset.policy)
        self._excluded = prepare(policy, days=(plan.version, plan.known_at.date())).count
        self._country_fields = tuple(name for name in policy.sufficient if name in COUNTRY_FIELDS)
        self._suppressed = partial(
            _count_suppressed,
            entries=read_suppressions(store, plan.dataset.pool)[0],
            salt=read_pool(store, plan.dataset.pool).salt,
        )

    def audit(self, number: int) -> None:
        """Measure one part and write its metrics and its sample."""
        index = self._cut.ranges[number]
        body = self._store.get(self._cut.staged_parts[number].key)
        part = pq.read_table(pa.BufferReader(body))
        evidence = read_staged(self._store, self._cut.staged_evidence[number])
        a_range = range_at(self._plan, index, role="draw")
        expected = Expected(
            as_of=midnight(self._plan.version),
            max_age=self._plan.dataset.max_age,
            start=self._plan.start,
            lo=a_range.lo,
            hi=a_range.hi,
            excluded=self._excluded,
            country_fields=self._country_fields,
            suppressed=self._suppressed,
        )
        metrics = PartMetrics(
            path=self._cut.parts[number].path,
            sha256=hashlib.sha256(body).hexdigest(),
            size_bytes=len(body),
            **measure(part, evidence, expected),
        )
        self._store.put(self._staging.metrics(index), metrics.to_json())
        self._store.put(self._staging.sample(index), _as_parquet(self._pick(number, evidence)))

    def _pick(self, number: int, evidence: pa.Table) -> pa.Table:
        """Pick every k-th row of the whole snapshot: in the order of PRNs that is a random sample."""
        stride = -(-self._cut.rows // SAMPLE_ROWS)
        before = sum(part.rows for part in self._cut.parts[:number])
        return evidence.take(np.arange(-before % stride, len(evidence), stride))


def _count_suppressed(evidence: pa.Table, *, entries: list[Suppression], salt: str) -> int:
    """Count rows whose image or owner has the number of a suppression; a shared number counts too."""
    found = np.zeros(len(evidence), dtype=bool)
    for kind, columns in (("image", ("image_id",)), ("owner", ("owner_id", "newest_owner_id"))):
        numbers = np.array([entry.number for entry in entries if entry.kind == kind], dtype=np.int64)
        for column in columns if len(numbers) else ():
            ids = evidence[column].combine_chunks()
            known = ids.is_valid().to_numpy(zero_copy_only=False)
            found[known] |= np.isin(permanent_random_numbers(ids.drop_null(), salt=salt), numbers)
    return int(found.sum())


def _as_parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
