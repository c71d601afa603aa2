"""Snapshots drawn from real deliveries, each row traced back to where it came from."""

import csv
import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from builders import make_dataset, publish_unjudged, snapshot_rows

from resift.client.verify import verify
from resift.model.dataset import Dataset
from resift.model.source import Source
from resift.steps.ingest import ingest
from resift.steps.refresh import refresh
from resift.storage.memory import MemoryStore

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SALT = "0123456789abcdef"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
EU_PLACES = ("France", "Deutschland", "Italia", "Éire", "Polska", "Österreich", "España", "Nederland", "Sverige")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real deliveries are not at {DATA}")


def read(kind, folder, name):
    path = ROOT / "include" / folder / f"{name}.yaml"
    return kind.from_yaml(path.read_text(encoding="utf-8"), what=str(path))


@pytest.fixture(scope="module")
def tate():
    store = MemoryStore()
    source = read(Source, "sources", "tate")
    ingest(source, [str(DATA / "tate")], store, observed_at=datetime(2026, 9, 1, tzinfo=UTC), salt=SALT)
    dataset = read(Dataset, "datasets", "tate")
    return store, refresh(store, dataset=dataset, as_of=date(2026, 9, 28), known_at=NOW).manifest


def test_a_tate_snapshot_has_5000_rows_and_verifies(tate):
    store, manifest = tate

    assert manifest.rows == 5_000
    assert verify(store, manifest).problems == ()


def test_every_row_of_a_tate_snapshot_traces_to_its_source_row(tate):
    store, manifest = tate
    with gzip.open(DATA / "tate" / "artworks.jsonl.gz", "rt", encoding="utf-8") as file:
        artworks = {str(row["id"]): row for row in map(json.loads, file)}
    with (DATA / "tate" / "artist_data.csv").open(encoding="utf-8-sig", newline="") as file:
        places = {row["id"]: row["placeOfBirth"] for row in csv.DictReader(file)}

    rows = snapshot_rows(store, manifest)

    for row in rows:
        artwork = artworks[row["image_id"]]
        place = places[str(artwork["contributors"][0]["id"])]
        found = (row["url"], row["title"], row["birth_place"])
        assert found == (artwork["thumbnailUrl"], artwork["title"], place)
        assert place
        assert place.rpartition(", ")[2] not in EU_PLACES
    assert len({row["image_id"] for row in rows}) == 5_000


@pytest.fixture(scope="module")
def nga():
    store = MemoryStore()
    files = sorted((DATA / "nga_media_series").glob("*.csv.gz"))
    ingest(read(Source, "sources", "nga_media"), [str(file) for file in files], store, salt=SALT)
    releases = {}
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8", newline="") as body:
            day = date.fromisoformat(file.name[len("media_items_") :][:10])
            releases[day] = {row["mediaid"] for row in csv.DictReader(body)}
    return store, releases


def test_what_a_release_no_longer_lists_becomes_stale_only_after_max_age(nga):
    store, releases = nga
    # The releases are up to 94 days apart; with 90 days everything would be stale just before the next.
    dataset = make_dataset(
        name="nga",
        pool="nga_media",
        anchor=date(2021, 6, 1),
        every="30d",
        size=10_000,
        max_age="120d",
        part_rows=10_000,
    )
    kept_although_gone = stale_at_last = 0

    for cycle in range(14):
        as_of = dataset.grid.point(cycle)
        manifest = publish_unjudged(store, dataset, as_of, known_at=NOW)

        known = {day: ids for day, ids in releases.items() if day <= as_of}
        fresh = [ids for day, ids in known.items() if day >= as_of - timedelta(days=120)]
        expected = set().union(*fresh)
        assert {row["image_id"] for row in snapshot_rows(store, manifest)} == expected
        assert set(manifest.funnel.removed) <= {"stale", "unborn"}
        assert manifest.changes is None or set(manifest.changes.left) <= {"stale"}
        kept_although_gone += len(expected - known[max(known)])
        stale_at_last += manifest.changes.left.get("stale", 0) if manifest.changes else 0

    assert kept_although_gone > 0
    assert stale_at_last > 0
