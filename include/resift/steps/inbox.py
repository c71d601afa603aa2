"""What the ingest DAG calls: list the drops that wait, ingest their files, commit each drop that is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from resift.core.grouping import MOST_TASKS
from resift.errors import ConfigError, DropRejected, KeyNotFound, StagingError
from resift.model import keys
from resift.model.delivery import Delivered, Delivery, Worklist
from resift.model.drop import FileReceipt
from resift.model.pool import Drop
from resift.model.source import Source
from resift.steps.drop_files import Folder, folder_of
from resift.steps.found_pool import ensure_pool
from resift.steps.ingest import commit_drop, discard_drop, find_drop, open_drop
from resift.steps.ingest_file import ingest_file
from resift.storage import Store


def list_files(
    store: Store, *, source: str | None, drop: str | None, observed_at: datetime | None = None
) -> dict[str, Any]:
    """Freeze what is to be ingested: one drop, or all that wait in the inbox.

    A drop of the inbox that cannot be listed does not hold up the others; ``commit_drops`` reports it.

    Args:
        store: The lake.
        source: Name of a source file; None for all sources that have a folder in the inbox.
        drop: Path or URL of a drop of that source; None for the inbox.
        observed_at: The instant of all rows of that drop, where the source does not tell it.

    Raises:
        ConfigError: A drop was named without its source, or the environment does not name the folders.
        DropRejected: The drop named cannot be listed.
    """
    problems: list[str] = []
    if drop is None:
        deliveries = list(_waiting(store, source, problems))
    elif source is None:
        raise ConfigError(f"drop {drop}: no source named, expected the one that says how to read it. Name it as well.")
    else:
        known = read_source(source)
        deliveries = [Delivery(place=None, source=known, listing=open_drop(known, drop, observed_at=observed_at))]
    files = [(at, file) for at, found in enumerate(deliveries) for file in range(len(found.listing.files))]
    work = Worklist(deliveries=tuple(deliveries), groups=_groups(files), problems=tuple(problems))
    work_id = work.document_digest()[:16]
    store.put(keys.worklist(work_id), work.to_json())
    return {"work_id": work_id, "groups": len(work.groups), "drops": len(deliveries), "problems": len(problems)}


def ingest_files(store: Store, *, work_id: str, group: int) -> dict[str, Any]:
    """Ingest the files of one group; what became of them is written beside the worklist."""
    work = _read_work(store, work_id)
    rows = 0
    for at, file in work.groups[group]:
        delivery = work.deliveries[at]
        ensure_pool(store, delivery.source.pool)
        receipt = ingest_file(delivery.source, delivery.listing, file, store)
        store.put(keys.file_receipt(work_id, at, file), receipt.to_json())
        rows += receipt.file.rows_read
    return {"group": group, "files": len(work.groups[group]), "rows_read": rows}


def commit_drops(store: Store, *, work_id: str) -> dict[str, Any]:
    """Make each drop part of its pool whose files were all ingested; then say what is wrong with the others.

    Raises:
        DropRejected: A drop could not be listed, was not ingested whole, has too many bad rows, or breaks a rule of the
            suite of drops. All others are in.
    """
    work = _read_work(store, work_id)
    problems, committed = list(work.problems), []
    for at, delivery in enumerate(work.deliveries):
        try:
            committed.append(_commit(store, work_id, at, delivery))
        except (DropRejected, StagingError) as error:
            problems.append(str(error))
    if problems:
        raise DropRejected("\n".join([*problems, f"{len(committed)} other drops of this run are in their pools."]))
    return {
        "drops": len(committed),
        "observations": sum(drop.observations for drop in committed),
        "quarantined": sum(drop.quarantined for drop in committed),
    }


def read_source(name: str) -> Source:
    """Read a source file by its name.

    Raises:
        ConfigError: There is no such file, or it is wrong; the message lists those there are.
    """
    folder = Path(_environment("RESIFT_SOURCES", "the folder of the source files"))
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml"))) or "none"
        raise ConfigError(
            f"source {name}: no file {file}, expected one of: {known}. Correct the name, or add the file."
        )
    return Source.from_yaml(file.read_text(encoding="utf-8"), what=str(file))


def _waiting(store: Store, only: str | None, problems: list[str]) -> Iterator[Delivery]:
    inbox = _environment("RESIFT_INBOX", "the folder drops are delivered to").rstrip("/")
    names = [only] if only else _folders_in(folder_of(f"{inbox}/")[0])
    for name in names:
        try:
            source = read_source(name)
            folder, _ = folder_of(f"{inbox}/{name}/")
        except (ConfigError, DropRejected) as error:
            problems.append(str(error))
            continue
        for entry in _folders_in(folder):
            place = f"{name}/{entry}"
            if store.stat(keys.delivered(source.pool, place)) is not None:
                continue
            try:
                listing = open_drop(source, f"{inbox}/{place}")
            except (ConfigError, DropRejected) as error:
                problems.append(str(error))
                continue
            yield Delivery(place=place, source=source, listing=listing)


def _folders_in(folder: Folder) -> list[str]:
    """Return the names of the folders in a folder, without those still on their way: with a dot or underscore first."""
    return sorted({name.split("/")[0] for name in folder.names() if "/" in name and name[0] not in "._"})


def _groups(files: Sequence[tuple[int, int]]) -> tuple[tuple[tuple[int, int], ...], ...]:
    size = max(1, -(-len(files) // MOST_TASKS))
    return tuple(tuple(files[at : at + size]) for at in range(0, len(files), size))


def _commit(store: Store, work_id: str, at: int, delivery: Delivery) -> Drop:
    listing = delivery.listing
    drop = find_drop(store, listing.pool, listing.drop_id)
    if drop is None:
        receipts = [_read_receipt(store, work_id, at, file, delivery) for file in range(len(listing.files))]
        try:
            drop = commit_drop(delivery.source, listing, receipts, store, judge=True)
        except DropRejected:
            discard_drop(listing, store)
            _forget(store, work_id, at, delivery)
            raise
    if delivery.place is not None:
        said = Delivered(place=delivery.place, drop_id=drop.drop_id)
        store.put(keys.delivered(listing.pool, delivery.place), said.to_json())
    _forget(store, work_id, at, delivery)
    return drop


def _forget(store: Store, work_id: str, at: int, delivery: Delivery) -> None:
    """Remove the receipts of a drop: not needed once it is in its pool, no longer true once it is discarded."""
    for file in range(len(delivery.listing.files)):
        store.delete(keys.file_receipt(work_id, at, file))


def _read_receipt(store: Store, work_id: str, at: int, file: int, delivery: Delivery) -> FileReceipt:
    key = keys.file_receipt(work_id, at, file)
    try:
        return FileReceipt.from_json(store.get(key), what=key)
    except KeyNotFound as error:
        raise StagingError(
            f"drop {delivery.listing.location}: {delivery.listing.files[file].name} was not ingested, expected every "
            "file of the drop. Nothing of it is in the pool; see why its task failed, mend that and clear both."
        ) from error


def _read_work(store: Store, work_id: str) -> Worklist:
    return Worklist.from_json(store.get(keys.worklist(work_id)), what=keys.worklist(work_id))


def _environment(variable: str, meaning: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise ConfigError(f"{variable}: not set, expected {meaning}. Set it in the environment of the workers.")
    return value
