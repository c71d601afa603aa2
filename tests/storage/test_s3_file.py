"""A file over ranged reads asks for neighbouring bytes together, ahead of time, and for nothing twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift.storage.s3_file import READ_AHEAD_BYTES, RangeReader
from resift.storage.spans import join_near

BODY = bytes(number * 7 % 251 for number in range(1_000_000))

SPANS = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 80)).map(lambda pair: (pair[0], sum(pair)))).map(sorted)


class Asked:
    """Fetches from BODY and notes what for."""

    def __init__(self) -> None:
        self.spans = list[tuple[int, int]]()

    def __call__(self, start: int, length: int) -> bytes:
        self.spans.append((start, start + length))
        return BODY[start : start + length]


@pytest.fixture
def threads():
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def file(asked, threads) -> RangeReader:
    return RangeReader(asked, len(BODY), tail=BODY[-1_000:], threads=threads)


@given(SPANS, st.integers(0, 60), st.integers(1, 200))
def test_joined_spans_cover_what_was_asked_for_and_start_and_end_with_it(spans, gap, most) -> None:
    joined = list(join_near(spans, gap=gap, most=most))

    assert all(any(lo <= start and end <= hi for lo, hi in joined) for start, end in spans)
    assert {lo for lo, _ in joined} <= {start for start, _ in spans}
    assert {hi for _, hi in joined} <= {end for _, end in spans}


@pytest.mark.parametrize(
    ("spans", "joined"),
    [
        ([(0, 10), (20, 30)], [(0, 30)]),
        ([(0, 10), (21, 30)], [(0, 10), (21, 30)]),
        ([(0, 60), (60, 100)], [(0, 100)]),
        ([(0, 60), (60, 101)], [(0, 60), (60, 101)]),
        ([(0, 300)], [(0, 300)]),
        ([(0, 50), (10, 20)], [(0, 50)]),
        ([], []),
    ],
)
def test_spans_are_joined_up_to_a_gap_and_a_length(spans, joined) -> None:
    assert list(join_near(spans, gap=10, most=100)) == joined


def test_what_was_fetched_ahead_is_not_fetched_again(file, asked) -> None:
    file.prefetch([(100, 200), (300_000, 500_000), (500_000, 600_000)])

    for start, end in [(100, 200), (300_000, 500_000), (500_000, 600_000), (350_000, 550_000)]:
        file.seek(start)
        assert file.read(end - start) == BODY[start:end]

    assert sorted(asked.spans) == [(100, 200), (300_000, 600_000)]


def test_what_is_still_wanted_is_kept_and_the_rest_let_go(file, asked) -> None:
    file.prefetch([(0, 1_000), (500_000, 501_000)])
    file.prefetch([(500_000, 501_000), (900_000, 901_000)])

    for start in (500_000, 900_000, 0):
        file.seek(start)
        assert file.read(1_000) == BODY[start : start + 1_000]

    assert sorted(asked.spans) == [(0, 1_000), (0, READ_AHEAD_BYTES), (500_000, 501_000), (900_000, 901_000)]


def test_the_end_that_came_with_the_opening_is_not_fetched(file, asked) -> None:
    file.seek(-800, 2)

    assert file.read() == BODY[-800:]
    assert asked.spans == []


def test_an_error_of_fetching_ahead_is_raised_where_it_is_read(threads) -> None:
    def refuse(start: int, length: int) -> bytes:
        raise OSError(f"no bytes from {start}")

    file = RangeReader(refuse, len(BODY), tail=b"", threads=threads)
    file.prefetch([(0, 100_000)])

    with pytest.raises(OSError, match="no bytes from 0"):
        file.read(100_000)
