"""Find the refreshes under way: what is staged, by whatever plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from resift.client.snapshots import dates_among
from resift.model import keys
from resift.model.keys import Staging
from resift.storage import Store


def all_under_way(store: Store) -> Iterator[Staging]:
    """Yield where each refresh of any dataset is staged, in order."""
    for dataset in sorted(store.folders(keys.DATASETS)):
        for version in dates_among(store, keys.staging_of(dataset)):
            yield from under_way(store, dataset, version)


def under_way(store: Store, dataset: str, version: date) -> Iterator[Staging]:
    """Yield where each refresh of a version is staged, in order."""
    for plan_id in sorted(store.folders(keys.staging_of(dataset, version))):
        staging = Staging(dataset, version, plan_id)
        if next(iter(store.list(staging.prefix)), None) is not None:  # a folder may be empty
            yield staging
