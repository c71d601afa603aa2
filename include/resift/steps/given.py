"""Gathers what is known about a file besides its rows: constants, its name, tables to look values up in."""

from __future__ import annotations

import re
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from resift.core.instants import read_instants
from resift.core.observe import Given
from resift.errors import ConfigError, DropRejected
from resift.model.drop import DropListing
from resift.model.field import Column, Instant, Lookup
from resift.model.observation import INSTANT
from resift.model.source import Source
from resift.steps.drop_files import Folder


def given_for(source: Source, listing: DropListing, name: str, folder: Folder) -> Given:
    """Return what holds for every row of one file.

    Raises:
        ConfigError: A constant of the source file cannot be read.
        DropRejected: The file's name does not tell what the source reads from it, or a table cannot be used.
    """
    fixed = {field: value for field, column in source.mapped() if (value := _fixed(field, column, name)) is not None}
    for field, column in source.mapped():
        if isinstance(column, Instant) and field in fixed:
            _check_fixed_instant(field, column, fixed[field], name)
    return Given(
        source=source,
        fixed=fixed,
        observed_at=_observed_at(source, listing, fixed),
        tables={lookup: _table(lookup, folder) for lookup in source.lookups()},
    )


def _fixed(field: str, column: Column, name: str) -> str | None:
    if column.file_name is None:
        return column.constant
    match = re.search(column.file_name, name)
    if match is None or not match[match.re.groups]:
        raise DropRejected(
            f"{name}: found nothing in the name that matches `{column.file_name}`, expected {field} there. "
            "Give the file its proper name, or correct the source file."
        )
    return str(match[match.re.groups])


def _check_fixed_instant(field: str, column: Instant, value: str, name: str) -> None:
    if getattr(column, "type", "timestamp") != "timestamp":
        return
    problems = read_instants(pa.array([value], pa.string()), rule=column).problems
    if problems:
        told = f"the name of {name}" if column.file_name is not None else "the source file"
        raise ConfigError(
            f"{field}: {value!r} of {told} {next(iter(problems))}. Write it like 2026-11-23T00:00:00Z, or set "
            "`timezone` and `format` beside it."
        )


def _observed_at(source: Source, listing: DropListing, fixed: dict[str, str]) -> pa.TimestampScalar | None:
    if listing.observed_at is not None:
        return pa.scalar(datetime.fromisoformat(listing.observed_at), INSTANT)
    if source.observed_at is None or "observed_at" not in fixed:
        return None
    return read_instants(pa.array([fixed["observed_at"]], pa.string()), rule=source.observed_at).values[0]


def _table(lookup: Lookup, folder: Folder) -> pa.Table:
    """Read the distinct keys of a table and their values. Rows without a key or a value say nothing."""
    try:
        with folder.open(lookup.file) as file:
            rows = csv.read_csv(
                pa.input_stream(file, compression=_codec(lookup.file)),
                parse_options=csv.ParseOptions(
                    delimiter="\t" if ".tsv" in lookup.file else ",", newlines_in_values=True
                ),
                convert_options=csv.ConvertOptions(
                    include_columns=[lookup.key, lookup.value],
                    column_types={lookup.key: pa.string(), lookup.value: pa.string()},
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            )
    except (pa.ArrowException, OSError) as error:
        raise DropRejected(
            f"{lookup.file}: cannot be read ({str(error).splitlines()[0]}), expected a CSV or TSV file in UTF-8 with "
            f"columns {lookup.key!r} and {lookup.value!r}. Correct the source file, or ask for the file again."
        ) from error
    pairs = pa.table({"key": rows[lookup.key], "value": rows[lookup.value]}).drop_null()
    pairs = pairs.group_by(["key", "value"]).aggregate([]).sort_by("key")
    counts = pc.value_counts(pairs["key"].combine_chunks())
    twice = [pair["values"] for pair in counts.to_pylist() if pair["counts"] > 1]
    if twice:
        raise DropRejected(
            f"{lookup.file}: found {len(twice):,} keys with more than one value in {lookup.value!r}, among them "
            f"{twice[0]!r}, expected one value for each {lookup.key}. Ask for the file again."
        )
    return pairs.combine_chunks()


def _codec(name: str) -> str | None:
    return {"gz": "gzip", "zst": "zstd"}.get(name.rpartition(".")[2])
