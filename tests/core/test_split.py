"""Rows in = rows kept + rows removed, each removed row with one reason."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from resift.core.split import Split, has_reason

reasons = st.lists(st.sampled_from([None, None, "a", "b"]), max_size=30).map(lambda r: np.array(r, dtype=object))


def test_none_is_no_reason():
    assert has_reason(np.array(["a", None, ""], dtype=object)).tolist() == [True, False, True]


def test_nothing_in_gives_nothing_out():
    split = Split.by_reason(np.array([], dtype=np.int64), np.array([], dtype=object))

    assert (len(split.kept), split.removed, split.counts()) == (0, {}, {})


@given(first=reasons, data=st.data())
def test_no_item_is_lost_and_none_is_in_two_places(first, data):
    split = Split.by_reason(np.arange(len(first)), first)
    second = data.draw(st.lists(st.sampled_from([None, "a", "c"]), min_size=len(split.kept), max_size=len(split.kept)))

    both = split.then(Split.by_reason(split.kept, np.array(second, dtype=object)))

    everyone = [*both.kept, *(item for items in both.removed.values() for item in items)]
    assert sorted(everyone) == list(range(len(first)))
    assert sum(both.counts().values()) + len(both.kept) == len(first)


@given(first=reasons)
def test_reasons_can_be_read_back(first):
    split = Split.by_reason(np.arange(len(first)), first)

    assert split.reasons(len(first)).tolist() == first.tolist()


def test_later_removal_does_not_change_an_earlier_reason():
    first = Split.by_reason(np.arange(3), np.array(["a", None, None], dtype=object))

    both = first.then(Split.by_reason(first.kept, np.array(["a", None], dtype=object)))

    assert both.removed["a"].tolist() == [0, 1]
    assert both.kept.tolist() == [2]
