"""The ratios and plain numbers of `build/bench.json`, out of what was measured."""

from __future__ import annotations

from statistics import median
from typing import Any

STEPS = ("sift", "cut", "audit", "publish")
"""The steps compared with the peers and the floor; plan and judge are shown apart."""

FAR = {"versitygw": "refresh_s3", "minio": "refresh_minio"}
"""The S3 servers a refresh is measured on, and how the keys of their numbers begin."""

OWN = ("ingest", "refresh", *FAR, "second", "verify", "compact", "erase", "pull", "diff", "year")
"""Measurements of resift itself."""


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

    def peak(self, name: str) -> float | None:
        """Return the most MiB a process of any repetition held, or None where it was not measured."""
        return max((round(one["rss_mib"]) for one in self.found.get(name, [])), default=None)

    def cpu(self, name: str) -> list[float]:
        """Return the processor seconds of each repetition."""
        return [one["cpu_seconds"] for one in self.found.get(name, [])]


def numbers(results: Results, *, pool: int, sample: int, larger: int | None) -> dict[str, float]:
    """Return what `build/bench.json` holds."""
    tenth = sample // 10
    found = dict[str, float | None]()
    for rows in (pool, larger):
        if rows:
            found |= _refreshed(results, rows=rows, sample=sample)
            found |= _ingested(results, rows)
    found["pool_x10_times_slower"] = _grown(results, f"{tenth} of {pool}", f"{tenth} of {pool // 10}")
    found["sample_x10_times_slower"] = _grown(results, f"{sample} of {pool}", f"{tenth} of {pool}")
    found |= _further(results, rows=pool, sample=sample)
    found["ingest_times_duckdb_speed"] = ratio(results.cpu("duckdb_sort"), results.cpu("ingest one"))
    found |= _kept_up(results, rows=pool, sample=sample)
    found |= _compared(results, rows=pool, sample=sample)
    for server, key in FAR.items():
        found |= _far(results, f"{tenth} of {pool // 10}", server=server, key=key)
    for year in (name for name in results.found if name.startswith("year ")):
        found["year_of_drops_times_slower"] = round(results.found[year][0]["end_times_start"], 3)
        found["year_of_drops_times_first_quarter"] = round(results.found[year][0]["end_times_first_quarter"], 3)
        compared = results.found[year][0]["compared_end_times_first_quarter"]
        found["year_of_drops_compared_times_first_quarter"] = round(compared, 3)
    if larger:
        big = short(larger)
        found[f"pool_{big}_x10_times_slower"] = _grown(results, f"{sample} of {larger}", f"{sample} of {pool}")
        found[f"sample_x10_of_{big}_times_slower"] = _grown(
            results, f"{sample * 10} of {larger}", f"{sample} of {larger}"
        )
        found |= _kept_up(results, rows=larger, sample=sample * 10)
        for name, what in (
            (f"ingest_{big}", f"ingest {larger}"),
            (f"compact_{big}", f"compact {larger}"),
            (f"refresh_{short(sample * 10)}_of_{big}", f"refresh {sample * 10} of {larger}"),
        ):
            found[f"{name}_peak_rss_mib"] = results.peak(what)
    for counted in results.found.get(f"counted {sample} of {pool}", [])[:1]:
        for key in ("bytes_read", "bytes_written", "objects_read", "objects_written", "most_opens_of_one_run"):
            found[f"refresh_{key}"] = counted[key]
    peaks = [results.peak(name) for name in results.found if name.split()[0] in OWN]
    found["peak_rss_mib"] = max(peak for peak in peaks if peak is not None)
    return {key: value for key, value in found.items() if value is not None}


def _refreshed(results: Results, *, rows: int, sample: int) -> dict[str, float | None]:
    """Compare the refreshes of one pool with the peers and the floor."""
    found = dict[str, float | None]()
    what, name = f"{sample} of {rows}", f"refresh_{short(sample)}_of_{short(rows)}"
    duckdb, floor = results.seconds(f"duckdb {what}"), results.seconds(f"floor {what}")
    mine, whole = (results.seconds(f"refresh {what}", steps)[: len(floor)] for steps in (STEPS, None))
    found[f"{name}_times_faster_than_duckdb"] = ratio(duckdb, mine)
    found[f"{name}_whole_times_faster_than_duckdb"] = ratio(duckdb, whole)
    found[f"{name}_times_floor"] = ratio(mine, floor)
    for step in ("plan", *STEPS, "judge"):
        found[f"{name}_{step}_seconds"] = round(results.step(f"refresh {what}", step), 3)
    for step in STEPS:
        used = median(one["cpu"][step] for one in results.found[f"refresh {what}"])
        found[f"{name}_{step}_rows_per_cpu_second"] = round(sample / used)
    for peer in ("polars", "pandas", "spark"):
        found[f"{name}_times_faster_than_{peer}"] = ratio(results.seconds(f"{peer} {what}"), mine)
    return found


