"""`python -m bench`: make pools, measure, print ratios, keep history, write `build/bench.json`.

Every measurement is a process of its own. What is compared is measured in turn, round by round, and the ratio of each
round counts: the median of the ratios is what is reported, so that a machine that gets slower slows both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.child import Absent, run
from bench.numbers import FAR, Results
from bench.pool import ELIGIBLE, write_pool
from bench.report import finish

ROOT = Path(__file__).resolve().parent.parent
DRAWS = ("duckdb", "polars", "pandas", "spark")
EARLIER = "2026-03-17"
"""Date of the version that another is compared with."""

ONE_TURN = 300.0
"""Seconds a peer is given on the large pool."""


class Bench:
    """One run of the benchmark: where things lie, how often to repeat, and what was found."""

    def __init__(self, folder: Path, *, rounds: int, workers: int, peers: tuple[str, ...]) -> None:
        """Measure in `folder`, with as many workers as threads are given to every peer."""
        self.folder, self.rounds, self.workers, self.peers = folder, rounds, workers, peers
        self.results = Results()

    def ingest(self, rows: int) -> None:
        """Make a pool and ingest it; compare the first of its files with DuckDB's sort, one core each."""
        files = self.files(rows)
        self.forget(f"lake-{rows}")
        self.results.add(f"ingest {rows}", run("ingest", lake=self.lake(rows), files=files, workers=self.workers))

    def compare_ingest(self, rows: int, *, rounds: int) -> None:
        """Compare one file with DuckDB's `COPY … ORDER BY`, one core each."""
        for number in range(rounds):
            lake = self.folder / "lake-one"
            shutil.rmtree(lake, ignore_errors=True)
            files = self.files(rows)[:1]
            self.results.add("ingest one", run("ingest", lake=lake.as_uri(), files=files, workers=1))
            self.peer("duckdb_sort", files=files, target=str(self.folder / f"sorted-{number}"), threads=1)
            shutil.rmtree(lake, ignore_errors=True)
            for file in self.folder.glob("sorted-*"):
                shutil.rmtree(file) if file.is_dir() else file.unlink()

    def refresh(
        self, rows: int, size: int, *, counted: bool = False, after: str | None = None, state: str = ""
    ) -> None:
        """Refresh a sample from plan to publish; `state` says what was done to the pool before."""
        found = run(
            "refresh",
            lake=self.lake(rows),
            name=f"rolling-{size}" if after else f"sample-{size}",
            size=size,
            width=min(1.0, size / rows / ELIGIBLE),
            workers=1 if counted else self.workers,
            counted=counted,
            after=after,
        )
        task = "counted" if counted else "second" if after else "refresh"
        self.results.add(f"{task} {size} of {rows} {state}".strip(), found)

    def far(self, rows: int, size: int) -> None:
        """Refresh the sample that was refreshed last with the lake on each of the S3 servers."""
        name, width = f"sample-{size}", min(1.0, size / rows / ELIGIBLE)
        given = {"lake": self.lake(rows), "name": name, "size": size, "width": width, "workers": self.workers}
        for server in FAR:
            self.try_out(f"{server} {size} of {rows}", "far", kind="far", server=server, **given)

    def floor(self, rows: int, size: int) -> None:
        """Measure the floor below the refresh that came before."""
        target = str(self.folder / "floor")
        found = run("floor", lake=self.lake(rows), name=f"sample-{size}", target=target, workers=self.workers)
        self.results.add(f"floor {size} of {rows}", found)

    def draws(self, rows: int, size: int, names: tuple[str, ...]) -> None:
        """Let the peers draw the same sample."""
        for name in names:
            if name in self.peers:
                target = str(self.folder / f"drawn-{name}.parquet")
                self.peer(name, f"{size} of {rows}", files=self.files(rows), size=size, target=target)

    def peer(self, name: str, what: str = "", **arguments: Any) -> None:
        """Measure a peer, or say with a clear word that it is absent."""
        given = {"threads": self.workers, "limit": ONE_TURN, **arguments}
        self.try_out(f"{name} {what}".strip(), name, kind="peers", **given)

    def try_out(self, told: str, task: str, **arguments: Any) -> None:
        """Measure what may not be installed here."""
        try:
            self.results.add(told, run(task, **arguments))
        except Absent as absent:
            if told not in self.results.absent:
                print(f"bench: {told} is left out: {absent}", file=sys.stderr, flush=True)
            self.results.absent[told] = str(absent)

    def verify(self, rows: int, size: int) -> None:
        """Verify what was published."""
        self.results.add(f"verify {size} of {rows}", run("verify", lake=self.lake(rows), name=f"sample-{size}"))

    def compact(self, rows: int) -> None:
        """Merge the runs of a pool."""
        self.results.add(f"compact {rows}", run("compact", kind="upkeep", lake=self.lake(rows), workers=self.workers))

    def compare(self, rows: int, size: int) -> None:
        """Publish two versions of a dataset and find what differs."""
        self.refresh(rows, size, after=EARLIER)
        found = run("diff", kind="upkeep", lake=self.lake(rows), name=f"rolling-{size}", older=EARLIER)
        self.results.add(f"diff {size} of {rows}", found)

    def pull(self, rows: int, size: int) -> None:
        """Copy what was published."""
        target = str(self.folder / "pulled")
        found = run("pull", kind="upkeep", lake=self.lake(rows), name=f"sample-{size}", target=target)
        self.results.add(f"pull {size} of {rows}", found)
        self.forget("pulled")

    def erase(self, rows: int, size: int) -> None:
        """Erase one item, then one in every part."""
        for parts in (1, 1_000):
            found = run("erase", kind="upkeep", lake=self.lake(rows), name=f"sample-{size}", parts=parts)
            self.results.add(f"erase {'one' if parts == 1 else 'many'} {size} of {rows}", found)

    def year(self, items: int) -> None:
        """Live through a year of daily drops."""
        folder = str(self.folder / "year")
        found = run("year", kind="year", folder=folder, items=items, daily=items // 80, size=items // 4)
        self.results.add(f"year {items}", found)
        self.forget("year")

    def forget(self, name: str) -> None:
        """Remove what is not needed any more: the disk is small."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def lake(self, rows: int) -> str:
        """Return where the lake of the pool of that size is."""
        return (self.folder / f"lake-{rows}").as_uri()

    def files(self, rows: int) -> list[str]:
        """Return the delivered files of the pool of that size."""
        return [str(path) for path in write_pool(self.folder / "pool", rows=rows, workers=self.workers)]


def measure(bench: Bench, *, pool: int, sample: int, larger: int | None, items: int) -> None:
    """Measure a pool, one a tenth of it and, if asked for, one ten times larger."""
    # First: its refreshes take a fifth of a second, and where large pools were removed the disk is busy for long.
    bench.year(items)
    for rows in (pool // 10, pool):
        bench.ingest(rows)
    bench.compare_ingest(pool // 10, rounds=min(3, bench.rounds))
    for number in range(bench.rounds):
        bench.refresh(pool, sample)
        bench.floor(pool, sample)
        bench.draws(pool, sample, ("duckdb",))
        bench.refresh(pool, sample // 10)
        bench.refresh(pool // 10, sample // 10)
        bench.far(pool // 10, sample // 10)
        if number == 0:
            bench.draws(pool, sample, tuple(name for name in DRAWS if name != "duckdb"))
    bench.refresh(pool, sample, counted=True)
    if larger:
        measure_larger(bench, pool=pool, sample=sample, larger=larger)
    bench.verify(pool, sample)
    bench.pull(pool, sample)
    bench.compare(pool, sample // 10)
    bench.compare(pool, sample)
    bench.compact(pool)
    bench.refresh(pool, sample, state="compacted")
    bench.erase(pool, sample)


def measure_larger(bench: Bench, *, pool: int, sample: int, larger: int) -> None:
    """Measure a pool ten times larger, in turn with the other; at last compact it, and draw ten times the sample."""
    bench.ingest(larger)
    for number in range(min(3, bench.rounds)):
        bench.refresh(larger, sample)
        bench.floor(larger, sample)
        bench.refresh(pool, sample)
        bench.draws(larger, sample, ("duckdb",))
        if number == 0:
            bench.draws(larger, sample, ("polars",))
            for name in ("pandas", "spark"):
                bench.results.absent[f"{name} {sample} of {larger}"] = f"slower at {pool:,}, and minutes at {larger:,}"
        if number < 2:
            bench.refresh(larger, sample * 10)
    bench.forget("pool")
    bench.compact(larger)
    bench.refresh(larger, sample * 10, state="compacted")
    bench.pull(larger, sample * 10)
    bench.erase(larger, sample * 10)
    bench.forget(f"lake-{larger}")


def main() -> None:
    """Read the options, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="also a pool of 100 million")
    parser.add_argument("--pool", type=int, default=10_000_000, help="rows of the pool")
    parser.add_argument("--sample", type=int, default=1_000_000, help="rows of the sample")
    parser.add_argument("--rounds", type=int, default=4, help="repetitions of what is compared")
    parser.add_argument("--items", type=int, default=160_000, help="items of the pool that lives through a year")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--peers", nargs="*", default=list(DRAWS), choices=DRAWS)
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder of pools, history and answer")
    parser.add_argument("--keep", action="store_true", help="keep the pools and lakes that were made")
    options = parser.parse_args()
    folder = options.out / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(folder, rounds=options.rounds, workers=options.workers, peers=tuple(options.peers))
    larger = options.pool * 10 if options.full else None
    try:
        measure(bench, pool=options.pool, sample=options.sample, larger=larger, items=options.items)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    page = ROOT / "docs" / "performance.md" if options.out == ROOT / "build" else None
    finish(bench.results, options.out, page, pool=options.pool, sample=options.sample, larger=larger)


if __name__ == "__main__":
    main()
