"""The manifest: its presence is the snapshot's existence; the links of its revisions; the pointer to the latest."""

from __future__ import annotations

from datetime import date, datetime

from resift.model import keys
from resift.model.approval import Approval
from resift.model.dataset import Dataset
from resift.model.document import Document, Name, sha256_hex
from resift.model.evidence import EvidenceCounts
from resift.model.refresh import PartEntry, PolicyRef, Previous


class Column(Document):
    """A published column."""

    name: str
    type: str


class Extra(Document):
    """A published file beside the data: changes, quality, pages."""

    path: str
    size_bytes: int
    sha256: str


class Draw(Document):
    """How the sample was drawn, and with what probability."""

    cycle: int
    start: int
    """Start point: a PRN."""

    width: int
    """Width of the interval of PRNs covered, from the start point, wrapping at 2^63."""

    exhausted: bool
    """True when the whole circle was searched and held fewer items than asked for, so all were taken."""

    eligible_estimate: float
    """Eligible items in the pool, from width and size; exact when exhausted."""

    inclusion_probability: float
    """Probability with which each eligible item was included."""


class Funnel(Document):
    """From observations to rows, over the ranges the snapshot covers: every row is accounted for.

    ``observations = superseded + sum(removed) + kept``.
    """

    observations: int
    superseded: int
    removed: dict[str, int]
    kept: int


class Changes(Document):
    """Counts against the previous version, by cause."""

    previous: Previous
    previous_rows: int
    entered: dict[str, int]
    left: dict[str, int]
    turnover: float
    """Share of this version's rows that were not in the previous one."""


class Manifest(Document):
    """A published version at its current revision."""

    format: str = "resift-snapshot/1"
    dataset: Name
    version: date
    revision: int
    content_digest: str
    """SHA-256 over schema, draw and the digests of all parts in order; equal for equal inputs."""

    rows: int
    columns: tuple[Column, ...]
    parts: tuple[PartEntry, ...]
    extras: tuple[Extra, ...]
    as_of: datetime
    known_at: datetime
    published_at: datetime
    retained_until: date
    config: Dataset
    config_digest: str
    policy: PolicyRef
    pool: Name
    pool_digest: str
    """SHA-256 over the digests of the runs the refresh read."""

    suppressions_digest: str
    plan_id: str
    draw: Draw
    funnel: Funnel
    evidence: EvidenceCounts | None = None
    """What the evidence of the judged items says: how fields disagree, and what the buffer costs each country."""

    changes: Changes | None
    """None for a first version."""

    verdict_seal: str
    approval: Approval | None = None
    """Who let the snapshot pass, and why, where the verdict held it; None where the judge let it pass."""

    software: dict[str, str]

    erased: int = 0
    """Rows taken out by all erasures since the version was published; ``funnel.kept = rows + erased``."""

    erased_changes: int = 0
    """Lines taken out of the changes by all erasures."""

    revised_at: datetime | None = None
    """When this revision was made; None at revision 0."""

    previous_revision_digest: str | None = None
    """SHA-256 of ``revisions/N.json`` of the revision before; None at revision 0."""

    def find_page(self) -> Extra | None:
        """Return the page to look at the version by, as it lies by the seal of the verdict."""
        return next((extra for extra in self.extras if keys.is_page(extra.path)), None)


class Revision(Document):
    """One link of a version's chain: what a revision holds, by count and digest, never by id.

    A pure function of the manifest, so whoever finds it missing may write it.
    """

    format: str = "resift-revision/1"
    dataset: Name
    version: date
    revision: int
    content_digest: str
    manifest_digest: str
    """SHA-256 of the manifest at this revision, as it lay in the lake."""

    previous_revision_digest: str | None
    """SHA-256 of the link before; None for the first."""

    rows: int
    erased: int
    """Rows taken out since revision 0; the difference to the link before is what this erasure took."""

    erased_changes: int
    revised_at: datetime | None
    """None for revision 0."""

    @classmethod
    def of(cls, manifest: Manifest) -> Revision:
        """Return the link that belongs to a manifest."""
        return cls(
            dataset=manifest.dataset,
            version=manifest.version,
            revision=manifest.revision,
            content_digest=manifest.content_digest,
            manifest_digest=sha256_hex(manifest.to_json()),
            previous_revision_digest=manifest.previous_revision_digest,
            rows=manifest.rows,
            erased=manifest.erased,
            erased_changes=manifest.erased_changes,
            revised_at=manifest.revised_at,
        )


class Latest(Document):
    """Pointer to the newest version."""

    version: date
    revision: int
    content_digest: str
