"""The refresh grid: ``as_of = anchor + k × every``. Standard library only, so a scheduler may import it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from resift.errors import ConfigError, GridError


@dataclass(frozen=True, slots=True)
class Grid:
    """All instants a dataset may be refreshed for, in both directions from its anchor."""

    anchor: date
    """Cycle 0, at midnight UTC."""

    every: timedelta
    """Distance between cycles: a positive number of whole days."""

    def __post_init__(self) -> None:
        if self.every < timedelta(days=1) or self.every % timedelta(days=1):
            raise GridError(
                f"grid: every is {self.every}, expected a whole number of days, at least one. "
                "Write it like `every: 90d`."
            )

    def point(self, cycle: int) -> date:
        """Return the date of a cycle, which may be negative."""
        return self.anchor + cycle * self.every

    def cycle(self, day: date) -> int:
        """Return which cycle a grid date is.

        Raises:
            GridError: The date lies between two grid points; the message names both.
        """
        cycle, rest = divmod(self._since_anchor(day), self.every)
        if rest:
            raise GridError(
                f"as_of {day}: not on the grid of anchor {self.anchor} and every {self.every.days}d. "
                f"The nearest grid dates are {self.point(cycle)} and {self.point(cycle + 1)}; use one of them."
            )
        return cycle

    def floor(self, instant: datetime) -> date:
        """Return the latest grid date at or before an instant, which must carry a time zone."""
        day = instant.astimezone(UTC).date()
        return self.point(self._since_anchor(day) // self.every)

    def ceil(self, instant: datetime) -> date:
        """Return the first grid date at or after an instant, which must carry a time zone."""
        floor = self.floor(instant)
        return floor if midnight(floor) == instant else floor + self.every

    def _since_anchor(self, day: date) -> timedelta:
        # Ordinals, because the dates a scheduler passes are subclasses whose differences do not divide by a timedelta.
        return timedelta(days=day.toordinal() - self.anchor.toordinal())


def midnight(day: date) -> datetime:
    """Return the instant a grid date means: midnight UTC at its start."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def last_of_day(instant: datetime) -> datetime:
    """Return the last microsecond of the UTC day of an instant: what is known by then is known on that day."""
    return midnight(instant.astimezone(UTC).date() + timedelta(days=1)) - timedelta(microseconds=1)


def require_past(known_at: datetime, *, now: datetime) -> None:
    """Refuse to judge rights as of an instant of which nobody can know: removals may still arrive before it.

    Raises:
        ConfigError: ``known_at`` is later than ``now``.
    """
    if known_at > now:
        raise ConfigError(
            f"known_at: found {known_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, expected an instant not later than now, "
            f"{now:%Y-%m-%d %H:%M} UTC. Leave it out, or name an earlier one."
        )
