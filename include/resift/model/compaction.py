"""Documents of a compaction: what it may forget, what it merges, and which runs a pool consists of afterwards."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from resift.model.document import Document, Name, canonical_json, sha256_hex
from resift.model.pool import RunEntry


class Memory(Document):
    """For which dates a compacted pool still answers exactly."""

    dates: tuple[date, ...]
    """Days before each of which every item's last observation is kept, ascending: grid dates, and the last the day of
    the compaction."""

    current: tuple[date, ...]
    """Those of them that a refresh to come looks at: the newest grid date of each dataset, unless its version is there
    already, and the last."""

    expired_before: date
    """Items last observed before this day were forgotten, but for the owners they had."""

    @property
    def horizon(self) -> date:
        """The last of the dates: whatever was observed after it is kept."""
        return self.dates[-1]

    def knows(self, day: date) -> bool:
        """Return whether the last observations before a day are all there."""
        return day >= self.horizon or day in self.dates


FirstObserved = Annotated[bool, Field(exclude_if=lambda carried: not carried)]
"""False in documents of older versions of resift."""


class Layer(Document):
    """The runs one compaction wrote. No two of ``runs`` hold the same PRN, so together they are one sorted run."""

    runs: tuple[RunEntry, ...]
    """What a refresh for a current date, or one to come, looks at."""

    past: tuple[RunEntry, ...]
    """What only a refresh for an earlier date looks at as well."""

    current: tuple[date, ...]
    """The current dates of the compaction, ascending."""

    first_observed: FirstObserved = False
    """Whether its observations carry when their item was first observed. Without, that takes the oldest of them."""

    past_since: Annotated[date | None, Field(exclude_if=lambda day: day is None)] = None
    """Day of the first of the compactions that wrote ``past``, where it was not the last of them."""

    @property
    def horizon(self) -> date:
        """Day of the compaction."""
        return self.current[-1]

    @property
    def oldest(self) -> date:
        """Day of the first compaction that wrote some of its runs."""
        return self.past_since or self.horizon

    @property
    def all_runs(self) -> tuple[RunEntry, ...]:
        """The runs of both kinds."""
        return (*self.runs, *self.past)

    @property
    def rows(self) -> int:
        """Observations in all its runs."""
        return sum(run.rows for run in self.all_runs)

    def runs_for(self, as_of: date, *, previous: date | None) -> tuple[RunEntry, ...]:
        """Return the runs that hold the last observations before a day, and the newest.

        They also tell whether an item was observed by a ``previous`` day already.
        """
        days = [as_of] if previous is None or self.first_observed else [as_of, previous]
        if all(day >= self.horizon or day in self.current for day in days):
            return self.runs
        return self.all_runs


class Interval(Document):
    """A half-open interval of PRNs: what one run of a compaction holds."""

    lo: int
    hi: int


class CompactionPlan(Document):
    """What one compaction merges, frozen."""

    pool: Name
    number: int
    """Its place among the compactions of the pool, from 1. Only one compaction can take it."""

    memory: Memory
    inputs: tuple[RunEntry, ...]
    carried: dict[str, str]
    intervals: tuple[Interval, ...]
    """They follow from the number of rows alone."""

    groups: tuple[tuple[int, ...], ...]
    """Indexes of the intervals of each task; at most 256 groups."""

    first_observed: FirstObserved = False
    """Whether the runs are written with the column that says when an item was first observed."""

    planned_at: datetime | None = None
    """Wall clock; decides nothing but when what an abandoned compaction left may be swept."""

    @property
    def compaction_id(self) -> str:
        """Name of the compaction: a digest over all it depends on."""
        content = self.model_dump(mode="json", exclude={"planned_at", "inputs", "intervals", "groups"})
        return sha256_hex(canonical_json([content, [[run.key, run.sha256] for run in self.inputs]]))[:16]


class IntervalReceipt(Document):
    """What became of every observation of one interval: ``observations = kept + sum(removed)``."""

    index: int
    observations: int
    removed: dict[str, int]
    run: RunEntry | None
    """None where nothing was kept."""

    past: RunEntry | None
    """What only earlier dates need; None where there is nothing."""

    @property
    def kept(self) -> int:
        """Observations kept."""
        return sum(run.rows for run in (self.run, self.past) if run is not None)


class Replaced(Document):
    """A run whose observations lie in the runs of a compaction now."""

    key: str
    sha256: str
    rows: int


class Compaction(Document):
    """One compaction of a pool, and all that a reader has to know of those before it.

    The one with the highest number says which runs the pool consists of: those of its layers, and those of drops
    that no compaction has merged yet.
    """

    pool: Name
    number: int
    compaction_id: str
    compacted_at: datetime
    """Wall clock; decides nothing but when the runs it replaced may be swept."""

    memory: Memory
    inputs: tuple[Replaced, ...]
    observations: int
    kept: int
    removed: dict[str, int]
    """By reason: ``observations = kept + sum(removed)``."""

    layers: tuple[Layer, ...]
    """All layers of the pool, the one this compaction wrote last."""

    merged_drops: tuple[str, ...]
    """Ids of the drops of which every run was merged, in this compaction or an earlier one; ascending."""

    merged_runs: tuple[str, ...]
    """SHA-256 of every run of a drop that was merged, in this compaction or an earlier one; ascending."""

    removed_ever: dict[str, int]
    """Removed by this compaction and all before it: what was delivered is what the pool holds, and this."""


class Sweep(Document):
    """Objects of a pool that nobody needs any more."""

    pool: Name
    keys: tuple[str, ...]
    """What is deleted, in this order."""

    held: dict[str, tuple[str, ...]]
    """What would be, were it not for refreshes under way: the keys by the plan that names them."""

    size_bytes: int

    @property
    def digest(self) -> str:
        """Digest over what is deleted: to sweep is to say it."""
        return sha256_hex(canonical_json([self.pool, *self.keys]))[:16]
