"""Refresh one cycle in this process or a few: the same steps the DAG runs, in the same order."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime
from functools import partial
from typing import Any

from resift.errors import ConfigError
from resift.model.dataset import Dataset
from resift.model.manifest import Manifest
from resift.steps.audit import audit
from resift.steps.cut import cut
from resift.steps.judge import judge
from resift.steps.plan import plan
from resift.steps.publish import publish
from resift.steps.sift import sift
from resift.storage import Store, open_store


def refresh(store: Store, *, dataset: Dataset, as_of: date, known_at: datetime, workers: int = 1) -> Manifest:
    """Plan, sift, cut, audit, judge and publish one cycle.

    Args:
        store: The lake. With more than one worker it must be one that another process can open by its URL.
        dataset: What to refresh.
        as_of: The cycle; a grid date of the dataset.
        known_at: The instant at which rights are judged.
        workers: Processes for the mapped steps, at least 1.

    Raises:
        RefreshRefused: The judge did not let the snapshot pass; nothing was published.
        ResiftError: Any step found something wrong; nothing was published.
    """
    receipt = plan(store, dataset=dataset, as_of=as_of, known_at=known_at)
    names: dict[str, Any] = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
    run = _mapper(store, workers)
    run(partial(sift, **names), receipt.groups)
    cut(store, **names)
    run(partial(audit, **names), receipt.groups)
    verdict = judge(store, **names)
    return publish(store, **names, verdict=verdict)


def _mapper(store: Store, workers: int) -> Callable[[Callable[..., Any], int], None]:
    """Return a function that calls a step for each group, here or in worker processes."""
    if workers < 1:
        raise ConfigError(f"workers: found {workers}, expected at least 1. Correct --workers.")

    def here(step: Callable[..., Any], groups: int) -> None:
        for group in range(groups):
            step(store, group=group)

    def elsewhere(step: Callable[..., Any], groups: int) -> None:
        # A forked child would inherit the locks of this process's threads; a spawned one starts clean.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, groups), mp_context=context) as pool:
            list(pool.map(partial(_call, step, store.url), range(groups)))

    return here if workers == 1 else elsewhere


def _call(step: Callable[..., Any], url: str, group: int) -> Any:
    return step(open_store(url), group=group)
