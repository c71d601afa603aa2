"""Find the one manifest a person means: by date, exact revision, ``latest`` or digest. Never another."""

from __future__ import annotations

import re
from datetime import date

from resift.client.revisions import read_revisions
from resift.client.snapshots import (
    find_manifest,
    find_tombstone,
    list_versions,
    not_found,
    read_manifest,
    require_no_tombstone,
)
from resift.errors import SnapshotNotFound
from resift.model import keys
from resift.model.manifest import Manifest
from resift.storage import Store

LEAST_DIGITS = 8
"""Fewer digits of a content digest than this name no version: they might soon name two."""

_DIGEST = re.compile(r"[0-9a-f]{1,64}", re.IGNORECASE)


def resolve(store: Store, dataset: str, version: str | date) -> Manifest:
    """Return the manifest of a version, an exact revision, ``latest``, or the first digits of a content digest.

    Raises:
        DatasetNotFound: Nothing is published under the dataset's name.
        SnapshotWithdrawn: The version should not be used any more.
        SnapshotRetired: The version ended, and its files are gone.
        SnapshotNotFound: Nothing, or more than one version, is published under that. The message lists what there is.
    """
    if not isinstance(version, str) or not _DIGEST.fullmatch(version):
        return read_manifest(store, dataset, version)
    if len(version) < LEAST_DIGITS:
        raise SnapshotNotFound(
            f"snapshot {dataset} {version}: found {len(version)} digits of a content digest, expected at least "
            f"{LEAST_DIGITS}. Give more of them, or a version such as 2026-11-23."
        )
    return _by_digest(store, dataset, version.lower())


def _by_digest(store: Store, dataset: str, digits: str) -> Manifest:
    manifests = (find_manifest(store, dataset, version) for version in list_versions(store, dataset))
    known = [manifest for manifest in manifests if manifest]
    found = [manifest for manifest in known if manifest.content_digest.startswith(digits)]
    if len(found) > 1:
        names = ", ".join(f"{m.version}.{m.revision} ({m.content_digest[: len(digits) + 4]}…)" for m in found)
        raise SnapshotNotFound(
            f"snapshot {dataset} {digits}: found {len(found)} versions whose content digest begins so: {names}, "
            "expected one. Give more digits, or the version."
        )
    if found:
        require_no_tombstone(store, dataset, found[0].version)
        return found[0]
    for version in list_ended(store, dataset):
        ended = find_tombstone(store, dataset, version)
        if ended and ended.content_digest.startswith(digits):
            require_no_tombstone(store, dataset, version)
    for manifest in known:
        for link in read_revisions(store, manifest)[:-1]:
            if link.content_digest.startswith(digits):
                raise SnapshotNotFound(
                    f"snapshot {dataset} {digits}: that is {manifest.version}.{link.revision}, found at revision "
                    f"{manifest.revision} since, with {link.rows - manifest.rows:,} items erased. Ask for "
                    f"{manifest.version}.{manifest.revision}."
                )
    if not known:
        raise not_found(store, dataset, digits)
    there = ", ".join(f"{m.version} ({m.content_digest[:12]}…)" for m in known)
    raise SnapshotNotFound(
        f"snapshot {dataset} {digits}: found no version whose content digest begins so, expected one of {there}. "
        "Check the digits, or ask for a version."
    )


def list_ended(store: Store, dataset: str) -> list[date]:
    """Return the versions that have a tombstone, oldest first."""
    prefix = keys.snapshots(dataset)
    names = [stat.key.removeprefix(prefix).split("/") for stat in store.list(prefix)]
    return sorted(date.fromisoformat(name[0]) for name in names if name[1:] == ["tombstone.json"])
