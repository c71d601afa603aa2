"""What was measured as a table, a line of history and a document of plain numbers."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from bench.numbers import Results, numbers

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def finish(
    results: Results, folder: Path, page: Path | None, *, pool: int, sample: int, larger: int | None
) -> dict[str, float]:
    """Print the ratios, append to the history, write the table and `bench.json`; return its content."""
    found = numbers(results, pool=pool, sample=sample, larger=larger)
    print()
    for key, value in found.items():
        print(f"{key:<56}{value:>16,.3f}".rstrip("0").rstrip("."))
    about = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **machine()}
    with (folder / "bench-history.jsonl").open("a", encoding="utf-8") as history:
        history.write(json.dumps({**about, **found}) + "\n")
    if page is not None:
        write_table(page, "\n".join(table(results, about, pool=pool, sample=sample, larger=larger)))
    (folder / "bench.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


def machine() -> dict[str, Any]:
    """Return what the numbers depend on besides the code."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "pyarrow": pa.__version__}


def table(results: Results, about: dict[str, Any], *, pool: int, sample: int, larger: int | None) -> Iterator[str]:
    """Yield the lines of the table of `docs/performance.md`."""
    on = f"{about['cores']} cores, Python {about['python']}, pyarrow {about['pyarrow']}"
    yield f"Measured on {about['at'][:10]}: {on}."
    yield ""
    yield "| what | seconds | processor seconds | peak MiB | of which |"
    yield "|---|---:|---:|---:|---|"
    for name, all_ in results.found.items():
        of_which = ", ".join(_of_which(results, name))
        seconds, cpu = (median(one[key] for one in all_) for key in ("seconds", "cpu_seconds"))
        rss = max(one["rss_mib"] for one in all_)
        yield f"| {_label(name)} | {seconds:.2f} | {cpu:.2f} | {rss:,.0f} | {of_which} |"
    for name, why in results.absent.items():
        yield f"| {_label(name)} | absent | | | {why} |"
    yield ""
    yield "| ratio | found |"
    yield "|---|---:|"
    for key, value in numbers(results, pool=pool, sample=sample, larger=larger).items():
        if any(word in key for word in TOLD):
            yield f"| `{key}` | {value:.2f} |"


def _label(name: str) -> str:
    """Return `refresh 1000 of 10000` as a reader of the table wants it."""
    task, *rest = name.split()
    return " ".join([LABELS[task], *(f"{int(word):,}" if word.isdigit() else word for word in rest)])


def _of_which(results: Results, name: str) -> Iterator[str]:
    """Yield what a measurement tells besides time and memory: seconds by step, or counts."""
    one = results.found[name][0]
    yield from (f"{step} {results.step(name, step):.2f}" for step in one.get("steps", {}))
    for key, unit in COUNTS.items():
        if key in one:
            yield f"{one[key] / 2**20:,.0f} MiB {unit}" if "bytes" in key else f"{one[key]:,} {unit}"


COUNTS = {
    "runs_before": "runs before",
    "runs_after": "after",
    "compactions": "compactions",
    "requests": "requests",
    "bytes_read": "read",
    "bytes_needed": "of the pool needed",
    "pool_bytes_read": "of the pool read",
    "bytes_written": "written",
    "objects_read": "objects read",
    "objects_written": "objects written",
}
"""What is told of a measurement in the last column, by the key of its answer."""

LABELS = {
    "ingest": "ingest",
    "refresh": "refresh",
    "versitygw": "refresh on versitygw",
    "minio": "refresh on MinIO",
    "counted": "refresh, one worker, counting bytes,",
    "floor": "floor below",
    "verify": "verify",
    "second": "refresh beside an earlier version",
    "compact": "compact",
    "erase": "erase from",
    "pull": "pull",
    "diff": "diff of two versions",
    "year": "a year of daily drops, compacted weekly,",
    "duckdb": "DuckDB, two passes,",
    "duckdb_sort": "DuckDB, `COPY … ORDER BY` of one file, one core",
    "polars": "Polars",
    "pandas": "pandas",
    "spark": "Spark, local,",
}


TOLD = ("times", "peak", "per_part", "per_second")
"""What the keys have in common whose numbers the page shows."""


def write_table(page: Path, lines: str) -> None:
    """Put the table between its two marks in a page."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n{lines}\n{END}{after}", encoding="utf-8")
