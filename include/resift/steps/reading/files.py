"""Opens one file of a drop, whatever its format and compression."""

from __future__ import annotations

import io
from collections.abc import Generator
from pathlib import Path

import pyarrow as pa

from resift.core.raw import RawBatch
from resift.errors import DropRejected
from resift.model.source import Compression, Source
from resift.steps.reading.columnar import read_columnar
from resift.steps.reading.delimited import read_delimited
from resift.steps.reading.jsonlines import read_jsonlines
from resift.steps.reading.marked import MarkedText

_COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}


def read_rows(path: Path, *, name: str, source: Source) -> Generator[RawBatch, None, None]:
    """Yield the rows of a file in order, batch by batch.

    Raises:
        DropRejected: The file is empty, truncated, of another format, or lacks a column.
    """
    if path.stat().st_size == 0:
        raise DropRejected(f"{name}: found an empty file of 0 bytes, expected {source.format}. Ask for it again.")
    try:
        if source.format == "parquet":
            yield from read_columnar(path, name=name, source=source)
            return
        with pa.OSFile(str(path)) as file, _decompressed(file, name, source) as stream:
            text = MarkedText(stream, encoding=source.encoding)
            if not text.peek(1):
                raise DropRejected(f"{name}: found nothing in it, expected {source.format}. Ask for it again.")
            read = read_jsonlines if source.format == "jsonl" else read_delimited
            yield from read(text, name=name, source=source)
    except (pa.ArrowException, OSError) as error:
        raise DropRejected(
            f"{name}: found damage ({_first_line(error)}), expected a whole {source.format} file"
            f"{_compressed_how(name, source)}. It may be truncated or of another format; ask for it again."
        ) from error


def compression_of(name: str, source: Source) -> Compression:
    """Return how a file is compressed: as declared, or else as its name ends."""
    return source.compression or _COMPRESSIONS.get(Path(name).suffix.lower(), "none")


def _decompressed(file: pa.NativeFile, name: str, source: Source) -> io.RawIOBase:
    codec = compression_of(name, source)
    stream: io.RawIOBase = file if codec == "none" else pa.CompressedInputStream(file, codec)
    return stream


def _compressed_how(name: str, source: Source) -> str:
    codec = "none" if source.format == "parquet" else compression_of(name, source)
    return "" if codec == "none" else f" compressed with {codec}"


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")[:300]
