"""Deal a snapshot's rows to the workers of a training run: disjoint, complete, and the same each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from resift.client.scan import in_schema, open_part, schema_of
from resift.errors import ConfigError
from resift.model.manifest import Manifest
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive rows of one part."""

    part: int
    start: int
    stop: int


def deal(rows: Sequence[int], *, rank: int, world_size: int, seed: int, epoch: int) -> list[Slice]:
    """Return which rows of which parts a worker reads, given how many rows each part has.

    Parts are put into an order that depends on seed and epoch alone; their rows, in that order, are cut into
    ``world_size`` stretches whose lengths differ by at most one row. A worker opens few parts, and each row belongs
    to exactly one worker.

    Raises:
        ConfigError: There is no such rank.
    """
    if world_size < 1 or not 0 <= rank < world_size:
        raise ConfigError(f"rank {rank} of {world_size}: expected a rank from 0 to world_size - 1. Correct the two.")
    order = sorted(range(len(rows)), key=lambda part: _key(seed, epoch, part))
    total = sum(rows)
    first, last = total * rank // world_size, total * (rank + 1) // world_size
    dealt, before = [], 0
    for part in order:
        start, stop = max(first - before, 0), min(last - before, rows[part])
        if start < stop:
            dealt.append(Slice(part, start, stop))
        before += rows[part]
    return dealt


def shards(
    store: Store,
    manifest: Manifest,
    *,
    rank: int,
    world_size: int,
    seed: int,
    epoch: int,
    columns: Sequence[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one worker, shuffled inside each part; a batch is what it has of one part.

    Another epoch deals other rows in another order. Memory holds one part.
    """
    schema = schema_of(manifest, columns)
    dealt = deal([part.rows for part in manifest.parts], rank=rank, world_size=world_size, seed=seed, epoch=epoch)
    return _read(store, manifest, dealt, schema, whole=columns is None, seed=seed, epoch=epoch)


def _read(
    store: Store, manifest: Manifest, dealt: list[Slice], schema: pa.Schema, *, whole: bool, seed: int, epoch: int
) -> Iterator[pa.RecordBatch]:
    for piece in dealt:
        with open_part(store, manifest, manifest.parts[piece.part], whole=whole) as file:
            rows = file.read(columns=schema.names).slice(piece.start, piece.stop - piece.start)
        order = shuffled(len(rows), key=int.from_bytes(_key(seed, epoch, piece.part)[:8]))
        yield from (in_schema(batch, schema) for batch in rows.take(order).combine_chunks().to_batches())


def shuffled(length: int, *, key: int) -> np.ndarray:
    """Return the numbers below ``length`` in an order that depends on the key alone.

    They are ordered by a hash (the finaliser of SplitMix64; Steele, Lea and Flood 2014), not by numpy's generator,
    whose stream may change from one version to the next.
    """
    mixed = np.arange(1, length + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")


def _key(seed: int, epoch: int, part: int) -> bytes:
    return hashlib.sha256(f"{seed}/{epoch}/{part}".encode()).digest()
