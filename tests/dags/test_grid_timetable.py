"""The grid timetable: which runs Airflow makes, and for which date."""

from datetime import UTC, date, datetime, timedelta

import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from grid_timetable import GridTimetable, next_cycle
from hypothesis import given
from hypothesis import strategies as st
from pendulum import DateTime, instance

from resift.errors import GridError

ANCHOR = date(2025, 1, 6)
QUARTERLY = GridTimetable(ANCHOR, timedelta(days=90))

days = st.dates(date(1925, 1, 1), date(2125, 1, 1))
timetables = st.builds(GridTimetable, days, st.integers(1, 400).map(lambda n: timedelta(days=n)))
instants = days.flatmap(lambda day: st.times().map(lambda time: datetime.combine(day, time, UTC)))


def at(day: str) -> DateTime:
    return instance(datetime.fromisoformat(day).replace(tzinfo=UTC))


def window(earliest: str | None, latest: str | None = None, *, catchup: bool = True) -> TimeRestriction:
    return TimeRestriction(earliest and at(earliest), latest and at(latest), catchup)


def walk(timetable: GridTimetable, restriction: TimeRestriction) -> list[DagRunInfo]:
    """Ask for one run after the other, as Airflow does for a backfill."""
    infos: list[DagRunInfo] = []
    interval = None
    while info := timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction):
        infos.append(info)
        interval = info.data_interval
    return infos


def dates(infos: list[DagRunInfo]) -> list[str]:
    return [f"{info.logical_date:%Y-%m-%d}" for info in infos]


def test_logical_date_run_after_and_interval_are_the_grid_point() -> None:
    info = walk(QUARTERLY, window("2025-01-06", "2025-01-06"))[0]

    assert info.logical_date == info.run_after == at("2025-01-06")
    assert info.data_interval == DataInterval.exact(at("2025-01-06"))


def test_backfill_window_yields_the_grid_points_inside_it_and_no_other() -> None:
    infos = walk(QUARTERLY, window("2025-02-01", "2026-01-31"))

    assert dates(infos) == ["2025-04-06", "2025-07-05", "2025-10-03", "2026-01-01"]


def test_both_ends_of_a_backfill_window_are_inside() -> None:
    assert dates(walk(QUARTERLY, window("2025-01-06", "2025-04-06"))) == ["2025-01-06", "2025-04-06"]


def test_backfill_before_the_anchor_stays_on_the_grid() -> None:
    assert dates(walk(QUARTERLY, window("2024-06-01", "2025-01-05"))) == ["2024-07-10", "2024-10-08"]


def test_backfill_of_a_date_off_the_grid_is_refused_with_the_two_nearest_grid_dates() -> None:
    with pytest.raises(GridError, match="nearest grid dates are 2025-01-06 and 2025-04-06; use one of them"):
        walk(QUARTERLY, window("2025-02-01", "2025-02-01"))


def test_catchup_starts_at_the_first_grid_point_from_the_start_date_on() -> None:
    info = QUARTERLY.next_dagrun_info(last_automated_data_interval=None, restriction=window("2025-01-07"))

    assert info is not None
    assert info.run_after == at("2025-04-06")


def test_catchup_goes_on_one_step_after_the_last_run() -> None:
    last = DataInterval.exact(at("2025-04-06"))

    info = QUARTERLY.next_dagrun_info(last_automated_data_interval=last, restriction=window("2025-01-06"))

    assert info is not None
    assert info.run_after == at("2025-07-05")


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("2026-11-23T09:41:26", None, "2026-09-28"),
        ("2026-09-28T00:00:00", None, "2026-09-28"),
        ("2026-09-27T23:59:59", None, "2026-06-30"),
        ("2026-11-23T09:41:26", date(2025, 1, 6), "2026-09-28"),
        ("2026-11-23T09:41:26", date(2026, 9, 28), "2026-12-27"),
        ("2024-12-31T00:00:00", None, "2025-01-06"),
    ],
)
def test_without_catchup_the_latest_grid_point_runs_whatever_the_moment_of_unpausing(
    now: str, last: date | None, expected: str
) -> None:
    restriction = window("2025-01-06", catchup=False)

    day = next_cycle(QUARTERLY.grid, last=last, restriction=restriction, now=at(now))

    assert day == date.fromisoformat(expected)


def test_no_run_comes_after_the_end_date() -> None:
    last = DataInterval.exact(at("2025-04-06"))
    restriction = window("2025-01-06", "2025-07-04")

    assert QUARTERLY.next_dagrun_info(last_automated_data_interval=last, restriction=restriction) is None


def test_manual_run_stands_for_the_latest_grid_point() -> None:
    interval = QUARTERLY.infer_manual_data_interval(run_after=at("2025-04-05T23:59:59"))

    assert interval == DataInterval.exact(at("2025-01-06"))


def test_serialized_timetable_comes_back_equal() -> None:
    again = decode_timetable(encode_timetable(QUARTERLY))

    assert again.serialize() == QUARTERLY.serialize()
    assert again.description == "Every 90 days, counted from 2025-01-06 in both directions, at midnight UTC"
    assert again.summary == "90d from 2025-01-06"


def test_timetables_are_equal_when_their_grids_are() -> None:
    assert GridTimetable(ANCHOR, timedelta(days=90)) == QUARTERLY
    assert GridTimetable(ANCHOR, timedelta(days=91)) != QUARTERLY


@given(timetables, instants, st.timedeltas(timedelta(0), timedelta(days=1200)))
def test_every_run_lies_on_the_grid_inside_the_window_and_none_is_missing(
    timetable: GridTimetable, earliest: datetime, length: timedelta
) -> None:
    grid = timetable.grid
    latest = earliest + min(length, 12 * grid.every)
    restriction = TimeRestriction(instance(earliest), instance(latest), catchup=True)

    try:
        runs = [info.logical_date for info in walk(timetable, restriction)]
    except GridError:
        runs = []

    cycles = [grid.cycle(run.date()) for run in runs]
    assert all(earliest <= run <= latest for run in runs)
    assert cycles == list(range(cycles[0], cycles[0] + len(cycles))) if cycles else grid.ceil(earliest) > latest.date()
    if runs:
        assert runs[0] - timedelta(days=grid.every.days) < earliest
        assert runs[-1] + timedelta(days=grid.every.days) > latest


@given(timetables, instants)
def test_manual_runs_scheduled_runs_and_backfills_agree_on_the_grid_point(
    timetable: GridTimetable, now: datetime
) -> None:
    manual = timetable.infer_manual_data_interval(run_after=instance(now)).start
    restriction = TimeRestriction(None, None, catchup=False)

    scheduled = next_cycle(timetable.grid, last=None, restriction=restriction, now=now)
    backfilled = walk(timetable, TimeRestriction(manual, manual, catchup=True))

    assert manual.date() == scheduled
    assert [info.logical_date for info in backfilled] == [manual]
