"""Build the sampling frame of one slice of PRNs: read, merge, expire, suppress, exclude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from resift.core.frame import exclude, expire, microseconds, suppress
from resift.core.latest import Items, merge_latest
from resift.core.split import Split
from resift.core.suppression import find_suppressed
from resift.errors import PoolError
from resift.model.grid import midnight
from resift.model.observation import CARRIED_TYPES, EVIDENCE, IDENTITY, PRN, run_schema
from resift.model.refresh import Plan
from resift.model.suppression import Suppression
from resift.policy import Policy, judge_evidence, load_policy
from resift.steps.pools import read_pool, read_suppressions
from resift.steps.runs import PoolReader
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Framer:
    """All that decides who is in the frame, loaded once per task."""

    plan: Plan
    reader: PoolReader
    policy: Policy
    suppressions: tuple[Suppression, ...]
    salt: str

    def frame(self, lo: int, hi: int) -> tuple[Items, Split]:
        """Return the items of a PRN interval, and which of them may be drawn."""
        plan = self.plan
        items = merge_latest(self.reader.read(lo, hi), as_of_us=microseconds(midnight(plan.version)))
        frame = expire(items, as_of=midnight(plan.version), max_age=plan.dataset.max_age)
        if not len(frame.kept):
            return items, frame
        speakers, rows = _speaking_rows(items, frame.kept)
        frame = frame.then(suppress(frame.kept, suppressed=self._suppressed(frame.kept, speakers, rows)))
        chosen = np.isin(speakers, frame.kept)
        speakers, rows = speakers[chosen], rows.filter(pa.array(chosen))
        days = (plan.version, plan.known_at.date())
        reasons = judge_evidence(rows.select(EVIDENCE.names), self.policy, days=days)
        return items, frame.then(exclude(frame.kept, speakers=speakers, reasons=reasons))

    def _suppressed(self, kept: np.ndarray, speakers: np.ndarray, rows: pa.Table) -> np.ndarray:
        found = find_suppressed(rows["image_id"], self.suppressions, kind="image", salt=self.salt)
        found |= find_suppressed(rows["owner_id"], self.suppressions, kind="owner", salt=self.salt)
        return np.isin(kept, speakers[found])


def _speaking_rows(items: Items, kept: np.ndarray) -> tuple[np.ndarray, pa.Table]:
    """Return the observations whose evidence counts for the kept items, and the item of each."""
    item_of_row = items.item_of_row
    rows = np.flatnonzero(items.speaks & np.isin(item_of_row, kept))
    return item_of_row[rows], items.rows.take(rows)


def open_framer(store: Store, plan: Plan) -> Framer:
    """Load policy and suppressions, and check that they are the ones the plan was frozen with.

    Raises:
        PoolError: Suppressions were added since. They must not be passed over, so the refresh is planned anew.
    """
    suppressions, digest = read_suppressions(store, plan.dataset.pool)
    policy = load_policy(plan.dataset.policy)
    if (digest, policy.ref()) != (plan.suppressions_digest, plan.policy):
        raise PoolError(
            f"refresh {plan.dataset.name} {plan.version}: suppressions or policy changed since it was planned "
            f"(suppressions {digest[:12]}…, planned {plan.suppressions_digest[:12]}…; policy {policy.version}, planned "
            f"{plan.policy.version}). Start the refresh again from `plan`."
        )
    reader = PoolReader(store, plan.runs, read_schema(plan))
    # The salt is read here and never staged: who has it can tell where an item would lie.
    return Framer(plan, reader, policy, tuple(suppressions), read_pool(store, plan.dataset.pool).salt)


def read_schema(plan: Plan) -> pa.Schema:
    """Return the columns of the pool a refresh needs: what decides, what is judged, and what is published."""
    needed = [PRN, *IDENTITY.names, "url", *EVIDENCE.names]
    known = _known_fields(plan)
    return pa.schema([known[name] for name in dict.fromkeys([*needed, *plan.dataset.publish_columns])])


def published_schema(plan: Plan) -> pa.Schema:
    """Return the schema of a published part: the PRN, then ``publish_columns`` in their order."""
    known = _known_fields(plan)
    return pa.schema([known[name] for name in (PRN, *plan.dataset.publish_columns)])


def _known_fields(plan: Plan) -> dict[str, pa.Field]:
    carried = pa.schema([(name, CARRIED_TYPES[kind]) for name, kind in plan.columns.items()])
    return {field.name: field for field in run_schema(carried)}
