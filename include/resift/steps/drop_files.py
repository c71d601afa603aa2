"""Finds and fetches the files of a drop, wherever they lie."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from resift.errors import ConfigError, DropRejected
from resift.model.source import Source
from resift.storage import Store, open_store

_BLOCK = 4 << 20


class Folder(Protocol):
    """A place that holds files."""

    def names(self) -> list[str]:
        """Return the names of all files in it and below it, relative to it, in order."""
        ...

    def holds(self, name: str) -> bool:
        """Return whether a file of that name lies in it."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        ...

    def path(self, name: str) -> Path | None:
        """Return a file's path on this machine, or None where it lies elsewhere."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of this machine."""

    root: Path

    def names(self) -> list[str]:
        """Return the names of all files in it and below it, relative to it, in order."""
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def holds(self, name: str) -> bool:
        """Return whether a file of that name lies in it."""
        return (self.root / name).is_file()

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        return (self.root / name).open("rb")

    def path(self, name: str) -> Path | None:
        """Return a file's path."""
        return self.root / name


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A prefix of an object store."""

    store: Store

    def names(self) -> list[str]:
        """Return the names of all files in it and below it, relative to it, in order."""
        return sorted(stat.key for stat in self.store.list(""))

    def holds(self, name: str) -> bool:
        """Return whether a file of that name lies in it."""
        return self.store.stat(name) is not None

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        return self.store.open(name)

    def path(self, name: str) -> Path | None:
        """Return None: the file must be fetched first."""
        return None


def find_files(location: str, *, source: Source) -> tuple[Folder, list[str]]:
    """Return the folder a drop lies in, and the names of its files there.

    Args:
        location: A path of this machine, or a ``file://`` or ``s3://`` URL, of a file or of a folder.
        source: Its ``files`` says which files of a folder are taken; a file named outright is always taken.

    Raises:
        ConfigError: The location is no path and no such URL.
        DropRejected: Nothing lies there, or nothing that matches.
    """
    folder, name = folder_of(location)
    if name is not None:
        return folder, [name]
    lookups = {lookup.file for lookup in source.lookups()}
    found = folder.names()
    taken = [name for name in found if name not in lookups and not _is_hidden(name) and fnmatch(name, source.files)]
    if not taken:
        beside = f"{len(found)} other files" if found else "nothing"
        raise DropRejected(
            f"drop {location}: found {beside}, expected files that match {source.files!r} (`files` of source "
            f"{source.name}). Correct the location or the source file."
        )
    return folder, taken


def folder_of(location: str) -> tuple[Folder, str | None]:
    """Return the folder at a location; for a file the folder it lies in, and its name."""
    if location.startswith("s3://"):
        parent, _, name = location.rstrip("/").rpartition("/")
        if name and not location.endswith("/") and parent != "s3:/":
            beside = RemoteFolder(open_store(parent))
            if beside.holds(name):
                return beside, name
        return RemoteFolder(open_store(location)), None
    path = _local_path(location)
    if path.is_file():
        return LocalFolder(path.parent), path.name
    if not path.is_dir():
        raise DropRejected(f"drop {location}: found nothing, expected a file or a folder. Correct the location.")
    return LocalFolder(path), None


@contextmanager
def fetched(folder: Folder, name: str, *, into: Path) -> Iterator[Path]:
    """Give a file as a file of this machine; one that lies elsewhere is copied and, after use, removed."""
    path = folder.path(name)
    if path is not None:
        yield path
        return
    path = into / "fetched"
    with folder.open(name) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, _BLOCK)
    try:
        yield path
    finally:
        path.unlink()


def sha256_in(folder: Folder, name: str) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with folder.open(name) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _local_path(location: str) -> Path:
    if location.startswith("file:"):
        return Path(unquote(urlsplit(location).path))
    if "://" in location:
        raise ConfigError(f"drop {location!r}: found another scheme, expected a path, file:// or s3://. Correct it.")
    return Path(location).absolute()


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))
