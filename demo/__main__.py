"""Three cycles by Airflow, a fourth refused, then approved: ``python -m demo [--items N] [--folder F]``."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from demo.commands import ROOT, Place, migrate, run_dag
from demo.deliveries import deliver
from demo.story import DATASET, POOL, VERSIONS, tell
from resift.steps.pools import read_drops
from resift.storage import Store, open_store

FULL = 200_000
_START = time.monotonic()


def main() -> int:
    """Run the demo. Exit code 0 if three cycles were published and verified, and the fourth refused for its reason."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=main.__doc__)
    parser.add_argument("--items", type=int, default=FULL, help="Images in the made-up pool.")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "demo", help="Where to make it; wiped first.")
    given = parser.parse_args()
    place = Place(given.folder.resolve())
    _wipe(place)
    size = _prepare(place, given.items)
    print(f"A rolling sample of {size:,} from a pool of {given.items:,} made-up images, refreshed every 90 days.")
    print(
        "Three stories: cycles that are clean, one that is refused, and the same one held and approved by a person.\n"
    )
    _make(place, given.items)
    store = open_store(place.lake.as_uri())
    for quarter in range(len(VERSIONS)):
        _live_through(place, store, quarter)
    return tell(place, store)


def _wipe(place: Place) -> None:
    """Remove what an earlier demo left. Danger: removes the whole folder, so it must look like a demo's."""
    if not place.folder.exists():
        return
    if not (place.datasets / "demo.yaml").is_file():
        raise SystemExit(
            f"demo: {place.folder} exists and holds no earlier demo, expected one or no such folder. "
            "Remove it yourself, or name another with --folder."
        )
    shutil.rmtree(place.folder)


def _prepare(place: Place, items: int) -> int:
    """Write the dataset file, its sizes in proportion to the pool, and return the size of the sample."""
    content = yaml.safe_load((ROOT / "demo" / "datasets" / "demo.yaml").read_text(encoding="utf-8"))
    for name in ("size", "part_rows"):
        content[name] = content[name] * items // FULL
    for folder in (place.datasets, place.inbox):
        folder.mkdir(parents=True)
    (place.datasets / "demo.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return int(content["size"])


def _make(place: Place, items: int) -> None:
    with _timed("make four quarters of deliveries") as said:
        drops, rows = deliver(items, place.deliveries)
        said(f"{drops} drops of three sources, {rows:,} rows: Parquet, CSV (gzip), JSON lines (zstd)")
    with _timed("airflow db migrate") as said:
        migrate(place)
        said("an Airflow of its own, on SQLite")


def _live_through(place: Place, store: Store, quarter: int) -> None:
    """Let the drops of a quarter arrive, ingest them, and refresh the cycle at its end."""
    as_of = VERSIONS[quarter]
    for drop in (place.deliveries / str(quarter)).glob("*/*"):
        (place.inbox / drop.parent.name).mkdir(exist_ok=True)
        drop.rename(place.inbox / drop.parent.name / drop.name)
    known = {drop.drop_id for drop in read_drops(store, POOL)} if quarter else set()
    with _timed(f"airflow dags test ingest_drops {as_of}") as said:
        if not run_dag(place, "ingest_drops", as_of):
            raise SystemExit(f"demo: ingest_drops failed, expected success. Read {place.log}.")
        drops = [drop for drop in read_drops(store, POOL) if drop.drop_id not in known]
        rows, observations = sum(drop.rows_read for drop in drops), sum(drop.observations for drop in drops)
        said(f"{rows:,} rows = {observations:,} observations + {rows - observations:,} in quarantine")
    with _timed(f"airflow dags test refresh_snapshot_{DATASET} {as_of}") as said:
        succeeded = run_dag(place, f"refresh_snapshot_{DATASET}", as_of)
        said("published" if succeeded else "REFUSED, nothing is published")


@contextmanager
def _timed(step: str) -> Iterator[Callable[[str], None]]:
    """Print what a step is, and when it is done, when that was and what came of it."""
    if sys.stdout.isatty():
        print(f"   … s  {step}", end="\r", flush=True)
    outcome: list[str] = []
    yield outcome.append
    print(f"{time.monotonic() - _START:4.0f} s  {step}: {'; '.join(outcome)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
