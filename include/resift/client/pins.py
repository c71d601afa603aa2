"""Keep, judge and move a pin."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from resift.client.resolve import resolve
from resift.client.signature import require_signed
from resift.client.snapshots import find_manifest, find_tombstone, not_found, require_no_tombstone
from resift.errors import ConfigError, SnapshotDamaged, SnapshotNotFound, StagingError
from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.pin import Pin
from resift.storage import Store

CURRENT, REVISED, WITHDRAWN, RETIRED, ALTERED = "current", "revised", "withdrawn", "retired", "altered"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pin stands against the lake."""

    state: str
    """One of the five words of this module."""

    told: str
    """What was found and what to do, in a sentence or two."""

    erased: int = 0
    """Rows erased since the pin was made."""


def pin_of(store: Store, manifest: Manifest, *, signed_by: str | None = None) -> Pin:
    """Return the pin of a version as it is now.

    Raises:
        SnapshotDamaged: A key is given, and it did not sign the manifest.
    """
    m = manifest
    if signed_by is not None:
        require_signed(store, manifest, signed_by)
    return Pin(
        lake=store.url,
        dataset=m.dataset,
        version=m.version,
        revision=m.revision,
        content_digest=m.content_digest,
        rows=m.rows,
        signed_by=signed_by,
    )


def read_pin(path: Path) -> Pin:
    """Read a lock file.

    Raises:
        ConfigError: It is not there, or is none.
    """
    try:
        return Pin.from_json(path.read_bytes(), what=f"lock {path}")
    except OSError as error:
        raise ConfigError(
            f"lock {path}: {error.strerror}, expected a file that `resift pin` wrote. Pin a version first, or name the "
            "file with --lock."
        ) from error
    except StagingError as error:
        raise ConfigError(str(error)) from error


def write_pin(path: Path, pin: Pin) -> None:
    """Write a lock file, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(pin.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def check(store: Store, pin: Pin) -> Standing:
    """Compare a pin with what the lake says now.

    Raises:
        StorageError: The lake could not be read, which is no answer.
        DatasetNotFound: Nothing at all lies there under the dataset's name, as where a disk is not mounted.
        SnapshotDamaged: The manifest cannot be read.
    """
    what = f"{pin.dataset} {pin.version}.{pin.revision}"
    ended = find_tombstone(store, pin.dataset, pin.version)
    if ended is not None:
        return Standing(RETIRED if ended.retired else WITHDRAWN, f"{what}: {ended.describe()}")
    manifest = find_manifest(store, pin.dataset, pin.version)
    if manifest is None:
        if next(iter(store.list(keys.snapshots(pin.dataset))), None) is None:
            raise not_found(store, pin.dataset, str(pin.version))  # another lake, or none: no answer about the pin
        return Standing(ALTERED, f"{what}: its manifest is gone, and no tombstone says why. Tell who runs {store.url}.")
    if pin.signed_by is not None:
        try:
            require_signed(store, manifest, pin.signed_by)
        except SnapshotDamaged as error:
            return Standing(ALTERED, str(error).removeprefix("snapshot "))
    if manifest.revision > pin.revision:
        return _revised(what, pin, manifest)
    if (manifest.revision, manifest.content_digest) != (pin.revision, pin.content_digest):
        return Standing(
            ALTERED,
            f"{what}: the lake has revision {manifest.revision} with content {manifest.content_digest[:12]}…, the pin "
            f"says {pin.revision} with {pin.content_digest[:12]}…. Nobody may change a version so; tell who runs "
            f"{store.url}.",
        )
    return Standing(CURRENT, f"{what}: current, content {pin.content_digest[:12]}…")


def _revised(what: str, pin: Pin, manifest: Manifest) -> Standing:
    erased = pin.rows - manifest.rows
    when = f"on {manifest.revised_at:%Y-%m-%d}" if manifest.revised_at else "since"
    # An item that had left before is erased from what is told about changes alone.
    items = f"{erased:,} of {pin.rows:,} items" if erased else "none of its items, but some of its changes, were"
    return Standing(
        REVISED,
        f"{what}: revised to {manifest.version}.{manifest.revision}, last {when}: {items} erased since the pin. Run "
        "`resift update` and pull again, so that they leave your copy too.",
        erased=erased,
    )


def move(store: Store, pin: Pin, version: str | None) -> Pin:
    """Return the pin of another version, or of the newest revision of its own.

    Raises:
        SnapshotNotFound: The version is not there, was withdrawn or retired; the message tells what follows.
    """
    return pin_of(store, resolve(store, pin.dataset, version or str(pin.version)), signed_by=pin.signed_by)


def require_pinned(store: Store, pin: Pin) -> Manifest:
    """Return the manifest a pin names, or refuse.

    Raises:
        SnapshotNotFound: The version was revised since.
        SnapshotWithdrawn: The version should not be used any more.
        SnapshotRetired: The version ended, and its files are gone.
        SnapshotDamaged: It has other content than the pin says.
    """
    require_no_tombstone(store, pin.dataset, pin.version)
    standing = check(store, pin)
    manifest = find_manifest(store, pin.dataset, pin.version)
    if standing.state == ALTERED:
        raise SnapshotDamaged(f"snapshot {standing.told}")
    if standing.state != CURRENT or manifest is None:
        raise SnapshotNotFound(f"snapshot {standing.told}")
    return manifest
