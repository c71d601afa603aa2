"""The observation: what a source said about one item at one instant, and its Arrow schema in a run."""

from __future__ import annotations

import pyarrow as pa

from resift.model.columns import EVIDENCE_COLUMNS, ORIGIN_TEXTS, ROW_NUMBER
from resift.model.columns import PRIVATE_COLUMNS as PRIVATE_COLUMNS
from resift.model.columns import PRN as PRN

INSTANT = pa.timestamp("us", tz="UTC")

STATES = ("public", "private", "deleted")
"""From least to most restrictive; on a tie the later one wins."""

IDENTITY = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("observed_at", INSTANT, nullable=False),
        pa.field("state", pa.string(), nullable=False),
    ]
)
ATTRIBUTES = pa.schema(
    [
        ("url", pa.string()),
        ("created_at", INSTANT),
        ("license", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sha256", pa.string()),
    ]
)
EVIDENCE = pa.schema([(name, pa.string()) for name in EVIDENCE_COLUMNS])
ORIGIN = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ORIGIN_TEXTS),
        pa.field(ROW_NUMBER, pa.int64(), nullable=False),
    ]
)
"""Where an observation came from: source name, drop id, file name, and row in it."""

OBSERVATION = pa.schema([*IDENTITY, *ATTRIBUTES, *EVIDENCE])
"""The fields every source maps to, in order. Nullable unless said otherwise."""

FIRST_OBSERVED = pa.field("first_observed_at", INSTANT)
"""When the item of an observation was first observed at all, in runs a compaction wrote: the observation that says so
itself may be left out."""

RESERVED = frozenset([PRN, *OBSERVATION.names, *ORIGIN.names, FIRST_OBSERVED.name])
"""Names a carried column may not take."""


CARRIED_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": INSTANT,
}
"""Types a carried column may have, by the name a source file gives them."""


def run_schema(carried: pa.Schema) -> pa.Schema:
    """Return the schema of a sorted run whose source carries these further columns along."""
    return pa.schema([pa.field(PRN, pa.int64(), nullable=False), *OBSERVATION, *ORIGIN, *carried])


STAGED_EVIDENCE = pa.schema(
    [
        pa.field(PRN, pa.int64(), nullable=False),
        pa.field("observed_at", INSTANT, nullable=False),
        pa.field("state", pa.string(), nullable=False),
        ("host", pa.string()),
        ("change", pa.string()),
        *EVIDENCE,
        pa.field("is_newest", pa.bool_(), nullable=False),
        ("newest_state", pa.string()),
        ("newest_host", pa.string()),
        *[field.with_name(f"newest_{field.name}") for field in EVIDENCE],
    ]
)
"""What the audit reads beside a staged part: the deciding observation, and the newest one's rights and evidence.

The PRN says whose it is, and that the PRN is that of the part's id is computed again there. Where the deciding
observation ``is_newest``, what the newest one says is not written again.
``change`` is null for a member of the previous snapshot, else the cause for which the item entered.
"""

CHANGES = pa.schema(
    [
        pa.field("change", pa.string(), nullable=False),
        pa.field("cause", pa.string(), nullable=False),
        pa.field(PRN, pa.int64(), nullable=False),
        pa.field("image_id", pa.string(), nullable=False),
    ]
)
"""What entered and left against the previous snapshot, and why."""

TALLY = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        *[
            pa.field(name, pa.int64(), nullable=False)
            for name in ("members", "deleted", "private", "stale", "excluded", "suppressed")
        ],
        ("newest", INSTANT),
    ]
)
"""Members of the previous snapshot by owner (as a keyed hash), host and source, and how many left for which cause.

Those of an owner or host are told apart by the source that last told of them, so that an outage can be taken out.

``newest`` is the newest instant up to as_of at which a source observed anything in the ranges looked at, member or
not; null for owners and hosts.
"""
