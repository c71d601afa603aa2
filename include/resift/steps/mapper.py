"""Call a step for each of its groups, in this process or in a few others."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from resift.errors import ConfigError
from resift.storage import Store, open_store


def mapper(store: Store, workers: int) -> Callable[[Callable[..., Any], int], None]:
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
