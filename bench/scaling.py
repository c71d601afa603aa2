"""A refresh on many workers, out of what was measured on few: `python -m bench.scaling` prints the tables of a page.

Arithmetic and no more. Every constant says where it was measured; those of the rates are replaced by what
`build/bench.json` says, where there is one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from resift.steps.judged import copies_at_a_time
from resift.storage.s3 import READS_AT_A_TIME
from resift.storage.together import AT_A_TIME as SMALL_AT_A_TIME


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on one machine."""

    sift_rows: float = 450_000
    """Rows of the sample that a core sifts in a second, once it has begun: `make bench`."""

    audit_rows: float = 2_000_000
    """Rows of the sample that a core audits in a second, once it has begun: `make bench`."""

    publish_rows: float = 20_000_000
    """Rows of the sample that a core reads again and digests in a second: `make bench`."""

    sift_start_seconds: float = 0.65
    """What a process takes before its first row: imports, and the policy."""

    audit_start_seconds: float = 0.75
    """The same, and the engine with the list of spellings."""

    run_bytes_per_row: float = 150
    """Bytes of runs that lie where one row of the sample comes from: two observations of 75, compacted."""

    part_bytes_per_row: float = 43
    """Bytes of a part."""

    judge_seconds: float = 3.3
    """Judging one part: `tools/measure-judge`."""

    judge_seconds_per_part: float = 0.0005
    """What each further part adds."""

    slot_seconds: float = 0.4
    """How long a task that does nothing holds its slot, where the next is queued: `tools/measure-tasks`."""

    control_seconds: float = 0.05
    """Processor time for each task of the busiest of Airflow's own processes: one API server."""

    plan_bytes_per_row_group: float = 27
    """Size of a row group in the plan, which every task reads."""

    request_seconds: float = 0.0012
    """Processor time of a worker for each request: `tools/measure-requests`."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What was not measured, because it is another's: change it to your own."""

    latency_seconds: float = 0.02
    """Time to the answer of an object store."""

    bytes_per_get: float = 1 << 20
    """Bytes one ranged read fetches out of a run, on average."""

    bytes_per_second: float = 90e6
    """What one connection reads in a second."""

    put_price: float = 0.005
    """Price of a thousand requests that write or list."""

    get_price: float = 0.0004
    """Price of a thousand requests that read."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is refreshed."""

    items: int = 10_000_000_000
    rows: int = 1_000_000_000
    part_rows: int = 262_144
    row_group_rows: int = 16_384

    @property
    def parts(self) -> int:
        """Parts, which are ranges."""
        return ceil(self.rows / self.part_rows)

    @property
    def row_groups(self) -> int:
        """Row groups of the pool, of one observation an item."""
        return ceil(self.items / self.row_group_rows)


# Requests of a refresh beside an earlier version, as tests count them for each further part and each further group.
GETS_PER_PART = {"sift": 2, "cut": 1, "audit": 2, "judge": 1, "publish": 2}
PUTS_PER_PART = {"sift": 5, "cut": 0, "audit": 0, "judge": 0, "publish": 2}
DELETES_PER_PART = 5
GETS_PER_TASK = {"sift": 3, "cut": 0, "audit": 3, "judge": 2, "publish": 1}
PUTS_PER_TASK = {"sift": 1, "cut": 0, "audit": 3, "judge": 0, "publish": 0}
"""Lists too."""

DELETES_PER_TASK = 2
AT_A_TIME = {"cut": SMALL_AT_A_TIME, "judge": 16}
"""Requests under way at a time, in the steps that are not mapped; publish holds whole parts, and has its own."""

