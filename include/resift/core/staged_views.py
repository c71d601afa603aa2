"""Names the columns of a staged part and of its evidence for the audit's SQL, whatever the files turn out to hold."""

from __future__ import annotations

from collections.abc import Sequence

from resift.model.observation import PRN, STAGED_EVIDENCE

ROW = "row_in_file"
"""Place of a row in its file, from 0."""

NEWEST = "newest_"
"""Begins the names of what the newest observation says."""

_PART = {PRN: "BIGINT", "image_id": "VARCHAR", "license": "VARCHAR"}
_TYPES = {PRN: "BIGINT", "is_newest": "BOOLEAN"}
_EVIDENCE = {name: _TYPES.get(name, "VARCHAR") for name in STAGED_EVIDENCE.names if name != "observed_at"}


def create_part_view(source: str, columns: Sequence[str]) -> str:
    """Return the statement that makes the view ``part``.

    A column that is not there, or of a type that cannot be read as the one expected, reads as null. ``c0``, ``c1``, …
    are all columns in the order of the file: SQL takes ``title`` and ``Title`` for one name.

    Args:
        source: A table expression whose rows are those of the file, with a last column that numbers them.
        columns: Names of the other columns, in order.
    """
    everything = [f"c{place}" for place in range(len(columns))]
    return _view("part", source, columns, [*_cast(columns, _PART), _observed(columns), *everything])


def create_evidence_view(source: str, columns: Sequence[str]) -> str:
    """Return the statement that makes the view ``evidence``, with what the newest observation says as it is written.

    Nothing is, where that is the deciding one: ``SPELLED_OUT`` has what it says there as well.
    """
    return _view("evidence", source, columns, [*_cast(columns, _EVIDENCE), _observed(columns)])


def said_by_newest(name: str) -> str:
    """Return the expression over ``evidence`` for what the newest observation says in a column ``newest_…``.

    It is what is written, and where nothing is, what the deciding observation says if that is the newest: a word
    written in spite of it counts.
    """
    return f"coalesce({name}, CASE WHEN is_newest THEN {name.removeprefix(NEWEST)} END) AS {name}"


SPELLED_OUT = (
    "(SELECT * REPLACE ("
    + ", ".join(said_by_newest(name) for name in _EVIDENCE if name.startswith(NEWEST))
    + ") FROM evidence)"
)
"""The rows of ``evidence`` as a table expression, with what the newest observation says in each."""


def _view(name: str, source: str, columns: Sequence[str], chosen: Sequence[str]) -> str:
    places = ", ".join([*(f"c{place}" for place in range(len(columns))), ROW])
    return f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {ROW}, {', '.join(chosen)} FROM {source} AS file({places})"


def _observed(columns: Sequence[str]) -> str:
    """Select ``observed``: ``observed_at`` as an instant."""
    place = _place("observed_at", columns)
    return f"{'NULL::TIMESTAMPTZ' if place is None else f'try_cast(c{place} AS TIMESTAMPTZ)'} AS observed"


def _cast(columns: Sequence[str], types: dict[str, str]) -> list[str]:
    places = {name: _place(name, columns) for name in types}
    return [
        f"{f'NULL::{kind}' if places[name] is None else f'try_cast(c{places[name]} AS {kind})'} AS {name}"
        for name, kind in types.items()
    ]


def _place(name: str, columns: Sequence[str]) -> int | None:
    return columns.index(name) if name in columns else None
