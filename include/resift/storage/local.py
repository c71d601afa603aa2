"""Keeps objects as files of a local directory: the embedded default."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from resift.errors import StorageError
from resift.storage import key as keys
from resift.storage.key import RESERVED, check_bounds, check_folder, check_key, check_prefix
from resift.storage.protocol import BLOCK_BYTES, ObjectStat

HASHED_BYTES = 64 * 1024
"""Objects up to this size have the hash of their content as etag."""

_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalStore:
    """A store in a directory; a key is the path of a file below it.

    An object is written under a name no key can have and then linked or renamed into place, so a killed writer
    leaves nothing a reader sees. What it left in ``.resift/tmp`` may be deleted while nothing writes. Files are not
    flushed to disk one by one: after a power cut the file system decides what is kept, and digests tell.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))
        self._own = self._root / RESERVED

    @property
    def url(self) -> str:
        """The ``file:///`` URL of the directory."""
        return self._root.as_uri()

    def get(self, key: str) -> bytes:
        """Return a whole object."""
        with self.open(key) as file, self._reported(key):
            return file.read()

    def get_range(self, key: str, *, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``; fewer at the end of the object, none past it."""
        check_bounds(key, start=start, length=length)
        with self.open(key) as file, self._reported(key):
            file.seek(start)
            return file.read(length)

    def stream(self, key: str, *, start: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes as ``get_range`` in blocks; replacing the object meanwhile changes none of them."""
        check_bounds(key, start=start, length=length)
        with self.open(key) as file, self._reported(key):
            file.seek(start)
            while block := file.read(min(BLOCK_BYTES, length)):
                length -= len(block)
                yield block

    def open(self, key: str) -> BinaryIO:
        """Open an object for random access; it stays readable, unchanged, when it is replaced meanwhile."""
        path = self._path(key)
        with self._reported(key):
            try:
                return path.open("rb")
            except _ABSENT:
                raise keys.not_found(self.url, key) from None

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and etag, or None where no object lies."""
        path = self._path(key)
        with self._reported(key):
            return _stat(path, key)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Yield all objects under ``prefix``, one directory at a time; a file gone meanwhile is left out."""
        directory, slash, name = check_prefix(prefix).rpartition("/")
        return self._walk(self._root / directory, directory + slash, name)

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the directories in one."""
        check_folder(prefix)
        entries = self._entries(self._root / prefix, prefix)
        return (entry.removesuffix("/") for entry in entries if entry.endswith("/"))

    def put(self, key: str, body: bytes) -> str:
        """Write an object, replacing what was there; return its etag."""
        return self._write(key, lambda unfinished: unfinished.write_bytes(body), self._replace)

    def put_file(self, key: str, path: Path) -> str:
        """Write an object from a local file, in bounded memory; return its etag."""
        path.stat()  # a missing local file is not an error of the lake
        return self._write(key, lambda unfinished: shutil.copyfile(path, unfinished), self._replace)

    def create(self, key: str, body: bytes) -> str:
        """Write an object that must not exist yet, or holds these very bytes; return its etag."""

        def link(unfinished: Path, target: Path) -> str:
            # Linking, unlike renaming, fails where a file lies, in one step for all processes.
            self._make_directory(key, target.parent)
            try:
                os.link(unfinished, target)
            except FileExistsError:
                if target.is_dir():
                    raise keys.shadowed(self.url, key, f"{key}/") from None
                if target.read_bytes() != body:
                    raise keys.exists(self.url, key) from None
            return _etag(target)

        return self._write(key, lambda unfinished: unfinished.write_bytes(body), link)

    def swap(self, key: str, body: bytes, *, etag: str) -> str:
        """Replace an object that must still have ``etag``; return the new etag."""

        def replace(unfinished: Path, target: Path) -> str:
            found = _stat(target, key)
            if found is None or found.etag != etag:
                raise keys.conflict(self.url, key, found=found.etag if found else None, expected=etag)
            return self._replace(unfinished, target)

        return self._write(key, lambda unfinished: unfinished.write_bytes(body), replace, alone=True)

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store, replacing the target.

        The two may share one file: every write puts a new one into place, so neither ever changes the other.
        """
        origin = self._path(source)

        def fill(unfinished: Path) -> None:
            try:
                _link_or_copy(origin, unfinished)
            except _ABSENT:
                raise keys.not_found(self.url, source) from None

        self._write(target, fill, self._replace)

    def delete(self, key: str) -> None:
        """Remove an object and the directories it leaves empty; no error where none lies."""
        path = self._path(key)
        with self._reported(key):
            if not path.is_file():
                return
            with self._locked(alone=True):
                path.unlink(missing_ok=True)
                for parent in path.parents:
                    if parent == self._root or any(parent.iterdir()):
                        return
                    parent.rmdir()

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _write(
        self, key: str, fill: Callable[[Path], object], place: Callable[[Path, Path], str], *, alone: bool = False
    ) -> str:
        """Fill a file no reader sees, then place it under the key."""
        target = self._path(key)
        unfinished = self._own / "tmp" / uuid.uuid4().hex
        with self._reported(key):
            try:
                unfinished.parent.mkdir(parents=True, exist_ok=True)
                fill(unfinished)
                with self._locked(alone=alone):
                    return place(unfinished, target)
            finally:
                # Renaming onto another name of the same file does nothing, so the first name may still be there.
                unfinished.unlink(missing_ok=True)

    def _replace(self, unfinished: Path, target: Path) -> str:
        etag = _etag(unfinished)
        key = target.relative_to(self._root).as_posix()
        self._make_directory(key, target.parent)
        try:
            os.replace(unfinished, target)
        except IsADirectoryError:
            raise keys.shadowed(self.url, key, f"{key}/") from None
        return etag

    def _make_directory(self, key: str, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            other = next(path for path in (directory, *directory.parents) if path.is_file())
            raise keys.shadowed(self.url, key, other.relative_to(self._root).as_posix()) from None

    @contextmanager
    def _locked(self, *, alone: bool) -> Iterator[None]:
        """Hold the store's lock: shared to put a file into place, alone to compare, swap or remove.

        Without it a swap could overwrite what was put after it had compared.
        """
        self._own.mkdir(parents=True, exist_ok=True)
        with (self._own / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

    @contextmanager
    def _reported(self, key: str) -> Iterator[None]:
        """Turn the operating system's errors into StorageError, keeping their number."""
        try:
            yield
        except StorageError:
            raise
        except OSError as error:
            raise _failed(self.url, key, error) from error

    def _entries(self, directory: Path, prefix: str, name: str = "") -> Sequence[str]:
        """Return what lies in a directory, directories with a slash at the end."""
        try:
            with os.scandir(directory) as scan:
                return [
                    (entry.name + "/" if entry.is_dir() else entry.name)
                    for entry in scan
                    if entry.name.startswith(name) and (prefix or entry.name != RESERVED) and _is_text(entry.name)
                ]
        except _ABSENT:
            return []
        except OSError as error:
            raise _failed(self.url, prefix, error) from error

    def _walk(self, directory: Path, prefix: str, name: str = "") -> Iterator[ObjectStat]:
        # S3 lists keys in UTF-8 order, in which '/' counts: 'a.b' comes before 'a/b'. Python orders text alike.
        for entry in sorted(self._entries(directory, prefix, name)):
            if entry.endswith("/"):
                yield from self._walk(directory / entry, prefix + entry)
            elif (found := _stat(directory / entry, prefix + entry)) is not None:
                yield found


def _stat(path: Path, key: str) -> ObjectStat | None:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            # Documents, which get swapped, are told apart by their content; the rest by the file itself, for hashing
            # it would make listing as slow as reading.
            if status.st_size <= HASHED_BYTES:
                return ObjectStat(key, status.st_size, hashlib.sha256(file.read()).hexdigest())
    except _ABSENT:
        return None
    return ObjectStat(key, status.st_size, f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}")


def _etag(path: Path) -> str:
    if (found := _stat(path, "")) is None:
        raise FileNotFoundError(path)
    return found.etag


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except _ABSENT:
        raise
    except OSError:  # the file system has no hard links, or no more of this file
        shutil.copyfile(source, target)


def _is_text(name: str) -> bool:
    """A file name that is not UTF-8 cannot be a key."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _failed(url: str, key: str, error: OSError) -> StorageError:
    failure = StorageError(
        f"{url}: {key}: found {error.strerror or error}, expected to read and write there. "
        "Check that the directory exists, has room and allows this user."
    )
    failure.errno = error.errno
    return failure
