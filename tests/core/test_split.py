"""Rows in = rows kept + rows removed, each removed row with one reason."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from resift.core.split import Reasons, Split

WORDS = ("c", "b", "a")


def reasons_of(*reasons):
    return Reasons(np.array([0 if word is None else WORDS.index(word) + 1 for word in reasons], dtype=np.int8), WORDS)


reasons = st.lists(st.sampled_from([None, None, "a", "b"]), max_size=30).map(lambda words: reasons_of(*words))


def test_none_is_no_reason():
    assert reasons_of("a", None, "b").given.tolist() == [True, False, True]
    assert reasons_of("a", None, "b").to_arrow().to_pylist() == ["a", None, "b"]


def test_reasons_are_counted_by_name_and_none_is_not():
    assert list(reasons_of("c", None, "a", "c").counts().items()) == [("a", 1), ("c", 2)]
    assert Reasons.none(3, WORDS).counts() == Reasons.none(0).counts() == {}


def test_more_words_than_a_byte_can_number_are_told_apart():
    words = tuple(f"{number:03d}" for number in range(300))
    reasons = Reasons.none(300, words)
    reasons.codes[:] = np.arange(1, 301)

    assert reasons.to_arrow().to_pylist() == list(words)


def test_nothing_in_gives_nothing_out():
    split = Split.by_reason(np.array([], dtype=np.int64), reasons_of())

    assert (len(split.kept), split.removed, split.counts()) == (0, {}, {})


@given(first=reasons, data=st.data())
def test_no_item_is_lost_and_none_is_in_two_places(first, data):
    split = Split.by_reason(np.arange(len(first)), first)
    second = data.draw(st.lists(st.sampled_from([None, "a", "c"]), min_size=len(split.kept), max_size=len(split.kept)))

    both = split.then(Split.by_reason(split.kept, reasons_of(*second)))

    everyone = [*both.kept, *(item for items in both.removed.values() for item in items)]
    assert sorted(everyone) == list(range(len(first)))
    assert sum(both.counts().values()) + len(both.kept) == len(first)


@given(first=reasons)
def test_reasons_can_be_read_back(first):
    split = Split.by_reason(np.arange(len(first)), first)

    assert split.reasons(len(first)).to_arrow().to_pylist() == first.to_arrow().to_pylist()


def test_later_removal_does_not_change_an_earlier_reason():
    first = Split.by_reason(np.arange(3), reasons_of("a", None, None))

    both = first.then(Split.by_reason(first.kept, reasons_of("a", None)))

    assert both.removed["a"].tolist() == [0, 1]
    assert both.kept.tolist() == [2]
