"""Reads Parquet: typed and nested columns, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resift.core.expected_types import check_types
from resift.core.raw import RawBatch
from resift.core.text import compact_json
from resift.errors import DropRejected
from resift.model.field import Path, spell
from resift.model.source import Source

_ROWS = 16_384


def read_columnar(path: FilePath, *, name: str, source: Source) -> Iterator[RawBatch]:
    """Yield the rows of a Parquet file. Only columns the source reads are read; of a rejected row, they are the raw.

    Raises:
        DropRejected: A column is missing, or of a type its field cannot have.
    """
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        paths = _present(file.schema_arrow, name=name, source=source)
        check_types({path: _type_at(file.schema_arrow, path) for path in paths}, name=name, source=source)
        row = 1
        for batch in file.iter_batches(batch_size=_ROWS, columns=_tops(file.schema_arrow, paths), use_threads=False):
            yield _raw_batch(batch, paths, first_row=row, encoding=source.encoding)
            row += batch.num_rows


def _present(schema: pa.Schema, *, name: str, source: Source) -> list[Path]:
    present, missing = [], []
    for path, optional in source.paths().items():
        if _type_at(schema, path) is not None:
            present.append(path)
        elif not optional:
            missing.append(spell(path))
    if missing:
        raise DropRejected(
            f"{name}: column {', '.join(map(repr, missing))} is missing, found {', '.join(map(repr, schema.names))}; "
            f"expected all that source {source.name} reads. Correct the source file, or ask for the file again."
        )
    return present


def _tops(schema: pa.Schema, paths: list[Path]) -> list[str]:
    tops = {path[0] for path in paths}
    return [name for name in schema.names if name in tops]


def _type_at(schema: pa.Schema, path: Path) -> pa.DataType | None:
    kind: pa.DataType = pa.struct(list(schema))
    for step in path:
        if isinstance(step, int):
            if not _is_list(kind):
                return None
            kind = kind.value_type
        else:
            if not pa.types.is_struct(kind) or kind.get_field_index(step) < 0:
                return None
            kind = kind.field(step).type
    return kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _raw_batch(batch: pa.RecordBatch, paths: list[Path], *, first_row: int, encoding: str) -> RawBatch:
    columns: dict[Path, pa.Array] = {}
    damaged = np.zeros(batch.num_rows, dtype=bool)
    for path in paths:
        columns[path] = _decoded(_at(batch, path), encoding, damaged)
    return RawBatch(
        row_numbers=np.arange(first_row, first_row + batch.num_rows, dtype=np.int64),
        columns=columns,
        raw=lambda positions: [_spell(batch, int(at)) for at in positions],
        damaged=damaged if damaged.any() else None,
    )


def _at(batch: pa.RecordBatch, path: Path) -> pa.Array:
    values = batch.column(batch.schema.get_field_index(str(path[0])))
    for step in path[1:]:
        values = pc.struct_field(values, step) if isinstance(step, str) else _element(values, step)
    return values


def _element(lists: pa.Array, position: int) -> pa.Array:
    """Return the value at a position of each list; null where the list is null or shorter."""
    long_enough = pc.fill_null(pc.greater(pc.list_value_length(lists), position), False)
    starts = lists.offsets.slice(0, len(lists))
    wanted = pc.if_else(long_enough, pc.add(starts, position), pa.scalar(None, starts.type))
    return lists.values.take(wanted)


def _decoded(values: pa.Array, encoding: str, damaged: np.ndarray) -> pa.Array:
    """Return bytes and text as text that is surely valid; what is not becomes null, and its row damaged."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    if not (is_text or is_bytes):
        return values
    raw = values.cast(pa.binary())
    if is_text or encoding == "utf-8":
        try:
            # ASCII is valid wherever it is cut, and is told from the bytes of all values at once.
            return raw.cast(pa.string(), safe=not _is_ascii(raw))
        except pa.ArrowInvalid:
            pass
    return pa.array(
        [_decode_one(body, "utf-8" if is_text else encoding, damaged, at) for at, body in enumerate(raw.to_pylist())],
        pa.string(),
    )


def _is_ascii(values: pa.Array) -> bool:
    _, offsets, body = values.buffers()
    if body is None or not len(values):
        return True
    ends = np.frombuffer(offsets, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    held = np.frombuffer(body, dtype=np.int8)[ends[0] : ends[-1]]
    return not len(held) or bool(held.min() >= 0)


def _decode_one(body: bytes | None, encoding: str, damaged: np.ndarray, at: int) -> str | None:
    try:
        return None if body is None else body.decode(encoding)
    except UnicodeDecodeError:
        damaged[at] = True
        return None


def _spell(batch: pa.RecordBatch, position: int) -> bytes:
    row = {name: _plain(batch.column(at), position) for at, name in enumerate(batch.schema.names)}
    return compact_json(row).encode("utf-8", "surrogateescape")


def _plain(values: pa.Array, position: int) -> object:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        # Text in Parquet may be no valid UTF-8; `surrogateescape` gives the bytes back when the row is written.
        body = values.slice(position, 1).cast(pa.binary())[0].as_py()
        return None if body is None else body.decode("utf-8", "surrogateescape")
    return values[position].as_py()
