"""Every object key of a lake. No other module spells a path."""

from __future__ import annotations

import hashlib
import re
from datetime import date

POOLS = "pool/"
DATASETS = "datasets/"
PROBES = "probe/"

CARD, CROISSANT, CITATION = "README.md", "croissant.json", "CITATION.cff"
"""What describes a version, relative to its snapshot. All three follow from the manifest, which does not list them."""


def pool(pool: str) -> str:
    """Identity of a pool: its salt and schema version."""
    return f"pool/{pool}/pool.json"


def drops(pool: str) -> str:
    """Prefix of the drop documents; a drop is in the pool when its document is."""
    return f"pool/{pool}/drops/"


def drop(pool: str, drop_id: str) -> str:
    """Document of one drop: its runs and its counts. Written last, create-only."""
    return f"pool/{pool}/drops/{drop_id}.json"


def run(pool: str, drop_id: str, file: int) -> str:
    """The sorted run of one file of a drop."""
    return f"{runs(pool)}{drop_id}-{file:05d}.parquet"


def quarantine(pool: str, drop_id: str, file: int) -> str:
    """Rows of one file of a drop that could not be read, each with its reason."""
    return f"pool/{pool}/quarantine/{drop_id}-{file:05d}.parquet"


def runs(pool: str) -> str:
    """Prefix of the sorted runs that drops were turned into."""
    return f"pool/{pool}/runs/"


def compactions(pool: str) -> str:
    """Prefix of the documents of a pool's compactions, in the order they were made."""
    return f"pool/{pool}/compactions/"


def compaction(pool: str, number: int) -> str:
    """Document of one compaction: from now on its runs stand for those it merged. Written last, create-only."""
    return f"pool/{pool}/compactions/{number:06d}.json"


def compacted(pool: str) -> str:
    """Prefix of the sorted runs that compactions wrote."""
    return f"pool/{pool}/compacted/"


def compacted_run(pool: str, compaction_id: str, interval: int, *, past: bool = False) -> str:
    """The sorted run of one interval of PRNs; ``past`` of what only earlier dates need."""
    return f"pool/{pool}/compacted/{compaction_id}-{interval:06d}{'-past' * past}.parquet"


def compacting(pool: str) -> str:
    """Prefix of the compactions under way."""
    return f"pool/{pool}/compacting/"


def compaction_plan(pool: str, compaction_id: str) -> str:
    """What a compaction under way merges."""
    return f"pool/{pool}/compacting/{compaction_id}/plan.json"


def interval_receipts(pool: str, compaction_id: str) -> str:
    """Prefix of the receipts of a compaction under way."""
    return f"pool/{pool}/compacting/{compaction_id}/receipts/"


def interval_receipt(pool: str, compaction_id: str, interval: int) -> str:
    """The receipt of one interval; its presence means that its run is written."""
    return f"{interval_receipts(pool, compaction_id)}{interval:06d}.json"


def sweep(pool: str, digest: str) -> str:
    """A sweep under way: what it deletes. Gone when it is done."""
    return f"pool/{pool}/sweeping/{digest}.json"


def delivered(pool: str, place: str) -> str:
    """Says that what lies at a place of the inbox is in the pool; places are names people chose, so they are hashed."""
    return f"pool/{pool}/delivered/{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"


def drop_quality(pool: str, drop_id: str) -> str:
    """Prefix of the pages of the judge on one drop, also where it was rejected."""
    return f"pool/{pool}/quality/{drop_id}/"


def source_nulls(pool: str, source: str) -> str:
    """Remembers how many fields were empty in the last drops of a source; replaced at each drop."""
    return f"pool/{pool}/nulls/{source}.json"


def worklist(work_id: str) -> str:
    """What one run of the ingest DAG has to do."""
    return f"ingest/{work_id}/work.json"


def file_receipt(work_id: str, delivery: int, file: int) -> str:
    """What became of one file of one drop in one run of the ingest DAG."""
    return f"ingest/{work_id}/receipts/{delivery:05d}-{file:05d}.json"


def suppressions(pool: str) -> str:
    """Prefix of a pool's suppression entries."""
    return f"suppressions/{pool}/"


def suppression(pool: str, entry: str) -> str:
    """One suppression entry."""
    return f"suppressions/{pool}/{entry}.json"


def latest(dataset: str) -> str:
    """Pointer to the newest version; moves forward only."""
    return f"datasets/{dataset}/latest.json"


def snapshots(dataset: str) -> str:
    """Prefix of all versions of a dataset."""
    return f"datasets/{dataset}/snapshots/"


def snapshot(dataset: str, version: date) -> str:
    """Prefix of one version."""
    return f"datasets/{dataset}/snapshots/{version}/"


def manifest(dataset: str, version: date) -> str:
    """The object whose presence is the snapshot's existence."""
    return snapshot(dataset, version) + "manifest.json"


def revision(dataset: str, version: date, revision: int) -> str:
    """One link of a version's digest chain."""
    return snapshot(dataset, version) + f"revisions/{revision}.json"


def signature(dataset: str, version: date, manifest_digest: str) -> str:
    """The signature of the manifest with that digest; of another manifest it would be another object."""
    return snapshot(dataset, version) + f"signatures/{manifest_digest}.json"


def tombstone(dataset: str, version: date) -> str:
    """Says that a version ended, since when and why. A version that has one is not read as if it had not."""
    return snapshot(dataset, version) + "tombstone.json"


