"""Erase items: suppress them for good, then take them out of every published version over their pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime

import pyarrow as pa

from resift.client.snapshots import find_manifest, list_datasets, list_versions
from resift.core.circle import intervals
from resift.core.erasure import Targets
from resift.core.suppression import find_suppressed
from resift.errors import ConfigError, KeyNotFound, RemovalRefused
from resift.model import keys
from resift.model.erasure import ErasurePlan, ErasureReceipt, Revised, VersionErasure
from resift.model.manifest import Manifest
from resift.model.observation import PRN
from resift.model.suppression import Suppression
from resift.steps.orphans import remove_all_orphans
from resift.steps.plan import find_plan
from resift.steps.pools import read_pool, read_state, read_suppressions
from resift.steps.revise import find_rows, revise
from resift.steps.runs import PoolReader
from resift.steps.settle import clean
from resift.steps.suppress import make_suppression, write_suppression
from resift.steps.under_way import all_under_way
from resift.storage import Store

_OWNED = pa.schema([(PRN, pa.int64()), ("image_id", pa.string())])


def wanted(
    store: Store, *, pool: str, images: Sequence[str], owners: Sequence[str], request: str, requested_at: datetime
) -> tuple[Suppression, ...]:
    """Return the suppressions to carry out: of the ids given, not yet written; where none is, all the pool has.

    Raises:
        PoolNotFound: There is no such pool.
        ConfigError: There is nothing to carry out, or ids without a reference of the request.
    """
    salt = read_pool(store, pool).salt
    if not images and not owners:
        entries, _ = read_suppressions(store, pool)
        if not entries:
            raise ConfigError(
                f"erase: pool {pool} has no suppressions and no id was given, expected one of them. Name an image or "
                "an owner."
            )
        return tuple(entries)
    if not request.strip() or not all(identifier.strip() for identifier in (*images, *owners)):
        raise ConfigError(
            "erase: found an empty id or request, expected a request beside every id. Check the variables you "
            "filled in."
        )
    named = [*(("image", identifier) for identifier in images), *(("owner", identifier) for identifier in owners)]
    return tuple(
        make_suppression(pool, kind, identifier, salt=salt, request=request, requested_at=requested_at)  # type: ignore[arg-type]
        for kind, identifier in dict.fromkeys(named)
    )


def plan_erasure(store: Store, *, pool: str, entries: Iterable[Suppression]) -> ErasurePlan:
    """Find what the suppressions take out of which version. Nothing is written."""
    entries = tuple(entries)
    manifests = list(_published_over(store, pool))
    targets = find_targets(store, pool, entries, manifests)
    found = [(manifest, find_rows(store, manifest, targets)) for manifest in manifests]
    return ErasurePlan(
        pool=pool,
        suppressions=tuple(sorted({entry.digest for entry in entries})),
        versions=tuple(
            VersionErasure(
                dataset=manifest.dataset,
                version=manifest.version,
                revision=manifest.revision,
                rows=sum(rows.parts.values()),
                parts=len(rows.parts),
                changes_rows=sum(rows.changes.values()),
                changes_files=len(rows.changes),
            )
            for manifest, rows in found
            if rows
        ),
    )


def erase(
    store: Store, *, pool: str, entries: Iterable[Suppression], plan_digest: str, now: datetime
) -> ErasureReceipt:
    """Suppress the items for good and take them out of every published version over the pool.

    The plan must be the one whose digest was agreed to; an erasure that was begun under that digest is finished,
    whatever else happened meanwhile. It ends when a search of all versions, those published meanwhile included,
    finds none of the items. Refreshes under way that know of fewer suppressions are removed from staging, and files
    that a publisher copied and no version lists from among the snapshots.

    Danger:
        There is no way back: rows, changes and the files that held them are deleted, and the items never return.

    Raises:
        RemovalRefused: What would be taken out is not what was agreed to; nothing was changed.
    """
    entries = tuple(entries)
    key = keys.erasure_plan(pool, plan_digest)
    begun = _begun(store, key)
    if begun is None:
        plan = plan_erasure(store, pool=pool, entries=entries)
        if plan.document_digest() != plan_digest:
            raise RemovalRefused(
                f"erasure in pool {pool}: what it would take out has digest {plan.document_digest()}, agreed was "
                f"{plan_digest}. Nothing was changed. Look at the plan again, and confirm its digest."
            )
    else:
        entries = tuple(entry for entry in read_suppressions(store, pool)[0] if entry.digest in begun.suppressions)
    for entry in entries:
        write_suppression(store, entry)
    if begun is None:
        store.put(key, plan.to_json())
    revised, staged = _erase_everywhere(store, pool, entries, now)
    receipt = ErasureReceipt(
        plan_digest=plan_digest,
        pool=pool,
        done_at=now,
        versions=tuple(
            Revised.model_validate({name: getattr(manifest, name) for name in Revised.model_fields})
            for manifest in revised
        ),
        staged=staged,
    )
    store.put(keys.erasure_receipt(pool, plan_digest), receipt.to_json())
    return receipt


def erase_suppressed(store: Store, manifest: Manifest, *, now: datetime) -> Manifest:
    """Take out of one version what was suppressed since it was planned, and return the manifest as it is then.

    A publisher calls it after writing the manifest: an eraser that did not see the version yet had written its
    suppressions before it looked, so one of the two finds the other.
    """
    entries, digest = read_suppressions(store, manifest.pool)
    if digest == manifest.suppressions_digest:
        return manifest
    targets = find_targets(store, manifest.pool, entries, [manifest])
    return revise(store, dataset=manifest.dataset, version=manifest.version, targets=targets, now=now) or manifest


def find_targets(store: Store, pool: str, entries: Sequence[Suppression], manifests: Sequence[Manifest]) -> Targets:
    """Return the images the suppressions speak of, as far as they may lie in one of the versions.

    Which images are an owner's only the pool knows: any observation that ever named the owner counts. It is read
    where the versions, and those they were compared with, lie, and nowhere else.
    """
    salt = read_pool(store, pool).salt
    owned = _OWNED.empty_table()
    if any(entry.kind == "owner" for entry in entries):
        schema = pa.schema([*_OWNED, ("owner_id", pa.string())])
        reader = PoolReader(store, read_state(store, pool).runs, schema)
        pieces = [
            rows.filter(pa.array(find_suppressed(rows["owner_id"], entries, kind="owner", salt=salt)))
            for lo, hi in _covered(manifests)
            for first, last in reader.slices(lo, hi)
            if len(rows := reader.read(first, last))
        ]
        if pieces:
            owned = pa.concat_tables(pieces).select(_OWNED.names).group_by(_OWNED.names).aggregate([])
    return Targets.of(entries, owned, salt=salt)


def _covered(manifests: Iterable[Manifest]) -> list[tuple[int, int]]:
    """Return the intervals of PRNs in which members of these versions, or what they list as left, may lie; merged."""
    pieces = []
    for manifest in manifests:
        draws = [(manifest.draw.start, manifest.draw.width)]
        if manifest.changes:
            draws.append((manifest.changes.previous.start, manifest.changes.previous.width))
        pieces += [piece for start, width in draws for piece in intervals(0, width, start=start)]
    merged: list[tuple[int, int]] = []
    for lo, hi in sorted(pieces):
        if merged and lo <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(hi, merged[-1][1]))
        else:
            merged.append((lo, hi))
    return merged


def _published_over(store: Store, pool: str) -> Iterator[Manifest]:
    """Yield the manifest of every version drawn from a pool, also of those that were withdrawn."""
    for dataset in list_datasets(store):
        for version in list_versions(store, dataset):
            manifest = find_manifest(store, dataset, version)
            if manifest is not None and manifest.pool == pool:
                yield manifest


def _erase_everywhere(
    store: Store, pool: str, entries: Sequence[Suppression], now: datetime
) -> tuple[list[Manifest], int]:
    """Revise every version, and remove what belongs to none, until a search finds nothing more.

    Returns:
        The versions that the last search saw, and how many refreshes under way were removed.
    """
    cleaned = 0
    while True:
        manifests = list(_published_over(store, pool))
        targets = find_targets(store, pool, entries, manifests)
        revised = [
            revise(store, dataset=manifest.dataset, version=manifest.version, targets=targets, now=now)
            for manifest in manifests
        ]
        cleaned += _clean_staging(store, pool)
        remove_all_orphans(store)
        after = list(_published_over(store, pool))
        if [manifest for manifest in revised if manifest is not None] == after:
            return after, cleaned


def _begun(store: Store, key: str) -> ErasurePlan | None:
    with suppress(KeyNotFound):
        return ErasurePlan.from_json(store.get(key), what=key)
    return None


def _clean_staging(store: Store, pool: str) -> int:
    """Remove refreshes under way that were planned with other suppressions: they can never be published."""
    _, digest = read_suppressions(store, pool)
    cleaned = 0
    for staging in all_under_way(store):
        # A plan goes last: where there is none, nobody can use what is left.
        plan = find_plan(store, staging)
        if plan is None or (plan.dataset.pool == pool and plan.suppressions_digest != digest):
            clean(store, staging)
            cleaned += 1
    return cleaned
