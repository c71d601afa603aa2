"""Documents a refresh stages: the plan, the receipts of its steps, the metrics of its parts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, Self

from pydantic import Field

from resift.errors import StagingError
from resift.model.dataset import Dataset
from resift.model.document import Document, Name, canonical_json, sha256_hex
from resift.model.evidence import NO_READINGS, EvidenceCounts
from resift.model.pool import RunEntry
from resift.model.pool_bytes import PoolBytes


class Range(Document):
    """A half-open interval of offsets from the start point, on the circle of PRNs: the unit of work."""

    index: int
    lo: int
    hi: int
    role: Literal["draw", "fates"]
    """``draw``: its items may be sampled. ``fates``: only the fate of previous members is wanted."""


class Previous(Document):
    """The snapshot this one is compared with."""

    version: date
    revision: int
    content_digest: str
    start: int
    width: int


class PolicyRef(Document):
    """Which policy judges, and the digest of its content."""

    policy: Name
    version: str
    digest: str


class Plan(Document):
    """All a refresh depends on, frozen."""

    dataset: Dataset
    version: date
    cycle: int
    known_at: datetime
    policy: PolicyRef
    runs: tuple[RunEntry, ...]
    pool_digest: str
    """One digest over all observations ever delivered to the pool."""

    columns: dict[str, str]
    """Types of the carried columns that are published or that the policy looks at, by name in ``CARRIED_TYPES``."""

    suppressions_digest: str
    previous: Previous | None
    start: int
    """Start point of the cycle: a PRN."""

    range_width: int
    """Width of a range; fixed by the dataset file alone, so that parts do not depend on the pool's layout."""

    ranges: tuple[Range, ...]
    """The last one to draw from ends with the margin, as far as no previous member lies beyond."""

    groups: tuple[tuple[int, ...], ...]
    """Range indexes of each task, consecutive."""

    software: dict[str, str] = Field(default_factory=dict)
    """Versions of what writes the bytes; empty in plans of older versions of resift."""


class PlanReceipt(Document):
    """What ``plan`` hands on: where the plan lies, and the groups to map over."""

    dataset: Name
    version: date
    plan_id: str
    groups: int


class StagedFile(Document):
    """One staged Parquet file, as it will be published."""

    key: str
    rows: int
    size_bytes: int
    sha256: str


class RangeReceipt(Document):
    """What became of every observation of one range."""

    range: Range
    observations: int
    superseded: int
    """Observations that were not the latest of their item; ``observations = superseded + items``."""

    kept: int
    removed: dict[str, int]
    """Items removed from the frame, by reason; ``items = kept + sum(removed)``."""

    part: StagedFile | None
    """None where nothing was kept, and in a range of role ``fates``."""

    evidence: StagedFile | None
    """The evidence for the rows of the part, row by row."""

    first_prn: int | None
    last_prn: int | None
    changes: StagedFile | None
    """What entered and left, as if all items kept here were in the sample; None where nothing did."""

    tally: StagedFile | None
    """Previous members and exits by owner, host and source; None where there are none."""

    previous_members: int
    entered: dict[str, int]
    left: dict[str, int]
    readings: EvidenceCounts
    """What the evidence says of the items that came as far as the policy, those of small countries by themselves."""

    @property
    def items(self) -> int:
        """Items seen in the range."""
        return self.observations - self.superseded


class GroupReceipt(Document):
    """What a mapped task hands on: under 4 KB, whatever the group held."""

    plan_id: str
    group: int
    ranges: int
    rows: int
    digest: str
    """Over the receipts of the ranges, and so the same however often and wherever they are sifted."""

    pool_bytes: PoolBytes
    """What this task read; of ranges an earlier try has finished, nothing."""


