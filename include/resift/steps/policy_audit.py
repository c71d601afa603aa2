"""Judge a published version anew, by a policy as it is now."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.client.members import read_members
from resift.core.circle import intervals
from resift.core.frame import microseconds
from resift.core.latest import merge_latest
from resift.model.grid import last_of_day, midnight
from resift.model.manifest import Manifest
from resift.model.observation import CARRIED_TYPES, IDENTITY, PRN, run_schema
from resift.policy import JUDGED, judge_evidence, load_policy
from resift.steps.pools import read_state, require_memory
from resift.steps.runs import PoolReader
from resift.storage import Store


def audit_version(store: Store, manifest: Manifest, *, policy: str, known_at: datetime) -> dict[str, int]:
    """Return how many members of a version the policy would exclude, by reason.

    The evidence is what the pool holds: that of the version's date, and the newest. A member the pool holds no
    observation of any more is counted as ``not_in_pool``: nothing can be said of it.

    Raises:
        PoolError: The pool was compacted without regard to the version's date.
    """
    rules = load_policy(policy)
    state = read_state(store, manifest.pool)
    require_memory(state, as_of=manifest.version, known_at=known_at, max_age=manifest.config.max_age)
    runs = state.runs
    carried = {name: CARRIED_TYPES[kind] for run in runs for name, kind in run.carried.items()}
    known = {field.name: field for field in run_schema(pa.schema(list(carried.items())))}
    names = [PRN, *IDENTITY.names, *JUDGED.names, *(name for name in rules.conditions if name in carried)]
    reader = PoolReader(store, runs, pa.schema([known[name] for name in names]))
    days = (manifest.version, known_at.date())
    found: Counter[str] = Counter()
    for begin, end in intervals(0, manifest.draw.width, start=manifest.draw.start):
        for lo, hi in reader.slices(begin, end):
            members = read_members(store, manifest, [(lo, hi)])["image_id"]
            items = merge_latest(
                reader.read(lo, hi),
                as_of_us=microseconds(midnight(manifest.version)),
                known_at_us=microseconds(last_of_day(known_at)),
            )
            ids = items.take(np.arange(len(items.order)), ["image_id"])["image_id"]
            mine = pc.fill_null(pc.is_in(ids, value_set=members.combine_chunks()), False).to_numpy()
            rows = items.take(np.flatnonzero(items.speaks & mine))
            reasons = judge_evidence(rows.drop_columns([PRN, *IDENTITY.names]), rules, days=days)
            first: dict[str, str] = {}
            for image_id, reason in zip(rows["image_id"].to_pylist(), reasons, strict=True):
                if reason is not None:
                    first[image_id] = min(reason, first.get(image_id, reason))
            found.update(first.values())
            gone = len(members) - len(pc.unique(rows["image_id"]))
            if gone:
                found["not_in_pool"] += gone
    return dict(sorted(found.items()))
