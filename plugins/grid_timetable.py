"""The refresh grid as an Airflow timetable: runs at ``anchor + k × every`` and at no other time.

Airflow's own 90-day schedules count from the start date, from the Unix epoch, from the moment of unpausing or from the
first day of a backfill, depending on flags. This one counts from the dataset's anchor, always, so that the logical date
of a run, its as_of, the dates of ``airflow backfill create`` and the version of the snapshot are one and the same.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime, instance

from resift.errors import GridError
from resift.model.grid import Grid, midnight


class GridTimetable(Timetable):
    """Run at every grid point, for that grid point.

    A run's data interval has no length: a cycle speaks for an instant, not for a span.
    """

    def __init__(self, anchor: date, every: timedelta) -> None:
        self.grid = Grid(anchor, every)
        self.description = f"Every {every.days} days, counted from {anchor} in both directions, at midnight UTC"

    @property
    def summary(self) -> str:
        """Return the schedule as the list of DAGs shows it."""
        return f"{self.grid.every.days}d from {self.grid.anchor}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GridTimetable) and self.grid == other.grid

    def __hash__(self) -> int:
        return hash(self.grid)

    def __repr__(self) -> str:
        return f"GridTimetable(anchor={self.grid.anchor!r}, every={self.grid.every!r})"

    def serialize(self) -> dict[str, Any]:
        """Return what ``deserialize`` needs, as JSON."""
        return {"anchor": self.grid.anchor.isoformat(), "every_days": self.grid.every.days}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> GridTimetable:
        """Rebuild the timetable of a serialized DAG."""
        return cls(date.fromisoformat(data["anchor"]), timedelta(days=data["every_days"]))

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the latest grid point at or before the moment of a manual run."""
        return DataInterval.exact(_at(self.grid.floor(run_after)))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next grid point to run for, or None past the end of the window.

        Raises:
            GridError: No run was made yet and the whole window lies between two grid points. Airflow walks a backfill
                through this method, so this is where one off the grid is refused.
        """
        last = last_automated_data_interval and self.grid.floor(last_automated_data_interval.end)
        day = next_cycle(self.grid, last=last, restriction=restriction, now=datetime.now(UTC))
        if restriction.latest is None or midnight(day) <= restriction.latest:
            return DagRunInfo.exact(_at(day))
        if last is None and restriction.catchup and restriction.earliest is not None:
            raise GridError(
                f"dates {restriction.earliest:%Y-%m-%d} to {restriction.latest:%Y-%m-%d}: no grid point of anchor "
                f"{self.grid.anchor} and every {self.grid.every.days}d among them. "
                f"The nearest grid dates are {day - self.grid.every} and {day}; use one of them."
            )
        return None


def next_cycle(grid: Grid, *, last: date | None, restriction: TimeRestriction, now: datetime) -> date:
    """Choose the grid date of the next run, whatever the end of the window.

    Args:
        grid: The refresh grid.
        last: Grid date of the latest scheduled or backfilled run, if there is one.
        restriction: Airflow's window. Without catch-up, grid points before the latest one are passed over.
        now: Wall clock; decides only without catch-up, and where the window has no beginning.
    """
    candidates = []
    if last is not None:
        candidates.append(last + grid.every)
    if restriction.earliest is not None:
        candidates.append(grid.ceil(restriction.earliest))
    if not restriction.catchup or not candidates:
        candidates.append(grid.floor(now))
    return max(candidates)


def _at(day: date) -> DateTime:
    return instance(midnight(day))


class GridTimetablePlugin(AirflowPlugin):
    """Make the timetable known to Airflow, which deserializes only registered ones."""

    name = "resift_grid"
    timetables = [GridTimetable]  # noqa: RUF012 (Airflow declares it so)
