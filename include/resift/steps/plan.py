"""Plan a refresh: freeze all it depends on, and decide which ranges to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime

import pyarrow as pa

import resift
from resift.client.snapshots import find_previous, require_no_tombstone
from resift.core.circle import intervals, range_width, start_point
from resift.core.estimate import width_to_search
from resift.core.grouping import MOST_TASKS, bytes_to_read, group_ranges
from resift.core.prn import CIRCLE
from resift.errors import ConfigError, GridError, KeyExists, KeyNotFound, PoolError, StagingError
from resift.model.dataset import Dataset
from resift.model.document import canonical_json, sha256_hex
from resift.model.grid import midnight
from resift.model.keys import Staging
from resift.model.manifest import Manifest
from resift.model.observation import RESERVED
from resift.model.pool import RunEntry
from resift.model.refresh import Plan, PlanReceipt, Previous, Range
from resift.policy import load_policy
from resift.steps.framing import Framer, open_framer
from resift.steps.pools import read_pool, read_state, read_suppressions, require_memory
from resift.storage import Store

LARGEST_PART_ROWS = 1_048_576
"""Rows of one part that cut, audit and publish may have to hold at a time."""

_PILOT_OBSERVATIONS = 20_000
_PILOT_ENOUGH = 400


def plan(
    store: Store, *, dataset: Dataset, as_of: date, known_at: datetime, max_tasks: int = MOST_TASKS, task_bytes: int = 1
) -> PlanReceipt:
    """Freeze the inputs of one cycle and write its plan.

    Planning the same cycle again with the same inputs finds the plan that is there, with its ``known_at``,
    so that a refresh that was interrupted goes on where it stopped. Other inputs make another plan.

    Args:
        store: The lake.
        dataset: The dataset file.
        as_of: Grid date of the cycle.
        known_at: On whose UTC day rights are judged.
        max_tasks: Groups of ranges to map over, at most. How ranges are grouped decides no byte.
        task_bytes: What a group should find to read at least, on average; 1 for as many groups as there may be.

    Raises:
        ConfigError: The policy was to be reviewed before ``known_at``.
        GridError: ``as_of`` is no grid date, or lies after ``known_at``.
        SnapshotRetired: The version ended; it does not come back.
        SnapshotWithdrawn: The same.
        PoolNotFound: There is no such pool.
        PoolError: The pool has no runs, not the columns to publish, or was compacted without regard to this date.
    """
    cycle = dataset.grid.cycle(as_of)
    if midnight(as_of) > known_at:
        raise GridError(
            f"refresh {dataset.name}: as_of {as_of} is later than known_at {known_at:%Y-%m-%d %H:%M %Z}, expected not "
            f"later. The latest cycle that can be refreshed is {dataset.grid.floor(known_at)}."
        )
    require_no_tombstone(store, dataset.name, as_of)
    draft = _freeze(store, dataset, cycle, as_of, known_at.astimezone(UTC))
    plan_id = name_of_plan(draft)
    staging = Staging(dataset.name, as_of, plan_id)
    if store.stat(staging.plan) is None:
        ranges = _ranges(draft, open_framer(store, draft))
        groups = _groups(draft, ranges, max_tasks=max_tasks, task_bytes=task_bytes)
        frozen = draft.model_copy(update={"ranges": tuple(ranges), "groups": groups})
        # Where another planner of the same cycle was first, its plan has the same inputs.
        with suppress(KeyExists):
            store.create(staging.plan, frozen.to_json())
    return PlanReceipt(
        dataset=dataset.name, version=as_of, plan_id=plan_id, groups=len(read_plan(store, staging).groups)
    )


def read_plan(store: Store, staging: Staging) -> Plan:
    """Return the plan of a refresh under way.

    Raises:
        StagingError: It is not the plan that its name says, or other software made it.
    """
    plan = Plan.from_json(store.get(staging.plan), what=staging.plan)
    if plan.software != _software():
        raise StagingError(
            f"{store.url}/{staging.plan}: was planned with {_told(plan.software)}, expected {_told(_software())}, "
            "which runs now. What two versions wrote must not be mixed; start the refresh again from `plan`."
        )
    if (found := name_of_plan(plan)) != staging.plan_id:
        raise StagingError(
            f"{store.url}/{staging.plan}: what it says gives plan {found}, expected {staging.plan_id}. It was altered "
            "after planning; refresh again."
        )
    return plan


def find_plan(store: Store, staging: Staging) -> Plan | None:
    """Return the plan that lies there, whoever made it, or None."""
    with suppress(KeyNotFound):
        return Plan.from_json(store.get(staging.plan), what=staging.plan)
    return None


def _freeze(store: Store, dataset: Dataset, cycle: int, as_of: date, known_at: datetime) -> Plan:
    read_pool(store, dataset.pool)
    state = read_state(store, dataset.pool)
    previous = find_previous(store, dataset.name, as_of)
    runs = state.runs_for(as_of, previous=previous.version if previous else None)
    if not runs:
        raise PoolError(f"pool {dataset.pool}: holds no observations, expected some. Ingest a drop first.")
    require_memory(state, as_of=as_of, known_at=known_at, max_age=dataset.max_age)
    policy = load_policy(dataset.policy)
    policy.require_current(known_at.date())
    return Plan(
        dataset=dataset,
        version=as_of,
        cycle=cycle,
        known_at=known_at,
        policy=policy.ref(),
        runs=runs,
        pool_digest=state.digest,
        columns=_carried_columns(dataset, runs, policy.conditions),
        suppressions_digest=read_suppressions(store, dataset.pool)[1],
        previous=_previous(previous) if previous else None,
        start=start_point(
            cycle=cycle, start=dataset.start, turnover=dataset.turnover, nominal_width=dataset.nominal_width
        ),
        range_width=range_width(size=dataset.size, part_rows=dataset.part_rows, nominal_width=dataset.nominal_width),
        ranges=(),
        groups=(),
        software=_software(),
    )


def _software() -> dict[str, str]:
    """Return the versions of what the bytes of a part depend on."""
    return {"resift": resift.__version__, "pyarrow": pa.__version__}


def _told(software: dict[str, str]) -> str:
    return " and ".join(f"{name} {version}" for name, version in sorted(software.items())) or "an older resift"


def _previous(manifest: Manifest) -> Previous:
    return Previous(
        version=manifest.version,
        revision=manifest.revision,
        content_digest=manifest.content_digest,
        start=manifest.draw.start,
        width=manifest.draw.width,
    )


def name_of_plan(draft: Plan) -> str:
    """Name a plan by what it depends on. Of known_at only the day counts, for the policy and for observations."""
    content = draft.model_dump(mode="json", exclude={"ranges", "groups", "known_at"})
    return sha256_hex(canonical_json([content, str(draft.known_at.date())]))[:16]


def _carried_columns(dataset: Dataset, runs: tuple[RunEntry, ...], conditions: tuple[str, ...]) -> dict[str, str]:
    """Find the types of the carried columns to publish, and of those the policy looks at, where they are carried.

    Raises:
        ConfigError: No run carries one of them.
        PoolError: Two runs carry one in different types.
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys((*dataset.publish_columns, *conditions)):
        if name in RESERVED:
            continue
        kinds = {run.carried[name] for run in runs if name in run.carried}
        if not kinds and name in conditions and name not in dataset.publish_columns:
            continue  # to the rule it is missing
        if not kinds:
            known = sorted({column for run in runs for column in run.carried})
            raise ConfigError(
                f"dataset {dataset.name}: publish_columns names {name!r}, which no run of pool {dataset.pool} carries; "
                f"carried are {', '.join(known) or 'none'}. Correct it, or carry the column in a source file."
            )
        if len(kinds) > 1:
            raise PoolError(
                f"pool {dataset.pool}: column {name!r} is carried as {' and as '.join(sorted(kinds))}, expected one "
                "type. Give it the same type under `carry:` in all source files of the pool."
            )
        found[name] = kinds.pop()
    return found


