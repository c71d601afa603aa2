"""The manifest: its presence is the snapshot's existence; and the pointer to the latest."""

from __future__ import annotations

from datetime import date, datetime

from resift.model.dataset import Dataset
from resift.model.document import Document, Name
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
    software: dict[str, str]


class Latest(Document):
    """Pointer to the newest version."""

    version: date
    revision: int
    content_digest: str
