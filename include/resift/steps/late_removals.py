"""Look whether the pool has learnt, since a refresh was planned, that items of it may no longer be shown."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resift.core.circle import intervals
from resift.core.fates import find_items
from resift.errors import PoolError
from resift.model.approval import Approval
from resift.model.observation import PRN
from resift.model.pool import RunEntry
from resift.model.refresh import CutReceipt, Plan
from resift.steps.framing import Framer, require_planned_rights, rights_schema
from resift.steps.pools import read_pool, read_state
from resift.steps.runs import PoolReader
from resift.storage import Store

MEMBER = pa.schema([(PRN, pa.int64()), ("image_id", pa.string())])

PATIENCE = timedelta(days=1)
"""What is published this soon after its ``known_at`` did not wait: deliveries in the hours a refresh takes must not
keep it from ever being published."""


def require_no_late_removals(store: Store, plan: Plan, cut: CutReceipt, approval: Approval | None) -> None:
    """Refuse to publish what waited, if drops that came meanwhile delete, close, suppress or exclude items of it.

    It waited if a person had to approve it, or for longer than a refresh takes. Only runs that came since the plan are
    read, and of them the row groups that reach into the PRNs covered. What they say of an item takes it out, also where
    an older delivery holds a newer observation: planning again settles that.

    Raises:
        PoolError: Some item may no longer be shown, or suppressions or policy changed.
    """
    now = datetime.now(UTC)
    if approval is None and timedelta(0) <= now - plan.known_at <= PATIENCE:
        return
    later = _runs_since(store, plan)
    if not later:
        return
    framer = _open_framer(store, plan, later, now=now)
    for lo, hi in intervals(0, cut.width, start=plan.start):
        for first, last in framer.reader.slices(lo, hi):
            # The first stretch with such an item settles it: the rest need not be counted.
            if found := _removed_since(store, framer, cut, first, last):
                raise PoolError(
                    f"refresh {plan.dataset.name} {plan.version}: not published. Drops that came since it was planned, "
                    f"{plan.known_at:%Y-%m-%d %H:%M} UTC, take out "
                    f"{', '.join(f'{count} {reason}' for reason, count in sorted(found.items()))} or more of its "
                    "items, expected none. Start the refresh again from `plan`; a hold is judged and approved anew."
                )


def _runs_since(store: Store, plan: Plan) -> tuple[RunEntry, ...]:
    state = read_state(store, plan.dataset.pool)
    if state.digest == plan.pool_digest:
        return ()
    known = {run.sha256 for run in plan.runs}
    return tuple(run for run in state.runs_for(plan.version) if run.sha256 not in known)


def _open_framer(store: Store, plan: Plan, later: tuple[RunEntry, ...], *, now: datetime) -> Framer:
    suppressions, policy = require_planned_rights(store, plan)
    reader = PoolReader(store, later, rights_schema(plan))
    salt = read_pool(store, plan.dataset.pool).salt
    return Framer(plan.model_copy(update={"known_at": now}), reader, policy, tuple(suppressions), salt)


def _removed_since(store: Store, framer: Framer, cut: CutReceipt, lo: int, hi: int) -> Counter[str]:
    """Count the items of a snapshot in an interval that may no longer be shown, by reason."""
    framed = framer.rights(lo, hi)
    reasons = framed.frame.reasons(len(framed.items))
    if not reasons.given.any():
        return Counter()
    item = find_items(_read_members(store, cut, lo, hi), framed.items)
    found = Counter[str]()
    for reason, count in reasons.take(item[item >= 0]).counts().items():
        found[reason.partition(".")[0]] += count
    return found


def _read_members(store: Store, cut: CutReceipt, lo: int, hi: int) -> pa.Table:
    pieces = [MEMBER.empty_table()]
    for part, staged in zip(cut.parts, cut.staged_parts, strict=True):
        wraps = part.first_prn > part.last_prn
        if wraps or (part.first_prn < hi and part.last_prn >= lo):
            with store.open(staged.key) as body:
                rows = pq.read_table(body, columns=MEMBER.names).cast(MEMBER)
            pieces.append(rows.filter(pc.and_(pc.greater_equal(rows[PRN], lo), pc.less(rows[PRN], hi))))
    return pa.concat_tables(pieces).sort_by([(PRN, "ascending"), ("image_id", "ascending")])
