"""A field that empties at the source is told before its drop is in the pool, and rejects it where that is wanted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from drops import SALT, make_source, row, take, write

from resift.errors import DropRejected
from resift.model import keys
from resift.model.pool import Drop, SourceNulls
from resift.model.source import Source
from resift.steps.ingest import ingest_each
from resift.steps.source_nulls import MOST_DROPS
from resift.storage import MemoryStore

ROWS = 4_000


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def delivery(place: Path, day: int, *, count: int = ROWS, **fields: Any) -> Path:
    seen = f"2026-01-{day:02d}T00:00:00Z"
    return write(place / f"{day}.csv", [row(n, seen=seen, **fields) for n in range(count)])


def judged(store: MemoryStore, source: Source, place: Path) -> Drop:
    [(drop, _)] = ingest_each(source, [str(place)], store, salt=SALT, judge=True)
    return drop


def remembered(store: MemoryStore) -> SourceNulls:
    key = keys.source_nulls("photos", "photos")
    return SourceNulls.from_json(store.get(key), what=key)


def test_field_that_empties_is_told_and_holds_nothing_up(
    store: MemoryStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = make_source()
    take(store, source, delivery(tmp_path, 1))

    drop = judged(store, source, delivery(tmp_path, 2, owner=""))

    (told,) = [one.message for one in caplog.records if one.name.startswith("resift")]
    assert re.fullmatch(
        rf"drop {drop.drop_id} of source photos: worth a look: owner_id, 100.0% empty after 0.0%: empty values are as "
        r"many as before: found null_drift 1, expected null_drift.warn at most 5.0% and 5.6% for chance\.",
        told,
    )
    assert remembered(store).drops[0].drop_id == drop.drop_id


def test_field_that_empties_rejects_the_drop_where_its_source_says_so(store: MemoryStore, tmp_path: Path) -> None:
    source = make_source(null_drift={"reject": 0.5})
    take(store, source, delivery(tmp_path, 1))
    before = remembered(store)

    with pytest.raises(DropRejected, match=r"owner_id, 100.0% empty after 0.0%: .* expected null_drift.reject at most"):
        judged(store, source, delivery(tmp_path, 2, owner=""))

    assert remembered(store) == before
    assert len(list(store.list(keys.drops("photos")))) == 1


def test_small_difference_and_first_drop_are_not_told(
    store: MemoryStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = make_source()
    judged(store, source, delivery(tmp_path, 1, owner=""))
    rows = [row(n, seen="2026-01-02T00:00:00Z", owner="o" if n % 20 == 0 else "") for n in range(ROWS)]

    judged(store, source, write(tmp_path / "b.csv", rows))

    assert [one for one in caplog.records if one.name.startswith("resift")] == []


def test_rows_of_images_that_are_gone_are_not_compared(store: MemoryStore, tmp_path: Path) -> None:
    gone = [row(n, state="deleted", owner="", url="") for n in range(30)]

    (drop,) = take(store, make_source(), write(tmp_path / "a.csv", [*gone, row(99), row(100, owner="")]))

    (file,) = drop.files
    assert file.nulls is not None
    assert (file.nulls.rows, file.nulls.by_field["owner_id"], file.nulls.by_field["url"]) == (2, 1, 0)


def test_last_drops_are_remembered_each_once(store: MemoryStore, tmp_path: Path) -> None:
    places = [delivery(tmp_path, day, count=3) for day in range(1, MOST_DROPS + 3)]
    drops = take(store, make_source(), *places)
    take(store, make_source(), places[-1])

    assert [one.drop_id for one in remembered(store).drops] == [drop.drop_id for drop in drops[::-1]][:MOST_DROPS]


def test_limits_left_out_do_not_change_what_a_drop_is_called() -> None:
    assert b"null_drift" not in make_source().to_json()
    assert b"null_drift" in make_source(null_drift={"warn": 0.1}).to_json()


@pytest.mark.parametrize("reject", [None, 0.5], ids=["taken", "rejected"])
def test_pages_on_a_drop_lie_beside_it_whatever_became_of_it(
    store: MemoryStore, tmp_path: Path, reject: float | None
) -> None:
    source = make_source(null_drift={"reject": reject})
    take(store, source, delivery(tmp_path, 1))
    kept = {one.key for one in store.list("")}

    if reject:
        with pytest.raises(DropRejected):
            judged(store, source, delivery(tmp_path, 2, owner=""))
        assert all(one.key in kept or one.key.startswith("pool/photos/quality/") for one in store.list(""))
    else:
        judged(store, source, delivery(tmp_path, 2, owner=""))

    pages = {one.key.split("/", 4)[4]: store.get(one.key) for one in store.list("pool/photos/quality/")}
    assert {f"{kind}/{suite}.html" for kind in ("expectations", "validations") for suite in SUITES} < pages.keys()
    assert b"100.0% empty after 0.0%" in pages["validations/drop_nulls.html"]
    assert not [name for name, body in pages.items() if re.search(rb"<script|<link|(src|href)=.https?:", body)]


SUITES = ("drop_files", "drop_runs", "drop", "drop_nulls")
