"""Take items out of one published version: rewrite the files that hold them, then the manifest, then delete the old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from resift.client.snapshots import find_latest, find_manifest, find_tombstone
from resift.core.cut import content_digest
from resift.core.erasure import Targets, names_any, spellings
from resift.errors import KeyNotFound, ResiftError, SnapshotDamaged, WriteConflict
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.manifest import Extra, Manifest
from resift.model.observation import PRN
from resift.model.refresh import PartEntry, StagedFile
from resift.report.note import with_note
from resift.steps.settle import (
    move_latest,
    remove_files,
    remove_unlisted,
    settle_report,
    write_descriptions,
    write_link,
)
from resift.steps.sign import sign_revision, signing_key
from resift.steps.staged import StagedWriter
from resift.storage import Store

_IDS = [PRN, "image_id"]


@dataclass(frozen=True, slots=True)
class Found:
    """Which files of a version hold rows to take out, and how many."""

    parts: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether there is anything to take out."""
        return bool(self.parts or self.changes)


def find_rows(store: Store, manifest: Manifest, targets: Targets) -> Found:
    """Find the rows to take out, opening only the parts, and reading only the row groups, that may hold them."""
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    found = Found()
    if not len(targets.numbers):
        return found
    for part in manifest.parts:
        if targets.reach(part.first_prn, part.last_prn):
            _note(found.parts, part.path, _count(store, prefix + part.path, targets))
    for extra in manifest.extras:
        if extra.path.startswith("changes/"):
            _note(found.changes, extra.path, _count(store, prefix + extra.path, targets))
    return found


def revise(store: Store, *, dataset: str, version: date, targets: Targets, now: datetime) -> Manifest | None:
    """Take items out of a version, if it holds any, and bring all around its manifest in line.

    New files are written beside the old ones, then the manifest is replaced by compare-and-swap, then its link and
    ``latest``, and last the old files are deleted. Cut short anywhere and run again it ends the same; a version that
    holds none of the items only has its link, ``latest`` and left-over files seen to.

    Danger:
        The rows are gone. There is no way back.

    Returns:
        The manifest as it is then; None where the version is not published.
    """
    key, signer = keys.manifest(dataset, version), signing_key()
    while True:
        stat = store.stat(key)
        manifest = find_manifest(store, dataset, version)
        if stat is None or manifest is None:
            ended = find_tombstone(store, dataset, version)
            if ended is not None and ended.retired is not None:
                remove_files(store, dataset, version)  # what we wrote for it while it was retired
            return None
        link = write_link(store, manifest)
        try:
            found = find_rows(store, manifest, targets)
            if not found:
                break
            revised = _rewrite(store, manifest, found, targets, link=link, now=now)
            if signer is not None:
                sign_revision(store, manifest, revised, signer)
            store.swap(key, revised.to_json(), etag=stat.etag)
        except (KeyNotFound, WriteConflict):
            after = store.stat(key)
            if after is not None and after.etag == stat.etag:
                raise
            continue  # Another eraser was first, and may have removed what we read: look again.
        write_link(store, revised)
        manifest = revised
        break
    if find_latest(store, dataset) == version:
        move_latest(store, manifest)
    settle_report(store, manifest)
    write_descriptions(store, manifest)
    remove_unlisted(store, manifest)
    return manifest


def _note(counts: dict[str, int], path: str, rows: int) -> None:
    if rows:
        counts[path] = rows


def _count(store: Store, key: str, targets: Targets) -> int:
    with _opened(store, key) as file:
        groups = [group for group in range(file.num_row_groups) if _reaches(file.metadata.row_group(group), targets)]
        if not groups:
            return 0
        rows = file.read_row_groups(groups, columns=_IDS)
    return int(targets.mask(rows[PRN].to_numpy(), rows["image_id"]).sum())


@contextmanager
def _opened(store: Store, key: str) -> Iterator[pq.ParquetFile]:
    """Open a published file.

    Raises:
        SnapshotDamaged: It is no Parquet file; what cannot be searched cannot be called clean.
    """
    with store.open(key) as body:
        try:
            yield pq.ParquetFile(body, pre_buffer=False)
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, ResiftError):
                raise
            raise SnapshotDamaged(
                f"{store.url}/{key}: cannot be read as Parquet ({error}), expected a published file. Restore it from a "
                "copy of the lake and erase again: what cannot be searched may still hold the item."
            ) from error


