"""Cut the sample to size: find where it ends, trim the part there, leave out what lies beyond."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from resift.core.circle import offsets
from resift.core.cut import Cut, add_counts, content_digest, covered_width, find_cut
from resift.core.prn import CIRCLE
from resift.errors import RefreshRefused, StagingError
from resift.model import keys
from resift.model.keys import Staging
from resift.model.observation import CHANGES, PRN, STAGED_EVIDENCE
from resift.model.reasons import ENTERED, LEFT, NOT_DRAWN, ROTATED
from resift.model.refresh import CutReceipt, PartEntry, Plan, Range, RangeReceipt, StagedFile
from resift.policy import add_readings, fold_small
from resift.steps.framing import published_schema
from resift.steps.measured import digest_of
from resift.steps.parquet import Settings, lasting, passing
from resift.steps.plan import range_at, read_plan
from resift.steps.sift import Sifter, read_receipt
from resift.steps.staged import StagedWriter, read_staged
from resift.storage import Store, together


def cut(store: Store, *, dataset: str, version: date, plan_id: str) -> CutReceipt:
    """Find the range and row where the sample reaches its size, and write down what it consists of.

    Sifts further ranges if the plan's margin was too small, round the whole circle if need be.

    Raises:
        StagingError: A range of the plan has not been sifted.
        RefreshRefused: Not one item may be drawn.
    """
    staging = Staging(dataset, version, plan_id)
    plan = read_plan(store, staging)
    drawn, others = _receipts(store, staging, plan)
    drawn, others = _extend(Sifter(store, staging, plan), plan, drawn, others)
    end = find_cut((receipt.kept for receipt in drawn), size=plan.dataset.size)
    if not any(receipt.kept for receipt in drawn):
        removed = add_counts(receipt.removed for receipt in drawn)
        counts = ", ".join(f"{count:,} {reason}" for reason, count in removed.items())
        raise RefreshRefused(
            f"refresh {dataset} {version}: no item of the pool may be drawn (found {counts or 'none'}), expected "
            f"{plan.dataset.size:,}. If most are stale, a source has not delivered: ingest what waits; if most are "
            "unborn, the pool begins after this cycle; if most are excluded, look at the evidence the source gives."
        )
    receipt = _assemble(store, staging, plan, _Ending(drawn, others, end))
    store.put(staging.cut, receipt.to_json())
    return receipt


def read_cut(store: Store, staging: Staging) -> CutReceipt:
    """Return the receipt of the cut of a refresh under way."""
    return CutReceipt.from_json(store.get(staging.cut), what=staging.cut)


def _receipts(store: Store, staging: Staging, plan: Plan) -> tuple[list[RangeReceipt], list[RangeReceipt]]:
    """Return the receipts of the ranges to draw from, and of those that only tell fates.

    A range planned for fates, or in part, may have been drawn from whole by an earlier try of this step; that counts.
    """

    def find(a_range: Range) -> RangeReceipt | None:
        whole = range_at(plan, a_range.index, role="draw")
        return read_receipt(store, staging, a_range) or read_receipt(store, staging, whole)

    drawn, others = list[RangeReceipt](), list[RangeReceipt]()
    for a_range, receipt in zip(plan.ranges, together(find, plan.ranges), strict=True):
        if receipt is None:
            raise StagingError(
                f"refresh {plan.dataset.name} {plan.version}: range {a_range.index} has no receipt, expected all "
                f"{len(plan.ranges)} ranges sifted. Run `sift` for its group again."
            )
        (drawn if a_range.role == "draw" else others).append(receipt)
    return drawn, others


def _extend(
    sifter: Sifter, plan: Plan, drawn: list[RangeReceipt], others: list[RangeReceipt]
) -> tuple[list[RangeReceipt], list[RangeReceipt]]:
    """Sift on from the last range until there are enough items, or the circle is closed."""
    drawn = list(drawn)
    while sum(receipt.kept for receipt in drawn) < plan.dataset.size and drawn[-1].range.hi < CIRCLE:
        last = range_at(plan, drawn[-1].range.index, role="draw")
        if drawn[-1].range.hi < last.hi:
            drawn[-1] = sifter.sift(last)  # the plan wanted the first of it only
        else:
            drawn.append(sifter.sift(range_at(plan, len(drawn), role="draw")))
    return drawn, [receipt for receipt in others if receipt.range.index >= len(drawn)]


@dataclass(frozen=True, slots=True)
class _Ending:
    """All receipts in order, and where the sample ends among them."""

    drawn: list[RangeReceipt]
    others: list[RangeReceipt]
    end: Cut

    @property
    def whole(self) -> list[RangeReceipt]:
        """Ranges taken whole."""
        return self.drawn if self.end.index is None else self.drawn[: self.end.index]

    @property
    def last(self) -> RangeReceipt | None:
        """The range in which the sample ends, or None where all were taken."""
        return None if self.end.index is None else self.drawn[self.end.index]

    @property
    def beyond(self) -> list[RangeReceipt]:
        """Ranges sifted for the margin only."""
        return [] if self.end.index is None else self.drawn[self.end.index + 1 :]


def _assemble(store: Store, staging: Staging, plan: Plan, ending: _Ending) -> CutReceipt:
    trimmer = _Trimmer(store, staging, plan)
    pieces = [_Piece.whole(receipt) for receipt in ending.whole]
    if ending.last is not None:
        pieces.append(trimmer.trim(ending.last, ending.end.rows))
    tail = [trimmer.trim(receipt, 0) for receipt in ending.beyond] + [_Piece.whole(r) for r in ending.others]
    parts, held = _number_parts([piece for piece in pieces if piece.part is not None])
    taken = [piece.receipt for piece in pieces]
    exhausted = ending.last is None
    last = int(offsets(pa.array([parts[-1].last_prn]).to_numpy(), start=plan.start)[0])
    width = covered_width(last_offset=last, exhausted=exhausted)
    columns = [(field.name, str(field.type)) for field in published_schema(plan)]
    not_drawn = sum(piece.receipt.kept - piece.rows for piece in pieces)
    return CutReceipt(
        dataset=plan.dataset.name,
        version=plan.version,
        plan_id=staging.plan_id,
        rows=sum(part.rows for part in parts),
        width=width,
        searched=taken[-1].range.hi,
        exhausted=exhausted,
        parts=tuple(parts),
        content_digest=content_digest(columns=columns, start=plan.start, width=width, parts=parts),
        observations=sum(receipt.observations for receipt in taken),
        superseded=sum(receipt.superseded for receipt in taken),
        removed=add_counts([*(r.removed for r in taken), {NOT_DRAWN: not_drawn} if not_drawn else {}]),
        entered=add_counts(piece.entered for piece in pieces),
        left=add_counts(piece.left for piece in [*pieces, *tail]),
        previous_members=sum(piece.receipt.previous_members for piece in [*pieces, *tail]),
        readings=fold_small(add_readings(receipt.readings for receipt in taken)),
        ranges=tuple(piece.receipt.range.index for piece in held),
        staged_parts=tuple(piece.part for piece in held if piece.part),
        staged_evidence=tuple(piece.evidence for piece in held if piece.evidence),
        staged_changes=tuple(piece.changes for piece in [*pieces, *tail] if piece.changes),
        tallies_digest=digest_of(
            (tally.key, tally.sha256) for piece in [*pieces, *tail] if (tally := piece.receipt.tally) is not None
        ),
    )


def _number_parts(pieces: list[_Piece]) -> tuple[list[PartEntry], list[_Piece]]:
    parts = [
        PartEntry(
            path=keys.part_name(number, 0, piece.part.sha256),
            rows=piece.part.rows,
            size_bytes=piece.part.size_bytes,
            sha256=piece.part.sha256,
            first_prn=piece.first_prn,
            last_prn=piece.last_prn,
        )
        for number, piece in enumerate(pieces)
        if piece.part is not None and piece.first_prn is not None and piece.last_prn is not None
    ]
    return parts, pieces


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a range contributes to the snapshot after the cut."""

    receipt: RangeReceipt
    rows: int
    part: StagedFile | None
    evidence: StagedFile | None
    changes: StagedFile | None
    first_prn: int | None
    last_prn: int | None
    entered: dict[str, int]
    left: dict[str, int]

    @classmethod
    def whole(cls, receipt: RangeReceipt) -> _Piece:
        return cls(
            receipt=receipt,
            rows=receipt.kept,
            part=receipt.part,
            evidence=receipt.evidence,
            changes=receipt.changes,
            first_prn=receipt.first_prn,
            last_prn=receipt.last_prn,
            entered=receipt.entered,
            left=receipt.left,
        )


