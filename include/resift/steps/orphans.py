"""Remove files that lie where readers look, but belong to no version: left by a publisher that refused or died."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from resift.client.snapshots import dates_among, find_manifest, find_tombstone
from resift.errors import ResiftError
from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.refresh import CutReceipt
from resift.steps.framing import require_planned_rights
from resift.steps.plan import read_plan
from resift.steps.settle import files_to_remove, remove_unlisted
from resift.steps.under_way import under_way
from resift.storage import Store


def remove_all_orphans(store: Store) -> None:
    """Remove the orphans of every version of every dataset, published or not."""
    for dataset in sorted(store.folders(keys.DATASETS)):
        for version in dates_among(store, keys.snapshots(dataset)):
            remove_orphans(store, dataset, version)


def remove_orphans(store: Store, dataset: str, version: date) -> None:
    """Remove the files of a version that no manifest lists, but those a refresh under way may still publish.

    Whatever was drawn without regard to a suppression goes. A publisher whose copies go with it finds out: by the
    suppressions before it writes its manifest, by its files after.
    """
    # Listed before looking for cuts: who copies has a cut, until its manifest is written.
    found = {stat.key for stat in files_to_remove(store, dataset, version)} - {keys.manifest(dataset, version)}
    ended = find_tombstone(store, dataset, version) is not None
    kept = () if ended else tuple(_of_refreshes_under_way(store, dataset, version))
    for key in sorted(found):
        manifest = find_manifest(store, dataset, version)
        if manifest is not None:
            remove_unlisted(store, manifest)
            return
        if not key.startswith(kept):
            store.delete(key)
    manifest = find_manifest(store, dataset, version)
    if manifest is not None and missing_files(store, manifest):
        # Written between our looks, by a publisher that may have died since: nobody can read it.
        store.delete(keys.manifest(dataset, version))


def missing_files(store: Store, manifest: Manifest) -> list[str]:
    """Return the paths a manifest lists where nothing lies."""
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    lying = {stat.key.removeprefix(prefix) for stat in store.list(prefix)}
    listed = [part.path for part in manifest.parts] + [extra.path for extra in manifest.extras]
    return [path for path in listed if path not in lying]


def _of_refreshes_under_way(store: Store, dataset: str, version: date) -> Iterator[str]:
    """Yield keys, or their beginnings, of what is copied for refreshes that know of all suppressions."""
    prefix = keys.snapshot(dataset, version)
    for staging in under_way(store, dataset, version):
        try:
            # A plan that cannot be read, or that other rights than today's went into, is not published either.
            require_planned_rights(store, read_plan(store, staging))
            cut = CutReceipt.from_json(store.get(staging.cut), what=f"{store.url}/{staging.cut}")
        except ResiftError:
            continue
        yield from (prefix + part.path for part in cut.parts)
        yield from (prefix + keys.changes_name(k, staged.sha256) for k, staged in enumerate(cut.staged_changes))
        yield from (prefix + folder for folder in ("quality/", "signatures/", keys.REPORT))
