"""Documents of an ingest under way: what a drop consists of, and what became of each of its files."""

from __future__ import annotations

from resift.model.document import Document, Name, canonical_json, sha256_hex
from resift.model.pool import FileEntry


class ListedFile(Document):
    """A file of a drop, or a table it is looked up in."""

    name: str
    """Relative to the drop's folder."""

    sha256: str


class DropListing(Document):
    """A drop before it is read: where it lies, and all that decides what it says."""

    location: str
    source: Name
    source_digest: str
    pool: Name
    observed_at: str | None
    """The instant given with the drop, in ISO form; None if the source tells it."""

    files: tuple[ListedFile, ...]
    lookups: tuple[ListedFile, ...]
    named: bool
    """Whether file names are part of what the drop says."""

    @property
    def drop_id(self) -> str:
        """Name of the drop. Equal content, read by an equal source, is the same drop wherever it lies."""
        identity = {
            "source": self.source_digest,
            "observed_at": self.observed_at,
            "files": sorted([file.sha256, *([file.name] if self.named else [])] for file in self.files),
            "lookups": sorted([lookup.name, lookup.sha256] for lookup in self.lookups),
        }
        return sha256_hex(canonical_json(identity))[:32]


class FileReceipt(Document):
    """What became of one file of a drop."""

    drop_id: str
    index: int
    file: FileEntry
    unseen: tuple[str, ...]
    """Keys of nested data that the source reads and that no row of the file has."""

    first_bad: str | None
    """The first row that went to quarantine, for people."""
