"""Publish a judged snapshot: parts first, manifest last, then move ``latest`` forward."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pyarrow as pa

import resift
from resift.client.snapshots import find_manifest, find_tombstone, require_no_tombstone
from resift.core.cut import content_digest
from resift.core.estimate import eligible_estimate
from resift.core.prn import CIRCLE
from resift.errors import (
    KeyExists,
    PoolError,
    RefreshHeld,
    RefreshRefused,
    SnapshotConflict,
    SnapshotRetired,
    SnapshotWithdrawn,
    StagingError,
)
from resift.model import keys
from resift.model.approval import Approval
from resift.model.grid import midnight
from resift.model.keys import Staging
from resift.model.manifest import Changes, Column, Draw, Extra, Funnel, Manifest
from resift.model.refresh import CutReceipt, PartEntry, Plan, StagedFile
from resift.model.verdict import Verdict
from resift.steps.approve import find_approval
from resift.steps.conflict import require_same_content
from resift.steps.cut import read_cut
from resift.steps.erase import erase_suppressed
from resift.steps.extras import write_extras
from resift.steps.framing import published_schema, require_planned_rights
from resift.steps.judged import copies_at_a_time, copy_judged, require_judged
from resift.steps.late_removals import require_no_late_removals
from resift.steps.orphans import missing_files, remove_orphans
from resift.steps.plan import read_plan
from resift.steps.report import with_report
from resift.steps.settle import clean, move_latest, remove_unlisted, settle_report, write_descriptions, write_link
from resift.steps.sign import sign, signing_key
from resift.storage import Store, together


def publish(store: Store, *, dataset: str, version: date, plan_id: str, verdict: Verdict) -> Manifest:
    """Make a staged snapshot exist, if the verdict is for exactly its content and lets it pass, or a person does.

    Publishing the same content again changes nothing and returns the manifest that is there.

    Raises:
        VerdictError: The verdict is foreign or altered, or not the one the judge staged; or its approval is.
        StagingError: What was staged was altered after judging, or what was copied was removed by an erasure.
        RefreshHeld: The verdict holds the snapshot, and nobody approved it.
        RefreshRefused: The judge found the snapshot wrong.
        SnapshotConflict: The version is published with other content.
        SnapshotRetired: The version ended; it does not come back.
        SnapshotWithdrawn: The same.
        PoolError: Suppressions or policy changed since the refresh was planned; or it waited, and drops that came
            meanwhile take items out.
    """
    staging = Staging(dataset, version, plan_id)
    plan, cut = read_plan(store, staging), read_cut(store, staging)
    require_own_digest(plan, cut)
    verdict.require(
        dataset=dataset,
        version=version,
        plan_id=plan_id,
        content_digest=cut.content_digest,
        cut_digest=cut.document_digest(),
    )
    require_no_tombstone(store, dataset, version)
    published = find_manifest(store, dataset, version)
    if published is not None:
        require_same_content(store, published, plan, cut)
    else:
        require_judged(store, staging, plan, cut, verdict)
        approval = find_approval(store, staging, verdict)
        require_pass(verdict, approval)
        published = _publish(store, staging, plan, cut, verdict, approval)
    # Also where the manifest was there: whoever wrote it may have died before it was settled.
    write_link(store, published)
    published = erase_suppressed(store, published, now=datetime.now(UTC))
    settle_report(store, published)
    write_descriptions(store, published)
    remove_unlisted(store, published)
    move_latest(store, published)
    clean(store, staging)
    return published


def require_own_digest(plan: Plan, cut: CutReceipt) -> None:
    """Check that the digest a cut carries is the one its parts give, so that a verdict for it speaks of these parts.

    Raises:
        StagingError: The receipt was altered.
    """
    columns = [(field.name, str(field.type)) for field in published_schema(plan)]
    digest = content_digest(columns=columns, start=plan.start, width=cut.width, parts=cut.parts)
    if digest != cut.content_digest:
        raise StagingError(
            f"refresh {cut.dataset} {cut.version}: the parts of the cut give content {digest[:12]}…, its receipt says "
            f"{cut.content_digest[:12]}…. The receipt was altered; start the refresh again from `plan`."
        )


def require_pass(verdict: Verdict, approval: Approval | None = None) -> None:
    """Refuse what neither the judge nor, where it holds, a person let pass.

    Raises:
        RefreshHeld: The verdict is ``hold``, and there is no approval.
        RefreshRefused: The verdict is ``stop``; no approval lifts it.
        VerdictError: The approval is not for this verdict.
    """
    if verdict.status == "proceed":
        return
    if approval is not None:
        approval.require(verdict)
        return
    findings = " ".join(finding.message() for finding in verdict.failures())
    what = f"refresh {verdict.dataset} {verdict.version}: not published. {findings}"
    if verdict.status == "hold":
        raise RefreshHeld(
            f"{what} If the jump is real, approve it: `resift approve {verdict.dataset} {verdict.version}` says how; "
            "if it is not, mend the source and refresh again."
        )
    raise RefreshRefused(f"{what} Nothing staged may be published; find the cause and refresh again.")


def _publish(
    store: Store, staging: Staging, plan: Plan, cut: CutReceipt, verdict: Verdict, approval: Approval | None
) -> Manifest:
    require_planned_rights(store, plan)
    require_no_late_removals(store, plan, cut, approval)
    try:
        return _copy_and_create(store, staging, plan, cut, verdict, approval)
    except (PoolError, SnapshotRetired, SnapshotWithdrawn):
        # Nobody may publish what was copied, by this plan or for this version; what dies before here, erase removes.
        remove_orphans(store, plan.dataset.name, plan.version)
        raise


def _copy_and_create(
    store: Store, staging: Staging, plan: Plan, cut: CutReceipt, verdict: Verdict, approval: Approval | None
) -> Manifest:
    prefix = keys.snapshot(plan.dataset.name, plan.version)

    def copy(pair: tuple[PartEntry, StagedFile]) -> None:
        part, staged = pair
        copy_judged(store, staged.key, prefix, path=part.path, sha256=part.sha256)

    at_a_time = copies_at_a_time(staged.size_bytes for staged in cut.staged_parts)
    for _ in together(copy, zip(cut.parts, cut.staged_parts, strict=True), at_a_time=at_a_time):
        pass
    manifest = _manifest(plan, cut, verdict, tuple(_publish_extras(store, staging, plan, cut, verdict)), approval)
    manifest = with_report(store, plan, manifest, verdict)
    # Copying takes its time, and a removal asked for meanwhile counts.
    require_planned_rights(store, plan)
    published = _create_manifest(store, manifest)
    try:
        require_same_content(store, published, plan, cut)
    except SnapshotConflict:
        # Another publisher was first: what we copied is nobody's.
        settle_report(store, published)
        remove_unlisted(store, published)
        raise
    return published


def _create_manifest(store: Store, manifest: Manifest) -> Manifest:
    """Write the manifest, or return the one somebody else wrote for this version in the meantime.

    Raises:
        SnapshotRetired: The version ended; it does not come back.
        SnapshotWithdrawn: The same.
        StagingError: What it lists was removed meanwhile, so it was taken back.
    """
    key = keys.manifest(manifest.dataset, manifest.version)
    require_no_tombstone(store, manifest.dataset, manifest.version)
    if (signer := signing_key()) is not None:
        sign(store, manifest, signer)
    try:
        store.create(key, manifest.to_json())
    except KeyExists:
        return Manifest.from_json(store.get(key), what=key)
    if find_tombstone(store, manifest.dataset, manifest.version) is not None:
        store.delete(key)  # It ended between our look and our write.
        require_no_tombstone(store, manifest.dataset, manifest.version)
    if find_manifest(store, manifest.dataset, manifest.version) == manifest and (
        missing := missing_files(store, manifest)
    ):
        store.delete(key)
        remove_orphans(store, manifest.dataset, manifest.version)
        raise StagingError(
            f"snapshot {manifest.dataset} {manifest.version}: not published. {missing[0]} and {len(missing) - 1} more "
            "files are gone, expected those just copied. An erasure removed them; start the refresh again from `plan`."
        )
    return manifest


def _publish_extras(store: Store, staging: Staging, plan: Plan, cut: CutReceipt, verdict: Verdict) -> Iterator[Extra]:
    """Copy what lies beside the data: the changes, the verdict, the pages of the judge."""
    prefix = keys.snapshot(plan.dataset.name, plan.version)

    def copy(numbered: tuple[int, StagedFile]) -> Extra:
        number, staged = numbered
        path = keys.changes_name(number, staged.sha256)
        copy_judged(store, staged.key, prefix, path=path, sha256=staged.sha256)
        return Extra(path=path, size_bytes=staged.size_bytes, sha256=staged.sha256)

    at_a_time = copies_at_a_time(staged.size_bytes for staged in cut.staged_changes)
    yield from together(copy, enumerate(cut.staged_changes), at_a_time=at_a_time)
    pages = {keys.quality(verdict.seal, "verdict.json"): verdict.to_json()}
    staged_pages = [stat.key for stat in store.list(staging.docs)]
    for key, body in zip(staged_pages, together(store.get, staged_pages), strict=True):
        pages[keys.quality(verdict.seal, key.removeprefix(staging.prefix))] = body
    yield from write_extras(store, prefix, pages)


def _manifest(
    plan: Plan, cut: CutReceipt, verdict: Verdict, extras: tuple[Extra, ...], approval: Approval | None
) -> Manifest:
    dataset = plan.dataset
    return Manifest(
        dataset=dataset.name,
        version=plan.version,
        revision=0,
        content_digest=cut.content_digest,
        rows=cut.rows,
        columns=tuple(Column(name=field.name, type=str(field.type)) for field in published_schema(plan)),
        parts=cut.parts,
        extras=extras,
        as_of=midnight(plan.version),
        known_at=plan.known_at,
        published_at=datetime.now(UTC),
        retained_until=plan.version + dataset.retention,
        config=dataset,
        config_digest=dataset.document_digest(),
        policy=plan.policy,
        pool=dataset.pool,
        pool_digest=plan.pool_digest,
        suppressions_digest=plan.suppressions_digest,
        plan_id=cut.plan_id,
        draw=_draw(plan, cut),
        funnel=Funnel(observations=cut.observations, superseded=cut.superseded, removed=cut.removed, kept=cut.rows),
        evidence=cut.readings,
        changes=_changes(plan, cut),
        verdict_seal=verdict.seal,
        approval=approval,
        software={"resift": resift.__version__, "pyarrow": pa.__version__, "python": platform.python_version()},
    )


def _draw(plan: Plan, cut: CutReceipt) -> Draw:
    estimate = eligible_estimate(rows=cut.rows, width=cut.width, exhausted=cut.exhausted)
    return Draw(
        cycle=plan.cycle,
        start=plan.start,
        width=cut.width,
        exhausted=cut.exhausted,
        eligible_estimate=estimate,
        inclusion_probability=1.0 if cut.exhausted else cut.width / CIRCLE,
    )


def _changes(plan: Plan, cut: CutReceipt) -> Changes | None:
    if plan.previous is None:
        return None
    return Changes(
        previous=plan.previous,
        previous_rows=cut.previous_members,
        entered=cut.entered,
        left=cut.left,
        turnover=sum(cut.entered.values()) / cut.rows,
    )
