"""Tell in which versions an item is, and why it entered or left, to somebody who has its id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from resift.client.snapshots import find_manifest, list_versions
from resift.errors import SnapshotDamaged
from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.observation import PRN
from resift.model.reasons import ENTERED
from resift.model.refresh import PartEntry
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one version says about an item."""

    version: date
    revision: int
    held: bool
    """Whether the item is in it."""

    change: str | None
    """``entered`` or ``left`` against the version before, where that is listed."""

    cause: str | None


def history(store: Store, dataset: str, image_id: str, *, prn: int | None = None) -> Iterator[Sighting]:
    """Yield what each version that is published says about an item, oldest first.

    An item's PRN says which part and row group may hold it. Only the pool can compute it, so without it the ids of a
    version are read until the item is found; its row then tells the PRN for all later versions.

    What was suppressed or erased is never listed by id, so nothing distinguishes it from what was never drawn.

    Args:
        store: The lake.
        dataset: The dataset.
        image_id: The item, exactly as its source names it.
        prn: Its PRN, if the caller has rights on the pool.
    """
    for version in list_versions(store, dataset):
        manifest = find_manifest(store, dataset, version)
        if manifest is None:
            continue
        rows = [_find(store, manifest, part.path, image_id, prn) for part in _candidates(manifest, prn)]
        held = [row for found in rows for row in found.to_pylist()]
        listed = [
            row
            for extra in manifest.extras
            if extra.path.startswith("changes/")
            for row in _find(store, manifest, extra.path, image_id, prn).to_pylist()
        ]
        if prn is None and (held or listed):
            prn = (held or listed)[0][PRN]
        told = next((row for row in listed if (row["change"] == ENTERED) == bool(held)), None)
        yield Sighting(
            version=version,
            revision=manifest.revision,
            held=bool(held),
            change=told["change"] if told else None,
            cause=told["cause"] if told else None,
        )


def _candidates(manifest: Manifest, prn: int | None) -> Iterator[PartEntry]:
    for part in manifest.parts:
        wraps = part.first_prn > part.last_prn
        if (
            prn is None
            or (wraps and (prn >= part.first_prn or prn <= part.last_prn))
            or part.first_prn <= prn <= part.last_prn
        ):
            yield part


def _find(store: Store, manifest: Manifest, path: str, image_id: str, prn: int | None) -> pa.Table:
    filters: list[tuple[str, str, object]] = [("image_id", "==", image_id)]
    if prn is not None:
        filters.append((PRN, "==", prn))
    columns = [PRN, "image_id", *(["change", "cause"] if path.startswith("changes/") else [])]
    with store.open(keys.snapshot(manifest.dataset, manifest.version) + path) as body:
        try:
            return pq.read_table(body, columns=columns, filters=filters)
        except pa.ArrowInvalid as error:
            raise SnapshotDamaged(
                f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {path} is not readable as "
                f"Parquet ({error}), the manifest lists it. Run `resift verify {manifest.version}`, and tell who "
                "runs the lake."
            ) from error
