"""Suppression entries and the rows they speak of."""

import pyarrow as pa
from builders import NOW, SALT

from resift.core.prn import permanent_random_numbers
from resift.core.suppression import find_suppressed, suppression_digest
from resift.model.suppression import Suppression


def entry(identifier, kind="image", **changes):
    number = int(permanent_random_numbers(pa.array([identifier]), salt=SALT)[0])
    digest = suppression_digest(kind, identifier, salt=SALT)
    fields = {"pool": "p", "kind": kind, "number": number, "digest": digest, "request": "r", "requested_at": NOW}
    return Suppression(**(fields | changes))


def found(ids, *entries, kind="image"):
    return find_suppressed(pa.chunked_array([pa.array(ids, pa.string())]), entries, kind=kind, salt=SALT).tolist()


def test_suppressed_id_is_found_wherever_it_stands():
    assert found(["a", "b", "a", "c"], entry("a")) == [True, False, True, False]


def test_null_is_suppressed_by_no_entry():
    assert found([None, "a", None], entry("a"), entry("")) == [False, True, False]


def test_entry_for_an_owner_does_not_suppress_an_image_of_that_name():
    assert found(["a"], entry("a", kind="owner")) == [False]
    assert found(["a"], entry("a", kind="owner"), kind="owner") == [True]


def test_id_that_only_shares_the_number_is_not_suppressed():
    other = entry("b", number=entry("a").number)

    assert found(["a", "b"], other) == [False, False]


def test_two_suppressed_ids_that_share_a_number_are_both_found():
    stranger = entry("a", digest=suppression_digest("image", "stranger", salt=SALT))

    assert found(["a"], stranger, entry("a")) == [True]
    assert found(["a"], entry("a"), stranger) == [True]


def test_without_entries_or_ids_nothing_is_found():
    assert found(["a"]) == [False]
    assert found([], entry("a")) == []
    assert found([None, None], entry("a")) == [False, False]


def test_digest_depends_on_kind_id_and_salt():
    digests = {
        suppression_digest("image", "a", salt=SALT),
        suppression_digest("owner", "a", salt=SALT),
        suppression_digest("image", "b", salt=SALT),
        suppression_digest("image", "a", salt=SALT[::-1]),
    }

    assert len(digests) == 4
