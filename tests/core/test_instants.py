"""Instants are read exactly, or not at all."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resift.core.instants import NO_ZONE, OUTSIDE, UNREADABLE, read_instants
from resift.model.field import Instant


def rule(**how):
    return Instant(column="t", **how)


def one(value, **how):
    read = read_instants(pa.array([value]), rule=rule(**how))
    problems = [reason for reason, mask in read.problems.items() if mask[0]]
    return problems[0] if problems else read.values[0].as_py()


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "how", "expected"),
    [
        ("2026-01-02T12:00:00Z", {}, NOON),
        ("2026-01-02 12:00:00+00", {}, NOON),
        ("2026-01-02T13:00:00+01:00", {}, NOON),
        ("2026-01-02T12:00:00.123456789Z", {}, NOON + timedelta(microseconds=123456)),
        ("2026-01-02T12:00:00", {}, NO_ZONE),
        ("2026-01-02", {}, NO_ZONE),
        ("2026-01-02T12:00:00", {"timezone": "UTC"}, NOON),
        ("2026-01-02T13:00:00+01:00", {"timezone": "UTC"}, NOON),
        ("2026-07-02T13:00:00", {"timezone": "Europe/London"}, datetime(2026, 7, 2, 12, tzinfo=UTC)),
        ("9999-01-01T00:00:00Z", {}, OUTSIDE),
        ("0001-01-01T00:00:00+14:00", {}, OUTSIDE),
        ("2099-12-31T23:59:59.999999Z", {}, datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2100-01-01T00:00:00Z", {}, OUTSIDE),
        ("1970-01-01T00:00:00Z", {}, datetime(1970, 1, 1, tzinfo=UTC)),
        ("1969-12-31T23:59:59.999999Z", {}, OUTSIDE),
        ("2026-02-30T00:00:00Z", {}, UNREADABLE),
        ("yesterday", {}, UNREADABLE),
        (" 2026-01-02T12:00:00Z", {}, UNREADABLE),
        ("1767355200", {"format": "epoch_s"}, NOON),
        ("1767355200.5", {"format": "epoch_s"}, NOON + timedelta(seconds=0.5)),
        ("1767355200000", {"format": "epoch_ms"}, NOON),
        ("1767355200000", {"format": "epoch_s"}, OUTSIDE),
        ("-1", {"format": "epoch_s"}, OUTSIDE),
        ("1e400000", {"format": "epoch_s"}, OUTSIDE),
        ("nan", {"format": "epoch_s"}, UNREADABLE),
        (1767355200, {"format": "epoch_s"}, NOON),
        (2**62, {"format": "epoch_ms"}, OUTSIDE),
        ("02/01/2026 12:00", {"format": "%d/%m/%Y %H:%M", "timezone": "UTC"}, NOON),
        ("02/01/2026 12:00", {"format": "%d/%m/%Y %H:%M"}, NO_ZONE),
        (NOON, {}, NOON),
        (datetime(2026, 1, 2, 12), {}, NO_ZONE),  # noqa: DTZ001
        (datetime(2026, 1, 2, 12), {"timezone": "UTC"}, NOON),  # noqa: DTZ001
        (date(2026, 1, 2), {"timezone": "UTC"}, datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_exactly_or_its_problem_named(text, how, expected):
    assert one(text, **how) == expected


TEXTS = st.one_of(
    st.none(),
    st.datetimes().map(datetime.isoformat),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.dates().map(date.isoformat),
    st.text(max_size=8),
)


@given(st.lists(TEXTS, max_size=8), st.sampled_from([None, "UTC", "Europe/London"]))
def test_what_a_value_gives_does_not_depend_on_its_neighbours(texts, zone):
    together = read_instants(pa.array(texts, pa.string()), rule=rule(timezone=zone))

    for at, text in enumerate(texts):
        alone = read_instants(pa.array([text], pa.string()), rule=rule(timezone=zone))
        assert together.values[at].as_py() == alone.values[0].as_py()
        assert {reason for reason, mask in together.problems.items() if mask[at]} == {
            reason for reason, mask in alone.problems.items() if mask[0]
        }


@given(st.lists(TEXTS, max_size=8))
def test_a_value_is_an_instant_or_has_one_problem_or_was_null(texts):
    read = read_instants(pa.array(texts, pa.string()), rule=rule())

    for at, text in enumerate(texts):
        problems = sum(bool(mask[at]) for mask in read.problems.values())
        assert problems + read.values[at].is_valid == (0 if text is None else 1)