def _reaches(group: pq.RowGroupMetaData, targets: Targets) -> bool:
    for column in range(group.num_columns):
        if group.column(column).path_in_schema == PRN:
            bounds = group.column(column).statistics
            return bounds is None or not bounds.has_min_max or targets.reach(bounds.min, bounds.max)
    return True


def _rewrite(store: Store, manifest: Manifest, found: Found, targets: Targets, *, link: str, now: datetime) -> Manifest:
    """Write the files without the rows, and return the manifest that lists them."""
    rewriter = _Rewriter(store, manifest, targets)
    parts = tuple(rewriter.parts(found))
    extras = tuple(rewriter.changes(found))
    columns = [(column.name, column.type) for column in manifest.columns]
    digest = content_digest(columns=columns, start=manifest.draw.start, width=manifest.draw.width, parts=parts)
    erased = sum(found.parts.values())
    revised = manifest.model_copy(
        update={
            "revision": manifest.revision + 1,
            "content_digest": digest,
            "rows": manifest.rows - erased,
            "parts": parts,
            "extras": extras,
            "erased": manifest.erased + erased,
            "erased_changes": manifest.erased_changes + sum(found.changes.values()),
            "revised_at": now.astimezone(UTC),
            "previous_revision_digest": link,
        }
    )
    return revised.model_copy(update={"extras": tuple(rewriter.pages(revised))})


class _Rewriter:
    """Writes the files of the next revision that differ, and remembers what the removed rows say."""

    def __init__(self, store: Store, manifest: Manifest, targets: Targets) -> None:
        self._store, self._manifest, self._targets = store, manifest, targets
        self._prefix = keys.snapshot(manifest.dataset, manifest.version)
        self._revision = manifest.revision + 1
        self._removed: set[str] = set()

    def parts(self, found: Found) -> Iterator[PartEntry]:
        for part in self._manifest.parts:
            if part.path not in found.parts:
                yield part
                continue
            kept = self._kept(part.path)
            name = partial(keys.part_name, keys.number_of(part.path), self._revision)
            file = self._write(kept, name)
            if file is not None:  # else not one row was left, and the part is no more
                yield PartEntry(
                    path=file.key.removeprefix(self._prefix),
                    rows=file.rows,
                    size_bytes=file.size_bytes,
                    sha256=file.sha256,
                    first_prn=kept[PRN][0].as_py(),
                    last_prn=kept[PRN][-1].as_py(),
                )

    def changes(self, found: Found) -> Iterator[Extra]:
        for extra in self._manifest.extras:
            if extra.path not in found.changes:
                yield extra
                continue
            name = partial(keys.changes_name, keys.number_of(extra.path), revision=self._revision)
            file = self._write(self._kept(extra.path), name)
            if file is not None:
                path = file.key.removeprefix(self._prefix)
                yield Extra(path=path, size_bytes=file.size_bytes, sha256=file.sha256)

    def _write(self, rows: pa.Table, name: Callable[[str], str]) -> StagedFile | None:
        with StagedWriter(self._store, lambda sha256: self._prefix + name(sha256), rows.schema) as writer:
            writer.write(rows)
        return writer.file

    def pages(self, revised: Manifest) -> Iterator[Extra]:
        """Note the erasure on the page and its pictures, and leave out every file that names a removed id or URL."""
        wanted = spellings(sorted(self._removed))
        for extra in revised.extras:
            if extra.path.endswith(".parquet"):
                yield extra
                continue
            body = self._store.get(self._prefix + extra.path)
            if extra.path == keys.REPORT or names_any(body, wanted):
                continue  # the page at the top follows the one by its seal, once the manifest is there
            if not keys.is_page(extra.path) and not keys.is_picture(extra.path):
                yield extra
            elif (noted := with_note(body, revised)) is not None:
                sha256 = sha256_hex(noted)
                path = keys.noted_name(extra.path, revised.revision, sha256)
                self._store.put(self._prefix + path, noted)
                yield Extra(path=path, size_bytes=len(noted), sha256=sha256)

    def _kept(self, path: str) -> pa.Table:
        with _opened(self._store, self._prefix + path) as file:
            rows = file.read()
        gone = self._targets.mask(rows[PRN].to_numpy(), rows["image_id"])
        removed = rows.filter(pa.array(gone))
        for name in {"image_id", "url"}.intersection(removed.column_names):
            self._removed.update(text for text in removed[name].to_pylist() if text)
        return rows.filter(pa.array(~gone))
