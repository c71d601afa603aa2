"""Turn a drop into sorted runs of a pool: list it, ingest each file, commit. Nothing shows before the commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from resift.checks.stages import require_judge
from resift.core.instants import END, FIRST
from resift.errors import ConfigError, DropRejected, KeyExists, KeyNotFound, StagingError
from resift.model import keys
from resift.model.drop import DropListing, FileReceipt, ListedFile
from resift.model.pool import Drop
from resift.model.source import Source
from resift.steps.drop_files import find_files, sha256_in
from resift.steps.found_pool import ensure_pool
from resift.steps.ingest_file import ingest_file, too_many_bad_rows
from resift.steps.judge_drop import judge_drop
from resift.steps.source_nulls import remember_nulls
from resift.storage import Store


def ingest(
    source: Source,
    drops: Sequence[str],
    store: Store,
    *,
    observed_at: datetime | None = None,
    salt: str | None = None,
) -> list[Drop]:
    """Ingest drops one after the other. One that is in the pool already is left as it is.

    Args:
        source: What the files mean.
        drops: Paths, ``file://`` or ``s3://`` URLs, each of a file or a folder.
        store: The lake.
        observed_at: The instant of all rows, where the source does not tell it.
        salt: Key of the PRNs for a pool that does not exist yet; random if not given.

    Raises:
        ConfigError: The instant is given twice or not at all.
        DropRejected: A drop cannot be read or has too many bad rows. It leaves nothing in the pool.
    """
    return [drop for drop, _ in ingest_each(source, drops, store, observed_at=observed_at, salt=salt)]


def ingest_each(
    source: Source,
    drops: Iterable[str],
    store: Store,
    *,
    observed_at: datetime | None = None,
    salt: str | None = None,
    judge: bool = False,
) -> Iterator[tuple[Drop, bool]]:
    """Ingest drops as ``ingest`` does, and yield each when it is in the pool, and whether this call put it there.

    With ``judge``, each is held against the suite of drops first, which costs seconds, once.
    """
    if judge:
        require_judge()
    for location in drops:
        listing = open_drop(source, location, observed_at=observed_at)
        ensure_pool(store, source.pool, salt=salt)
        known = find_drop(store, source.pool, listing.drop_id)
        yield known or _ingest_listed(source, listing, store, judge=judge), known is None


def _ingest_listed(source: Source, listing: DropListing, store: Store, *, judge: bool) -> Drop:
    try:
        receipts = [ingest_file(source, listing, index, store) for index in range(len(listing.files))]
        return commit_drop(source, listing, receipts, store, judge=judge)
    except DropRejected:
        discard_drop(listing, store)
        raise


def open_drop(source: Source, location: str, *, observed_at: datetime | None = None) -> DropListing:
    """List a drop's files with their digests, which name the drop.

    Raises:
        ConfigError: The instant is given both by the source and with the drop, by neither, or cannot be believed.
        DropRejected: There is no such file, or a table it is looked up in is missing.
    """
    _check_instant(source, observed_at)
    folder, names = find_files(location, source=source)
    tables = sorted({lookup.file for lookup in source.lookups()})
    for table in tables:
        if not folder.holds(table):
            raise DropRejected(
                f"drop {location}: found no {table} beside its files, expected the table that source {source.name} "
                "looks values up in. Put the file there."
            )
    return DropListing(
        location=location,
        source=source.name,
        source_digest=source.document_digest(),
        pool=source.pool,
        observed_at=None if observed_at is None else observed_at.astimezone(UTC).isoformat(),
        files=tuple(ListedFile(name=name, sha256=sha256_in(folder, name)) for name in names),
        lookups=tuple(ListedFile(name=name, sha256=sha256_in(folder, name)) for name in tables),
        named=source.reads_file_names(),
    )


def _check_instant(source: Source, observed_at: datetime | None) -> None:
    if (observed_at is None) == (source.observed_at is None):
        found = "none" if observed_at is None else "one in the source file and one with the drop"
        raise ConfigError(
            f"observed_at of source {source.name}: found {found}, expected exactly one. "
            "Give `--observed-at` if and only if the source file has no `observed_at`."
        )
    if observed_at is not None and (observed_at.tzinfo is None or not FIRST <= observed_at < END):
        raise ConfigError(
            f"observed_at {observed_at}: expected an instant with a time zone in [1970-01-01, 2100-01-01). "
            "Write it like 2026-11-23T00:00:00Z."
        )


def commit_drop(
    source: Source, listing: DropListing, receipts: Iterable[FileReceipt], store: Store, *, judge: bool = False
) -> Drop:
    """Make a drop part of the pool, if all its files together are good enough.

    Args:
        source: What the files mean.
        listing: The drop.
        receipts: One for each of its files, in any order.
        store: The lake.
        judge: Whether to hold what was written against the suite of drops as well, which needs Great Expectations.

    Raises:
        DropRejected: There is no row in it, a key its source reads is nowhere in it, too many rows are bad, or a rule
            of the suite is broken.
    """
    receipts = sorted(receipts, key=lambda receipt: receipt.index)
    if [receipt.index for receipt in receipts] != list(range(len(listing.files))):
        raise StagingError(
            f"drop {listing.drop_id}: found receipts of {len(receipts)} files, expected one for each of "
            f"{len(listing.files)}. Ingest the missing files, then commit."
        )
    _check_whole(source, listing, receipts)
    drop = Drop(
        drop_id=listing.drop_id,
        pool=source.pool,
        source=source.name,
        source_digest=listing.source_digest,
        received_at=datetime.now(UTC),
        files=tuple(receipt.file for receipt in receipts),
    )
    if judge:
        judge_drop(source, drop, store)
    # First, so that a drop that is in the pool is remembered whatever dies in between; twice is the same as once.
    remember_nulls(store, drop)
    try:
        store.create(keys.drop(source.pool, drop.drop_id), drop.to_json())
    except KeyExists:
        # Another process committed the same drop meanwhile; what it wrote is what we wrote.
        return find_drop(store, source.pool, listing.drop_id) or drop
    return drop


def _check_whole(source: Source, listing: DropListing, receipts: Sequence[FileReceipt]) -> None:
    read = sum(receipt.file.rows_read for receipt in receipts)
    bad = sum(receipt.file.quarantined for receipt in receipts)
    if read == 0:
        raise DropRejected(
            f"drop {listing.location}: found no row in {len(receipts)} files, expected at least one. Ask for it again."
        )
    if unseen := set[str].intersection(*(set(receipt.unseen) for receipt in receipts if receipt.file.rows_read)):
        raise DropRejected(
            f"drop {listing.location}: {', '.join(map(repr, sorted(unseen)))} is missing in all {read:,} rows; source "
            f"{source.name} expected it in some. Correct the source file, or set `optional: true` there."
        )
    budget = source.max_bad_rows
    if bad > budget.count or bad > budget.share * read:
        raise too_many_bad_rows(listing.location, source, receipts)


def find_drop(store: Store, pool: str, drop_id: str) -> Drop | None:
    """Return a drop of the pool, or None if it is not in it."""
    key = keys.drop(pool, drop_id)
    try:
        return Drop.from_json(store.get(key), what=key)
    except KeyNotFound:
        return None


def discard_drop(listing: DropListing, store: Store) -> None:
    """Remove what a drop that failed has written. A drop that is in the pool is left alone."""
    if find_drop(store, listing.pool, listing.drop_id) is not None:
        return
    for index in range(len(listing.files)):
        store.delete(keys.run(listing.pool, listing.drop_id, index))
        store.delete(keys.quarantine(listing.pool, listing.drop_id, index))
