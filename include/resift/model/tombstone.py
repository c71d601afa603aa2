"""The tombstone: that a version has ended, since when, why, and which one follows it."""

from __future__ import annotations

from datetime import date, datetime

from resift.model.document import Document, Name


class Ending(Document):
    """How a version ended."""

    since: datetime
    why: str
    follows: date | None
    """The version to use instead; None where there is none."""


class Tombstone(Document):
    """A version that ended. A withdrawn one may be retired later; none comes back.

    Withdrawn: it should not be used, and its files still lie there. Retired: its manifest and files are gone.
    """

    format: str = "resift-tombstone/1"
    dataset: Name
    version: date
    revision: int
    """The last one there was."""

    content_digest: str
    """Of that revision."""

    rows: int
    erased: int
    withdrawn: Ending | None = None
    retired: Ending | None = None

    @property
    def state(self) -> str:
        """``retired`` or ``withdrawn``."""
        return "retired" if self.retired else "withdrawn"

    @property
    def ending(self) -> Ending:
        """What to tell a reader: why it was withdrawn, where it was, since that is about the content."""
        ending = self.withdrawn or self.retired
        if ending is None:
            raise ValueError(f"tombstone {self.dataset} {self.version}: says no ending, expected one")
        return ending

    def describe(self) -> str:
        """Return since when, why, and which one follows, in a sentence or two."""
        ending = self.ending
        told = f"{'withdrawn' if self.withdrawn else 'retired'} since {ending.since:%Y-%m-%d} ({ending.why})"
        if self.withdrawn and self.retired:
            told += f" and removed on {self.retired.since:%Y-%m-%d}"
        follows = (self.retired and self.retired.follows) or ending.follows
        return f"{told}. {f'Use {follows}, which follows it.' if follows else 'No version follows it.'}"
