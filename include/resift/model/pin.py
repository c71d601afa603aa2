"""What a researcher keeps: the pin of a version, and the record of a copy."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from resift.model.document import Document, Name


class Pin(Document):
    """One exact revision of a version, named by its content."""

    format: str = "resift-pin/1"
    lake: str
    dataset: Name
    version: date
    revision: int
    content_digest: str
    rows: int
    signed_by: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """The public key that must have signed the manifest, in hexadecimal digits; None where nobody need have."""


class Target(Document):
    """What a copy is to hold."""

    dataset: Name
    version: date
    revision: int
    content_digest: str
    rows: int | None = None
    """Only the first so many rows; None for all."""

    columns: tuple[str, ...] | None = None
    """Only these columns; None for all."""


class CopiedFile(Document):
    """One file of a copy, as it lies there."""

    path: str
    size_bytes: int
    sha256: str


class Copy(Document):
    """A copy that is whole and was verified. Written last."""

    format: str = "resift-copy/1"
    lake: str
    target: Target
    files: tuple[CopiedFile, ...]
