"""Build the sampling frame of one slice of PRNs: read, merge, expire, suppress, exclude."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from resift.core.frame import exclude, expire, microseconds, suppress
from resift.core.instants import END, FIRST
from resift.core.latest import Items, merge_latest
from resift.core.split import Reasons, Split
from resift.core.suppression import find_suppressed
from resift.errors import PoolError
from resift.model.evidence import NO_READINGS, EvidenceCounts
from resift.model.grid import last_of_day, midnight
from resift.model.observation import CARRIED_TYPES, EVIDENCE, FIRST_OBSERVED, IDENTITY, PRN, run_schema
from resift.model.refresh import Plan
from resift.model.suppression import Suppression
from resift.policy import JUDGED, Policy, count_readings, judge, load_policy
from resift.steps.pools import read_pool, read_suppressions
from resift.steps.runs import PoolReader
from resift.storage import Store

FEW_WORDS = frozenset(["state", "license", "owner_country", "upload_country", "subdivision", "source"])
"""Columns read as numbers of their few distinct values."""

WORDS = pa.dictionary(pa.int32(), pa.string())

FRAMED_ROWS = 150_000
"""Observations of a slice. Each slice asks each run for some of them, and of twenty runs fewer would be too few."""


@dataclass(frozen=True, slots=True)
class Framed:
    """The items of one slice, which of them may be drawn, and what the evidence of those says that were judged."""

    items: Items
    frame: Split
    readings: EvidenceCounts


@dataclass(frozen=True, slots=True)
class Framer:
    """All that decides who is in the frame, loaded once per task."""

    plan: Plan
    reader: PoolReader
    policy: Policy
    suppressions: tuple[Suppression, ...]
    salt: str

    @property
    def _known_us(self) -> int:
        """The end of the day of ``known_at``: plans are found by the day, so nothing may depend on the hour."""
        return microseconds(last_of_day(self.plan.known_at))

    def frame(self, lo: int, hi: int) -> Framed:
        """Return the items of a PRN interval, which of them may be drawn, and what their evidence says."""
        plan = self.plan
        items = merge_latest(
            self.reader.read(lo, hi),
            as_of_us=microseconds(midnight(plan.version)),
            known_at_us=self._known_us,
        )
        return self._entitled(items, expire(items, as_of=midnight(plan.version), max_age=plan.dataset.max_age))

    def rights(self, lo: int, hi: int) -> Framed:
        """Return the items of a PRN interval, and which of them may be shown: existence and age are not looked at.

        Judged by the newest observation of each up to the day of ``known_at``, and the newest of all.
        """
        items = merge_latest(self.reader.read(lo, hi), as_of_us=microseconds(END), known_at_us=self._known_us)
        return self._entitled(items, expire(items, as_of=END, max_age=END - FIRST))

    def _entitled(self, items: Items, frame: Split) -> Framed:
        """Take the suppressed and the excluded out of a frame."""
        plan = self.plan
        if not len(frame.kept):
            return Framed(items, frame, NO_READINGS)
        frame = frame.then(suppress(frame.kept, suppressed=self.suppressed(items, frame.kept)))
        speakers, evidence = _speaking_rows(items, frame.kept, self.policy)
        days = (plan.version, plan.known_at.date())
        judged = judge(evidence, self.policy, days=days)
        frame = frame.then(exclude(frame.kept, speakers=speakers, reasons=Reasons(*judged.first_codes())))
        return Framed(items, frame, count_readings(judged, evidence, items=speakers))

    def suppressed(self, items: Items, chosen: np.ndarray) -> np.ndarray:
        """Return for each chosen item whether its removal was requested: of the image, or of any owner it ever had.

        Every observation counts, not only those that speak: else a later drop that names no owner would bring an
        image of a suppressed owner back.
        """
        if not self.suppressions or not len(chosen):
            return np.zeros(len(chosen), dtype=bool)
        found = self.suppressed_images(items.prn[chosen], lambda at: items.take(items.first[chosen[at]], ["image_id"]))
        item_of_row = items.item_of_row
        rows = np.flatnonzero(np.isin(item_of_row, chosen))
        owners = items.take(rows, ["owner_id"])["owner_id"]
        hers = find_suppressed(owners, self.suppressions, kind="owner", salt=self.salt)
        return found | np.isin(chosen, item_of_row[rows[hers]])

    def suppressed_images(self, prn: np.ndarray, ids_at: Callable[[np.ndarray], pa.Table]) -> np.ndarray:
        """Return for each image whether its removal was requested.

        Args:
            prn: The PRN of each. Suppressed images are known by theirs, so that few ids need a closer look.
            ids_at: Gives a table with the ids of those at some positions.
        """
        found = np.isin(prn, [entry.number for entry in self.suppressions if entry.kind == "image"])
        near = np.flatnonzero(found)
        if len(near):
            ids = ids_at(near)["image_id"]
            found[near] = find_suppressed(ids, self.suppressions, kind="image", salt=self.salt)
        return found


def _speaking_rows(items: Items, kept: np.ndarray, policy: Policy) -> tuple[np.ndarray, pa.Table]:
    """Return the item of each observation that counts for the kept items, and what the policy reads of it.

    A carried column the policy's rules look at is there if any run carries it.
    """
    wanted = np.zeros(len(items), dtype=bool)
    wanted[kept] = True
    item_of_row = items.item_of_row
    rows = np.flatnonzero(items.speaks & wanted[item_of_row])
    carried = [name for name in policy.conditions if name in items.unsorted.column_names]
    # Whose it is says nothing of the place: owners are looked at for suppressions alone.
    judged = [name for name in JUDGED.names if name != "owner_id"]
    return item_of_row[rows], items.take(rows, [*judged, *carried])


def open_framer(store: Store, plan: Plan) -> Framer:
    """Load all that decides who is in the frame.

    Raises:
        PoolError: Suppressions or policy are not the ones the plan was frozen with.
    """
    suppressions, policy = require_planned_rights(store, plan)
    reader = PoolReader(store, plan.runs, read_schema(plan), slice_rows=FRAMED_ROWS)
    # The salt is read here and never staged: who has it can tell where an item would lie.
    return Framer(plan, reader, policy, tuple(suppressions), read_pool(store, plan.dataset.pool).salt)


def require_planned_rights(store: Store, plan: Plan) -> tuple[list[Suppression], Policy]:
    """Return suppressions and policy, if they are the ones the plan was frozen with.

    Raises:
        PoolError: They are not. They must not be passed over, so the refresh is planned anew.
    """
    suppressions, digest = read_suppressions(store, plan.dataset.pool)
    policy = load_policy(plan.dataset.policy)
    if (digest, policy.ref()) != (plan.suppressions_digest, plan.policy):
        raise PoolError(
            f"refresh {plan.dataset.name} {plan.version}: suppressions or policy changed since it was planned "
            f"(suppressions {digest[:12]}…, planned {plan.suppressions_digest[:12]}…; policy {policy.version}, planned "
            f"{plan.policy.version}). Start the refresh again from `plan`."
        )
    return suppressions, policy


def read_schema(plan: Plan) -> pa.Schema:
    """Return the columns of the pool a refresh needs: what decides, what is judged, and what is published."""
    needed = [PRN, *IDENTITY.names, "url", *EVIDENCE.names, "source"]
    known = _known_fields(plan)
    chosen = [known[name] for name in dict.fromkeys([*needed, *plan.dataset.publish_columns, *plan.columns])]
    fields = [field.with_type(WORDS) if field.name in FEW_WORDS else field for field in chosen]
    # It tells born from drawn, where there is a version to compare with.
    return pa.schema([*fields, FIRST_OBSERVED] if plan.previous else fields)


def rights_schema(plan: Plan) -> pa.Schema:
    """Return the columns of the pool that say whether an item may be shown."""
    known = _known_fields(plan)
    return pa.schema([known[name] for name in (PRN, *IDENTITY.names, "url", *EVIDENCE.names, *plan.columns)])


def published_schema(plan: Plan) -> pa.Schema:
    """Return the schema of a published part: the PRN, then ``publish_columns`` in their order."""
    known = _known_fields(plan)
    return pa.schema([known[name] for name in (PRN, *plan.dataset.publish_columns)])


def _known_fields(plan: Plan) -> dict[str, pa.Field]:
    carried = pa.schema([(name, CARRIED_TYPES[kind]) for name, kind in plan.columns.items()])
    return {field.name: field for field in run_schema(carried)}
