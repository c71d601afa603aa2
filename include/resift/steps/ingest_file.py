"""Ingest one file of a drop: read, observe, sort; write its run and its quarantine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa

from resift.core.nulls import add_nulls, count_nulls
from resift.core.observe import Given, observe
from resift.core.prn import permanent_random_numbers
from resift.errors import DropRejected
from resift.model import keys
from resift.model.drop import DropListing, FileReceipt, ListedFile
from resift.model.field import spell
from resift.model.observation import PRN
from resift.model.pool import FileEntry, Nulls, RunEntry
from resift.model.source import Source
from resift.steps.drop_files import fetched, folder_of
from resift.steps.given import given_for
from resift.steps.pools import read_pool
from resift.steps.quarantine import QuarantineWriter
from resift.steps.reading import read_rows
from resift.steps.sorted_run import RunSorter, SortedRun, sha256_of
from resift.storage import Store


def ingest_file(source: Source, listing: DropListing, index: int, store: Store) -> FileReceipt:
    """Write the run and the quarantine of one file of a drop. May be repeated: it writes the same bytes.

    The pool must exist. Memory does not grow with the file; disk for temporary files does.

    Raises:
        PoolNotFound: The pool was not founded.
        DropRejected: The file is not what was listed, cannot be read, or has more bad rows than any drop may.
    """
    listed = listing.files[index]
    folder, _ = folder_of(listing.location)
    salt = read_pool(store, source.pool).salt
    with tempfile.TemporaryDirectory(prefix="resift-ingest-") as scratch:
        place = Path(scratch)
        with fetched(folder, listed.name, into=place) as path, _unchanged(path, listed):
            given = given_for(source, listing, listed.name, folder)
            origin = {"source": source.name, "drop": listing.drop_id, "file": listed.name}
            empty = dict.fromkeys(source.fields_not_mapped())
            sorter = RunSorter(place, carried=source.carried_schema(), same=origin | empty)
            with QuarantineWriter(place / "quarantine.parquet") as quarantine:
                nulls, unseen = _read_into(sorter, quarantine, path, listed.name, given, salt)
        run = sorter.finish(place / "run.parquet")
        return FileReceipt(
            drop_id=listing.drop_id,
            index=index,
            unseen=unseen,
            first_bad=quarantine.first,
            file=FileEntry(
                name=listed.name,
                sha256=listed.sha256,
                rows_read=sorter.rows + quarantine.rows,
                observations=sorter.rows,
                quarantined=quarantine.rows,
                quarantined_by_reason=dict(sorted(quarantine.by_reason.items())),
                run=None if run is None else _store_run(source, listing, index, store, run),
                quarantine_key=_store_quarantine(listing, index, store, quarantine),
                nulls=nulls,
            ),
        )


def _read_into(
    sorter: RunSorter, quarantine: QuarantineWriter, path: Path, name: str, given: Given, salt: str
) -> tuple[Nulls, tuple[str, ...]]:
    """Sort every row into the run or the quarantine; return how many fields are empty, and the keys not seen."""
    source, nulls, split = given.source, list[Nulls](), 0
    unseen = {path for path, optional in source.paths().items() if not optional and source.format == "jsonl"}
    with closing(read_rows(path, name=name, source=source)) as batches:
        for batch in batches:
            unseen.difference_update(batch.columns)
            split += len(batch.row_numbers)
            observed = observe(batch, given=given)
            quarantine.add(batch.bad)
            quarantine.add(observed.rejected)
            if quarantine.rows > source.max_bad_rows.count:
                raise DropRejected(
                    f"{name}: found more than {source.max_bad_rows.count:,} bad rows, the first of them "
                    f"{quarantine.first}; expected at most that many in a drop. Correct the source file or "
                    "the delivery, or raise `max_bad_rows`."
                )
            if len(observed.observations):
                prn = permanent_random_numbers(observed.observations["image_id"], salt=salt)
                sorter.add(observed.observations.append_column(PRN, pa.array(prn)))
                nulls.append(count_nulls(observed.observations))
    return add_nulls(nulls), tuple(sorted(map(spell, unseen))) if split else ()


@contextmanager
def _unchanged(path: Path, listed: ListedFile) -> Iterator[None]:
    """Check, beside the work done with a file, that it is the file that was listed."""
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(sha256_of, path)
        yield
    if (found := digest.result()) != listed.sha256:
        raise DropRejected(
            f"{listed.name}: has sha256 {found[:12]}…, expected {listed.sha256[:12]}… as when the drop was listed. "
            "It changed meanwhile; wait until the delivery is complete and ingest it again."
        )


def _store_run(source: Source, listing: DropListing, index: int, store: Store, run: SortedRun) -> RunEntry:
    key = keys.run(listing.pool, listing.drop_id, index)
    store.put_file(key, run.path)
    return run.entry(key, carried={name: column.type for name, column in source.carry.items()})


def _store_quarantine(listing: DropListing, index: int, store: Store, quarantine: QuarantineWriter) -> str | None:
    if not quarantine.rows:
        return None
    key = keys.quarantine(listing.pool, listing.drop_id, index)
    store.put_file(key, quarantine.path)
    return key


def too_many_bad_rows(location: str, source: Source, receipts: Sequence[FileReceipt]) -> DropRejected:
    """Return the error of a drop whose bad rows exceed its budget, with their reasons and the first of them."""
    read = sum(receipt.file.rows_read for receipt in receipts)
    reasons: dict[str, int] = {}
    for receipt in receipts:
        for reason, count in receipt.file.quarantined_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    worst = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    first = next(f"{receipt.file.name} {receipt.first_bad}" for receipt in receipts if receipt.first_bad)
    budget = source.max_bad_rows
    return DropRejected(
        f"drop {location}: found {sum(reasons.values()):,} bad rows of {read:,} "
        f"({'; '.join(f'{count:,} {reason}' for reason, count in worst[:5])}; the first is {first}), expected at most "
        f"{budget.share:.2%} and {budget.count:,}. Correct the source file or the delivery, or raise `max_bad_rows`."
    )