def erasure_plan(pool: str, digest: str) -> str:
    """What an erasure was agreed to remove, by keyed hash and count; its presence means that it was begun."""
    return f"erasures/{pool}/{digest}/plan.json"


def erasure_receipt(pool: str, digest: str) -> str:
    """Says that an erasure is done."""
    return f"erasures/{pool}/{digest}/receipt.json"


def part_name(part: int, revision: int, sha256: str) -> str:
    """Name of a published part relative to its snapshot. Other content has another name, so none is overwritten."""
    return f"data/part-{part:05d}-r{revision}-{sha256[:12]}.parquet"


def changes_name(part: int, sha256: str, *, revision: int = 0) -> str:
    """Name of a published changes file relative to its snapshot; the revision is named from the first on."""
    return f"changes/part-{part:05d}{f'-r{revision}' * (revision > 0)}-{sha256[:12]}.parquet"


def number_of(path: str) -> int:
    """Return the number of a published part or changes file."""
    return int(path.rpartition("/")[2].split("-")[1])


def revision_of(path: str) -> int:
    """Return the revision in which a published file was written; 0 where its name tells none."""
    found = re.search(r"-r(\d+)-[0-9a-f]+\.[a-z]+$", path)
    return int(found[1]) if found else 0


def noted_name(path: str, revision: int, sha256: str) -> str:
    """Name of a page or picture of the judgement once it bears the note of a revision."""
    stem, _, ending = path.rpartition(".")
    plain = re.sub(r"-r\d+-[0-9a-f]+$", "", stem)
    return f"{plain}-r{revision}-{sha256[:12]}.{ending}"


def is_page(path: str) -> bool:
    """Tell the page of a snapshot as it lies by its seal, noted or not."""
    return re.fullmatch(r"quality/[0-9a-f]{12}/report(-r\d+-[0-9a-f]+)?\.html", path) is not None


def is_picture(path: str) -> bool:
    """Tell a picture of the page, noted or not."""
    return re.fullmatch(r"quality/[0-9a-f]{12}/pictures/[a-z0-9-]+\.svg", path) is not None


def quality(seal: str, name: str) -> str:
    """Name of an object of the judgement with that seal, relative to its snapshot."""
    return f"quality/{seal[:12]}/{name}"


REPORT = "report.html"
"""Name of the page of a snapshot, relative to it. Under ``quality`` lies the same page by its seal."""


def published(dataset: str, version: date) -> tuple[str, ...]:
    """Prefixes of what publishing writes and the manifest lists."""
    return tuple(snapshot(dataset, version) + folder for folder in ("data/", "changes/", "quality/"))


SEAL_DIGITS = 12
"""Digits of a seal that name a verdict in keys and to people."""


def staging_of(dataset: str, version: date | None = None) -> str:
    """Prefix of all that is staged for a version, or for all of them, by whatever plan."""
    return f"datasets/{dataset}/staging/" + (f"{version}/" if version else "")


class Staging:
    """Keys of one refresh under way, invisible to readers, safe to delete: all from dataset, as_of, range or group."""

    def __init__(self, dataset: str, version: date, plan_id: str) -> None:
        self.plan_id = plan_id
        self.prefix = f"{staging_of(dataset, version)}{plan_id}/"

    @property
    def plan(self) -> str:
        """The frozen plan."""
        return self.prefix + "plan.json"

    @property
    def cut(self) -> str:
        """The receipt of the cut."""
        return self.prefix + "cut.json"

    @property
    def verdict(self) -> str:
        """The judge's verdict."""
        return self.prefix + "verdict.json"

    def approval(self, seal: str) -> str:
        """A person's approval of the verdict with that seal; of another verdict it would be another object."""
        return self.prefix + f"approvals/{seal[:SEAL_DIGITS]}.json"

    @property
    def docs(self) -> str:
        """Prefix of the Data Docs pages."""
        return self.prefix + "docs/"

    @property
    def receipts(self) -> str:
        """Prefix of the receipts of the sifted ranges."""
        return self.prefix + "receipts/"

    def receipt(self, range_index: int) -> str:
        """The receipt of one sifted range; its presence means that the range is done."""
        return self.receipts + f"{range_index:06d}.json"

    def part(self, range_index: int, *, trimmed: bool = False) -> str:
        """Published columns of the items kept in one range, in PRN order; ``trimmed`` after the cut."""
        return self.prefix + f"part/{range_index:06d}{'-cut' * trimmed}.parquet"

    def evidence(self, range_index: int, *, trimmed: bool = False) -> str:
        """What the audit needs about the same items, row by row; never published."""
        return self.prefix + f"evidence/{range_index:06d}{'-cut' * trimmed}.parquet"

    def changes(self, range_index: int, *, trimmed: bool = False) -> str:
        """What entered and left against the previous snapshot in one range."""
        return self.prefix + f"changes/{range_index:06d}{'-cut' * trimmed}.parquet"

    @property
    def tallies(self) -> str:
        """Prefix of the tallies."""
        return self.prefix + "tally/"

    def tally(self, range_index: int) -> str:
        """Members and exits by owner, host and source in one range, for the breaker."""
        return self.tallies + f"{range_index:06d}.parquet"

    def metrics(self, group: int) -> str:
        """What the audit measured in the parts of one group: a line of JSON for each, in their order."""
        return self.prefix + f"metrics/group-{group:06d}.jsonl"

    def sample(self, group: int) -> str:
        """Rows the audit picked from the parts of one group for the judge."""
        return self.prefix + f"sample/group-{group:06d}.parquet"
