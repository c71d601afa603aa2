"""Documents of a scheduled ingest: which drops were waiting, and which tasks take which of their files."""

from __future__ import annotations

from resift.model.document import Document
from resift.model.drop import DropListing
from resift.model.source import Source


class Delivery(Document):
    """A drop that waits to be ingested."""

    place: str | None
    """Where in the inbox it lies, as ``source/folder``; None for a drop that was named outright."""

    source: Source
    listing: DropListing


class Worklist(Document):
    """All one run of the ingest DAG has to do, frozen."""

    deliveries: tuple[Delivery, ...]
    groups: tuple[tuple[tuple[int, int], ...], ...]
    """Files of each task, as indexes of delivery and file."""

    problems: tuple[str, ...]
    """Why other drops could not even be listed."""


class Delivered(Document):
    """Says that what lies at a place of the inbox is in the pool, so that it is not read again every day."""

    place: str
    drop_id: str
