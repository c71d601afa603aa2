"""A year of daily drops with weekly compaction: does a refresh of equal size stay as fast? `python -m bench.year`.

A pool of items that are all observed again every 80 days, one in a hundred of them new, is delivered in one drop and
then day by day. A version is published at every grid date, each compared with the one before. The first has none before
it, so what is timed is the same at each date: a refresh of as many items for another dataset, which has no versions.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.child import ROOT, peak_mib
from bench.pool import DATASET, SALT, SOURCE, make_rows
from bench.tasks import LENIENT, Work
from bench.tasks import time_refresh as publish_version
from resift.model.dataset import Dataset
from resift.model.grid import midnight
from resift.model.source import Source
from resift.steps.audit import audit
from resift.steps.compact import compact
from resift.steps.cut import cut
from resift.steps.ingest import ingest
from resift.steps.plan import plan
from resift.steps.pools import read_state
from resift.steps.sift import sift
from resift.storage import Store, open_store

BEGIN = date(2026, 1, 1)
EVERY = 90
STEPS = ("plan", "sift", "cut", "audit")
"""What is timed: the judge costs the same whatever the pool."""

ROUND_DAYS = 80
"""Days in which every item is observed once: fewer than max_age, so that none is stale."""


def live_a_year(
    *, folder: str, items: int, daily: int, size: int, days: int = 365, compacted: bool = True, repeats: int = 9
) -> Work:
    """Deliver the pool, then a drop a day, compact every seventh day, and time a refresh at every grid date."""
    place = Path(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    store, source = open_store((place / "lake").as_uri()), Source.from_yaml(SOURCE.format(pool="photos"), what="year")
    dataset, timed = (make_dataset(name, items, size) for name in ("photos", "timed"))

    def refresh(day: date) -> dict[str, Any]:
        told = time_refresh(store, timed, day, repeats)
        published = publish_version(store, dataset, day, workers=1, known_at=known_at(day))
        return {**told, "compared_cpu_seconds": sum(published["cpu"][step] for step in STEPS)}

    def work() -> dict[str, Any]:
        compactions: list[float] = []
        take(store, source, place / "base.parquet", first_rows(items))
        refreshes = [refresh(BEGIN)]
        for day in range(1, days + 1):
            today = BEGIN + timedelta(days=day)
            take(store, source, place / "daily.parquet", daily_rows(items, daily, day))
            if compacted and day % 7 == 0:
                began = time.process_time()
                compact(store, pool="photos", datasets=[dataset], now=midnight(today))
                compactions.append(time.process_time() - began)
            if day % EVERY == 0:
                refreshes.append(refresh(today))
        first, second, last = refreshes[0], refreshes[min(1, len(refreshes) - 1)], refreshes[-1]
        return {
            "rows": items + days * daily,
            "refreshes": refreshes,
            "compactions": len(compactions),
            "compaction_cpu_seconds": sum(compactions),
            "end_times_start": last["cpu_seconds"] / first["cpu_seconds"],
            "end_times_first_quarter": last["cpu_seconds"] / second["cpu_seconds"],
            "compared_end_times_first_quarter": last["compared_cpu_seconds"] / second["compared_cpu_seconds"],
        }

    return work


def time_refresh(store: Store, dataset: Dataset, as_of: date, repeats: int) -> dict[str, Any]:
    """Return the median time of plan, sift, cut and audit."""
    seconds, cpu = [], []
    for _ in range(repeats):
        for stat in list(store.list(f"datasets/{dataset.name}/")):
            store.delete(stat.key)
        began, busy = time.perf_counter(), time.process_time()
        receipt = plan(store, dataset=dataset, as_of=as_of, known_at=known_at(as_of))
        names: dict[str, Any] = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
        for group in range(receipt.groups):
            sift(store, **names, group=group)
        result = cut(store, **names)
        for group in range(receipt.groups):
            audit(store, **names, group=group)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - busy)
    state = read_state(store, "photos")
    return {
        "as_of": str(as_of),
        "rows": result.rows,
        "observations_read": result.observations,
        "runs": len(state.runs),
        "observations_in_pool": sum(run.rows for run in state.runs),
        "seconds": round(median(seconds), 3),
        "cpu_seconds": round(median(cpu), 3),
    }


def take(store: Store, source: Source, path: Path, rows: pa.Table) -> None:
    """Ingest rows as one drop."""
    pq.write_table(rows, path)
    ingest(source, [str(path)], store, salt=SALT)
    path.unlink()


def first_rows(items: int) -> pa.Table:
    """Return one observation of each item, made in the round before the first day."""
    ago = (np.arange(items)[::-1] * ROUND_DAYS // items) + 1
    return observed(0, items, midnight(BEGIN), ago)


def daily_rows(items: int, daily: int, day: int) -> pa.Table:
    """Return the observations of one day: the next items in turn, and one in a hundred that is new."""
    new, first = daily // 100, (day - 1) * (daily - daily // 100) % items
    again = min(daily - new, items - first)
    at = midnight(BEGIN + timedelta(days=day - 1))
    pieces = [observed(first, again, at, 0), observed(items + day * new, new, at, 0)]
    if again < daily - new:
        pieces.append(observed(0, daily - new - again, at, 0))
    return pa.concat_tables(pieces)


def observed(first: int, count: int, at: datetime, days_ago: Any) -> pa.Table:
    """Return images as they were observed so many days before an instant; each keeps its owner, or all were kept."""
    rows = make_rows(first, count)
    owners = pa.array([f"u{number * 2_654_435_761 % 1_000_003:07d}" for number in range(first, first + count)])
    days = np.datetime64(at.replace(tzinfo=None), "us") - np.asarray(days_ago).astype("timedelta64[D]")
    instants = pa.array(np.broadcast_to(days, count)).cast(pa.timestamp("us", tz="UTC"))
    for name, column in (("owner_id", owners), ("observed_at", instants)):
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows


def known_at(day: date) -> datetime:
    """Return the instant of rights of a refresh."""
    return midnight(day) + timedelta(hours=1)


def make_dataset(name: str, items: int, size: int) -> Dataset:
    """Return a dataset that is refreshed."""
    text = DATASET.format(name=name, pool="photos", size=size, width=min(1.0, 2 * size / items))
    return Dataset.from_yaml(text.replace("365d", "720d") + LENIENT, what="year")


TASKS: dict[str, Callable[..., Work]] = {"year": live_a_year}


def main() -> None:
    """Live a year of a size of one's own choice, with compaction or without, and print all that was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_600_000)
    parser.add_argument("--daily", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--without", action="store_true", help="never compact")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "year")
    options = parser.parse_args()
    work = live_a_year(
        folder=str(options.folder.resolve()),
        items=options.items,
        daily=options.daily,
        size=options.size,
        days=options.days,
        compacted=not options.without,
    )
    print(json.dumps({**work(), "rss_mib": round(peak_mib())}, indent=2))


if __name__ == "__main__":
    main()
