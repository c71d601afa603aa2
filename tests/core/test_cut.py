"""Where a sample ends, and the digest that names its content."""

import pytest

from resift.core.cut import Cut, add_counts, content_digest, covered_width, find_cut
from resift.core.prn import CIRCLE
from resift.model.refresh import PartEntry


@pytest.mark.parametrize(
    ("kept", "size", "cut"),
    [
        ([5, 5, 5], 4, Cut(0, 4)),
        ([5, 5, 5], 5, Cut(0, 5)),
        ([5, 5, 5], 6, Cut(1, 1)),
        ([5, 5, 5], 15, Cut(2, 5)),
        ([5, 5, 5], 16, Cut(None, 0)),
        ([0, 0, 1], 1, Cut(2, 1)),
        ([5, 0, 5], 5, Cut(0, 5)),
        ([], 1, Cut(None, 0)),
        ([0, 0], 1, Cut(None, 0)),
    ],
)
def test_sample_ends_in_the_range_where_its_size_is_reached(kept, size, cut):
    assert find_cut(kept, size=size) == cut


def test_width_reaches_just_past_the_last_item():
    assert covered_width(last_offset=41, exhausted=False) == 42
    assert covered_width(last_offset=0, exhausted=False) == 1


def test_width_is_the_whole_circle_where_all_were_taken():
    assert covered_width(last_offset=41, exhausted=True) == CIRCLE
    assert covered_width(last_offset=None, exhausted=False) == CIRCLE


def test_counts_are_added_by_word_in_order_of_the_words():
    assert list(add_counts([{"b": 1}, {}, {"a": 2, "b": 3}]).items()) == [("a", 2), ("b", 4)]
    assert add_counts([]) == {}


def part(**changes):
    fields = {"path": "data/a", "rows": 1, "size_bytes": 10, "sha256": "0" * 64, "first_prn": 1, "last_prn": 1}
    return PartEntry(**(fields | changes))


def digest(**changes):
    fields = {"columns": [("prn", "int64")], "start": 0, "width": 9, "parts": [part(), part(path="data/b")]}
    return content_digest(**(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": [("prn", "int32")]},
        {"columns": [("id", "int64")]},
        {"columns": []},
        {"start": 1},
        {"width": 8},
        {"parts": []},
        {"parts": [part()]},
        {"parts": [part(path="data/b"), part()]},
        {"parts": [part(rows=2), part(path="data/b")]},
        {"parts": [part(sha256="1" * 64), part(path="data/b")]},
    ],
)
def test_content_digest_changes_with_all_that_is_content(changes):
    assert digest(**changes) != digest()


def test_content_digest_is_the_same_for_the_same_content():
    assert digest() == digest(columns=(("prn", "int64"),), parts=(part(), part(path="data/b")))
