"""Find what is published: datasets, versions, manifests."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from resift.client.sound import MOST_BYTES, require_known_format, require_sound
from resift.errors import (
    ConfigError,
    DatasetNotFound,
    KeyNotFound,
    SnapshotDamaged,
    SnapshotNotFound,
    SnapshotRetired,
    SnapshotWithdrawn,
    StagingError,
)
from resift.model import keys
from resift.model.manifest import Latest, Manifest
from resift.model.tombstone import Tombstone
from resift.model.verdict import Verdict
from resift.storage import Store, together

LATEST = "latest"
"""What a reader asks for who means the newest version."""


def list_datasets(store: Store) -> list[str]:
    """Return the names of all datasets of which a version is published, ascending."""
    return sorted(name for name in store.folders(keys.DATASETS) if list_versions(store, name))


def list_versions(store: Store, dataset: str) -> list[date]:
    """Return the versions of a dataset, oldest first; none if it has not been published."""
    # Each is asked for by itself: a listing would tell of every part of every version.
    versions = dates_among(store, keys.snapshots(dataset))
    manifests = together(store.stat, [keys.manifest(dataset, version) for version in versions])
    return [version for version, found in zip(versions, manifests, strict=True) if found is not None]


def dates_among(store: Store, prefix: str) -> list[date]:
    """Return the dates that folders are named by, ascending, without what anybody else put there."""
    found = []
    for name in store.folders(prefix):
        with suppress(ValueError):
            if str(named := date.fromisoformat(name)) == name:
                found.append(named)
    return sorted(found)


def find_manifest(store: Store, dataset: str, version: date) -> Manifest | None:
    """Return the manifest of a version, or None where it is not published.

    Raises:
        FormatNotKnown: It was written by a version of resift that writes another format.
        SnapshotDamaged: The object is no manifest, or that of another version.
    """
    key = keys.manifest(dataset, version)
    try:
        body = _read_bounded(store, key)
        require_known_format(body, f"snapshot {dataset} {version}: {key}")
        manifest = Manifest.from_json(body, what=f"snapshot {dataset} {version}: {key}")
    except KeyNotFound:
        return None
    except StagingError as error:
        raise SnapshotDamaged(str(error)) from error
    if (manifest.dataset, manifest.version) != (dataset, version):
        raise SnapshotDamaged(
            f"snapshot {dataset} {version}: {key} is the manifest of {manifest.dataset} {manifest.version}, expected "
            "that of this version. Restore it from a copy of the lake."
        )
    return require_sound(manifest)


def _read_bounded(store: Store, key: str) -> bytes:
    body = store.get_range(key, start=0, length=MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise SnapshotDamaged(
            f"{store.url}: {key} is longer than {MOST_BYTES} bytes, expected a manifest. Tell who runs the lake."
        )
    return body


def read_manifest(store: Store, dataset: str, version: str | date) -> Manifest:
    """Return the manifest of ``latest``, of a version such as ``2026-11-23``, or of an exact ``2026-11-23.0``.

    Raises:
        DatasetNotFound: Nothing is published under the dataset's name.
        SnapshotNotFound: The version is not published, or at another revision. The message lists what there is.
        SnapshotWithdrawn: The version should not be used any more.
        SnapshotRetired: The version ended, and its files are gone.
    """
    if version == LATEST:
        return read_manifest(store, dataset, _latest(store, dataset))
    day, _, revision = str(version).partition(".")
    try:
        require_no_tombstone(store, dataset, date.fromisoformat(day))
        manifest = find_manifest(store, dataset, date.fromisoformat(day))
    except ValueError:
        manifest = None
    if manifest is None:
        raise not_found(store, dataset, day)
    if revision and revision != str(manifest.revision):
        raise SnapshotNotFound(
            f"snapshot {dataset} {version}: the version is at revision {manifest.revision}, expected {revision}. "
            f"Ask for {day}.{manifest.revision}, or for {day} to take any revision."
        )
    return manifest


def read_verdict(store: Store, manifest: Manifest) -> Verdict:
    """Return the verdict a version was published with.

    Raises:
        SnapshotDamaged: It is not there, or not the one the manifest names.
    """
    key = keys.snapshot(manifest.dataset, manifest.version) + keys.quality(manifest.verdict_seal, "verdict.json")
    what = f"snapshot {manifest.dataset} {manifest.version}: {key}"
    try:
        verdict = Verdict.from_json(_read_bounded(store, key), what=what)
    except KeyNotFound as error:
        raise SnapshotDamaged(
            f"{what}: not found, expected the verdict with seal {manifest.verdict_seal[:12]}…. "
            f"Run `resift verify {manifest.version}`."
        ) from error
    except StagingError as error:
        raise SnapshotDamaged(str(error)) from error
    if not verdict.seal == verdict.expected_seal() == manifest.verdict_seal:
        raise SnapshotDamaged(
            f"{what}: its seal is {verdict.seal[:12]}…, its content gives {verdict.expected_seal()[:12]}…, expected "
            f"{manifest.verdict_seal[:12]}…. Run `resift verify {manifest.version}`."
        )
    return verdict


def find_previous(store: Store, dataset: str, version: date) -> Manifest | None:
    """Return the manifest of the newest version before this one that has not ended, or None."""
    for known in reversed(list_versions(store, dataset)):
        if known < version and find_tombstone(store, dataset, known) is None:
            return find_manifest(store, dataset, known)
    return None


def find_tombstone(store: Store, dataset: str, version: date) -> Tombstone | None:
    """Return the tombstone of a version that ended, or None where it has not."""
    key = keys.tombstone(dataset, version)
    try:
        return Tombstone.from_json(store.get(key), what=key)
    except KeyNotFound:
        return None
    except StagingError as error:
        raise SnapshotDamaged(str(error)) from error


def require_no_tombstone(store: Store, dataset: str, version: date) -> None:
    """Refuse a version that ended, saying since when, why, and which one follows it.

    Raises:
        SnapshotWithdrawn: It should not be used any more.
        SnapshotRetired: Its files are gone.
    """
    tombstone = find_tombstone(store, dataset, version)
    if tombstone is None:
        return
    what = f"snapshot {dataset} {version}: {tombstone.describe()}"
    raise SnapshotRetired(what) if tombstone.retired else SnapshotWithdrawn(what)


def require_columns(manifest: Manifest, columns: Sequence[str]) -> None:
    """Refuse to look for columns that a snapshot does not have.

    Raises:
        ConfigError: It has no such column; the message lists those it has.
    """
    names = [column.name for column in manifest.columns]
    for name in columns:
        if name not in names:
            raise ConfigError(
                f"snapshot {manifest.dataset} {manifest.version}: found no column {name!r}, expected one of "
                f"{', '.join(names)}. Correct the name."
            )


def find_latest(store: Store, dataset: str) -> date | None:
    """Return the version ``latest`` points at, or None where there is no such pointer (yet)."""
    try:
        body = store.get(keys.latest(dataset))
    except KeyNotFound:
        return None
    return Latest.from_json(body, what=keys.latest(dataset)).version


def _latest(store: Store, dataset: str) -> date:
    version = find_latest(store, dataset)
    if version is None:
        raise not_found(store, dataset, LATEST)
    return version


def not_found(store: Store, dataset: str, version: str) -> DatasetNotFound | SnapshotNotFound:
    """Word that a version is not published: what there is, and the nearest name."""
    versions = [str(known) for known in list_versions(store, dataset)]
    if not versions:
        names = list_datasets(store)
        return DatasetNotFound(
            f"dataset {dataset}: nothing is published under that name in {store.url}, expected one of "
            f"{', '.join(names) or 'none yet'}. "
            f"{_nearest(dataset, names)}"
        )
    return SnapshotNotFound(
        f"snapshot {dataset} {version}: not published, expected one of {', '.join(versions)}. "
        f"{_nearest(version, versions if version == LATEST else [*versions, LATEST])}"
    )


def _nearest(wanted: str, known: list[str]) -> str:
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0)
    return f"The nearest is {near[0]}." if near else "Check the lake URL, or refresh the dataset first."