class _Trimmer:
    """Rewrites what was staged for one range so that it ends at a row."""

    def __init__(self, store: Store, staging: Staging, plan: Plan) -> None:
        self._store, self._staging, self._plan = store, staging, plan

    def trim(self, receipt: RangeReceipt, rows: int) -> _Piece:
        """Keep the first rows of a range. What was a previous member beyond them was rotated out."""
        if receipt.part is None or receipt.evidence is None or rows == receipt.kept:
            return _Piece.whole(receipt)
        if not rows and self._plan.previous is None:
            return replace(_Piece.whole(receipt), rows=0, part=None, evidence=None)
        index = receipt.range.index
        files = [
            (receipt.part.key, self._staging.part(index, trimmed=True), published_schema(self._plan), lasting),
            (receipt.evidence.key, self._staging.evidence(index, trimmed=True), STAGED_EVIDENCE, passing),
        ]

        def shorten(file: tuple[str, str, pa.Schema, Settings]) -> tuple[pa.Table, StagedFile | None]:
            key, trimmed, schema, settings = file
            table = read_staged(self._store, key)
            return table, self._write(trimmed, schema, table.slice(0, rows), settings)

        # Side by side: nothing else runs while the sample is cut.
        (part, kept_part), (evidence, kept_evidence) = together(shorten, files)
        beyond = evidence.select([PRN, "change"]).append_column("image_id", part["image_id"]).slice(rows)
        changes = self._trim_changes(receipt, beyond)
        return _Piece(
            receipt=receipt,
            rows=rows,
            part=kept_part,
            evidence=kept_evidence,
            changes=self._write(self._staging.changes(index, trimmed=True), CHANGES, changes),
            first_prn=receipt.first_prn if rows else None,
            last_prn=part[PRN][rows - 1].as_py() if rows else None,
            entered=_count(changes, ENTERED),
            # The suppressed are counted and never listed, so their count stands in the receipt alone.
            left=receipt.left | _count(changes, LEFT),
        )

    def _trim_changes(self, receipt: RangeReceipt, beyond: pa.Table) -> pa.Table:
        if self._plan.previous is None:
            return CHANGES.empty_table()
        listed = read_staged(self._store, receipt.changes.key) if receipt.changes else CHANGES.empty_table()
        reached = pc.invert(pc.is_in(listed["image_id"], value_set=beyond["image_id"].combine_chunks()))
        members = beyond.filter(pc.is_null(beyond["change"])).select([PRN, "image_id"])
        words = [pa.array([word] * len(members), pa.string()) for word in (LEFT, ROTATED)]
        rotated = pa.table([*words, *members.columns], schema=CHANGES)
        kept = listed.filter(pc.or_(reached, pc.equal(listed["change"], LEFT)))
        return pa.concat_tables([kept, rotated]).sort_by([(PRN, "ascending"), ("image_id", "ascending")])

    def _write(self, key: str, schema: pa.Schema, rows: pa.Table, settings: Settings = lasting) -> StagedFile | None:
        with StagedWriter(self._store, key, schema, settings) as writer:
            writer.write(rows.cast(schema))
        return writer.file


def _count(changes: pa.Table, change: str) -> dict[str, int]:
    causes = changes.filter(pc.equal(changes["change"], change))["cause"].value_counts()
    return {entry["values"].as_py(): entry["counts"].as_py() for entry in causes}