class CutReceipt(Document):
    """Where the sample ends, and what it therefore consists of."""

    dataset: Name
    version: date
    plan_id: str
    rows: int
    width: int
    """Width of the interval covered: offset of the last item plus one, or the whole circle when all were taken."""

    searched: int
    """Offset up to which all items were counted, those beyond the cut too."""

    exhausted: bool
    """True when the whole circle was searched and held fewer than ``size`` items, so all were taken."""

    parts: tuple[PartEntry, ...]
    content_digest: str
    observations: int
    superseded: int
    removed: dict[str, int]
    """Over the ranges covered, beyond-the-cut items as ``not_drawn``."""

    entered: dict[str, int]
    left: dict[str, int]
    previous_members: int
    ranges: tuple[int, ...] = ()
    """Range index of each part, in order."""

    readings: EvidenceCounts = NO_READINGS
    """What the evidence says of the items judged in the ranges covered, as it is published."""

    staged_parts: tuple[StagedFile, ...] = ()
    """Where each part lies in staging, in order."""

    staged_evidence: tuple[StagedFile, ...] = ()
    """Where the evidence of each part lies in staging, in order."""

    staged_changes: tuple[StagedFile, ...] = ()
    """What entered and left, in order of the ranges."""

    tallies_digest: str = ""
    """One digest over the tallies of all ranges, beyond the cut too: the breaker judges what the sift counted."""


class PartEntry(Document):
    """One published part."""

    path: str
    """Relative to the snapshot."""

    rows: int
    size_bytes: int
    sha256: str
    first_prn: int
    last_prn: int


class PartMetrics(Document):
    """What the audit measured in one staged part, reading it back."""

    path: str
    sha256: str
    size_bytes: int
    rows: int
    columns: tuple[str, ...]
    column_types: tuple[str, ...]
    distinct_ids: int
    null_ids: int
    nulls: dict[str, int]
    """Null values by published column."""

    first_prn: int
    last_prn: int
    prn_order_breaks: int
    """Neighbouring rows whose offsets from the start point do not ascend."""

    offsets_outside_range: int
    prn_mean_offset: float
    """Mean position of the rows inside their own span, 0.5 if uniform."""

    prn_differs: int
    """Rows whose PRN is not the pool's hash of their id."""

    evidence_rows: int
    """Rows of the evidence file; equal to ``rows``."""

    evidence_mismatches: int
    """Rows whose PRN or instant differs between part and evidence."""

    widest_gap: int
    """Largest difference between the offsets of neighbouring rows."""

    observed_max: datetime
    observed_min: datetime
    not_public: int
    stale: int
    observed_after_as_of: int
    suppressed: int
    excluded: int
    """Rows the policy's facts, read independently, would exclude."""

    by_country: dict[str, int]
    by_host: dict[str, int]
    by_license: dict[str, int]
    by_age_days: dict[str, int]
    sample_sha256: str = ""
    """Digest of the rows picked for the judge from this part and the others of its group, as they lie in staging."""

    seal: str = ""
    """SHA-256 over all other fields: nobody mends a measurement between audit and judge."""

    def sealed(self) -> Self:
        """Return the same with its seal."""
        return self.model_copy(update={"seal": self.expected_seal()})

    def expected_seal(self) -> str:
        """Return the seal these measurements must carry."""
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude={"seal"})))

    @classmethod
    def from_json(cls, body: bytes, *, what: str) -> Self:
        """Read measurements the audit wrote.

        Raises:
            StagingError: They are none, or were altered.
        """
        metrics = super().from_json(body, what=what)
        if metrics.seal != metrics.expected_seal():
            raise StagingError(
                f"{metrics.path}: measurements are those of the audit: found seal {metrics.seal[:12] or 'none'} in "
                f"{what}, expected {metrics.expected_seal()[:12]}. They were altered; run audit of this refresh again."
            )
        return metrics


class AuditReceipt(Document):
    """What ``audit`` hands on for one group of parts."""

    plan_id: str
    group: int
    parts: int
    rows: int


CutReceipt.model_rebuild()
