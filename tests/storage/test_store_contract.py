"""What every store promises, whatever lies below it."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from store_writers import count_up, wins

from resift.errors import KeyExists, KeyNotFound, WriteConflict
from resift.storage import BLOCK_BYTES, Store

NAMES = ["a", "a b+c&d=%41?#", "ä/ö.json", "日本/東京", "z/😀", "z/\ue000", "deep/er/and/deep/er/still"]


def listed(store: Store, prefix: str = "") -> list[str]:
    return [found.key for found in store.list(prefix)]


def test_get_returns_what_put_wrote(store: Store) -> None:
    store.put("a/b", b"one")

    assert store.get("a/b") == b"one"


def test_put_replaces_and_changes_the_etag(store: Store) -> None:
    first = store.put("a/b", b"one")
    second = store.put("a/b", b"two")

    assert store.get("a/b") == b"two"
    assert first != second


@pytest.mark.parametrize("key", NAMES)
def test_any_unicode_key_is_written_listed_and_read(store: Store, key: str) -> None:
    store.put(key, key.encode())
    store.copy(key, f"copy/{key}")

    assert store.get(key) == store.get(f"copy/{key}") == key.encode()
    assert set(listed(store)) == {key, f"copy/{key}"}


def test_stat_tells_the_size_and_the_etag_that_put_returned(store: Store) -> None:
    etag = store.put("a", b"four")

    found = store.stat("a")

    assert found is not None
    assert (found.key, found.size_bytes, found.etag) == ("a", 4, etag)


def test_listing_tells_the_same_as_stat(store: Store, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(200_000))
    store.put("a", b"four")
    store.put_file("b/c", tmp_path / "large")

    assert list(store.list("")) == [store.stat("a"), store.stat("b/c")]


def test_missing_objects_are_not_found(store: Store) -> None:
    store.put("there", b"x")

    assert store.stat("gone") is None
    for read in (
        store.get,
        store.open,
        lambda key: store.get_range(key, start=0, length=0),
        lambda key: list(store.stream(key, start=0, length=0)),
        lambda key: list(store.stream(key, start=0, length=1)),
    ):
        with pytest.raises(KeyNotFound, match="found no object under gone, expected one"):
            read("gone")
    with pytest.raises(KeyNotFound, match="found no object under gone"):
        store.copy("gone", "target")
    assert listed(store) == ["there"]


def test_a_directory_of_objects_is_not_an_object(store: Store) -> None:
    store.put("a/b", b"x")

    assert store.stat("a") is None
    with pytest.raises(KeyNotFound):
        store.get("a")
    store.delete("a")
    assert store.get("a/b") == b"x"


def test_an_empty_object_is_an_object(store: Store) -> None:
    store.put("empty", b"")

    found = store.stat("empty")
    assert found is not None
    assert found.size_bytes == 0
    assert store.get("empty") == b""
    assert store.get_range("empty", start=0, length=10) == b""
    assert store.open("empty").read() == b""


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, 3, b"abc"),
        (3, 3, b"def"),
        (0, 0, b""),
        (5, 1, b"f"),
        (5, 2, b"f"),
        (6, 1, b""),
        (600, 1, b""),
        (0, 600, b"abcdef"),
    ],
)
def test_a_range_ends_with_the_object(store: Store, start: int, length: int, expected: bytes) -> None:
    store.put("a", b"abcdef")

    assert store.get_range("a", start=start, length=length) == expected


@pytest.mark.parametrize(
    ("start", "length"), [(0, 700_000), (0, 900_000), (1, 300_000), (699_999, 9), (700_000, 1), (0, 0)]
)
def test_a_stream_yields_the_same_bytes_as_a_range_in_blocks(store: Store, start: int, length: int) -> None:
    body = os.urandom(700_000)
    store.put("a", body)

    blocks = list(store.stream("a", start=start, length=length))

    assert b"".join(blocks) == store.get_range("a", start=start, length=length) == body[start : start + length]
    assert all(0 < len(block) <= BLOCK_BYTES for block in blocks)


def test_a_stream_that_is_left_early_leaves_the_store_usable(store: Store) -> None:
    body = os.urandom(700_000)
    store.put("a", body)

    for _ in range(50):
        assert body.startswith(next(store.stream("a", start=0, length=700_000)))
    assert store.get("a") == body


def test_a_range_before_the_object_is_refused(store: Store) -> None:
    store.put("a", b"abcdef")

    for read in (store.get_range, lambda key, **bounds: list(store.stream(key, **bounds))):
        with pytest.raises(ValueError, match="expected two numbers not below zero"):
            read("a", start=-1, length=1)


def test_an_opened_object_reads_like_a_file(store: Store) -> None:
    body = os.urandom(300_000)
    store.put("a", body)

    with store.open("a") as file:
        assert file.read(10) == body[:10]
        assert file.seek(-5, io.SEEK_END) == len(body) - 5
        assert file.read(100) == body[-5:]
        assert file.read(1) == b""
        file.seek(1000)
        file.seek(7, io.SEEK_CUR)
        assert file.tell() == 1007
        assert file.read(150_000) == body[1007:151_007]
        assert file.read() == body[151_007:]
        file.seek(len(body) + 1)
        assert file.read(1) == b""


def test_parquet_is_read_through_an_opened_object(store: Store) -> None:
    table = pa.table({"prn": list(range(100_000)), "url": [f"https://a.example/{n}" for n in range(100_000)]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=16_384)
    store.put("run.parquet", buffer.getvalue())

    with pq.ParquetFile(store.open("run.parquet")) as file:
        assert file.read_row_group(3).equals(table.slice(3 * 16_384, 16_384))
        assert file.read().equals(table)


def test_a_file_of_20_mb_comes_back_whole(store: Store, tmp_path: Path) -> None:
    body = os.urandom(1 << 20) * 20
    (tmp_path / "body").write_bytes(body)

    etag = store.put_file("large", tmp_path / "body")
    store.copy("large", "copied")

    found = store.stat("large")
    assert found is not None
    assert (found.size_bytes, found.etag) == (len(body), etag)
    assert store.get("copied") == body


def test_a_missing_local_file_is_not_an_error_of_the_lake(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        store.put_file("a", tmp_path / "nowhere")
    assert listed(store) == []


def test_listing_is_in_utf8_order(store: Store) -> None:
    keys = ["a.b", "a/b", "a/b.c", "a0", "a-b", "B", "ä", "z/😀", "z/\ue000", "z/\uffee"]
    for key in keys:
        store.put(key, b"")

    assert listed(store) == sorted(keys, key=str.encode)


def test_a_prefix_may_end_inside_a_name(store: Store) -> None:
    for key in ("run/1", "run/10", "run/2", "runs", "ru/n"):
        store.put(key, b"")

    assert listed(store, "run/1") == ["run/1", "run/10"]
    assert listed(store, "run/") == ["run/1", "run/10", "run/2"]
    assert listed(store, "run") == ["run/1", "run/10", "run/2", "runs"]
    assert listed(store, "run/1/") == []
    assert listed(store, "nothing/here") == []


def test_folders_are_named_once_and_what_is_below_is_not(store: Store) -> None:
    for key in ("b", "a.b/c", "a/1/x", "a/1/y", "a/2", "a/ü/z", "ab/1"):
        store.put(key, b"")

    assert sorted(store.folders("")) == ["a", "a.b", "ab"]
    assert sorted(store.folders("a/")) == ["1", "ü"]
    assert list(store.folders("a/1/")) == list(store.folders("nothing/here/")) == []


@pytest.mark.parametrize("prefix", ["a", "a/b", "/", "../", "a//", ".resift/"])
def test_a_prefix_that_is_no_folder_has_no_folders(store: Store, prefix: str) -> None:
    with pytest.raises(ValueError, match=r"^prefix"):
        list(store.folders(prefix))


def test_an_empty_lake_lists_nothing(store: Store) -> None:
    assert listed(store) == list(store.folders("")) == []
    assert store.stat("a") is None


def test_create_writes_what_was_not_there(store: Store) -> None:
    etag = store.create("a/b", b"one")

    found = store.stat("a/b")
    assert found is not None
    assert found.etag == etag
    assert store.get("a/b") == b"one"


def test_create_refuses_to_replace(store: Store) -> None:
    store.put("a", b"one")

    with pytest.raises(KeyExists, match="found an object with other content under a, expected none"):
        store.create("a", b"two")
    assert store.get("a") == b"one"


def test_create_repeated_with_the_same_bytes_succeeds(store: Store) -> None:
    first = store.create("a", b"one")

    assert store.create("a", b"one") == first


def test_swap_replaces_what_was_expected(store: Store) -> None:
    first = store.put("a", b"one")

    second = store.swap("a", b"two", etag=first)

    found = store.stat("a")
    assert found is not None
    assert found.etag == second != first
    assert store.get("a") == b"two"


def test_swap_refuses_another_object(store: Store) -> None:
    first = store.put("a", b"one")
    store.put("a", b"two")

    with pytest.raises(WriteConflict, match="another writer was first"):
        store.swap("a", b"three", etag=first)
    assert store.get("a") == b"two"


def test_swap_refuses_a_missing_object(store: Store) -> None:
    first = store.put("a", b"one")
    store.delete("a")

    with pytest.raises(WriteConflict, match="found no object under a"):
        store.swap("a", b"two", etag=first)
    assert store.stat("a") is None


def test_a_refused_write_leaves_its_name_free(store: Store) -> None:
    with pytest.raises(WriteConflict):
        store.swap("a/b", b"one", etag="none")
    with pytest.raises(KeyNotFound):
        store.copy("gone", "a/c")

    store.put("a", b"now an object")

    assert listed(store) == ["a"]


def test_swap_by_another_writer_to_the_same_bytes_is_a_conflict(store: Store) -> None:
    first = store.put("a", b"1")
    store.swap("a", b"2", etag=first)

    with pytest.raises(WriteConflict):
        store.swap("a", b"2", etag=first)


def test_a_copy_keeps_its_content_when_the_source_is_replaced_or_removed(store: Store) -> None:
    store.put("a", b"one")
    store.copy("a", "b")
    store.copy("a", "b")
    store.copy("a", "c")
    store.put("a", b"two")
    store.delete("c")

    assert store.get("b") == b"one"
    assert listed(store) == ["a", "b"]


def test_a_copy_replaces_its_target(store: Store) -> None:
    store.put("a", b"one")
    store.put("b", b"two")

    store.copy("a", "b")

    assert store.get("b") == b"one"


def test_a_copy_onto_itself_changes_nothing(store: Store) -> None:
    store.put("a", b"one")

    store.copy("a", "a")

    assert store.get("a") == b"one"


def test_delete_twice_equals_once(store: Store) -> None:
    store.put("a/b/c", b"")

    store.delete("a/b/c")
    store.delete("a/b/c")

    assert listed(store) == []


def test_a_name_is_free_again_when_the_objects_below_it_are_gone(store: Store) -> None:
    store.put("a/b/c", b"")
    store.delete("a/b/c")

    store.put("a", b"now an object")

    assert listed(store) == ["a"]


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("", "segment ''"),
        ("/a", "segment ''"),
        ("a/", "segment ''"),
        ("a//b", "segment ''"),
        ("../a", "segment '..'"),
        ("a/./b", r"segment '\.'"),
        ("a\\b", "backslash"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("\ud800", "lone surrogate"),
        (".resift/tmp/a", "first segment '.resift'"),
        ("a" * 256, "segment of 256 bytes"),
        ("a/" * 512 + "a", "1025 bytes"),
    ],
)
def test_a_key_that_some_store_cannot_hold_is_refused_by_all(store: Store, key: str, found: str) -> None:
    for use in (store.get, store.stat, store.delete, store.open, lambda key: store.put(key, b"")):
        with pytest.raises(ValueError, match=found):
            use(key)


@pytest.mark.parametrize("prefix", ["/", "..", "../", "a/..", "a//b", "a\\", ".resift/"])
def test_a_prefix_that_some_store_cannot_list_is_refused_by_all(store: Store, prefix: str) -> None:
    with pytest.raises(ValueError, match=r"^prefix"):
        listed(store, prefix)


def test_of_concurrent_creates_exactly_one_wins(store: Store, request: pytest.FixtureRequest) -> None:
    if "moto" in request.node.name:
        pytest.skip("moto checks a precondition and writes in two steps")
    store.create("warm", b"up")

    with ThreadPoolExecutor(8) as threads:
        for round_ in range(5):
            won = list(threads.map(lambda n, key=f"race/{round_}": wins(store, key, b"%d" % n), range(8)))
            assert sum(won) == 1
            assert store.get(f"race/{round_}") == b"%d" % won.index(True)


def test_concurrent_swaps_lose_no_update(store: Store, request: pytest.FixtureRequest) -> None:
    if "moto" in request.node.name:
        pytest.skip("moto checks a precondition and writes in two steps")
    store.put("number", b"0")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: count_up(store, "number", 8), range(4)))

    assert store.get("number") == b"32"


def test_a_reader_sees_a_whole_object_while_it_is_replaced(store: Store) -> None:
    bodies = [bytes([65 + n]) * 100_000 for n in range(2)]
    store.put("a", bodies[0])

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(lambda: [store.put("a", bodies[n % 2]) for n in range(20)])
        while not writing.done():
            assert store.get("a") in bodies
    writing.result()
