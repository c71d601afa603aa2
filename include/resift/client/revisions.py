"""Read the chain of a version's revisions, and check that each link holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from resift.errors import KeyNotFound, StagingError
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.manifest import Manifest, Revision
from resift.storage import Store


def read_revisions(store: Store, manifest: Manifest) -> list[Revision]:
    """Return the links of a version, oldest first, that of the manifest given last.

    Raises:
        KeyNotFound: A link before the last is missing.
        StagingError: A link is none.
    """
    return [*(_read(store, manifest, number)[0] for number in range(manifest.revision)), Revision.of(manifest)]


def check_chain(store: Store, manifest: Manifest) -> Iterator[str]:
    """Say where the chain of revisions does not hold: every link names the digest of the one before, and only removes.

    The last link follows from the manifest, and may still be missing just after an erasure; if it is there it agrees.
    """
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}"
    digest: str | None = None
    links: list[Revision] = []
    for number in range(manifest.revision):
        try:
            link, body = _read(store, manifest, number)
        except (KeyNotFound, StagingError):
            yield f"{what}: revisions/{number}.json is missing or no link, expected one for each revision."
            return
        yield from _check_link(what, manifest, link, number=number, before=digest)
        links, digest = [*links, link], sha256_hex(body)
    last = Revision.of(manifest)
    yield from _check_link(what, manifest, last, number=manifest.revision, before=digest)
    for older, newer in pairwise([*links, last]):
        if newer.rows > older.rows or newer.erased_changes < older.erased_changes:
            yield f"{what}: revision {newer.revision} adds to revision {older.revision}, expected only removals."
    key = keys.revision(manifest.dataset, manifest.version, manifest.revision)
    if store.stat(key) is not None and store.get(key) != last.to_json():
        yield f"{what}: revisions/{manifest.revision}.json does not agree with the manifest."


def _read(store: Store, manifest: Manifest, number: int) -> tuple[Revision, bytes]:
    key = keys.revision(manifest.dataset, manifest.version, number)
    body = store.get(key)
    return Revision.from_json(body, what=key), body


def _check_link(what: str, manifest: Manifest, link: Revision, *, number: int, before: str | None) -> Iterator[str]:
    if (link.dataset, link.version, link.revision) != (manifest.dataset, manifest.version, number):
        yield f"{what}: revisions/{number}.json is of {link.dataset} {link.version}.{link.revision}."
    if link.previous_revision_digest != before:
        found, expected = (digest and f"{digest[:12]}…" for digest in (link.previous_revision_digest, before))
        yield f"{what}: revision {number} follows a link with digest {found}, the one before it has {expected}."
    if link.rows + link.erased != manifest.rows + manifest.erased:
        yield f"{what}: revision {number} had {link.rows} rows and {link.erased} erased, which do not add up."
