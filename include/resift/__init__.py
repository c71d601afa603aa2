"""resift: a rolling, validated random sample of a public image pool.

``resift.open(lake, dataset, version)`` opens a published version.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resift.client.snapshot import Snapshot

__version__ = "0.1.0"


def open(lake: str, dataset: str, version: str | date, *, key: str | None = None) -> Snapshot:
    """Open one version of a dataset: ``2026-11-23``, ``2026-11-23.0``, ``latest``, or digits of a content digest.

    With ``key``, a PEM file or 64 hexadecimal digits, only a manifest that the holder of that Ed25519 key signed.

    Raises:
        DatasetNotFound: Nothing is published under the dataset's name.
        SnapshotNotFound: There is no such version, or not at that revision. Nothing else is opened in its place.
        SnapshotDamaged: A key is given, and it did not sign the manifest.
        ConfigError: The key is none, or the library to check it with is not installed.
    """
    from resift.client.snapshot import open_snapshot  # what reads Parquet takes half a second to import

    return open_snapshot(lake, dataset, version, key=key)
