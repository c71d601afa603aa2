"""A drop is held against its suite before it is in the pool: what was written is read back, and must be as counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from drops import SALT, make_source, row, write

from resift.errors import DropRejected
from resift.model import keys
from resift.model.drop import DropListing, FileReceipt
from resift.steps.found_pool import ensure_pool
from resift.steps.ingest import commit_drop, find_drop, ingest_each, open_drop
from resift.steps.ingest_file import ingest_file
from resift.storage import MemoryStore

SOURCE = make_source()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def listing(store: MemoryStore, tmp_path: Path) -> DropListing:
    """A drop of two files with one bad row, listed."""
    write(tmp_path / "drop" / "a.csv", [row(n) for n in range(5)])
    write(tmp_path / "drop" / "b.csv", [row(n) for n in range(5, 9)] + [row(9, state="odd")])
    ensure_pool(store, SOURCE.pool, salt=SALT)
    return open_drop(SOURCE, str(tmp_path / "drop"))


def receipts_of(store: MemoryStore, listing: DropListing) -> list[FileReceipt]:
    return [ingest_file(SOURCE, listing, index, store) for index in range(2)]


def counted(receipt: FileReceipt, **fields: object) -> FileReceipt:
    return receipt.model_copy(update={"file": receipt.file.model_copy(update=fields)})


def test_drop_as_ingested_is_committed(store: MemoryStore, listing: DropListing) -> None:
    drop = commit_drop(SOURCE, listing, receipts_of(store, listing), store, judge=True)

    assert (drop.observations, drop.quarantined) == (9, 1)
    assert find_drop(store, SOURCE.pool, drop.drop_id) == drop


def test_drop_of_bad_rows_alone_is_committed_where_its_source_allows_it(store: MemoryStore, tmp_path: Path) -> None:
    place = write(tmp_path / "bad.csv", [row(1, state="odd")])

    [(drop, is_new)] = ingest_each(SOURCE, [str(place)], store, salt=SALT, judge=True)

    assert (is_new, drop.observations, drop.quarantined) == (True, 0, 1)


def test_run_of_another_file_and_rows_nobody_counted_are_named_and_nothing_is_committed(
    store: MemoryStore, listing: DropListing
) -> None:
    first, second = receipts_of(store, listing)
    other = store.get(keys.run(SOURCE.pool, listing.drop_id, 1))
    store.put(keys.run(SOURCE.pool, listing.drop_id, 0), other)
    store.delete(keys.quarantine(SOURCE.pool, listing.drop_id, 1))
    second = counted(second, rows_read=7, quarantined_by_reason={"": 1})

    with pytest.raises(DropRejected) as refused:
        commit_drop(SOURCE, listing, [first, second], store, judge=True)

    said = str(refused.value)
    assert "b.csv: every row is accounted for: found rows_read 7, accounted 5, expected rows_read = accounted." in said
    assert "b.csv: every reason says something: found nameless_reasons 1" in said
    assert "b.csv: bad rows lie in quarantine: found quarantine_found -1, quarantine_due 1" in said
    assert "a.csv: observations lie in the run: found observations 5, run_rows 4" in said
    assert re.search(r"And \d more\. Nothing of it is in the pool", said)
    assert find_drop(store, SOURCE.pool, listing.drop_id) is None


def test_index_that_does_not_fit_the_run_is_found(store: MemoryStore, listing: DropListing) -> None:
    first, second = receipts_of(store, listing)
    run = first.file.run
    assert run is not None
    wrong = run.model_copy(update={"row_group_first": (run.prn_min + 1,), "size_bytes": 1})

    with pytest.raises(DropRejected) as refused:
        commit_drop(SOURCE, listing, [counted(first, run=wrong), second], store, judge=True)

    assert f"a.csv, row group 0: row groups begin as listed: found first_prn {run.prn_min}, " in str(refused.value)
    assert "a.csv, row group 0: runs have their size" in str(refused.value)
