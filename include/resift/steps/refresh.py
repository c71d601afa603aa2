"""Refresh one cycle in this process or a few: the same steps the DAG runs, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from resift.model.dataset import Dataset
from resift.model.manifest import Manifest
from resift.model.pool_bytes import PoolBytes
from resift.steps.audit import audit
from resift.steps.cut import cut
from resift.steps.judge import judge
from resift.steps.mapper import mapper
from resift.steps.plan import plan
from resift.steps.publish import publish
from resift.steps.sift import sift
from resift.storage import Store


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was published, and what sifting it read of the pool."""

    manifest: Manifest
    pool_bytes: PoolBytes


def refresh(
    store: Store,
    *,
    dataset: Dataset,
    as_of: date,
    known_at: datetime,
    workers: int = 1,
    tell: Callable[[str], object] = lambda step: None,
) -> Refreshed:
    """Plan, sift, cut, audit, judge and publish one cycle.

    Args:
        store: The lake.
        dataset: What to refresh.
        as_of: The cycle; a grid date of the dataset.
        known_at: On whose UTC day rights are judged.
        workers: Groups worked on at a time, at least 1.
        tell: Is told the name of each step when it begins.

    Raises:
        RefreshRefused: The judge did not let the snapshot pass; nothing was published.
        ResiftError: Any step found something wrong; nothing was published.
    """
    tell("plan")
    receipt = plan(store, dataset=dataset, as_of=as_of, known_at=known_at, max_tasks=workers)
    names: dict[str, Any] = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
    run = mapper(store, workers)
    tell("sift")
    sifted = run(partial(sift, **names), receipt.groups)
    tell("cut")
    cut(store, **names)
    tell("audit")
    run(partial(audit, **names), receipt.groups)
    tell("judge")
    verdict = judge(store, **names)
    tell("publish")
    manifest = publish(store, **names, verdict=verdict)
    return Refreshed(manifest, PoolBytes.total(group.pool_bytes for group in sifted))
