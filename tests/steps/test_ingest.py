"""A drop becomes sorted runs, once, whole or not at all."""

import gzip
import random
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from drops import FORMATS, SALT, make_source, observations, quarantine, row, take, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resift.core.prn import permanent_random_numbers
from resift.errors import DropRejected, PoolError
from resift.model import keys
from resift.model.pool import Pool
from resift.steps.found_pool import ensure_pool
from resift.steps.ingest import commit_drop, find_drop, open_drop
from resift.steps.ingest_file import ingest_file
from resift.storage.memory import MemoryStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def lake(store):
    return {stat.key: store.get(stat.key) for stat in store.list("")}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_observations(kind, tmp_path):
    rows = [row(1, country="NA"), row(2, country="", state="deleted", url=""), row(3, title='a "quoted", é\nline')]
    store = MemoryStore()

    [drop] = take(store, make_source(format=kind), write(tmp_path / f"drop.{kind}", rows))

    found = sorted(observations(store, drop), key=lambda o: o["row_number"])
    assert [o["image_id"] for o in found] == ["item-1", "item-2", "item-3"]
    assert [o["owner_country"] for o in found] == ["NA", None, "US"]
    assert [o["state"] for o in found] == ["public", "deleted", "public"]
    assert found[2]["title"] == 'a "quoted", é\nline'
    assert found[0]["observed_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert (found[0]["source"], found[0]["drop"], found[0]["file"]) == ("photos", drop.drop_id, f"drop.{kind}")


@pytest.mark.parametrize("rule", ["width", {"column": "width", "values": {"-1": "1"}}])
def test_whole_numbers_of_parquet_read_as_their_text_does(rule, tmp_path):
    fields = {"image_id": "id", "url": "url", "width": rule}
    store = MemoryStore()

    found = []
    for kind in (int, str):
        rows = [row(n, width=None if width is None else kind(width)) for n, width in enumerate([640, -1, None, 2**31])]
        path = write(tmp_path / f"{kind.__name__}.parquet", rows)
        [drop] = take(store, make_source(format="parquet", fields=fields), path)
        widths = {o["image_id"]: o["width"] for o in observations(store, drop)}
        found.append((widths, [(number, reason) for number, _, reason in quarantine(store, drop)]))

    assert found[0] == found[1]
    assert found[0][0]["item-0"] == 640
    assert len(found[0][1]) == (2 if rule == "width" else 1)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_compression_is_told_by_the_name(kind, compression, tmp_path):
    plain = write(tmp_path / f"drop.{kind}", [row(1), row(2)])
    packed = tmp_path / f"drop.{kind}.{'gz' if compression == 'gzip' else 'zst'}"
    packed.write_bytes(
        pa.compress(plain.read_bytes(), compression, asbytes=True)
        if compression == "zstd"
        else gzip.compress(plain.read_bytes())
    )

    [drop] = take(MemoryStore(), make_source(format=kind), packed)

    assert drop.observations == 2


def test_the_same_drop_twice_changes_nothing(tmp_path):
    store, path = MemoryStore(), write(tmp_path / "drop.csv", [row(1), row(2, width="x")])
    [first] = take(store, make_source(), path)
    before = lake(store)

    [second] = take(store, make_source(), path)

    assert second == first
    assert lake(store) == before


def test_the_same_content_under_another_name_is_the_same_drop(tmp_path):
    store = MemoryStore()

    [first] = take(store, make_source(), write(tmp_path / "a" / "one.csv", [row(1)]))
    [second] = take(store, make_source(), write(tmp_path / "b" / "two.csv", [row(1)]))

    assert second == first


def test_a_name_that_tells_the_instant_is_part_of_the_drop(tmp_path):
    store, source = MemoryStore(), make_source(observed_at={"file_name": r"(\d{4}-\d{2}-\d{2})", "timezone": "UTC"})

    drops = take(
        store, source, write(tmp_path / "p_2026-01-01.csv", [row(1)]), write(tmp_path / "p_2026-02-01.csv", [row(1)])
    )

    assert [o["observed_at"].month for o in observations(store, *drops)] == [1, 2]
    assert drops[0].drop_id != drops[1].drop_id


def test_the_order_of_drops_and_of_their_files_does_not_matter_to_what_is_stored(tmp_path):
    paths = [write(tmp_path / f"{n}.csv", [row(n * 10 + k) for k in range(5)]) for n in range(4)]
    one, other = MemoryStore(), MemoryStore()

    take(one, make_source(), *paths)
    take(other, make_source(), *reversed(paths))

    runs = [{key: body for key, body in lake(store).items() if "/runs/" in key} for store in (one, other)]
    assert runs[0] == runs[1]


def test_rows_are_sorted_whatever_their_order_in_the_file(tmp_path):
    rows = [row(number) for number in range(500)]
    shuffled = random.Random(1).sample(rows, k=len(rows))

    stored = []
    for at, delivered in enumerate([rows, shuffled]):
        store = MemoryStore()
        [drop] = take(store, make_source(), write(tmp_path / f"{at}.csv", delivered))
        stored.append([(o["prn"], o["image_id"], o["title"]) for o in observations(store, drop)])

    assert stored[0] == stored[1] == sorted(stored[0])


def test_prns_are_those_of_the_pool(tmp_path):
    store = MemoryStore()

    [drop] = take(store, make_source(), write(tmp_path / "drop.csv", [row(n) for n in range(50)]))

    found = observations(store, drop)
    expected = permanent_random_numbers(pa.array([o["image_id"] for o in found]), salt=SALT)
    assert [o["prn"] for o in found] == expected.tolist()


def test_duplicate_ids_within_and_across_drops_are_all_kept(tmp_path):
    store = MemoryStore()

    drops = take(
        store,
        make_source(),
        write(tmp_path / "a.csv", [row(1), row(1, seen="2026-01-02T00:00:00Z"), row(1)]),
        write(tmp_path / "b.csv", [row(1), row(2)]),
    )

    assert [drop.observations for drop in drops] == [3, 2]
    assert [(o["observed_at"].day, o["row_number"]) for o in observations(store, drops[0])] == [(1, 1), (1, 3), (2, 2)]


def test_two_sources_may_feed_one_pool(tmp_path):
    store = MemoryStore()

    [one] = take(store, make_source(name="one"), write(tmp_path / "a.csv", [row(1)]))
    [two] = take(store, make_source(name="two", format="jsonl", carry=[]), write(tmp_path / "a.jsonl", [row(1)]))

    assert observations(store, one)[0]["prn"] == observations(store, two)[0]["prn"]
    assert one.files[0].run.carried == {"title": "string"}
    assert two.files[0].run.carried == {}


def test_the_instant_may_be_given_with_the_drop(tmp_path):
    store, source = MemoryStore(), make_source(observed_at=None)

    [drop] = take(store, source, write(tmp_path / "drop.csv", [row(1)]), observed_at=NOON)

    assert observations(store, drop)[0]["observed_at"] == NOON


def test_a_table_beside_the_drop_is_looked_up_and_is_part_of_it(tmp_path):
    fields = {
        "image_id": "id",
        "url": "url",
        "owner_country": {
            "column": "owner",
            "lookup": {"file": "people.csv", "key": "who", "value": "place"},
            "last_after": ", ",
            "values": {"Polska": "PL"},
        },
    }
    path = write(
        tmp_path / "d" / "drop.csv", [row(1, owner="7"), row(2, owner="8"), row(3, owner="9"), row(4, owner="")]
    )
    people = [{"who": "7", "place": "Łódź, Polska"}, {"who": "8", "place": "Bristol"}]
    store = MemoryStore()

    write(path.parent / "people.csv", people)
    [drop] = take(store, make_source(fields=fields), path.parent)
    write(path.parent / "people.csv", [*people, {"who": "9", "place": "Polska"}])
    [corrected] = take(store, make_source(fields=fields), path.parent)

    countries = {o["row_number"]: o["owner_country"] for o in observations(store, drop)}
    assert countries == {1: "PL", 2: "Bristol", 3: None, 4: None}
    assert [file.name for file in drop.files] == ["drop.csv"]
    assert corrected.drop_id != drop.drop_id


def test_a_state_without_a_value_is_what_the_source_says(tmp_path):
    store = MemoryStore()
    source = make_source(state={"column": "state", "values": {"gone": "deleted"}, "missing": "public"})

    [drop] = take(
        store, source, write(tmp_path / "d.csv", [row(1, state=""), row(2, state="gone"), row(3, state="Gone")])
    )

    assert {o["row_number"]: o["state"] for o in observations(store, drop)} == {1: "public", 2: "deleted"}
    assert [reason for _, _, reason in quarantine(store, drop)] == ["state is unknown"]


def test_a_file_may_be_ingested_again_and_nothing_shows_before_the_commit(tmp_path):
    store, source = MemoryStore(), make_source()
    listing = open_drop(source, str(write(tmp_path / "drop.csv", [row(1)])))
    ensure_pool(store, "photos", salt=SALT)

    first = ingest_file(source, listing, 0, store)
    before = lake(store)
    second = ingest_file(source, listing, 0, store)

    assert second == first
    assert lake(store) == before
    assert find_drop(store, "photos", listing.drop_id) is None


def test_of_two_processes_that_commit_one_drop_both_get_the_same(tmp_path):
    store, source = MemoryStore(), make_source()
    listing = open_drop(source, str(write(tmp_path / "drop.csv", [row(1)])))
    ensure_pool(store, "photos", salt=SALT)
    receipts = [ingest_file(source, listing, 0, store)]

    assert commit_drop(source, listing, receipts, store) == commit_drop(source, listing, receipts, store)


def test_a_file_that_changed_since_it_was_listed_is_refused(tmp_path):
    store, source = MemoryStore(), make_source()
    path = write(tmp_path / "drop.csv", [row(1)])
    listing = open_drop(source, str(path))
    ensure_pool(store, "photos", salt=SALT)

    write(path, [row(2)])

    with pytest.raises(DropRejected, match=r"drop.csv: has sha256 .* as when the drop was listed"):
        ingest_file(source, listing, 0, store)
    assert set(lake(store)) == {keys.pool("photos")}


def test_a_pool_is_founded_once_with_a_salt_of_its_own():
    store = MemoryStore()

    salts = {ensure_pool(store, name).salt for name in ("a", "b", "a")}

    assert len(salts) == 2
    assert all(len(salt) == 16 and salt.isascii() for salt in salts)
    assert Pool.from_json(store.get(keys.pool("a")), what="a").salt in salts


def test_a_pool_does_not_change_its_salt():
    store = MemoryStore()
    ensure_pool(store, "photos", salt=SALT)

    with pytest.raises(PoolError, match=r"exists in .* with another salt"):
        ensure_pool(store, "photos", salt="fedcba9876543210")


VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5)
ROWS = st.fixed_dictionaries(
    {
        "id": VALUES,
        "url": VALUES,
        "owner": VALUES,
        "country": VALUES,
        "state": st.sampled_from(["public", "private", "deleted", "", "odd"]),
        "seen": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", "9999-01-01T00:00:00Z", "", "x"]),
        "width": st.sampled_from(["640", "", "0", "wide"]),
        "title": VALUES,
    }
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, min_size=1, max_size=12), st.sampled_from(FORMATS))
def test_nothing_is_lost_and_what_is_kept_is_as_given(tmp_path, rows, kind):
    store = MemoryStore()

    [drop] = take(store, make_source(format=kind), write(tmp_path / f"drop.{kind}", rows))

    kept = {o["row_number"]: o for o in observations(store, drop)}
    rejected = {number for number, _, _ in quarantine(store, drop)}
    assert kept.keys() | rejected == set(range(1, len(rows) + 1))
    assert not kept.keys() & rejected
    assert (drop.rows_read, drop.observations, drop.quarantined) == (len(rows), len(kept), len(rejected))
    for number, found in kept.items():
        given_row = rows[number - 1]
        names = {"image_id": "id", "url": "url", "owner_id": "owner", "owner_country": "country", "title": "title"}
        assert all(found[name] == (given_row[column] or None) for name, column in names.items())
