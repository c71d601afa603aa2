"""Sift one group of ranges: who may be drawn, who may not and why, and what became of previous members."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from resift.client.members import read_members
from resift.client.snapshots import read_manifest
from resift.core.circle import intervals
from resift.core.fates import (
    Fates,
    entry_causes,
    find_fates,
    last_heard,
    list_changes,
    rotate,
    suppress_members,
    tally,
)
from resift.core.frame import microseconds
from resift.core.hosts import hosts
from resift.core.latest import Items
from resift.core.prn import permanent_random_numbers
from resift.core.split import Reasons, Split
from resift.errors import KeyNotFound, StagingError
from resift.model.document import canonical_json, sha256_hex
from resift.model.evidence import NO_READINGS, EvidenceCounts
from resift.model.grid import midnight
from resift.model.keys import Staging
from resift.model.manifest import Manifest
from resift.model.observation import CHANGES, EVIDENCE, PRN, STAGED_EVIDENCE, TALLY
from resift.model.pool_bytes import PoolBytes
from resift.model.reasons import LEFT_CAUSES
from resift.model.refresh import GroupReceipt, Plan, Range, RangeReceipt, StagedFile
from resift.policy import add_readings
from resift.steps.framing import Framer, open_framer, published_schema
from resift.steps.parquet import passing
from resift.steps.plan import read_plan
from resift.steps.staged import StagedWriter
from resift.storage import Store

TALLY_KEYS = 2_000_000
"""Owners, and hosts, that all ranges together tell the judge of; what it reads must not grow with the sample."""


def sift(store: Store, *, dataset: str, version: date, plan_id: str, group: int) -> GroupReceipt:
    """Sift the ranges of one group that have not been sifted yet.

    Each range ends with its receipt, so a task that is run again goes on after the last finished range.
    """
    staging = Staging(dataset, version, plan_id)
    plan = read_plan(store, staging)
    sifter = Sifter(store, staging, plan)
    wanted = set(plan.groups[group])
    receipts = [sifter.sift(a_range) for a_range in plan.ranges if a_range.index in wanted]
    return GroupReceipt(
        plan_id=plan_id,
        group=group,
        ranges=len(receipts),
        rows=sum(receipt.kept for receipt in receipts),
        digest=sha256_hex(canonical_json([receipt.document_digest() for receipt in receipts])),
        pool_bytes=sifter.bytes_read(),
    )


def read_receipt(store: Store, staging: Staging, a_range: Range) -> RangeReceipt | None:
    """Return the receipt of a range sifted in this role, or None where it has not been."""
    key = staging.receipt(a_range.index)
    try:
        receipt = RangeReceipt.from_json(store.get(key), what=key)
    except KeyNotFound:
        return None
    return receipt if receipt.range == a_range else None


class Sifter:
    """Sifts ranges of one plan, with what is needed for it opened once."""

    def __init__(self, store: Store, staging: Staging, plan: Plan) -> None:
        """Prepare; nothing is read until the first range that is not sifted yet."""
        self._store, self._staging, self._plan = store, staging, plan
        self._framer: Framer | None = None
        self._previous: Manifest | None = None

    def sift(self, a_range: Range) -> RangeReceipt:
        """Sift one range, unless its receipt is there already."""
        done = read_receipt(self._store, self._staging, a_range)
        if done is not None:
            return done
        self._open()
        receipt = self._sift(a_range)
        self._store.put(self._staging.receipt(a_range.index), receipt.to_json())
        return receipt

    def bytes_read(self) -> PoolBytes:
        """Return what sifting read of the pool's runs up to now."""
        return self._framer.reader.bytes_read() if self._framer else PoolBytes()

    def _open(self) -> None:
        if self._framer is not None:
            return
        self._framer = open_framer(self._store, self._plan)
        planned = self._plan.previous
        if planned is not None:
            self._previous = read_manifest(self._store, self._plan.dataset.name, planned.version)
            if self._previous.content_digest != planned.content_digest:
                raise StagingError(
                    f"refresh {self._plan.dataset.name} {self._plan.version}: the previous snapshot {planned.version} "
                    f"has content {self._previous.content_digest[:12]}…, planned with {planned.content_digest[:12]}…. "
                    "Start the refresh again from `plan`."
                )

    def _sift(self, a_range: Range) -> RangeReceipt:
        assert self._framer is not None
        counts = _Counts()
        index, store, staging = a_range.index, self._store, self._staging
        part = StagedWriter(store, staging.part(index), published_schema(self._plan))
        evidence = StagedWriter(store, staging.evidence(index), STAGED_EVIDENCE, passing)
        changes = StagedWriter(store, staging.changes(index), CHANGES)
        tallies = []
        with part, evidence, changes:
            for lo, hi in intervals(a_range.lo, a_range.hi, start=self._plan.start):
                for first, last in self._framer.reader.slices(lo, hi):
                    sifted = self._slice(first, last, drawn=a_range.role == "draw")
                    counts.add(sifted)
                    part.write(sifted.published)
                    evidence.write(sifted.evidence)
                    changes.write(sifted.changes)
                    tallies.append(sifted.tally)
                    del sifted  # or it would be held while the next slice is read
        tally_file = _write_tally(store, staging.tally(index), tallies)
        return RangeReceipt(
            range=a_range,
            part=part.file,
            evidence=evidence.file,
            changes=changes.file,
            tally=tally_file,
            **counts.fields(),
        )

    def _slice(self, lo: int, hi: int, *, drawn: bool) -> Sifted:
        assert self._framer is not None
        framed = self._framer.frame(lo, hi)
        items, frame, published = framed.items, framed.frame, published_schema(self._plan)
        kept = frame.kept if drawn else frame.kept[:0]
        fates = self._fates(lo, hi, items, frame)
        entered = entry_causes(kept, items, fates, previous_as_of_us=self._previous_as_of_us())
        names = dict.fromkeys([*published.names, PRN, "image_id", "observed_at", "state", "url", *EVIDENCE.names])
        rows = items.take(items.then[kept], list(names))
        causes = fates.left if fates else Reasons.none(0, LEFT_CAUSES)
        if not drawn:
            causes = rotate(causes)
        return Sifted(
            items=items,
            frame=frame,
            readings=framed.readings,
            kept=len(kept),
            published=rows.select(published.names).cast(published),
            evidence=_evidence(items, kept, rows, entered),
            left=causes,
            entered=entered,
            changes=list_changes(left=fates.members, causes=causes, entered=rows, entered_causes=entered)
            if fates
            else CHANGES.empty_table(),
            tally=_tally(
                items, fates, salt=self._framer.salt, most_keys=self._most_keys(), as_of=midnight(self._plan.version)
            ),
        )

    def _fates(self, lo: int, hi: int, items: Items, frame: Split) -> Fates | None:
        if self._previous is None:
            return None
        assert self._framer is not None
        fates = find_fates(read_members(self._store, self._previous, [(lo, hi)]), items, frame)
        members = fates.members
        suppressed = self._framer.suppressed_images(members[PRN].to_numpy(), lambda at: members.take(pa.array(at)))
        known = fates.item >= 0
        suppressed[known] |= self._framer.suppressed(items, fates.item[known])
        return suppress_members(fates, suppressed)

    def _most_keys(self) -> int:
        """Return how many owners a slice tells of: all of them, until there are too many ranges for the judge."""
        return max(1_000, TALLY_KEYS // len(self._plan.ranges))

    def _previous_as_of_us(self) -> int:
        return microseconds(midnight(self._plan.previous.version)) if self._plan.previous else 0


@dataclass(frozen=True, slots=True)
class Sifted:
    """What one slice gives."""

    items: Items
    frame: Split
    readings: EvidenceCounts
    kept: int
    published: pa.Table
    evidence: pa.Table
    left: Reasons
    entered: Reasons
    changes: pa.Table
    tally: pa.Table


@dataclass(slots=True)
class _Counts:
    """Adds up the slices of a range."""

    observations: int = 0
    superseded: int = 0
    kept: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    previous_members: int = 0
    entered: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    first_prn: int | None = None
    last_prn: int | None = None
    readings: EvidenceCounts = NO_READINGS

    def add(self, sifted: Sifted) -> None:
        self.observations += len(sifted.items.order)
        self.superseded += len(sifted.items.order) - len(sifted.items)
        self.kept += sifted.kept
        self.previous_members += len(sifted.left)
        self.readings = add_readings([self.readings, sifted.readings])
        for total, more in (
            (self.removed, sifted.frame.counts()),
            (self.entered, sifted.entered.counts()),
            (self.left, sifted.left.counts()),
        ):
            for word, count in more.items():
                total[word] = total.get(word, 0) + count
        if sifted.kept:
            prn = sifted.published[PRN]
            self.first_prn = prn[0].as_py() if self.first_prn is None else self.first_prn
            self.last_prn = prn[-1].as_py()

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def _evidence(items: Items, kept: np.ndarray, rows: pa.Table, entered: Reasons) -> pa.Table:
    """Return what the audit reads of each kept item. Of a newest observation, only where it is another one."""
    newest = items.newest[kept]
    is_newest = newest == items.then[kept]
    names = ["url", "state", *EVIDENCE.names]
    # Mostly there is no other one, and nulls that are taken cost as much as values.
    later = (
        items.take(newest, names, where=~is_newest)
        if not is_newest.all()
        else pa.table({n: pa.nulls(len(kept), pa.string()) for n in names})
    )
    columns = {name: rows[name] for name in (PRN, "observed_at", "state", *EVIDENCE.names)}
    columns |= {f"newest_{name}": later[name] for name in ("state", *EVIDENCE.names)}
    columns |= {"host": hosts(rows["url"]), "newest_host": hosts(later["url"])}
    columns |= {"is_newest": pa.array(is_newest), "change": entered.to_arrow()}
    return pa.table(columns).select(STAGED_EVIDENCE.names).cast(STAGED_EVIDENCE)


def _tally(items: Items, fates: Fates | None, *, salt: str, most_keys: int, as_of: datetime) -> pa.Table:
    """Count previous members and exits by owner, host and source. Owners appear as keyed hashes, so no id is staged."""
    if fates is None:
        return TALLY.empty_table()
    known = fates.item >= 0
    newest = items.take(items.newest[fates.item[known]], ["owner_id", "url", "source"])
    place = pa.array(np.cumsum(known) - 1, mask=~known)
    owners = newest["owner_id"].take(place).combine_chunks().dictionary_encode()
    hashed = [f"{number:016x}" for number in permanent_random_numbers(owners.dictionary, salt=salt)]
    sources = newest["source"].take(place).cast(pa.string()).combine_chunks()
    keys = {
        "owner": pa.array(hashed, pa.string()).take(owners.indices),
        "host": hosts(newest["url"]).take(place).combine_chunks(),
        "source": sources,
    }
    return pa.concat_tables(
        [tally(keys, sources, fates.left, most_keys=most_keys), last_heard(items.unsorted, as_of=as_of)]
    )


def _write_tally(store: Store, key: str, tallies: list[pa.Table]) -> StagedFile | None:
    with StagedWriter(store, key, TALLY, passing) as writer:
        writer.write(pa.concat_tables([TALLY.empty_table(), *tallies]))
    return writer.file
