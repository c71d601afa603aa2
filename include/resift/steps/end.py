"""End a version: withdraw it, so that nobody uses it any more, or retire it, so that its files go."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

from resift.client.snapshots import find_latest, find_manifest, find_tombstone, not_found
from resift.errors import ConfigError, KeyExists, RemovalRefused, WriteConflict
from resift.model import keys
from resift.model.ending import EndingPlan
from resift.model.manifest import Manifest
from resift.model.tombstone import Ending, Tombstone
from resift.steps.settle import files_to_remove, remove_files
from resift.storage import Store

Act = Literal["withdraw", "retire"]


def read_version(text: str) -> date:
    """Return the version a person named.

    Raises:
        ConfigError: It is no date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"version {text}: not a date, expected one such as 2026-09-28. Correct it.") from error


def plan_ending(
    store: Store, *, dataset: str, version: date, act: Act, why: str, follows: date | None, now: datetime
) -> EndingPlan:
    """Say what ending a version would do, if it may end. Nothing is written.

    Raises:
        SnapshotNotFound: It is not published.
        RemovalRefused: It may not end, or not in this way; the message says why.
    """
    what = f"snapshot {dataset} {version}"
    manifest, tombstone = find_manifest(store, dataset, version), find_tombstone(store, dataset, version)
    if manifest is None and tombstone is None:
        raise not_found(store, dataset, str(version))
    if not why.strip():
        raise RemovalRefused(f"{what}: found no reason, expected one for the tombstone. Give it with --why.")
    _require_follower(store, dataset, version, follows)
    if act == "withdraw" and tombstone is not None:
        raise RemovalRefused(f"{what}: {tombstone.describe()} It cannot be withdrawn again.")
    if act == "retire" and tombstone is None and manifest is not None:
        _require_over(store, manifest, now)
    listed = files_to_remove(store, dataset, version) if act == "retire" else []
    said = manifest or tombstone
    assert said is not None
    return EndingPlan(
        act=act,
        dataset=dataset,
        version=version,
        revision=said.revision,
        content_digest=said.content_digest,
        why=why,
        follows=follows,
        files=len(listed),
        size_bytes=sum(stat.size_bytes for stat in listed),
    )


def end(
    store: Store,
    *,
    dataset: str,
    version: date,
    act: Act,
    why: str,
    follows: date | None,
    plan_digest: str,
    now: datetime,
) -> Tombstone:
    """Withdraw or retire a version, if that is what was agreed to.

    The tombstone is written first: from then on readers are told since when, why, and which version follows. A
    withdrawn version keeps its files, and erasures still reach them. A retired one loses its manifest, then its
    files; its tombstone and the links of its revisions stay. ``latest`` never moves back: where it names a withdrawn
    version, asking for it tells so, until the next one is published.

    Danger:
        There is no way back. A retired version's files are deleted, and it is never published again.

    Raises:
        SnapshotNotFound: It is not published.
        RemovalRefused: It may not end, or not as agreed; nothing was changed.
    """
    there = find_tombstone(store, dataset, version)
    if act == "retire" and there is not None and there.retired is not None:
        _remove(store, dataset, version)  # a retirement that was cut short
        return there
    plan = plan_ending(store, dataset=dataset, version=version, act=act, why=why, follows=follows, now=now)
    if plan.document_digest() != plan_digest:
        raise RemovalRefused(
            f"snapshot {dataset} {version}: to {act} it as it is now has digest {plan.document_digest()}, agreed was "
            f"{plan_digest}. Nothing was changed. Look at it again, and give the digest that is shown."
        )
    tombstone = _write_tombstone(store, plan, Ending(since=now.astimezone(UTC), why=why, follows=follows))
    if act == "retire":
        _remove(store, dataset, version)
    return tombstone


def _require_follower(store: Store, dataset: str, version: date, follows: date | None) -> None:
    if follows is None:
        return
    if follows == version or find_tombstone(store, dataset, follows) is not None:
        raise RemovalRefused(
            f"snapshot {dataset} {version}: {follows} cannot follow it, for it ends or has ended; expected a version "
            "that readers may use. Name another with --follows."
        )
    if find_manifest(store, dataset, follows) is None:
        raise not_found(store, dataset, str(follows))


def _require_over(store: Store, manifest: Manifest, now: datetime) -> None:
    what = f"snapshot {manifest.dataset} {manifest.version}"
    if now.astimezone(UTC).date() < manifest.retained_until:
        raise RemovalRefused(
            f"{what}: is promised to stay until {manifest.retained_until}, today is {now:%Y-%m-%d}. Retire it then; if "
            "nobody should use it, withdraw it first."
        )
    if find_latest(store, manifest.dataset) == manifest.version:
        raise RemovalRefused(
            f"{what}: is what `latest` names, expected an older version. Refresh first; if nobody should use it, "
            "withdraw it first."
        )


def _write_tombstone(store: Store, plan: EndingPlan, ending: Ending) -> Tombstone:
    key = keys.tombstone(plan.dataset, plan.version)
    there, stat = find_tombstone(store, plan.dataset, plan.version), store.stat(key)
    manifest = find_manifest(store, plan.dataset, plan.version)
    said = manifest or there
    assert said is not None
    tombstone = Tombstone(
        dataset=plan.dataset,
        version=plan.version,
        revision=said.revision,
        content_digest=said.content_digest,
        rows=said.rows,
        erased=said.erased,
        withdrawn=ending if plan.act == "withdraw" else (there.withdrawn if there else None),
        retired=ending if plan.act == "retire" else None,
    )
    try:
        if stat is None:
            store.create(key, tombstone.to_json())
        else:
            store.swap(key, tombstone.to_json(), etag=stat.etag)
    except (KeyExists, WriteConflict) as error:
        raise RemovalRefused(
            f"snapshot {plan.dataset} {plan.version}: somebody else ended it just now. Look at it again."
        ) from error
    return tombstone


def _remove(store: Store, dataset: str, version: date) -> None:
    """Remove the manifest, so that the version is no more, and then its files."""
    store.delete(keys.manifest(dataset, version))
    remove_files(store, dataset, version)
