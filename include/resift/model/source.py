"""The source file: how a delivery is read, and what in it means what."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

import pyarrow as pa
from pydantic import BeforeValidator, Field, model_validator

from resift.model.document import Document, Name
from resift.model.field import Carried, Column, Instant, Lookup, Mapped, Path, StateRule, parse_path
from resift.model.observation import ATTRIBUTES, CARRIED_TYPES, EVIDENCE, RESERVED

Format = Literal["parquet", "csv", "tsv", "jsonl"]
Compression = Literal["none", "gzip", "zstd"]

MAPPED_FIELDS = tuple(name for name in (*ATTRIBUTES.names, *EVIDENCE.names) if name != "created_at")
"""Fields besides the identity and ``created_at`` that a source may map."""

_CARRIED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _encoding(value: object) -> object:
    try:
        return codecs.lookup(str(value)).name
    except LookupError as error:
        raise ValueError("an encoding Python knows, such as utf-8, cp1252 or utf-16") from error


class Csv(Document):
    """The dialect of a CSV or TSV file."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1, pattern=r"^[\x01-\x7e]$")] | None = None
    """One ASCII character; a comma for ``csv`` and a tab for ``tsv`` if not given."""

    quote: Annotated[str, Field(min_length=1, max_length=1)] | None = '"'
    """The character around values that hold the delimiter; null for none. Doubled, it stands for itself."""

    escape: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """A character that makes the next one stand for itself."""


class BadRows(Document):
    """How many rows of a drop may be unreadable. The drop fails when either is exceeded."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.01
    count: Annotated[int, Field(ge=0)] = 10_000


class NullDrift(Document):
    """How far the share of observations with an empty field may lie from that of the source's last drops."""

    warn: Annotated[float, Field(ge=0, le=1)] = 0.05
    """A larger difference is told."""

    reject: Annotated[float, Field(ge=0, le=1)] | None = None
    """A larger difference rejects the drop; none does if not given."""


class Fields(Document):
    """Which column, path or constant each field of an observation is."""

    image_id: Mapped
    url: Mapped | None = None
    owner_id: Mapped | None = None
    owner_country: Mapped | None = None
    upload_country: Mapped | None = None
    subdivision: Mapped | None = None
    lat: Mapped | None = None
    lon: Mapped | None = None
    created_at: Instant | None = None
    license: Mapped | None = None
    width: Mapped | None = None
    height: Mapped | None = None
    sha256: Mapped | None = None


