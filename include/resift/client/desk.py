"""The directory of a copy: what lies in it, what may be put there, and when it counts as whole."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from resift.client.describe import describe
from resift.client.fetch import digest_of
from resift.errors import ConfigError, ResiftError, SnapshotDamaged, StagingError, StorageError
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.manifest import Extra, Manifest
from resift.model.pin import CopiedFile, Copy, Target
from resift.model.refresh import PartEntry

OWN = ".resift"
"""Holds what is under way; gone when the copy is whole."""

_PUBLISHED = re.compile(r"part-\d+(-r\d+)?-[0-9a-f]{12}\.parquet")


class Desk:
    """One pull into one directory; no other may run there at the same time."""

    def __init__(self, place: Path, target: Target) -> None:
        self.place = place.absolute()
        self.target = target
        self._own = self.place / OWN
        self._whole: Copy | None = None

    def __enter__(self) -> Self:
        self._require_ours()
        self._require_no_link(f"{OWN}/x")
        self._own.mkdir(parents=True, exist_ok=True)
        self._lock = (self._own / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ConfigError(
                f"{self.place}: another pull is at work there, expected to be alone. Wait for its end."
            ) from None
        self._whole = read_copy(self.place)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._lock.close()
        if isinstance(error, OSError) and not isinstance(error, ResiftError):
            raise StorageError(
                f"{self.place}: {error.filename or ''} found {error.strerror or error}, expected to write there. "
                "Check that it has room and allows this user, and pull again."
            ) from error

    def find_listed(self, files: Iterable[PartEntry | Extra]) -> dict[str, CopiedFile]:
        """Return those files that lie there with the bytes the manifest says; all are read."""
        wanted = {
            file.path: CopiedFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256) for file in files
        }
        return self._matching(wanted.values())

    def find_verified(self, paths: Iterable[str]) -> dict[str, CopiedFile]:
        """Return those files that were cut from verified parts and lie there as they were written; all are read."""
        notes = [self._note(path) for path in paths]
        wanted = [CopiedFile.from_json(note.read_bytes(), what=str(note)) for note in notes if note.exists()]
        if self._whole and self._whole.target == self.target:
            wanted = list({file.path: file for file in (*self._whole.files, *wanted)}.values())
        return {path: file for path, file in self._matching(wanted).items() if path in set(paths)}

    def require_unaltered(self, missing: list[str], *, repair: bool) -> None:
        """Refuse to mend a copy that was whole, unless asked: somebody may have changed it on purpose.

        Raises:
            SnapshotDamaged: A file of the whole copy is gone or has other bytes.
        """
        if missing and not repair and self._whole and self._whole.target == self.target:
            raise SnapshotDamaged(
                f"copy {self.place}: {missing[0]} is gone or was altered, expected it as it was pulled "
                f"({len(missing)} such files). Run the pull again with --repair to fetch it once more."
            )

    def require_room(self, size_bytes: int) -> None:
        """Refuse before the first byte what the disk cannot hold.

        Raises:
            ConfigError: There is less room than the missing files take.
        """
        free = shutil.disk_usage(self._own).free + sum(file.stat().st_size for file in self._own.iterdir())
        if size_bytes > free:
            raise ConfigError(
                f"{self.place}: found room for {free:,} bytes, expected {size_bytes:,}. Make room, pull --rows N of "
                "them, or choose another place."
            )

    def begin(self, cut: Iterable[CopiedFile]) -> None:
        """Say that the directory is not a whole copy now, and remember what was cut from verified parts already."""
        for file in cut:
            self._note(file.path).write_bytes(file.to_json())
        (self.place / "copy.json").unlink(missing_ok=True)

    def arriving(self, file: PartEntry | Extra) -> Path:
        """Return where a file is put while it arrives; named by its content, so that what arrived is of use later."""
        return self._own / f"{sha256_hex(f'{file.sha256} {file.path}'.encode())[:32]}.arriving"

    def put(self, file: PartEntry | Extra, verified: Path) -> CopiedFile:
        """Move a verified file to its place."""
        self._move(file.path, verified)
        return _as_listed(file)

    def put_derived(self, path: str, derived: Path) -> CopiedFile:
        """Move a file that was cut from a verified part to its place, and remember its digest first."""
        file = CopiedFile(path=path, size_bytes=derived.stat().st_size, sha256=digest_of(derived))
        self._note(path).write_bytes(file.to_json())
        self._move(path, derived)
        return file

    def finish(self, copy: Copy, manifest: Manifest) -> None:
        """Remove the parts of an older copy, write what describes the new one, and say last that it is whole."""
        kept = {file.path for file in copy.files}
        for folder in ("data", "changes"):
            self._require_no_link(f"{folder}/x")
            for file in (self.place / folder).glob("*.parquet"):
                if f"{folder}/{file.name}" not in kept and _PUBLISHED.fullmatch(file.name):
                    file.unlink()
        self._settle_page(manifest, kept)
        for name, body in {**describe(manifest), "manifest.json": manifest.to_json()}.items():
            self._write(name, body)
        self._write("copy.json", copy.to_json())
        shutil.rmtree(self._own)

    def _settle_page(self, manifest: Manifest, kept: set[str]) -> None:
        """Remove pages and pictures of an older copy, and put the page of this one where a person looks for it."""
        self._require_no_link("quality/x/pictures/x")
        for file in (*(self.place / "quality").glob("*/*.html"), *(self.place / "quality").glob("*/pictures/*.svg")):
            path = file.relative_to(self.place).as_posix()
            self._require_no_link(path)
            if path not in kept and (keys.is_page(path) or keys.is_picture(path)):
                file.unlink()
        page = manifest.find_page()
        if page is not None and page.path in kept:
            self._write(keys.REPORT, (self.place / page.path).read_bytes())
        elif self.target.rows is None and self.target.columns is None:
            (self.place / keys.REPORT).unlink(missing_ok=True)

    def _write(self, name: str, body: bytes) -> None:
        unfinished = self._own / name
        unfinished.write_bytes(body)
        self._move(name, unfinished)

    def _move(self, path: str, file: Path) -> None:
        self._require_no_link(path)
        goal = self.place / path
        goal.parent.mkdir(parents=True, exist_ok=True)
        file.replace(goal)

    def _note(self, path: str) -> Path:
        return self._own / f"{sha256_hex(self.target.to_json() + path.encode())[:32]}.json"

    def _matching(self, wanted: Iterable[CopiedFile]) -> dict[str, CopiedFile]:
        with ThreadPoolExecutor() as pool:
            found = list(wanted)
            return {file.path: file for file, same in zip(found, pool.map(self._has, found), strict=True) if same}

    def _has(self, file: CopiedFile) -> bool:
        path = self.place / file.path
        self._require_no_link(file.path)
        return (
            path.is_file()
            and not path.is_symlink()
            and path.stat().st_size == file.size_bytes
            and digest_of(path) == file.sha256
        )

    def _require_ours(self) -> None:
        if self.place.exists() and not self.place.is_dir():
            raise ConfigError(f"{self.place}: found a file, expected a directory or nothing. Choose another place.")
        names = {entry.name for entry in self.place.iterdir()} if self.place.exists() else set()
        if names and not names & {"copy.json", OWN}:
            raise ConfigError(
                f"{self.place}: found {min(names)} and no copy, expected an empty directory or a copy. "
                "Choose another place."
            )

    def _require_no_link(self, path: str) -> None:
        """Follow no link out of the directory."""
        for folder in [*Path(path).parents][:-1]:
            if (self.place / folder).is_symlink():
                raise ConfigError(
                    f"{self.place / folder}: found a link, expected a directory, since a copy lies in one place. "
                    "Remove the link."
                )


def _as_listed(file: PartEntry | Extra) -> CopiedFile:
    return CopiedFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)


def read_copy(place: Path) -> Copy | None:
    """Return what a whole copy says of itself, or None where there is none.

    Raises:
        SnapshotDamaged: The record cannot be read.
    """
    path = place / "copy.json"
    try:
        return Copy.from_json(path.read_bytes(), what=f"copy {path}")
    except FileNotFoundError:
        return None
    except StagingError as error:
        raise SnapshotDamaged(str(error)) from error
