"""Writes what was observed the way three sources deliver it, with the rows no reader can make sense of."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from demo.world import SOURCES, grid_date, quarters

_STATUS = {"public": "online", "private": "internal", "deleted": "withdrawn"}
_LONG_ID = "x" * 10_000
_YEAR_9999 = pa.scalar(253_370_764_800_000_000, pa.timestamp("us", tz="UTC"))


def deliver(items: int, folder: Path) -> tuple[int, int]:
    """Write every drop as ``FOLDER/QUARTER/SOURCE/DROP/``. Return how many drops and how many rows."""
    drops = rows = 0
    for quarter, table in enumerate(quarters(items)):
        for code, source in enumerate(SOURCES):
            mine = table.filter(pc.equal(table["source"], code)).drop_columns("source")
            drop = folder / str(quarter) / source / str(grid_date(quarter))
            drop.mkdir(parents=True)
            rows += {"photos": _photos, "museums": _museums, "archive": _archive}[source](mine, drop)
            drops += 1
    return drops, rows


def _bad(table: pa.Table) -> int:
    """Return how many rows of each unreadable kind go into a drop: far fewer than the budget of 1 %."""
    return max(1, table.num_rows // 5000)


def _photos(table: pa.Table, drop: Path) -> int:
    """Write Parquet in two files: typed instants; rows without an id, from the year 9999, with an id of 10 kB."""
    bad = _bad(table)
    table = table.set_column(1, "observed_at", table["observed_at"].cast(pa.timestamp("us", tz="UTC")))
    strange = [
        _with(table.slice(0, bad), "image_id", None),
        _with(table.slice(bad, bad), "image_id", _LONG_ID),
        _with(
            table.slice(2 * bad, bad), "observed_at", pa.scalar(253_370_764_800_000_000, pa.timestamp("us", tz="UTC"))
        ),
    ]
    table = pa.concat_tables([table, *strange])
    half = table.num_rows // 2
    for number, rows in enumerate((table.slice(0, half), table.slice(half))):
        pq.write_table(rows, drop / f"photos-{number}.parquet", compression="zstd")
    return table.num_rows


def _with(table: pa.Table, name: str, value: object) -> pa.Table:
    at = table.column_names.index(name)
    field = table.schema.field(at)
    scalar = value if isinstance(value, pa.Scalar) else pa.scalar(value, field.type)
    return table.set_column(at, field, pa.repeat(scalar, table.num_rows))


def _museums(table: pa.Table, drop: Path) -> int:
    """Write CSV with semicolons, compressed: rows that break off, hold foreign bytes, or name no known instant."""
    bad = _bad(table)
    status = pa.array([_STATUS[state] for state in table["state"].to_pylist()])
    instants = pc.strftime(table["observed_at"], format="%Y-%m-%dT%H:%M:%SZ")
    columns = {"object": table["image_id"], "seen": instants, "status": status}
    rest = ["url", "owner_id", "owner_country", "upload_country", "license", "width", "height", "title"]
    columns |= {name: table[name] for name in rest}
    body = io.BytesIO()
    options = pa.csv.WriteOptions(delimiter=";", quoting_style="needed")
    pa.csv.write_csv(pa.table(columns), body, write_options=options)
    for number in range(bad):
        body.write(b"m%05d;2025-01-02T03:04:05Z;online\n" % number)
        body.write(b"m%05d;2025-01-02T03:04:05Z;online;https://m.example/1;u1;Espa\xf1a;;CC0-1.0;1;1;t\n" % number)
        body.write(b"m%05d;yesterday;online;https://m.example/1;u1;US;;CC0-1.0;1;1;t\n" % number)
    (drop / "objects.csv.gz").write_bytes(gzip.compress(body.getvalue(), 1, mtime=0))
    return table.num_rows + 3 * bad


def _archive(table: pa.Table, drop: Path) -> int:
    """Write JSON lines, nested and compressed: lines that are no JSON, and states nobody defined."""
    bad = _bad(table)
    lines = list(_lines(table))
    lines += [b'{"id": "a1", "seen": 17\n', b'{"id": "a2", "seen": 1735689600, "state": "asleep"}\n'] * bad
    with pa.CompressedOutputStream(str(drop / "items.jsonl.zst"), "zstd") as file:
        file.write(b"".join(lines))
    return len(lines)


def _lines(table: pa.Table) -> Iterator[bytes]:
    seconds = table["observed_at"].cast(pa.timestamp("s")).cast(pa.int64())
    for row, seen in zip(table.drop_columns("created_at").to_pylist(), seconds.to_pylist(), strict=True):
        record = {
            "id": row["image_id"],
            "seen": seen,
            "state": row["state"],
            "image": {name: row[name] for name in ("url", "width", "height", "license")},
            "creator": {"id": row["owner_id"], "country": row["owner_country"]},
            "place": {name: row[name] for name in ("upload_country", "subdivision", "lat", "lon")},
            "title": row["title"],
        }
        yield json.dumps(record).encode() + b"\n"
