"""Hold what was staged to what is published for the same version: a version changes by erasures alone."""

from __future__ import annotations

import pyarrow as pa

import resift
from resift.errors import SnapshotConflict
from resift.model import keys
from resift.model.manifest import Manifest, Revision
from resift.model.refresh import CutReceipt, Plan
from resift.storage import Store


def require_same_content(store: Store, published: Manifest, plan: Plan, cut: CutReceipt) -> None:
    """Check that a version was published with the content that is staged now. Nothing is written.

    Raises:
        SnapshotConflict: It was published with other content.
    """
    if cut.content_digest not in (published.content_digest, _first_digest(store, published)):
        raise SnapshotConflict(describe_conflict(published, plan, cut))


def describe_conflict(published: Manifest, plan: Plan, cut: CutReceipt) -> str:
    """Say what differs between a published version and what was staged for it, and since when."""
    differing = [
        f"{name} is {found}, published {expected}"
        for name, found, expected in (
            ("rows", cut.rows, published.rows),
            ("pool", plan.pool_digest[:12], published.pool_digest[:12]),
            ("suppressions", plan.suppressions_digest[:12], published.suppressions_digest[:12]),
            ("policy", plan.policy.version, published.policy.version),
            ("dataset file", plan.dataset.document_digest()[:12], published.config_digest[:12]),
            ("resift", resift.__version__, published.software.get("resift", "unknown")),
            ("pyarrow", pa.__version__, published.software.get("pyarrow", "unknown")),
        )
        if found != expected
    ]
    since = f"{published.published_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"snapshot {published.dataset} {published.version}: published on {since} with "
        f"content {published.content_digest[:12]}…, refreshed now it is {cut.content_digest[:12]}… "
        f"({'; '.join(differing) or 'the same inputs gave other bytes'}). "
        "A published version never changes; refresh a later cycle instead."
    )


def _first_digest(store: Store, manifest: Manifest) -> str:
    """Return the content digest with which a version was published, before any erasure."""
    if manifest.revision == 0:
        return manifest.content_digest  # Its link may not be written yet.
    key = keys.revision(manifest.dataset, manifest.version, 0)
    return Revision.from_json(store.get(key), what=key).content_digest
