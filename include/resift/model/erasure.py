"""Documents of an erasure: what it was agreed to take out, and that it is done. Keyed hashes and counts only."""

from __future__ import annotations

from datetime import date, datetime

from resift.model.document import Document, Name


class VersionErasure(Document):
    """What an erasure takes out of one version."""

    dataset: Name
    version: date
    revision: int
    """The revision it was looked at."""

    rows: int
    parts: int
    """Parts to rewrite."""

    changes_rows: int
    changes_files: int
    """Files of changes to rewrite."""


class ErasurePlan(Document):
    """What an erasure would do; its digest is what a person agrees to."""

    format: str = "resift-erasure/1"
    pool: Name
    suppressions: tuple[str, ...]
    """Digests of the suppressions it carries out, ascending."""

    versions: tuple[VersionErasure, ...]
    """Versions that hold one of the items, by dataset and version."""


class Revised(Document):
    """Where a version stands after an erasure."""

    dataset: Name
    version: date
    revision: int
    content_digest: str
    rows: int


class ErasureReceipt(Document):
    """That an erasure is done: none of its items was found any more in any version over the pool."""

    plan_digest: str
    pool: Name
    done_at: datetime
    versions: tuple[Revised, ...]
    staged: int
    """Refreshes under way whose staged files were removed; they are planned anew."""