PLAN_SECONDS = 1.0
"""Reading documents, and some row groups after the start point: a fifth of a second on 100 million."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """The seconds of each step, and the requests of all."""

    workers: int
    tasks: int
    seconds: dict[str, float]
    control_seconds: float
    gets: int
    puts: int
    deletes: int

    @property
    def total(self) -> float:
        """Seconds from plan to publish."""
        return sum(self.seconds.values())


def refresh(
    sample: Sample, *, workers: int, tasks: int, measured: Measured | None = None, assumed: Assumed | None = None
) -> Refresh:
    """Say how long a refresh takes on so many slots, with its ranges in so many tasks of each mapped step."""
    known, guessed = measured or Measured(), assumed or Assumed()
    tasks = min(tasks, sample.parts)
    reads = sample.rows * known.run_bytes_per_row / guessed.bytes_per_get
    plan_gets = sample.row_groups * known.plan_bytes_per_row_group / guessed.bytes_per_get
    gets = {step: count * sample.parts + GETS_PER_TASK[step] * tasks for step, count in GETS_PER_PART.items()}
    for step in ("sift", "audit"):
        gets[step] += ceil(plan_gets) * tasks
    puts = {step: count * sample.parts + PUTS_PER_TASK[step] * tasks for step, count in PUTS_PER_PART.items()}
    # The largest task has so many ranges more than an even share.
    uneven = ceil(sample.parts / tasks) * tasks / sample.parts
    seconds = {"plan": PLAN_SECONDS + plan_gets * guessed.latency_seconds}
    one_read = guessed.latency_seconds + guessed.bytes_per_get / guessed.bytes_per_second
    ahead = reads / tasks * (known.request_seconds + one_read / READS_AT_A_TIME)
    begun = {"sift": known.sift_start_seconds + ahead, "audit": known.audit_start_seconds}
    for step, rate in (("sift", known.sift_rows), ("audit", known.audit_rows)):
        requests = (gets[step] + puts[step]) / tasks
        work = sample.rows / tasks / rate * uneven + requests * (known.request_seconds + guessed.latency_seconds)
        turns = ceil(tasks / workers)
        seconds[step] = max(turns * (known.slot_seconds + begun[step] + work), tasks * known.control_seconds)
    copies = copies_at_a_time([round(sample.part_rows * known.part_bytes_per_row)])
    for step, threads in {**AT_A_TIME, "publish": copies}.items():
        seconds[step] = _waited(gets[step] + puts[step], threads, known, guessed)
    deletes = DELETES_PER_PART * sample.parts + DELETES_PER_TASK * tasks
    seconds["publish"] += _waited(deletes, SMALL_AT_A_TIME, known, guessed)
    fetched = sample.rows * known.part_bytes_per_row / guessed.bytes_per_second / copies
    seconds["publish"] += max(fetched, sample.rows / known.publish_rows)
    seconds["judge"] += known.judge_seconds + known.judge_seconds_per_part * sample.parts
    order = ("plan", "sift", "cut", "audit", "judge", "publish")
    return Refresh(
        workers=workers,
        tasks=tasks,
        seconds={step: seconds[step] for step in order},
        control_seconds=tasks * known.control_seconds,
        gets=sum(gets.values()) + ceil(reads),
        puts=sum(puts.values()),
        deletes=deletes,
    )


def _waited(requests: int, threads: int, known: Measured, guessed: Assumed) -> float:
    """Return the seconds that requests take so many at a time; their processor time is one process's."""
    return requests * max(known.request_seconds, (known.request_seconds + guessed.latency_seconds) / threads)


CASES = ((4, 256), (40, 256), (400, 256), (400, 400), (400, 1_000))
"""Workers, and the tasks the ranges are grouped into."""


def table(sample: Sample, measured: Measured, assumed: Assumed) -> Iterator[str]:
    """Yield the lines of a table: one for each number of workers."""
    yield "| workers | tasks | plan | sift | cut | audit | judge | publish | together | longest | Airflow alone |"
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|"
    for workers, tasks in CASES:
        one = refresh(sample, workers=workers, tasks=tasks, measured=measured, assumed=assumed)
        longest = max(one.seconds, key=lambda step: one.seconds[step])
        steps = " | ".join(f"{seconds:,.0f}" for seconds in one.seconds.values())
        yield (
            f"| {workers} | {one.tasks:,} | {steps} | {one.total:,.0f} | {longest} | {2 * one.control_seconds:,.0f} |"
        )


def price(one: Refresh, assumed: Assumed) -> str:
    """Say how many requests a refresh makes, and what they cost; deleting is free."""
    cost = one.gets / 1_000 * assumed.get_price + one.puts / 1_000 * assumed.put_price
    return f"{one.gets:,} reads, {one.puts:,} writes and lists, {one.deletes:,} deletes: {cost:,.2f} for a refresh"


def from_bench(path: Path) -> Measured:
    """Return the constants with the rates of this machine's benchmark, where it has run."""
    if not path.exists():
        return Measured()
    found = json.loads(path.read_text(encoding="utf-8"))
    rates = {step: found.get(f"refresh_{step}_further_rows_per_cpu_second") for step in ("sift", "audit", "publish")}
    return replace(Measured(), **{f"{step}_rows": rate for step, rate in rates.items() if rate})


def main() -> None:
    """Print both tables of `docs/scaling.md`, for this machine's rates or those of the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, help="build/bench.json of this machine")
    parser.add_argument("--items", type=int, default=Sample().items)
    parser.add_argument("--rows", type=int, default=Sample().rows)
    parser.add_argument("--part-rows", type=int, default=Sample().part_rows)
    parser.add_argument("--latency", type=float, default=Assumed().latency_seconds, help="seconds to an answer")
    options = parser.parse_args()
    measured = from_bench(options.bench) if options.bench else Measured()
    sample = Sample(items=options.items, rows=options.rows, part_rows=options.part_rows)
    assumed = Assumed(latency_seconds=options.latency)
    print("\n".join(table(sample, measured, assumed)))
    print()
    print(price(refresh(sample, workers=400, tasks=400, measured=measured, assumed=assumed), assumed))


if __name__ == "__main__":
    main()
