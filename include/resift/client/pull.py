"""Copy a version, or the first rows of it, into a directory: every file verified, none fetched twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from resift.client.desk import Desk
from resift.client.fetch import fetch
from resift.client.snapshots import find_manifest, require_columns
from resift.client.totals import check_totals
from resift.errors import ConfigError, KeyNotFound, SnapshotDamaged, SnapshotNotFound
from resift.model import keys
from resift.model.manifest import Extra, Manifest
from resift.model.pin import CopiedFile, Copy, Target
from resift.model.refresh import PartEntry
from resift.storage import Store

WORKERS = min(8, max(4, 2 * (os.cpu_count() or 1)))
"""A server far away keeps each waiting; one nearby keeps none, and more than two a core are in each other's way."""

Listed = PartEntry | Extra


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull came to."""

    copy: Copy
    fetched: int
    """Files that were fetched; the others lay there already, and were verified."""

    fetched_bytes: int


@dataclass(frozen=True, slots=True)
class Task:
    """One file of a copy, and how many of its rows are kept."""

    file: Listed
    rows: int | None = None
    """None where the file is kept as it is."""


def plan_copy(manifest: Manifest, *, rows: int | None, columns: Sequence[str] | None) -> list[Task]:
    """Return the files a copy needs; a part that is kept in part says how many rows.

    A whole copy has all files of the version. A copy of the first rows, or of some columns, has only data.

    Raises:
        ConfigError: Fewer than one row, or a column that is not there, was asked for.
    """
    if columns is not None:
        require_columns(manifest, columns)
    if rows is None and columns is None:
        files: list[Listed] = [*manifest.parts, *manifest.extras]
        return [Task(file) for file in files]
    if rows is not None and rows < 1:
        raise ConfigError(f"rows: found {rows}, expected 1 or more. Ask for at least one row.")
    left, tasks = manifest.rows if rows is None else rows, []
    for part in manifest.parts:
        if left <= 0:
            break
        whole = columns is None and part.rows <= left
        tasks.append(Task(part, None if whole else min(left, part.rows)))
        left -= part.rows
    return tasks


def pull(
    store: Store,
    manifest: Manifest,
    place: Path,
    *,
    rows: int | None = None,
    columns: Sequence[str] | None = None,
    repair: bool = False,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Pulled:
    """Make a directory a verified copy of a version.

    A pull that was stopped goes on where it was: what is verified is not fetched again, and what had arrived of a file
    is kept. The directory may hold an older copy, which is brought up to date; what is not of a copy is left alone.

    Args:
        store: Where the version lies.
        manifest: The version.
        place: The directory: empty, missing, or a copy.
        rows: Only the first so many rows: a random sample of that size. Parts after them are not fetched.
        columns: Only these columns. Parts are fetched whole all the same, or they could not be verified.
        repair: Fetch again what was altered in a copy that was whole.
        told: Is told how many bytes are there and how many there will be.

    Raises:
        ConfigError: The directory holds something else, or has no room.
        SnapshotDamaged: What arrived is not what the manifest says, or a whole copy was altered.
        SnapshotNotFound: The version was revised or ended meanwhile.
    """
    for problem in check_totals(manifest):
        raise SnapshotDamaged(f"{problem} Do not use it, and tell who runs the lake.")
    tasks = plan_copy(manifest, rows=rows, columns=columns)
    target = Target(
        dataset=manifest.dataset,
        version=manifest.version,
        revision=manifest.revision,
        content_digest=manifest.content_digest,
        rows=rows,
        columns=None if columns is None else tuple(columns),
    )
    with Desk(place, target) as desk:
        there = desk.find_verified([task.file.path for task in tasks if task.rows is not None])
        there |= desk.find_listed([task.file for task in tasks if task.rows is None])
        missing = [task for task in tasks if task.file.path not in there]
        desk.require_unaltered([task.file.path for task in missing], repair=repair)
        desk.require_room(sum(task.file.size_bytes for task in missing))
        if missing:
            desk.begin(there[task.file.path] for task in tasks if task.rows is not None and task.file.path in there)
        got = _fetch_all(store, manifest, desk, missing, there=there, told=told)
        files = tuple(sorted((there | got).values(), key=lambda file: file.path))
        copy = Copy(lake=store.url, target=target, files=files)
        desk.finish(copy, manifest)
    return Pulled(copy, len(missing), sum(task.file.size_bytes for task in missing))


def _fetch_all(
    store: Store,
    manifest: Manifest,
    desk: Desk,
    tasks: list[Task],
    *,
    there: dict[str, CopiedFile],
    told: Callable[[int, int], None],
) -> dict[str, CopiedFile]:
    done = sum(file.size_bytes for file in there.values())
    total = done + sum(task.file.size_bytes for task in tasks)

    def arrived(count: int) -> None:
        nonlocal done
        done += count
        told(done, total)

    with ThreadPoolExecutor(WORKERS) as pool:
        # The largest first, so that no worker is left with one at the end.
        ordered = sorted(tasks, key=lambda task: -task.file.size_bytes)
        jobs = [pool.submit(_fetch_one, store, manifest, desk, task, arrived) for task in ordered]
        try:
            finished, _ = wait(jobs, return_when=FIRST_EXCEPTION)
        finally:
            pool.shutdown(cancel_futures=True)
        return {file.path: file for file in (job.result() for job in jobs if job in finished)}


def _fetch_one(store: Store, manifest: Manifest, desk: Desk, task: Task, arrived: Callable[[int], None]) -> CopiedFile:
    file = task.file
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {file.path}"
    arriving = desk.arriving(file)
    try:
        fetch(store, keys.snapshot(manifest.dataset, manifest.version) + file.path, file, arriving, what, arrived)
    except (KeyNotFound, SnapshotDamaged) as error:
        raise _explained(store, manifest, what, error) from error
    if task.rows is None:
        return desk.put(file, arriving)
    copied = desk.put_derived(file.path, _derive(arriving, rows=task.rows, columns=desk.target.columns))
    arriving.unlink()  # last, so that whoever is killed before finds it and need not fetch it again
    return copied


def _explained(store: Store, manifest: Manifest, what: str, error: Exception) -> Exception:
    """Tell a version that was revised or retired meanwhile from one that is damaged."""
    now = find_manifest(store, manifest.dataset, manifest.version)
    if now is None or now.revision != manifest.revision:
        state = "is no longer published" if now is None else f"was revised to {now.version}.{now.revision}"
        return SnapshotNotFound(
            f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: {state} while it was read. "
            "Pull again; a pin has to be moved first by `resift update`."
        )
    if isinstance(error, KeyNotFound):
        return SnapshotDamaged(f"{what} is missing, the manifest lists it. Tell who runs the lake.")
    return error


def _derive(whole: Path, *, rows: int, columns: Sequence[str] | None) -> Path:
    """Write the first rows and some columns of a verified part beside it."""
    import pyarrow.parquet as pq  # a whole copy needs no Arrow, which takes a quarter of a second to load

    table = pq.read_table(whole, columns=None if columns is None else list(columns), partitioning=None)
    derived = whole.with_suffix(".derived")
    pq.write_table(table.slice(0, rows), derived, compression="zstd")
    return derived