def _carried(value: object) -> object:
    """Read a list of names as columns carried under their own names."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        if len(set(value)) != len(value):
            raise ValueError("no name twice")
        return {name: name for name in value}
    return value


class Source(Document):
    """One kind of delivery: which pool it feeds, its format, and what its columns mean."""

    name: Name
    pool: Name
    description: str = ""
    """For people: what this is, whose it is, where it comes from."""

    format: Format
    files: str = "*"
    """Which files of a folder are the drop, as a pattern such as ``*.tsv.gz``. Lookup files and names that start
    with a dot or an underscore are never taken."""

    compression: Compression | None = None
    """Told by the file's name if not given: ``.gz`` is gzip, ``.zst`` is zstd. Parquet compresses inside."""

    encoding: Annotated[str, BeforeValidator(_encoding)] = "utf-8"
    csv: Csv = Csv()
    columns: tuple[str, ...] | None = None
    """Names of the columns of a CSV or TSV file without a header."""

    null_values: tuple[str, ...] = ("",)
    """Texts that mean that there is no value. ``NA`` is not one of them: it is Namibia."""

    fields: Fields
    state: StateRule
    observed_at: Instant | None = None
    """Without it the instant must be given with the drop (``--observed-at``)."""

    carry: Annotated[dict[str, Carried], BeforeValidator(_carried)] = Field(default_factory=dict)
    """Further columns by the name they get; a plain list carries columns under their own names."""

    required: tuple[str, ...] = ("url",)
    """Fields that a public row must have, besides ``image_id`` and ``observed_at``."""

    max_bad_rows: BadRows = BadRows()
    # Not written where it is not given: the digest of the source is part of the id of every drop.
    null_drift: Annotated[NullDrift, Field(exclude_if=lambda limits: limits == NullDrift())] = NullDrift()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.columns is not None:
            if self.format not in ("csv", "tsv"):
                raise ValueError("columns only for csv and tsv, whose files may lack a header")
            if len(set(self.columns)) != len(self.columns) or not all(self.columns):
                raise ValueError("columns without repeats and without empty names")
        if self.csv != Csv() and self.format not in ("csv", "tsv"):
            raise ValueError("a csv dialect only for csv and tsv")
        if self.format == "parquet" and self.compression not in (None, "none"):
            raise ValueError("no compression beside parquet, which compresses inside")
        for name in self.carry:
            if name in RESERVED or not _CARRIED_NAME.fullmatch(name):
                raise ValueError(f"a name for carried column {name!r} of letters, digits and _ that no field has")
        known = set(Fields.model_fields) - {"image_id"}
        if unknown := sorted(set(self.required) - known):
            raise ValueError(f"required fields among {', '.join(sorted(known))}, not {', '.join(unknown)}")
        if unmapped := sorted(name for name in self.required if getattr(self.fields, name) is None):
            raise ValueError(f"a mapping in fields for required {', '.join(unmapped)}, or `required` without it")
        self._check_paths()
        return self

    def _check_paths(self) -> None:
        for name, column in self.mapped():
            if column.column is None:
                continue
            path = self.path(column)
            if self.format in ("csv", "tsv"):
                if path is None or len(path) != 1:
                    raise ValueError(f"a plain column for {name}: csv and tsv are not nested")
                if self.columns is not None and path[0] not in self.columns:
                    raise ValueError(f"{name} from one of the columns, not from {path[0]!r}")

    def mapped(self) -> Iterator[tuple[str, Column]]:
        """Yield the name and origin of every field, the state, the instant and the carried columns."""
        for name in Fields.model_fields:
            if (field := getattr(self.fields, name)) is not None:
                yield name, field
        yield "state", self.state
        if self.observed_at is not None:
            yield "observed_at", self.observed_at
        yield from self.carry.items()

    def path(self, column: Column) -> Path | None:
        """Return the steps to a column in this format: in nested data a dotted text is a path."""
        if column.column is None or isinstance(column.column, tuple):
            return column.column
        return (column.column,) if self.format in ("csv", "tsv") else parse_path(column.column)

    def paths(self) -> dict[Path, bool]:
        """Return every path that is read, and whether it may be absent."""
        paths: dict[Path, bool] = {}
        for _, column in self.mapped():
            if (path := self.path(column)) is not None:
                paths[path] = paths.get(path, True) and column.optional
        return paths

    def paths_carried_whole(self) -> frozenset[Path]:
        """Return the paths whose values may be nested: they are carried along as JSON text."""
        carried = (self.path(column) for column in self.carry.values() if column.type == "string")
        return frozenset(path for path in carried if path is not None)

    def lookups(self) -> tuple[Lookup, ...]:
        """Return the lookups, each once."""
        columns = (column for _, column in self.mapped())
        found = [column.lookup for column in columns if isinstance(column, Mapped | Carried) and column.lookup]
        return tuple(dict.fromkeys(found))

    def fields_not_mapped(self) -> list[str]:
        """Return the names of the fields that are empty in every row."""
        return [name for name in (*MAPPED_FIELDS, "created_at") if getattr(self.fields, name) is None]

    def reads_file_names(self) -> bool:
        """Return whether a file's name is part of what it says."""
        return any(column.file_name is not None for _, column in self.mapped())

    def carried_schema(self) -> pa.Schema:
        """Return the Arrow schema of the carried columns."""
        return pa.schema([(name, CARRIED_TYPES[column.type]) for name, column in self.carry.items()])

    @property
    def delimiter(self) -> str:
        """The character between the values of a CSV or TSV row."""
        return self.csv.delimiter or ("\t" if self.format == "tsv" else ",")
