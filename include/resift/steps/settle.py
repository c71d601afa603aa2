"""Bring what lies around a manifest in line with it: its link in the chain, ``latest``, and files it does not list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from resift.client.describe import describe
from resift.client.snapshots import find_tombstone
from resift.errors import KeyExists, KeyNotFound, WriteConflict
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.keys import Staging
from resift.model.manifest import Extra, Latest, Manifest, Revision
from resift.model.refresh import PartEntry
from resift.storage import ObjectStat, Store, together


def write_link(store: Store, manifest: Manifest) -> str:
    """Write the link of a manifest's revision, and return the digest of the link, which the next revision names.

    A link is written after its manifest and before the manifest of the next revision; being a function of its
    manifest, it is completed by whoever finds it missing.
    """
    link = Revision.of(manifest)
    store.put(keys.revision(manifest.dataset, manifest.version, manifest.revision), link.to_json())
    return sha256_of(link)


def write_descriptions(store: Store, manifest: Manifest) -> None:
    """Write the card, the Croissant description and the citation of a version's revision beside its manifest.

    Like the link they are a function of their manifest, so they are written after it, by whoever settles it.
    """
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    for name, body in describe(manifest).items():
        store.put(prefix + name, body)


def sha256_of(link: Revision) -> str:
    """Return the digest of a link as it lies in the lake."""
    return sha256_hex(link.to_json())


def move_latest(store: Store, manifest: Manifest) -> None:
    """Point ``latest`` at a version and revision, unless it points at a later one already, or the version ended."""
    key = keys.latest(manifest.dataset)
    pointer = Latest(version=manifest.version, revision=manifest.revision, content_digest=manifest.content_digest)
    while find_tombstone(store, manifest.dataset, manifest.version) is None:
        stat = store.stat(key)
        try:
            if stat is None:
                store.create(key, pointer.to_json())
                return
            there = Latest.from_json(store.get(key), what=key)
            if (there.version, there.revision) >= (manifest.version, manifest.revision):
                return
            store.swap(key, pointer.to_json(), etag=stat.etag)
            return
        except (KeyExists, KeyNotFound, WriteConflict):
            continue  # Another publisher moved it between our look and our write: look again.


def remove_unlisted(store: Store, manifest: Manifest) -> None:
    """Remove files of a version that its manifest does not list: left by other publishers, and by revisions before.

    No erasure would find them otherwise. Files of a later revision than the manifest's are those of somebody
    who is just making it, and stay.
    """
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    files: list[PartEntry | Extra] = [*manifest.parts, *manifest.extras]
    listed = {prefix + file.path for file in files}
    for folder in keys.published(manifest.dataset, manifest.version):
        for stat in list(store.list(folder)):
            if stat.key not in listed and keys.revision_of(stat.key) <= manifest.revision:
                store.delete(stat.key)


def clean(store: Store, staging: Staging) -> None:
    """Remove what was staged, so that an interrupted clean-up can be repeated by refreshing or publishing again.

    What says that a step is done goes before what the step made, and the plan goes last.
    """
    for key in (staging.verdict, staging.cut):
        store.delete(key)
    remove(store, (stat.key for stat in store.list(staging.receipts)))
    remove(store, (stat.key for stat in store.list(staging.prefix) if stat.key != staging.plan))
    store.delete(staging.plan)


def remove(store: Store, keys: Iterable[str]) -> None:
    """Remove objects side by side, so in no order."""
    for _ in together(store.delete, keys):
        pass


def files_to_remove(store: Store, dataset: str, version: date) -> list[ObjectStat]:
    """Return all of a version but what outlives it: its tombstone, and the links of its revisions."""
    prefix = keys.snapshot(dataset, version)
    kept = (keys.tombstone(dataset, version), prefix + "revisions/")
    return [stat for stat in store.list(prefix) if not stat.key.startswith(kept)]


def remove_files(store: Store, dataset: str, version: date) -> None:
    """Remove the files of a version that was retired."""
    remove(store, (stat.key for stat in files_to_remove(store, dataset, version)))


def settle_report(store: Store, manifest: Manifest) -> None:
    """Make the page at the top of a version that of its manifest: another publisher or revision may have its own there.

    Like the descriptions it is written after the manifest; an erasure lists only the page that lies by its seal.
    """
    prefix, page = keys.snapshot(manifest.dataset, manifest.version), manifest.find_page()
    if page is None:
        store.delete(prefix + keys.REPORT)
        return
    try:
        lies = sha256_hex(store.get(prefix + keys.REPORT))
    except KeyNotFound:
        lies = ""
    if lies != page.sha256:
        store.copy(prefix + page.path, prefix + keys.REPORT)
