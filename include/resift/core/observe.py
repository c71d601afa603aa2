"""Makes observations of raw rows: rows in = observations + rejected rows, each of these with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from resift.core.instants import Instants, read_instants
from resift.core.raw import BadRow, RawBatch
from resift.core.rejection import Rejections
from resift.core.text import as_text, look_up, map_text, without
from resift.core.typed import Typed, read_digests, read_integers, read_lengths, read_reals, read_truths
from resift.model.field import Carried, Column, Instant, Lookup, Mapped, StateRule
from resift.model.observation import ATTRIBUTES, EVIDENCE, IDENTITY, INSTANT, OBSERVATION, STATES
from resift.model.source import MAPPED_FIELDS, Source

MAX_ID_BYTES = 1024

_LENGTHS = ("width", "height")
_CARRIED_READERS = {"int64": read_integers, "float64": read_reals, "bool": read_truths}


@dataclass(frozen=True, slots=True)
class Given:
    """What is known about a file besides its rows."""

    source: Source
    fixed: Mapping[str, str] = field(default_factory=dict)
    """The one value of each field that is a constant or is told by the file's name."""

    observed_at: pa.TimestampScalar | None = None
    """The instant of all rows, if it is not told row by row."""

    tables: Mapping[Lookup, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of a batch: ``rows = observations + rejected``."""

    observations: pa.Table
    """Columns of ``observed_schema``: fields, ``row_number``, carried columns."""

    rejected: tuple[BadRow, ...]


def observed_schema(carried: pa.Schema) -> pa.Schema:
    """Return the schema of observations before they get a PRN and their origin."""
    return pa.schema([*IDENTITY, *ATTRIBUTES, *EVIDENCE, pa.field("row_number", pa.int64(), nullable=False), *carried])


def observe(batch: RawBatch, *, given: Given) -> Observed:
    """Read every row of a batch as one observation, or reject it. The first reason that holds is a row's reason."""
    source, size = given.source, len(batch.row_numbers)
    rejections = Rejections(size)
    if batch.damaged is not None:
        rejections.add(batch.damaged, f"holds bytes that are not {source.encoding}")
    columns: dict[str, pa.Array] = {"row_number": pa.array(batch.row_numbers, pa.int64())}
    columns["image_id"] = _image_ids(batch, given, rejections)
    columns["observed_at"] = _observed_at(batch, given, rejections)
    columns["state"] = _states(batch, given, rejections)
    for name in MAPPED_FIELDS:
        columns[name] = _field(name, batch, given, rejections)
    columns["created_at"] = _instants("created_at", source.fields.created_at, batch, given, rejections)
    public = pc.equal(columns["state"], "public").fill_null(False)
    for name in source.required:
        rejections.add(pc.and_(public, pc.is_null(columns[name])), f"{name} is missing")
    for name, carried in source.carry.items():
        columns[name] = _carried(name, carried, batch, given, rejections)
    return _split(columns, rejections, batch, observed_schema(source.carried_schema()))


def _split(columns: dict[str, pa.Array], rejections: Rejections, batch: RawBatch, schema: pa.Schema) -> Observed:
    table = pa.table([columns[name] for name in schema.names], names=schema.names)
    if not len(rejections):
        return Observed(table.cast(schema), ())
    found = list(rejections)
    raws = batch.raw(np.asarray([position for position, _ in found], dtype=np.int64))
    rejected = tuple(
        BadRow(int(batch.row_numbers[position]), raw, reason)
        for (position, reason), raw in zip(found, raws, strict=True)
    )
    return Observed(table.filter(pa.array(rejections.kept)).cast(schema), rejected)


def _values(name: str, column: Column, batch: RawBatch, given: Given) -> pa.Array:
    """Return the values of a column, with the texts that mean no value made null."""
    size = len(batch.row_numbers)
    if name in given.fixed:
        return pa.repeat(pa.scalar(given.fixed[name], pa.string()), size)
    path = given.source.path(column)
    if path is None or path not in batch.columns:
        return pa.nulls(size, pa.string())
    values = _plain(batch.columns[path])
    return without(values, given.source.null_values) if pa.types.is_string(values.type) else values


def _mapped(name: str, column: Mapped | None, batch: RawBatch, given: Given) -> pa.Array:
    if column is None:
        return pa.nulls(len(batch.row_numbers), pa.string())
    return map_text(as_text(_values(name, column, batch, given)), rule=column, tables=given.tables)


def _image_ids(batch: RawBatch, given: Given, rejections: Rejections) -> pa.Array:
    ids = _mapped("image_id", given.source.fields.image_id, batch, given)
    length = pc.binary_length(ids).fill_null(0)
    rejections.add(pc.equal(length, 0), "image_id is missing")
    rejections.add(pc.greater(length, MAX_ID_BYTES), f"image_id is longer than {MAX_ID_BYTES} bytes")
    return ids


def _observed_at(batch: RawBatch, given: Given, rejections: Rejections) -> pa.Array:
    if given.observed_at is not None:
        return pa.repeat(given.observed_at, len(batch.row_numbers))
    instants = _instants("observed_at", given.source.observed_at, batch, given, rejections)
    rejections.add(pc.is_null(instants), "observed_at is missing")
    return instants


def _instants(name: str, rule: Instant | None, batch: RawBatch, given: Given, rejections: Rejections) -> pa.Array:
    if rule is None:
        return pa.nulls(len(batch.row_numbers), INSTANT)
    read: Instants = read_instants(_values(name, rule, batch, given), rule=rule)
    for problem, mask in read.problems.items():
        rejections.add(mask, f"{name} {problem}")
    return read.values


def _plain(values: pa.Array) -> pa.Array:
    """Return a dictionary column as what it holds, and a null column as text."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.string()) if pa.types.is_null(values.type) else values


def _states(batch: RawBatch, given: Given, rejections: Rejections) -> pa.Array:
    rule: StateRule = given.source.state
    told = as_text(_values("state", rule, batch, given))
    table = rule.values if rule.values is not None else {state: state for state in STATES}
    known = pc.index_in(told, value_set=pa.array(list(table.keys()), pa.string()), skip_nulls=True)
    states = pa.array(list(table.values()), pa.string()).take(known)
    missing = pc.is_null(told)
    rejections.add(pc.and_(pc.invert(missing), pc.is_null(states)), "state is unknown")
    if rule.missing is None:
        rejections.add(missing, "state is missing")
        return states
    return pc.if_else(missing, rule.missing, states)


def _field(name: str, batch: RawBatch, given: Given, rejections: Rejections) -> pa.Array:
    column: Mapped | None = getattr(given.source.fields, name)
    if column is None:
        return pa.nulls(len(batch.row_numbers), OBSERVATION.field(name).type)
    if name in _LENGTHS:
        # Whole numbers that nothing is looked up or replaced in need not become text and numbers again.
        given_as = _values(name, column, batch, given)
        is_plain = pa.types.is_integer(given_as.type) and column.is_taken_as_it_is()
        lengths = read_lengths(given_as if is_plain else map_text(as_text(given_as), rule=column, tables=given.tables))
        rejections.add(lengths.unreadable, f"{name} is not a whole number from 1 to 2147483647")
        return lengths.values
    text = _mapped(name, column, batch, given)
    if name == "sha256":
        digests = read_digests(text)
        rejections.add(digests.unreadable, "sha256 is not 64 hex digits")
        return digests.values
    return text


def _carried(name: str, column: Carried, batch: RawBatch, given: Given, rejections: Rejections) -> pa.Array:
    if column.type == "string":
        text = as_text(_values(name, column, batch, given))
        return text if column.lookup is None else look_up(text, given.tables[column.lookup])
    if column.type == "timestamp":
        return _instants(name, column, batch, given, rejections)
    typed: Typed = _CARRIED_READERS[column.type](_values(name, column, batch, given))
    rejections.add(typed.unreadable, f"{name} is not {column.type}")
    return typed.values
