"""Make deliveries for tests, ingest them, and look at what became of them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from resift.model.pool import Drop
from resift.model.source import Source
from resift.steps.ingest import ingest
from resift.storage import Store

SALT = "0123456789abcdef"
FORMATS = ("csv", "tsv", "jsonl", "parquet")


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A row that can be read, unless told otherwise."""
    return {
        "id": f"item-{number}",
        "url": f"https://host.example/{number}.jpg",
        "owner": "owner",
        "country": "US",
        "state": "public",
        "seen": "2026-01-01T00:00:00Z",
        "width": "640",
        "title": f"Title {number}",
        **fields,
    }


def make_source(**changes: Any) -> Source:
    """A source for such rows, without a budget for bad ones unless told otherwise."""
    content = {
        "name": "photos",
        "pool": "photos",
        "format": "csv",
        "fields": {"image_id": "id", "url": "url", "owner_id": "owner", "owner_country": "country", "width": "width"},
        "state": {"column": "state"},
        "observed_at": "seen",
        "carry": ["title"],
        "max_bad_rows": {"share": 1},
        **changes,
    }
    return Source.model_validate(content)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the format the file's name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def take(store: Store, source: Source, *drops: Path | str, **options: Any) -> list[Drop]:
    """Ingest drops under the tests' salt."""
    return ingest(source, [str(drop) for drop in drops], store, salt=SALT, **options)


def observations(store: Store, *drops: Drop) -> list[dict[str, Any]]:
    """All observations of drops, in the order of their runs."""
    runs = [file.run for drop in drops for file in drop.files if file.run is not None]
    return [row for run in runs for row in pq.read_table(io.BytesIO(store.get(run.key))).to_pylist()]


def quarantine(store: Store, *drops: Drop) -> list[tuple[int, bytes, str]]:
    """Row number, raw content and reason of all rows in quarantine."""
    keys = [file.quarantine_key for drop in drops for file in drop.files if file.quarantine_key is not None]
    rows = [row for key in keys for row in pq.read_table(io.BytesIO(store.get(key))).to_pylist()]
    return [(row["row_number"], row["raw"], row["reason"]) for row in rows]
