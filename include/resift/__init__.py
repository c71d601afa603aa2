"""resift: a rolling, validated random sample of a public image pool.

``resift.open(lake, dataset, version)`` opens a published version.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resift.client.snapshot import Snapshot

__version__ = "0.1.0"


def open(lake: str, dataset: str, version: str | date) -> Snapshot:
    """Open one version of a dataset: ``2026-11-23``, ``2026-11-23.0``, ``latest``, or digits of a content digest.

    Raises:
        DatasetNotFound: Nothing is published under the dataset's name.
        SnapshotNotFound: There is no such version, or not at that revision. Nothing else is opened in its place.
    """
    from resift.client.snapshot import open_snapshot  # what reads Parquet takes half a second to import

    return open_snapshot(lake, dataset, version)