def _ranges(draft: Plan, framer: Framer) -> list[Range]:
    """Return the ranges to sift for as much as the pilot says the sample needs."""
    eligible, looked_at = _pilot(draft, framer)
    require_bounded_ranges(draft.dataset, density=eligible * CIRCLE / looked_at, range_width=draft.range_width)
    width = width_to_search(size=draft.dataset.size, pilot_eligible=eligible, pilot_width=looked_at)
    return list(ranges_within(draft, width))


def ranges_within(draft: Plan, width: int) -> Iterator[Range]:
    """Yield the ranges to draw from up to a width, then those where only previous members lie.

    The last one to draw from ends with the width, for the rest would be sifted to be thrown away; but with the last
    previous member, if one lies beyond: what became of each is to be told.
    """
    drawn = -(-width // draft.range_width)
    for index in range(drawn - 1):
        yield range_at(draft, index, role="draw")
    last = range_at(draft, drawn - 1, role="draw")
    end = max([width, *(hi for lo, hi in _previous_offsets(draft) if lo < last.hi)])
    yield last.model_copy(update={"hi": min(end, last.hi)})
    for index in _previous_indexes(draft):
        if index >= drawn:
            yield range_at(draft, index, role="fates")


def range_at(plan: Plan, index: int, *, role: str) -> Range:
    """Return the range of that index: the index-th piece of the circle after the start point."""
    lo = index * plan.range_width
    return Range.model_validate({"index": index, "lo": lo, "hi": min(lo + plan.range_width, CIRCLE), "role": role})


def _previous_offsets(plan: Plan) -> list[tuple[int, int]]:
    """Return the half-open intervals of offsets in which the previous snapshot has members."""
    if plan.previous is None:
        return []
    begin = (plan.previous.start - plan.start) % CIRCLE
    end = begin + plan.previous.width
    return [(lo, hi) for lo, hi in [(begin, min(end, CIRCLE)), (0, end - CIRCLE)] if lo < hi]


def _previous_indexes(plan: Plan) -> list[int]:
    """Return the indexes of the ranges in which the previous snapshot has members, ascending."""
    found = {
        index
        for lo, hi in _previous_offsets(plan)
        for index in range(lo // plan.range_width, (hi - 1) // plan.range_width + 1)
    }
    return sorted(found)


def _pilot(draft: Plan, framer: Framer) -> tuple[int, int]:
    """Look at the pool just after the start point: return how many eligible items lie in which width."""
    total = framer.reader.rows_between(0, CIRCLE)
    width = max(1, min(CIRCLE, CIRCLE * _PILOT_OBSERVATIONS // total))
    while True:
        eligible = 0
        for lo, hi in intervals(0, width, start=draft.start):
            for first, last in framer.reader.slices(lo, hi):
                eligible += len(framer.frame(first, last).frame.kept)
        if eligible >= min(_PILOT_ENOUGH, draft.dataset.size) or width == CIRCLE:
            return eligible, width
        width = min(CIRCLE, width * 8)


def require_bounded_ranges(dataset: Dataset, *, density: float, range_width: int) -> None:
    """Refuse a ``nominal_width`` so far off that one part would hold more rows than a task should.

    Args:
        dataset: The dataset file.
        density: Eligible items on the whole circle.
        range_width: Width of a range.

    Raises:
        ConfigError: A range would hold too many.
    """
    rows, most = density * range_width / CIRCLE, max(LARGEST_PART_ROWS, 4 * dataset.part_rows)
    if rows > most:
        raise ConfigError(
            f"dataset {dataset.name}: nominal_width {dataset.nominal_width:g} gives parts of about {rows:,.0f} rows, "
            f"expected at most {most:,}: the pool holds about {density:,.0f} eligible items. Set nominal_width to "
            f"about {min(1.0, dataset.size / density):.2g}, the share of them that is the sample."
        )


def _groups(draft: Plan, ranges: list[Range], *, max_tasks: int, task_bytes: int) -> tuple[tuple[int, ...], ...]:
    sizes = bytes_to_read(draft.runs, ranges, start=draft.start)
    groups = group_ranges(sizes, task_bytes=task_bytes, most=max_tasks)
    return tuple(tuple(ranges[position].index for position in group) for group in groups)
