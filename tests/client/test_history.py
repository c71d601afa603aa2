"""An item can be followed through the versions by who has its id; what was removed looks like what never was."""

from __future__ import annotations

import pytest
from builders import NOW, SALT, cycle, make_dataset, make_pool, observation, publish_unjudged
from reference_model import prn

from resift.client.history import history
from resift.errors import SnapshotDamaged
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.suppress import number_of, suppress
from resift.storage import MemoryStore

NAMES = [f"i{n}" for n in range(40)]


@pytest.fixture
def store():
    store = MemoryStore()
    make_pool(store, [observation(name, cycle(0)) for name in NAMES])
    publish_unjudged(store, make_dataset(size=60), cycle(0))
    seen = [observation(name, cycle(1), state="deleted" if name == "i7" else "public") for name in [*NAMES, "new"]]
    make_pool(store, seen)
    suppress(store, pool="photos", kind="image", identifier="i9", request="T", requested_at=NOW)
    publish_unjudged(store, make_dataset(size=60), cycle(1))
    return store


def told(store, name, **options):
    return [(one.held, one.change, one.cause) for one in history(store, "sample", name, **options)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("i1", [(True, None, None), (True, None, None)]),
        ("i7", [(True, None, None), (False, "left", "deleted")]),
        ("new", [(False, None, None), (True, "entered", "born")]),
        ("i9", [(True, None, None), (False, None, None)]),
        ("never", [(False, None, None), (False, None, None)]),
    ],
)
def test_history_says_where_an_item_is_and_why_it_left_with_or_without_the_pool(store, name, expected):
    assert number_of(store, "photos", name) == prn(name, SALT)

    assert told(store, name) == expected
    assert told(store, name, prn=prn(name, SALT)) == expected


def test_erased_item_looks_like_one_that_never_was(store):
    entries = wanted(store, pool="photos", images=["i7"], owners=[], request="T", requested_at=NOW)
    digest = plan_erasure(store, pool="photos", entries=entries).document_digest()
    erase(store, pool="photos", entries=entries, plan_digest=digest, now=NOW)

    assert told(store, "i7") == told(store, "never")


def test_part_that_cannot_be_read_is_no_answer(store):
    part = next(stat.key for stat in store.list("datasets/sample/snapshots/") if "/data/" in stat.key)
    store.put(part, b"x")

    with pytest.raises(SnapshotDamaged, match=r"is not readable as Parquet .* Run `resift verify"):
        told(store, "i1")