def _further(results: Results, *, rows: int, sample: int) -> dict[str, float | None]:
    """Return the rows a core takes in a second beyond a tenth of the sample: without what a process pays once."""
    found = dict[str, float | None]()
    for step in ("sift", "audit", "publish"):
        many, few = (
            [one["cpu"][step] for one in results.found.get(f"refresh {size} of {rows}", [])]
            for size in (sample, sample // 10)
        )
        rates = [(sample - sample // 10) / (more - less) for more, less in zip(many, few, strict=False) if more > less]
        found[f"refresh_{step}_further_rows_per_cpu_second"] = round(median(rates)) if rates else None
    return found


def _ingested(results: Results, rows: int) -> dict[str, float | None]:
    ingest = results.found[f"ingest {rows}"][0]
    name = f"ingest_{short(rows)}"
    return {
        f"{name}_seconds": round(ingest["seconds"], 1),
        f"{name}_rows_per_cpu_second": round(ingest["rows"] / ingest["cpu_seconds"]),
    }


def _kept_up(results: Results, *, rows: int, sample: int) -> dict[str, float | None]:
    """Return what compaction, pull and erasure of one pool took."""
    found = dict[str, float | None]()
    what, big = f"{sample} of {rows}", short(rows)
    for compact in results.found.get(f"compact {rows}", []):
        if not compact["rows"]:
            continue  # a pool of one run has nothing to merge
        found[f"compact_{big}_seconds"] = round(compact["seconds"], 1)
        found[f"compact_{big}_rows_per_cpu_second"] = round(compact["rows"] / compact["cpu_seconds"])
        found[f"compact_{big}_times_slower"] = ratio(
            results.seconds(f"refresh {what} compacted", STEPS), results.seconds(f"refresh {what}", STEPS)[-1:]
        )
    for pull in results.found.get(f"pull {what}", []):
        found[f"pull_{short(sample)}_mib_per_second"] = round(pull["bytes"] / 2**20 / pull["seconds"], 1)
    one, many = (results.found.get(f"erase {kind} {what}", []) for kind in ("one", "many"))
    for few, more in zip(one, many, strict=True):
        name = f"erase_from_{short(sample)}"
        found[f"{name}_parts"] = more["parts"]
        found[f"{name}_seconds_per_part"] = round(more["seconds"] / more["parts"], 3)
        found[f"{name}_per_part_times_one_part"] = _per_part(more, few)
    return found


def _far(results: Results, what: str, *, server: str, key: str) -> dict[str, float | None]:
    """Compare the refreshes on an S3 server with those in a directory that were measured in turn with them."""
    far, near = f"{server} {what}", f"refresh {what}"
    found: dict[str, float | None] = {
        f"{key}_times_local": ratio(results.seconds(far), results.seconds(near)),
        f"{key}_without_judge_times_local": ratio(results.seconds(far, STEPS), results.seconds(near, STEPS)),
    }
    for one in results.found.get(far, [])[:1]:
        found[f"{key}_requests"] = one["requests"]
        found[f"{key}_bytes_read"] = one["bytes_read"]
        found[f"{key}_pool_bytes_read"] = one["pool_bytes_read"]
        found[f"{key}_pool_bytes_read_times_needed"] = round(one["pool_bytes_read"] / one["bytes_needed"], 3)
    return found


def _compared(results: Results, *, rows: int, sample: int) -> dict[str, float | None]:
    """Return what comparing two versions took for each part of both, at two sizes."""
    found = dict[str, float | None]()
    many, few = (results.found.get(f"diff {size} of {rows}", []) for size in (sample, sample // 10))
    for more, less in zip(many, few, strict=True):
        found["diff_seconds_per_part"] = round(more["seconds"] / more["parts"], 3)
        found["diff_per_row_times_a_tenth"] = round(
            more["seconds"] / more["rows"] / (less["seconds"] / less["rows"]), 3
        )
    return found


def _per_part(more: dict[str, Any], less: dict[str, Any]) -> float:
    return round(more["seconds"] / more["parts"] / (less["seconds"] / less["parts"]), 3)


def _grown(results: Results, larger: str, smaller: str) -> float | None:
    above, below = (results.seconds(f"refresh {what}", STEPS) for what in (larger, smaller))
    least = min(len(above), len(below))
    return ratio(above[-least:], below[-least:]) if least else None


def ratio(above: list[float], below: list[float]) -> float | None:
    """Return the median of the ratios round by round, or None where one of the two was not measured."""
    pairs = list(zip(above, below, strict=False))
    return round(median(one / other for one, other in pairs), 3) if pairs else None


def short(rows: int) -> str:
    """Return 10_000_000 as 10m."""
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        if rows % size == 0:
            return f"{rows // size}{letter}"
    return str(rows)
