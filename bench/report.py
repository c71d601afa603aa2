"""What was measured as ratios, a table, a line of history and a document of plain numbers."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

STEPS = ("sift", "cut", "audit", "publish")
"""The steps compared with the peers and the floor; plan and judge are shown apart."""

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


class Results:
    """All measurements by name, in the order they were taken."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: dict[str, list[dict[str, Any]]] = {}
        self.absent: dict[str, str] = {}
        """Peers that could not be measured, and why."""

    def add(self, name: str, answer: dict[str, Any]) -> None:
        """Keep a measurement, and say on one line what it was."""
        self.found.setdefault(name, []).append(answer)
        steps = "  ".join(f"{step} {seconds:.2f}" for step, seconds in answer.get("steps", {}).items())
        cpu, rss = answer["cpu_seconds"], answer["rss_mib"]
        print(f"{name:<32}{answer['seconds']:>8.2f} s{cpu:>8.2f} cpu s{rss:>7.0f} MiB  {steps}", flush=True)

    def seconds(self, name: str, steps: tuple[str, ...] | None = None) -> list[float]:
        """Return the seconds of each repetition, of all or of some steps; empty where it was not measured."""
        found = self.found.get(name, [])
        return [sum(one["steps"][step] for step in steps) if steps else one["seconds"] for one in found]

    def step(self, name: str, step: str) -> float:
        """Return the median seconds of one step."""
        return median(one["steps"][step] for one in self.found[name])

    def cpu(self, name: str) -> list[float]:
        """Return the processor seconds of each repetition."""
        return [one["cpu_seconds"] for one in self.found.get(name, [])]


def ratio(above: list[float], below: list[float]) -> float | None:
    """Return the median of the ratios round by round, or None where one of the two was not measured."""
    pairs = list(zip(above, below, strict=False))
    return round(median(one / other for one, other in pairs), 3) if pairs else None


def numbers(results: Results, *, pool: int, sample: int, larger: int | None) -> dict[str, float]:
    """Return what `build/bench.json` holds."""
    found = dict[str, float | None]()
    for rows in (pool, larger):
        if rows is None:
            continue
        what, name = f"{sample} of {rows}", f"refresh_{short(sample)}_of_{short(rows)}"
        mine = results.seconds(f"refresh {what}", STEPS)
        judged = results.seconds(f"refresh {what}")
        duckdb = results.seconds(f"duckdb {what}")
        if rows == larger:
            mine, judged = mine[-len(duckdb) :], judged[-len(duckdb) :]
        found[f"{name}_times_faster_than_duckdb"] = ratio(duckdb, mine)
        found[f"{name}_whole_times_faster_than_duckdb"] = ratio(duckdb, judged)
        found[f"{name}_times_floor"] = ratio(mine, results.seconds(f"floor {what}"))
        for step in ("plan", *STEPS, "judge"):
            found[f"{name}_{step}_seconds"] = round(results.step(f"refresh {what}", step), 3)
        for peer in ("polars", "pandas", "spark"):
            found[f"{name}_times_faster_than_{peer}"] = ratio(results.seconds(f"{peer} {what}"), mine)
    tenth = sample // 10
    found["pool_x10_times_slower"] = _grown(results, f"{tenth} of {pool}", f"{tenth} of {pool // 10}")
    found["sample_x10_times_slower"] = _grown(results, f"{sample} of {pool}", f"{tenth} of {pool}")
    if larger:
        found["pool_100m_x10_times_slower"] = _grown(results, f"{sample} of {larger}", f"{sample} of {pool}")
        found["sample_x10_of_100m_times_slower"] = _grown(
            results, f"{sample * 10} of {larger}", f"{sample} of {larger}"
        )
    found["ingest_times_duckdb_speed"] = ratio(results.cpu("duckdb_sort"), results.cpu("ingest one"))
    for rows in (pool, larger):
        if rows:
            ingest = results.found[f"ingest {rows}"][0]
            found[f"ingest_{short(rows)}_seconds"] = round(ingest["seconds"], 1)
            found[f"ingest_{short(rows)}_rows_per_cpu_second"] = round(ingest["rows"] / ingest["cpu_seconds"])
    counted = results.found[f"counted {sample} of {pool}"][0]
    for key in ("bytes_read", "bytes_written", "objects_read", "objects_written", "most_opens_of_one_run"):
        found[f"refresh_{key}"] = counted[key]
    own = [one for name, all_ in results.found.items() if name.split()[0] in OWN for one in all_]
    found["peak_rss_mib"] = round(max(one["rss_mib"] for one in own))
    return {key: value for key, value in found.items() if value is not None}


OWN = ("ingest", "refresh", "verify")


def _grown(results: Results, larger: str, smaller: str) -> float | None:
    above, below = (results.seconds(f"refresh {what}", STEPS) for what in (larger, smaller))
    least = min(len(above), len(below))
    return ratio(above[-least:], below[-least:])


def short(rows: int) -> str:
    """Return 10_000_000 as 10m."""
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        if rows % size == 0:
            return f"{rows // size}{letter}"
    return str(rows)


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
    import os

    return {"cores": os.cpu_count(), "python": platform.python_version(), "pyarrow": pa.__version__}


def table(results: Results, about: dict[str, Any], *, pool: int, sample: int, larger: int | None) -> Iterator[str]:
    """Yield the lines of the table of `docs/performance.md`."""
    on = f"{about['cores']} cores, Python {about['python']}, pyarrow {about['pyarrow']}"
    yield f"Measured on {about['at'][:10]}: {on}."
    yield ""
    yield "| what | seconds | processor seconds | peak MiB | of which |"
    yield "|---|---:|---:|---:|---|"
    for name, all_ in results.found.items():
        task, *rest = name.split()
        steps = ", ".join(f"{step} {results.step(name, step):.2f}" for step in all_[0].get("steps", {}))
        what = " ".join(f"{int(word):,}" if word.isdigit() else word for word in rest)
        seconds, cpu, rss = (median(one[key] for one in all_) for key in ("seconds", "cpu_seconds", "rss_mib"))
        yield f"| {LABELS[task]} {what} | {seconds:.2f} | {cpu:.2f} | {rss:,.0f} | {steps} |"
    for name, why in results.absent.items():
        yield f"| {LABELS[name]} | absent | | | {why} |"
    yield ""
    yield "| ratio | found |"
    yield "|---|---:|"
    for key, value in numbers(results, pool=pool, sample=sample, larger=larger).items():
        if "times" in key:
            yield f"| `{key}` | {value:.2f} |"


LABELS = {
    "ingest": "ingest",
    "refresh": "refresh",
    "counted": "refresh, one worker, counting bytes,",
    "floor": "floor below",
    "verify": "verify",
    "duckdb": "DuckDB, two passes,",
    "duckdb_sort": "DuckDB, `COPY … ORDER BY` of one file, one core",
    "polars": "Polars",
    "pandas": "pandas",
    "spark": "Spark, local,",
}


def write_table(page: Path, lines: str) -> None:
    """Put the table between its two marks in a page."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n{lines}\n{END}{after}", encoding="utf-8")
