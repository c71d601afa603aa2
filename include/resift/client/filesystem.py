"""Shows the files of a snapshot to pyarrow, whatever store they lie in."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow.fs import FileInfo, FileSelector, FileSystemHandler, FileType

from resift.storage import Store


class StoreFiles(FileSystemHandler):  # type: ignore[misc]
    """A read-only file system over a store; a path is a key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreFiles) and other._store.url == self._store.url

    __hash__ = None  # type: ignore[assignment]

    def get_type_name(self) -> str:
        """Return the name of this kind of file system."""
        return "resift"

    def normalize_path(self, path: str) -> str:
        """Return the path as it is: keys have one spelling."""
        return path

    def get_file_info(self, paths: list[str]) -> list[FileInfo]:
        """Return type and size of each path."""
        found = [(path, self._store.stat(path)) for path in paths]
        return [
            FileInfo(path, FileType.File, size=stat.size_bytes) if stat else FileInfo(path, FileType.NotFound)
            for path, stat in found
        ]

    def get_file_info_selector(self, selector: FileSelector) -> list[FileInfo]:
        """Return the files below a folder."""
        prefix = f"{selector.base_dir.rstrip('/')}/"
        return [FileInfo(stat.key, FileType.File, size=stat.size_bytes) for stat in self._store.list(prefix)]

    def open_input_file(self, path: str) -> pa.NativeFile:
        """Open a file for random access."""
        return pa.PythonFile(self._store.open(path), mode="r")

    def open_input_stream(self, path: str) -> pa.NativeFile:
        """Open a file for reading from its beginning."""
        return self.open_input_file(path)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("a snapshot: found a request to write, expected reading only. Copy it first.")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = _refuse
    move = copy_file = open_output_stream = open_append_stream = _refuse
