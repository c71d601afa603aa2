"""Documents of a pool: its identity, and one document for each drop in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from resift.model.document import Document, Name


class Pool(Document):
    """Identity of a pool. Its salt makes every permanent random number, so it never changes."""

    pool: Name
    schema_version: int = 1
    salt: str = Field(min_length=16, max_length=16, repr=False)
    """Key of the hash that gives each item its PRN. Not published: who has it can compute where an item would lie."""


class RunEntry(Document):
    """One sorted run, and which bytes of it hold which PRNs."""

    key: str
    rows: int
    size_bytes: int
    sha256: str
    prn_min: int
    prn_max: int
    row_group_first: tuple[int, ...]
    """Smallest PRN of each row group, ascending."""

    row_group_rows: tuple[int, ...]
    """Rows of each row group."""

    carried: dict[str, str] = Field(default_factory=dict)
    """Further columns the source carries along, and their types by name in ``CARRIED_TYPES``."""


class Nulls(Document):
    """In how many observations of public images a field is empty."""

    rows: int
    """Observations of public images."""

    by_field: dict[str, int]


class FileEntry(Document):
    """What became of one file of a drop: ``rows_read = observations + quarantined``."""

    name: str
    sha256: str
    rows_read: int
    observations: int
    quarantined: int
    quarantined_by_reason: dict[str, int]
    run: RunEntry | None
    """None when the file held no observation."""

    quarantine_key: str | None
    nulls: Annotated[Nulls | None, Field(exclude_if=lambda nulls: nulls is None)] = None
    """None in drops of older versions of resift."""


class DropNulls(Document):
    """The empty fields of one drop."""

    drop_id: str
    nulls: Nulls


class SourceNulls(Document):
    """The empty fields of the last drops of a source: what the next one is compared with. It decides no content."""

    source: Name
    drops: tuple[DropNulls, ...] = ()
    """The newest first."""


class Drop(Document):
    """One delivery in the pool. It is part of the pool when this document exists."""

    drop_id: str
    pool: Name
    source: Name
    source_digest: str
    received_at: datetime
    """Wall clock of the ingest; decides nothing."""

    files: tuple[FileEntry, ...]

    @property
    def observations(self) -> int:
        """Observations of all files."""
        return sum(file.observations for file in self.files)

    @property
    def quarantined(self) -> int:
        """Quarantined rows of all files."""
        return sum(file.quarantined for file in self.files)

    @property
    def rows_read(self) -> int:
        """Rows read from all files."""
        return sum(file.rows_read for file in self.files)
