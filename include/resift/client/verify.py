"""Verify a snapshot: every digest, count and order, computed again from its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resift.client.revisions import check_chain
from resift.client.totals import check_totals
from resift.core.circle import offsets
from resift.errors import KeyNotFound
from resift.model import keys
from resift.model.manifest import Extra, Manifest
from resift.model.observation import PRN
from resift.model.refresh import PartEntry
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at, and what was wrong with it."""

    files: int
    rows: int
    size_bytes: int
    problems: tuple[str, ...]


def verify(store: Store, manifest: Manifest) -> Verification:
    """Read every byte of a snapshot and compare it with its manifest.

    Checked are the size and SHA-256 of each file; of each part its rows, schema, and that its PRNs ascend
    inside the interval the snapshot covers and after those of the part before (so that parts are disjoint and
    ids unique); the sum of rows; the balance of the funnel; the content digest; the chain of revisions; and that
    no file lies among them which the manifest does not list. Memory holds one part.
    """
    problems = list(check_totals(manifest))
    last = (-1, "")
    for part in manifest.parts:
        found, last = _check_part(store, manifest, part, last)
        problems += found
    for extra in manifest.extras:
        problems += _check_bytes(store, manifest, extra)
    problems += check_chain(store, manifest)
    problems += _check_strangers(store, manifest)
    files: list[PartEntry | Extra] = [*manifest.parts, *manifest.extras]
    return Verification(
        files=len(files),
        rows=manifest.rows,
        size_bytes=sum(file.size_bytes for file in files),
        problems=tuple(problems),
    )


def _check_strangers(store: Store, manifest: Manifest) -> Iterator[str]:
    """Report files no manifest lists: who reads a folder whole would take them for the snapshot's."""
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    files: list[PartEntry | Extra] = [*manifest.parts, *manifest.extras]
    listed = {prefix + file.path for file in files}
    for folder in keys.published(manifest.dataset, manifest.version):
        for stat in store.list(folder):
            if stat.key not in listed:
                what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}"
                yield f"{what}: {stat.key.removeprefix(prefix)} lies there, the manifest does not list it."


def _check_part(
    store: Store, manifest: Manifest, part: PartEntry, last: tuple[int, str]
) -> tuple[list[str], tuple[int, str]]:
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {part.path}"
    body = pa.BufferOutputStream()
    problems = list(_check_bytes(store, manifest, part, kept=body.write))
    if problems:
        return problems, last
    try:
        table = pq.read_table(pa.BufferReader(body.getvalue()))
    except pa.ArrowInvalid as error:
        return [f"{what} is not readable as Parquet ({error}), the manifest lists it as a part."], last
    columns = [(column.name, column.type) for column in manifest.columns]
    found = [(field.name, str(field.type)) for field in table.schema]
    if found != columns:
        return [f"{what} has columns {found}, the manifest says {columns}."], last
    if len(table) != part.rows:
        problems.append(f"{what} has {len(table)} rows, the manifest says {part.rows}.")
    if not len(table):
        return problems, last
    prn = table[PRN].to_numpy()
    ends = (int(prn[0]), int(prn[-1]))
    if ends != (part.first_prn, part.last_prn):
        problems.append(f"{what} spans PRNs {ends}, the manifest says {(part.first_prn, part.last_prn)}.")
    return problems + list(_check_order(what, manifest, table, last)), _last_place(manifest, table)


def _check_order(what: str, manifest: Manifest, table: pa.Table, last: tuple[int, str]) -> Iterator[str]:
    """Check that (offset, id) ascends strictly, also against the last row of the part before."""
    place = offsets(table[PRN].to_numpy(), start=manifest.draw.start)
    if int(place.max()) >= manifest.draw.width:
        yield f"{what} holds offset {int(place.max())}, the snapshot covers {manifest.draw.width}."
    if table["image_id"].null_count:
        yield f"{what} has {table['image_id'].null_count} rows without an image_id."
        return
    if (int(place[0]), table["image_id"][0].as_py()) <= last:
        yield f"{what} does not begin after the end of the part before: parts overlap or are swapped."
    for row in np.flatnonzero(place[1:] <= place[:-1]):
        before, after = (table["image_id"][int(row) + step].as_py() for step in (0, 1))
        if place[row + 1] < place[row] or not before < after:
            yield f"{what} is out of PRN order, or repeats an item, at row {int(row) + 1}."
            return


def _last_place(manifest: Manifest, table: pa.Table) -> tuple[int, str]:
    place = int(offsets(table[PRN].to_numpy()[-1:], start=manifest.draw.start)[0])
    return place, table["image_id"][-1].as_py() or ""


def _check_bytes(
    store: Store, manifest: Manifest, file: PartEntry | Extra, *, kept: Callable[[bytes], object] = len
) -> Iterator[str]:
    """Read a file once, handing on each block of it."""
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {file.path}"
    digest, size = hashlib.sha256(), 0
    key = keys.snapshot(manifest.dataset, manifest.version) + file.path
    try:
        for block in store.stream(key, start=0, length=file.size_bytes + 1):
            kept(block)
            digest.update(block)
            size += len(block)
    except KeyNotFound:
        yield f"{what} is missing, the manifest lists it."
        return
    if size != file.size_bytes:
        whole = store.stat(key)  # of one that is too long, only the beginning was read
        yield f"{what} has {whole.size_bytes if whole else size} bytes, the manifest says {file.size_bytes}."
    elif digest.hexdigest() != file.sha256:
        yield f"{what} has sha256 {digest.hexdigest()[:12]}…, the manifest says {file.sha256[:12]}…."
