"""Deliveries of museums and aggregators, read with the example source files."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resift.errors import DropRejected
from resift.model.source import Source
from resift.steps.ingest import ingest
from resift.storage.memory import MemoryStore

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SALT = "0123456789abcdef"
GIVEN = datetime(2026, 11, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real deliveries are not at {DATA}")


def source(name):
    path = ROOT / "include" / "sources" / f"{name}.yaml"
    return Source.from_yaml(path.read_text(encoding="utf-8"), what=str(path))


def ingested(name, *drops, observed_at=None):
    store = MemoryStore()
    found = ingest(source(name), [str(DATA / drop) for drop in drops], store, observed_at=observed_at, salt=SALT)
    return store, found


def tables(store, drops, column="run"):
    found = []
    for file in (file for drop in drops for file in drop.files):
        key = (file.run and file.run.key) if column == "run" else file.quarantine_key
        if key is not None:
            found.append(pq.read_table(io.BytesIO(store.get(key))))
    return pa.concat_tables(found)


def tsv_rows(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def tate():
    store, drops = ingested("tate", "tate", observed_at=GIVEN)
    return drops[0], tables(store, drops), tables(store, drops, "quarantine")


def test_every_tate_row_is_an_observation_or_in_quarantine(tate):
    drop, observations, quarantine = tate

    numbers = observations["row_number"].to_pylist() + quarantine["row_number"].to_pylist()

    assert (drop.rows_read, drop.observations, drop.quarantined) == (69_202, 58_416, 10_786)
    assert sorted(numbers) == list(range(1, 69_203))
    assert set(quarantine["reason"].to_pylist()) == {"url is missing"}


def test_every_tate_observation_can_be_traced_to_its_row(tate):
    _, observations, _ = tate
    with gzip.open(DATA / "tate" / "artworks.jsonl.gz", "rt", encoding="utf-8") as file:
        given = [json.loads(line) for line in file]
    with (DATA / "tate" / "artist_data.csv").open(encoding="utf-8-sig", newline="") as file:
        places = {row["id"]: row["placeOfBirth"] for row in csv.DictReader(file)}
    codes = source("tate").fields.owner_country.values

    for row in observations.select(["row_number", "image_id", "url", "owner_id", "owner_country", "title"]).to_pylist():
        artwork = given[row["row_number"] - 1]
        artist = str(artwork["contributors"][0]["id"])
        place = places.get(artist, "").rpartition(", ")[2]
        assert row["image_id"] == str(artwork["id"])
        assert row["url"] == artwork["thumbnailUrl"]
        assert row["owner_id"] == artist
        assert row["owner_country"] == (codes.get(place, place) or None)
        assert row["title"] == (artwork["title"] or None)


def test_tate_places_that_are_no_country_stay_as_given(tate):
    _, observations, _ = tate

    evidence = set(observations["owner_country"].to_pylist())

    assert {"GB", "DE", "IE", "PL"} <= evidence
    assert {"Bristol", "Jugoslavija", "Schlesien"} <= evidence
    assert not {"Deutschland", "Éire", "Polska"} & evidence


def test_tate_run_is_sorted_in_row_groups_of_16384_that_its_index_describes(tate):
    drop, observations, _ = tate
    run = drop.files[0].run

    prn = observations["prn"].to_numpy()

    assert (prn[1:] >= prn[:-1]).all()
    assert run.row_group_rows == (16_384, 16_384, 16_384, 58_416 - 3 * 16_384)
    assert list(run.row_group_first) == prn[::16_384].tolist()
    assert (run.prn_min, run.prn_max) == (prn[0], prn[-1])


def test_every_british_library_row_can_be_traced():
    store, drops = ingested("bl_imagedirectory", "bl_imagedirectory", observed_at=GIVEN)
    rows = {path.name: tsv_rows(path) for path in sorted((DATA / "bl_imagedirectory").iterdir())}

    observations = tables(store, drops)

    assert drops[0].rows_read == drops[0].observations == 99_171
    assert len(drops[0].files) == 68
    for row in observations.select(["file", "row_number", "image_id", "url", "owner_country", "title"]).to_pylist():
        given = rows[row["file"]][row["row_number"] - 1]
        assert row["image_id"] == given["flickr_id"]
        assert row["url"] == given["flickr_original_source"]
        assert row["owner_country"] == (given["pubplace"] or None)
        assert row["title"] == (given["title"] or None)


def test_six_dated_releases_are_six_drops_each_at_its_own_instant():
    releases = sorted(path.name for path in (DATA / "nga_media_series").iterdir())
    store, drops = ingested("nga_media", *(f"nga_media_series/{name}" for name in releases))

    instants = [set(tables(store, [drop])["observed_at"].to_pylist()) for drop in drops]

    assert [drop.rows_read for drop in drops] == [2543, 2580, 2594, 2621, 2626, 2651]
    assert [drop.quarantined for drop in drops] == [0] * 6
    assert instants[0] == {datetime(2021, 5, 29, tzinfo=UTC)}
    assert instants[5] == {datetime(2022, 6, 28, tzinfo=UTC)}


def test_releases_given_one_by_one_or_as_a_folder_hold_the_same_observations():
    releases = sorted(path.name for path in (DATA / "nga_media_series").iterdir())
    columns = ["image_id", "observed_at", "url", "title", "file", "row_number"]

    one_by_one = tables(*ingested("nga_media", *(f"nga_media_series/{name}" for name in reversed(releases))))
    at_once = tables(*ingested("nga_media", "nga_media_series"))

    order = [("image_id", "ascending"), ("observed_at", "ascending")]
    assert one_by_one.select(columns).sort_by(order).equals(at_once.select(columns).sort_by(order))


def test_multi_line_nga_descriptions_do_not_shift_row_numbers():
    store, drops = ingested("nga_media", "nga_media_series/media_items_2021-05-29.csv.gz")
    with gzip.open(
        DATA / "nga_media_series" / "media_items_2021-05-29.csv.gz", "rt", encoding="utf-8", newline=""
    ) as f:
        given = list(csv.DictReader(f))

    for row in tables(store, drops).select(["row_number", "image_id", "title"]).to_pylist():
        assert row["image_id"] == given[row["row_number"] - 1]["mediaid"]
        assert row["title"] == (given[row["row_number"] - 1]["title"] or None)


def test_openverse_sample_is_read_whole_with_json_carried_as_given():
    store, drops = ingested("openverse_sample", "openverse/sample_data.csv")
    with (DATA / "openverse" / "sample_data.csv").open(encoding="utf-8", newline="") as file:
        given = list(csv.DictReader(file))

    observations = tables(store, drops)

    assert drops[0].rows_read == drops[0].observations == 5_000
    for row in observations.select(["row_number", "image_id", "meta_data", "owner_country"]).to_pylist():
        assert row["image_id"] == given[row["row_number"] - 1]["identifier"]
        assert row["meta_data"] == given[row["row_number"] - 1]["meta_data"]
        assert row["owner_country"] is None


def test_headerless_openverse_rows_count_from_the_first_line():
    store, drops = ingested("openverse_2018", "openverse/mocked_images_2018_noheader.csv")

    observations = tables(store, drops).sort_by("row_number")

    assert drops[0].rows_read == drops[0].observations == 1_000
    assert observations["row_number"].to_pylist() == list(range(1, 1_001))
    assert observations["image_id"][0].as_py() == "71211"


def test_identity_does_not_depend_on_http_or_https():
    store, [https, http] = ingested(
        "openverse_tsv",
        "openverse/example_output__flickr_1557512401.tsv",
        "openverse/example_output__flickr_http.tsv",
        observed_at=GIVEN,
    )

    prns = [tables(store, [drop])["prn"].to_pylist() for drop in (https, http)]

    assert https.observations == http.observations == 637
    assert prns[0] == prns[1]


@pytest.mark.parametrize(
    ("name", "rows", "reasons"),
    [
        ("loader__none_missing.tsv", 10, {}),
        ("loader__foreign_identifier_missing.tsv", 2, {"image_id is missing": 1}),
        ("loader__foreign_identifier_duplicate.tsv", 4, {}),
        ("loader__url_missing.tsv", 3, {"url is missing": 1}),
        ("loader__license_missing.tsv", 4, {"license is missing": 2}),
    ],
)
def test_malformed_openverse_rows_go_to_quarantine_and_the_others_stay(name, rows, reasons):
    wider = source("openverse_tsv").model_dump(mode="json")
    kept = [column for column in wider["columns"] if column != "filesize"]
    wider["columns"] = [*kept, "further_1", "further_2", "further_3", "further_4"]
    store = MemoryStore()

    drops = ingest(
        Source.model_validate({**wider, "max_bad_rows": {"share": 1}}),
        [str(DATA / "openverse" / name)],
        store,
        observed_at=GIVEN,
    )

    assert drops[0].rows_read == rows
    assert drops[0].files[0].quarantined_by_reason == reasons


def test_openverse_rows_of_another_layout_refuse_the_drop():
    with pytest.raises(DropRejected, match=r"10 bad rows of 10 \(10 has another number of values than the 17 columns"):
        ingested("openverse_tsv", "openverse/loader__none_missing.tsv", observed_at=GIVEN)


def test_every_carnegie_row_is_an_observation_or_in_quarantine():
    store, drops = ingested("cmoa", "cmoa", observed_at=GIVEN)

    observations = tables(store, drops)

    assert (drops[0].rows_read, drops[0].observations, drops[0].quarantined) == (87_289, 78_271, 9_018)
    assert "American" in set(observations["owner_country"].to_pylist())
    assert json.loads(observations["images"][0].as_py())[0]["image_url"] == observations["url"][0].as_py()
