"""What only a directory can get wrong: processes, crashes, and files that others put there."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from store_writers import count_up_in, create_as

from resift.errors import KeyNotFound, StorageError
from resift.storage import LocalStore

PROCESSES = multiprocessing.get_context("spawn")


def unfinished(root: Path) -> list[Path]:
    return list((root / ".resift" / "tmp").iterdir())


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_an_object_lies_as_a_file_at_its_key(tmp_path: Path) -> None:
    LocalStore(tmp_path / "lake").put("a/b", b"one")

    assert (tmp_path / "lake" / "a" / "b").read_bytes() == b"one"


def test_every_write_leaves_no_unfinished_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    etag = store.create("a", b"1")
    store.create("a", b"1")
    store.swap("a", b"2", etag=etag)
    store.copy("a", "b")
    store.copy("a", "b")
    store.put("a", b"3")

    assert unfinished(tmp_path) == []
    assert files(tmp_path) == {"a", "b", ".resift/lock"}


def test_reading_writes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "lake")

    assert list(store.list("")) == []
    assert store.stat("a") is None
    store.delete("a")
    with pytest.raises(KeyNotFound):
        store.get("a")
    assert not (tmp_path / "lake").exists()


def test_a_writer_killed_before_it_places_its_file_leaves_nothing_visible(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    old = store.put("a/b", b"old")
    # While the test holds the lock alone, a writer writes its file and waits to place it: there it is killed.
    with (tmp_path / ".resift" / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code = "import sys, pathlib; from resift.storage import LocalStore; print('ready', flush=True)"
        code += "; LocalStore(pathlib.Path(sys.argv[1])).put(sys.argv[2], b'new')"
        writers = [
            subprocess.Popen([sys.executable, "-c", code, str(tmp_path), key], stdout=subprocess.PIPE)
            for key in ("a/b", "c")
        ]
        for writer in writers:
            with writer:
                assert writer.stdout is not None
                writer.stdout.readline()
                while not any(path.read_bytes() == b"new" for path in unfinished(tmp_path)):
                    assert writer.poll() is None
                writer.kill()

    assert unfinished(tmp_path) != []
    assert [found.key for found in store.list("")] == ["a/b"]
    assert store.get("a/b") == b"old"
    assert store.stat("c") is None
    store.swap("a/b", b"newer", etag=old)
    store.create("c", b"another")


def test_of_processes_that_create_exactly_one_wins(tmp_path: Path) -> None:
    bodies = [b"%d" % n for n in range(12)]

    with ProcessPoolExecutor(3, PROCESSES) as processes:
        won = list(processes.map(create_as, [tmp_path] * 12, ["a/b"] * 12, bodies))

    assert sum(won) == 1
    assert LocalStore(tmp_path).get("a/b") == bodies[won.index(True)]


def test_processes_that_swap_lose_no_update(tmp_path: Path) -> None:
    LocalStore(tmp_path).create("number", b"0")

    with ProcessPoolExecutor(3, PROCESSES) as processes:
        list(processes.map(count_up_in, [tmp_path] * 3, ["number"] * 3, [100] * 3))

    assert LocalStore(tmp_path).get("number") == b"300"


def test_an_opened_object_stays_readable_when_it_is_replaced(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a", b"one")

    with store.open("a") as file:
        store.put("a", b"two")
        assert file.read() == b"one"


def test_a_directory_left_empty_by_the_last_object_is_removed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b/c", b"")
    store.put("a/d", b"")

    store.delete("a/b/c")

    assert not (tmp_path / "a" / "b").exists()
    assert (tmp_path / "a" / "d").exists()


@pytest.mark.parametrize("key", ["a", "a/b/c"])
def test_a_key_cannot_be_an_object_and_a_directory(tmp_path: Path, key: str) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b", b"one")

    with pytest.raises(StorageError, match="directories cannot hold both"):
        store.put(key, b"two")
    with pytest.raises(StorageError, match="directories cannot hold both"):
        store.create(key, b"two")
    assert files(tmp_path) == {"a/b", ".resift/lock"}


def test_a_file_whose_name_is_not_utf8_is_not_listed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a", b"")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_bytes(b"")
    except OSError as error:
        pytest.skip(f"this file system refuses such names: {error}")

    assert [found.key for found in store.list("")] == ["a"]


def test_a_large_object_changes_its_etag_with_every_write(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    etags = {store.put("a", b"x" * 100_000) for _ in range(5)}

    found = store.stat("a")
    assert found is not None
    assert found.etag in etags


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_refuses_writing_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)

    with pytest.raises(StorageError, match=r"found Permission denied, expected to read and write"):
        LocalStore(tmp_path).put("a", b"")


def test_a_lake_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").write_bytes(b"")

    with pytest.raises(StorageError, match=r"lake: a: found .*, expected to read and write there"):
        LocalStore(tmp_path / "lake").put("a", b"")
