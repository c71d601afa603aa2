"""Find the one manifest a person means: by date, exact revision, ``latest`` or digest. Never another."""

from __future__ import annotations

import re
from datetime import date

from resift.client.snapshots import (
    find_manifest,
    list_versions,
    not_found,
    read_manifest,
    require_no_tombstone,
)
from resift.errors import SnapshotNotFound
from resift.model.manifest import Manifest
from resift.storage import Store

LEAST_DIGITS = 8
"""Fewer digits of a content digest than this name no version: they might soon name two."""

_DIGEST = re.compile(r"[0-9a-f]{1,64}", re.IGNORECASE)


def resolve(store: Store, dataset: str, version: str | date) -> Manifest:
    """Return the manifest of a version, an exact revision, ``latest``, or the first digits of a content digest.

    Raises:
        DatasetNotFound: Nothing is published under the dataset's name.
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
    known = [find_manifest(store, dataset, version) for version in list_versions(store, dataset)]
    found = [manifest for manifest in known if manifest and manifest.content_digest.startswith(digits)]
    if len(found) == 1:
        require_no_tombstone(store, dataset, found[0].version)
        return found[0]
    if not found:
        if not any(known):
            raise not_found(store, dataset, digits)
        there = ", ".join(f"{m.version} ({m.content_digest[:12]}…)" for m in known if m)
        raise SnapshotNotFound(
            f"snapshot {dataset} {digits}: found no version whose content digest begins so, expected one of {there}. "
            "A revision has a digest of its own; ask for the version to see the newest."
        )
    names = ", ".join(f"{m.version}.{m.revision} ({m.content_digest[: len(digits) + 4]}…)" for m in found)
    raise SnapshotNotFound(
        f"snapshot {dataset} {digits}: found {len(found)} versions whose content digest begins so: {names}, expected "
        "one. Give more digits, or the version."
    )
