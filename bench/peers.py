"""The peers: other tools doing the bare part of the work on the files as they were delivered.

Kind to them: the random number is a column of the file, so none hashes; one observation an image, so none merges; the
policy is a list of countries; there are no suppressions; nothing is checked, counted, or written in order; the result
is one file or as many as the tool likes. The images they choose are those resift chooses, and the run makes sure.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.child import Absent
from bench.pool import INSIDE_EU, PUBLISHED

OLDEST = "2026-01-01T00:00:00Z"
Work = Callable[[], dict[str, Any]]


def duckdb_draw(*, files: list[str], size: int, target: str, threads: int) -> Work:
    """Find the threshold among the eligible, then filter by it: two passes, the second reads few wide values."""
    import duckdb

    database = _duckdb(duckdb, threads)
    countries = ", ".join(f"'{code}'" for code in INSIDE_EU)
    eligible = (
        f"state = 'public' AND observed_at >= TIMESTAMPTZ '{OLDEST}' AND owner_country NOT IN ({countries}) "
        f"AND (upload_country IS NULL OR upload_country NOT IN ({countries}))"
    )

    def work() -> dict[str, Any]:
        threshold = database.execute(
            f"SELECT max(prn) FROM (SELECT prn FROM read_parquet({files}) WHERE {eligible} ORDER BY prn LIMIT {size})"
        ).fetchone()[0]
        database.execute(
            f"COPY (SELECT prn, {', '.join(PUBLISHED)} FROM read_parquet({files}) "
            f"WHERE prn <= {threshold} AND {eligible}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
        return {"threshold": threshold}

    return work


def duckdb_sort(*, files: list[str], target: str, threads: int, memory: str = "1GB") -> Work:
    """Hash, sort and write the delivered files as sorted runs: what ingest does, without reading a row critically."""
    import duckdb

    database = _duckdb(duckdb, threads)
    database.execute(f"SET memory_limit = '{memory}'; SET temp_directory = '{target}.tmp'")

    def work() -> dict[str, Any]:
        for number, file in enumerate(files):
            database.execute(
                f"COPY (SELECT * REPLACE ((hash(image_id) >> 1)::BIGINT AS prn) FROM read_parquet('{file}') "
                f"ORDER BY prn, image_id, observed_at) TO '{target}-{number}.parquet' "
                "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 16384)"
            )
        return {}

    return work


def _duckdb(duckdb: Any, threads: int) -> Any:
    database = duckdb.connect()
    database.execute(f"SET threads = {threads}; SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
    return database


def polars_draw(*, files: list[str], size: int, target: str, threads: int) -> Work:
    """Draw with the lazy engine: threshold first, then a filter on the scan."""
    import polars

    countries = list(INSIDE_EU)
    scan = polars.scan_parquet(files).filter(
        (polars.col("state") == "public")
        & (polars.col("observed_at") >= polars.lit(OLDEST).str.to_datetime(time_zone="UTC"))
        & polars.col("owner_country").is_not_null()
        & ~polars.col("owner_country").is_in(countries)
        & ~polars.col("upload_country").is_in(countries).fill_null(False)
    )

    def work() -> dict[str, Any]:
        threshold = scan.select(polars.col("prn").bottom_k(size).max()).collect().item()
        scan.filter(polars.col("prn") <= threshold).select("prn", *PUBLISHED).sink_parquet(target, compression="zstd")
        return {"threshold": threshold}

    return work


def pandas_draw(*, files: list[str], size: int, target: str, threads: int) -> Work:
    """Read every file, filter it, keep what may be among the first, and write."""
    import numpy
    import pandas

    columns = list(dict.fromkeys(["prn", *PUBLISHED, "state", "owner_country", "upload_country"]))

    def work() -> dict[str, Any]:
        kept = []
        for file in files:
            rows = pandas.read_parquet(file, columns=columns)
            eligible = (
                (rows["state"] == "public")
                & (rows["observed_at"] >= pandas.Timestamp(OLDEST))
                & rows["owner_country"].notna()
                & ~rows["owner_country"].isin(INSIDE_EU)
                & ~rows["upload_country"].isin(INSIDE_EU)
            )
            rows = rows.loc[eligible, ["prn", *PUBLISHED]]
            kept.append(rows.nsmallest(size, "prn") if len(rows) > size else rows)
        joined = pandas.concat(kept)
        threshold = int(numpy.partition(joined["prn"].to_numpy(), size - 1)[size - 1])
        joined[joined["prn"] <= threshold].to_parquet(target, compression="zstd", index=False)
        return {"threshold": threshold}

    return work


def spark_draw(*, files: list[str], size: int, target: str, threads: int) -> Work:
    """Draw in a local session, which is started before the clock: order by the number, limit, write."""
    if shutil.which("java") is None:
        raise Absent("java is not installed")
    from pyspark.sql import SparkSession, functions

    session = (
        SparkSession.builder.master(f"local[{threads}]")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.local.dir", str(Path(target).parent / "spark"))
        .getOrCreate()
    )
    session.range(1).count()
    countries = list(INSIDE_EU)

    def work() -> dict[str, Any]:
        col = functions.col
        eligible = session.read.parquet(*files).where(
            (col("state") == "public")
            & (col("observed_at") >= functions.lit(OLDEST).cast("timestamp"))
            & ~col("owner_country").isin(countries)
            & (col("upload_country").isNull() | ~col("upload_country").isin(countries))
        )
        threshold = eligible.select("prn").orderBy("prn").limit(size).agg({"prn": "max"}).collect()[0][0]
        chosen = eligible.where(col("prn") <= threshold).select("prn", *PUBLISHED)
        chosen.write.mode("overwrite").option("compression", "zstd").parquet(target)
        return {"threshold": threshold}

    return work


TASKS: dict[str, Callable[..., Work]] = {
    "duckdb": duckdb_draw,
    "duckdb_sort": duckdb_sort,
    "polars": polars_draw,
    "pandas": pandas_draw,
    "spark": spark_draw,
}
